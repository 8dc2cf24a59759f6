"""The fast path: RSS and Atom that are well-formed XML, read from a tree.

Whatever it cannot read completely it leaves to the lenient path, rather than lose text silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lxml import etree

from aggregator.model import ParsedEntry, ParsedFeed, Refused
from aggregator.parse import atom, elements, media, rss
from aggregator.parse.draft import Draft, Setting, finish
from aggregator.parse.elements import Element, Reader
from aggregator.parse.fields import words

_ENTRY: dict[str, Reader] = {**rss.ENTRY, **atom.ENTRY, **media.ENTRY}
_FEED: dict[str, Reader] = {**rss.FEED, **atom.FEED, **media.FEED}

_ROOTS = frozenset({"rss", "rdf:rdf", "atom:feed"})
_ITEMS = frozenset({"item", "atom:entry"})
_ITEM_TAG = re.compile(r"<(?:[\w.-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)

_RDF_ABOUT = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"

EMPTY_ITEM = "it has no title, text, link or enclosure"

#: Seconds of the periods of RSS 1.0's syndication module.
_PERIODS = {"hourly": 3600, "daily": 86400, "weekly": 604800, "monthly": 2592000, "yearly": 31536000}


def read(text: str, base: str | None, timezone: str) -> ParsedFeed | None:
    """The feed, or None where the lenient path must try.

    That is: not well-formed, entities of its own, a root that we do not know, or items that are
    not where they belong. `text` has no XML declaration; `base` is the document's final URL.
    """
    root = _tree(text)
    if root is None or elements.name(root) not in _ROOTS:
        return None
    items = [item for parent in _parents(root) for item in parent if elements.name(item) in _ITEMS]
    if not items and _ITEM_TAG.search(text):
        return None
    setting = Setting(base, timezone, inherits="xml:base" in text or "xml:lang" in text)
    return _feed(root, items, setting)


def _tree(text: str) -> Element | None:
    """Reads nothing but the text: no DTD, no network, no entity, at most 256 levels deep."""
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(text.encode(), parser)
    except etree.XMLSyntaxError:
        return None
    # Text would be missing: entities declared in it, or in a DTD that we do not fetch.
    if "<!DOCTYPE" in text and next(root.iter(etree.Entity), None) is not None:
        return None
    return root


def _parents(root: Element) -> Iterable[Element]:
    """Where items stand: beside the channel in RSS 1.0, in it elsewhere, in the root in Atom."""
    return [root, *(child for key, child in elements.children(root) if key == "channel")]


def _feed(root: Element, items: list[Element], setting: Setting) -> ParsedFeed:
    head = Draft(setting)
    for parent in _parents(root):
        elements.read_into(head, parent, _FEED)
    language = head.language.value or elements.language(root, setting)
    summary_is_content = elements.name(root) != "atom:feed"
    entries: list[ParsedEntry] = []
    refused: list[Refused] = []
    for number, item in enumerate(items, start=1):
        entry = finish(_read(item, setting), language, summary_is_content=summary_is_content)
        if entry is None:
            refused.append(Refused(f"item {number}", EMPTY_ITEM))
        else:
            entries.append(entry)
    return ParsedFeed(
        entries=tuple(entries),
        refused=tuple(refused),
        id=head.id.value,
        title=words(head.title.value),
        url=head.url.value,
        language=language,
        authors=head.people(),
        wait=wait_of(_pace(root)),
    )


def _read(item: Element, setting: Setting) -> Draft:
    draft = Draft(setting)
    elements.read_into(draft, item, _ENTRY)
    draft.id.offer(item.get(_RDF_ABOUT), 1)
    return draft


def _pace(root: Element) -> dict[str, str]:
    wanted = ("ttl", "sy:updateperiod", "sy:updatefrequency")
    return {
        key: elements.text(child)
        for parent in _parents(root)
        for key, child in elements.children(parent)
        if key in wanted
    }


def wait_of(pace: dict[str, str]) -> float:
    """Seconds between checks that the feed asks for, by `ttl` (minutes) and `sy:`; the longer one."""
    ttl, frequency = (_positive(pace.get(key)) for key in ("ttl", "sy:updatefrequency"))
    period = _PERIODS.get(pace.get("sy:updateperiod", "").lower(), 0)
    return max(ttl * 60, period / (frequency or 1))


def _positive(text: str | None) -> float:
    return float(text) if text and re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text) else 0.0
