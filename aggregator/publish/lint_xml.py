"""Reading elements of a feed for the checks of Atom and RSS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from aggregator.publish import findings
from aggregator.publish.findings import Finding

#: Of one element, by name; of the format's own vocabulary only.
Children = dict[str, list[etree._Element]]

_LANGUAGES = etree.XPath("descendant-or-self::*/@xml:lang")


def children(
    element: etree._Element, kind: str, allowed: Mapping[str, bool], namespace: str = ""
) -> tuple[Children, list[Finding]]:
    """What is in an element, and what should not be there or not so often.

    `allowed`: which names may be there, and whether more than once.
    """
    found: Children = {}
    for child in element.iterchildren(etree.Element):
        tag = str(child.tag)
        name = tag[len(namespace) :]
        if tag.startswith(namespace) and not name.startswith("{"):
            found.setdefault(name, []).append(child)
    wrong = [Finding("unknown-element", f"<{name}> has no place in <{kind}>") for name in found if name not in allowed]
    wrong += [
        Finding("repeated", f"expected one {name}, found {len(several)}")
        for name, several in found.items()
        if len(several) > 1 and not allowed.get(name, True)
    ]
    return found, wrong


def text(children: Children, name: str) -> str:
    return (children[name][0].text or "").strip() if name in children else ""


def whole_text(elements: Iterable[etree._Element]) -> str:
    """The text of the elements and of everything inside them."""
    return "".join(str(part) for element in elements for part in element.itertext())


def own_addresses(links: Iterable[etree._Element]) -> list[str]:
    return [link.get("href", "") for link in links if link.get("rel") == "self"]


def languages(root: etree._Element) -> Iterator[Finding]:
    """What is wrong with the languages of an element and of all in it."""
    found: Any = _LANGUAGES(root)
    for tag in dict.fromkeys(map(str, found)):
        if tag:
            yield from findings.language("xml:lang", tag)
