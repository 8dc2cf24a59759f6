"""Reads single XML elements: names by namespace, text, inner markup, and what is inherited."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from aggregator.model import Text
from aggregator.parse import characters, fields, tree
from aggregator.parse.draft import Draft, Scope, Setting
from aggregator.parse.tree import Element

if TYPE_CHECKING:
    from lxml import etree

Reader: TypeAlias = Callable[[Element, Draft], None]

#: Namespaces in lower case, without scheme and final slash: feeds change any of the three.
_PREFIXES = {
    "": "",
    "//purl.org/rss/1.0": "",
    "//purl.org/net/rss1.1#": "",
    "//my.netscape.com/rdf/simple/0.9": "",
    "//channel.netscape.com/rdf/simple/0.9": "",
    "//backend.userland.com/rss": "",
    "//backend.userland.com/rss2": "",
    "//blogs.law.harvard.edu/tech/rss": "",
    "//www.w3.org/2005/atom": "atom:",
    "//purl.org/atom/ns#": "atom:",
    "//www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf:",
    "//purl.org/rss/1.0/modules/content": "content:",
    "//purl.org/rss/1.0/modules/syndication": "sy:",
    "//purl.org/rss/modules/syndication": "sy:",
    "//purl.org/dc/elements/1.0": "dc:",
    "//purl.org/dc/elements/1.1": "dc:",
    "//purl.org/dc/terms": "dcterms:",
    "//search.yahoo.com/mrss": "media:",
    "//www.itunes.com/dtds/podcast-1.0.dtd": "itunes:",
    "//podcastindex.org/namespace/1.0": "podcast:",
    "//github.com/podcastindex-org/podcast-namespace/blob/main/docs/1.0.md": "podcast:",
    "//rssnamespace.org/feedburner/ext/1.0": "feedburner:",
    "//www.w3.org/1999/xhtml": "xhtml:",
}


_MOST_NAMES = 4096

#: Of elements in elements, where that matters: libxml2 goes no deeper by itself, and no page does.
_MOST_LEVELS = 256


@lru_cache(maxsize=_MOST_NAMES)
def _name(tag: str) -> str:
    namespace, _, local = tag.rpartition(tree.SEPARATOR)
    prefix = _PREFIXES.get(re.sub(r"^https?:|/$", "", namespace.lower()))
    return f"{prefix}{local.lower()}" if prefix is not None else tag


def name(element: Element) -> str:
    """`item`, `atom:entry`, `dc:date`: our prefix for the namespace, all in lower case."""
    return _name(element.tag)


def children(element: Element) -> Iterator[tuple[str, Element]]:
    for child in element:
        yield _name(child.tag), child


class Readers(dict[str, Reader | None]):
    """The readers of a table by the names that documents use, namespace and all; None for other elements."""

    def __init__(self, table: Mapping[str, Reader]) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, tag: str) -> Reader | None:
        reader = self._table.get(_name(tag))
        # Bounded: documents may make up names.
        if len(self) < _MOST_NAMES:
            self[tag] = reader
        return reader


def read_into(draft: Draft, element: Element, readers: Readers) -> None:
    """Have each child of the element read by the function for its name; others are passed over."""
    for child in element:
        if reader := readers[child.tag]:
            reader(child, draft)


# --- texts ---------------------------------------------------------------------------------


def text(element: Element) -> str:
    """All text in it, markup left out, blanks at both ends removed."""
    held = "".join(element.itertext()) if len(element) else element.text
    return held.strip() if held else ""


def line(element: Element) -> str | None:
    """All text in it on one line; None where there is none."""
    return fields.line("".join(element.itertext()) if len(element) else element.text)


def markup(element: Element, setting: Setting) -> Text | None:
    """The element's inside as HTML, with its base and language."""
    written = inner(element) if len(element) else element.text
    value = characters.clean_parsed(written).strip() if written else ""
    if not value or not setting.scopes:
        return Text(value, "html") if value else None
    return Text(value, "html", own_base(element, setting), language(element, setting))


def inner(element: Element) -> str:
    """Its children as HTML, and the text around them."""
    from lxml import etree

    serialised = (etree.tostring(child, method="html", encoding="unicode") for child in _without_namespaces(element))
    return html.escape(element.text or "", quote=False) + "".join(serialised)


def _without_namespaces(element: Element) -> etree._Element:
    """A copy for lxml's serializer of HTML, which writes its children as `<p>`, not as `<p xmlns="…">`.

    Of the attributes in namespaces HTML only knows `xml:lang`. Raises `tree.IncompleteError` where it is too deep.
    """
    from lxml import etree

    copy = etree.Element("copy")
    waiting = [(element, copy, 0)]
    for original, made, level in waiting:
        if level > _MOST_LEVELS:
            raise tree.IncompleteError
        for child in original:
            below = etree.SubElement(made, child.tag.rpartition(tree.SEPARATOR)[2], _attributes(child))
            below.text, below.tail = child.text, child.tail
            waiting.append((child, below, level + 1))
    return copy


def _attributes(element: Element) -> dict[str, str]:
    said = element.attrib.items()
    return {_ATTRIBUTES.get(key, key): value for key, value in said if tree.SEPARATOR not in key or key in _ATTRIBUTES}


_ATTRIBUTES = {tree.LANG: "{http://www.w3.org/XML/1998/namespace}lang"}


# --- what is inherited -----------------------------------------------------------------------


def scopes(root: Element, base: str | None) -> dict[Element, Scope]:
    """What holds at each element of a document at `base`: bases by XML Base, languages by the nearest `xml:lang`.

    Raises `tree.IncompleteError` where it is too deep: bases would grow from level to level.
    """
    found = {root: _scope(root, Scope(base))}
    waiting = [(root, 0)]
    for parent, level in waiting:
        if level > _MOST_LEVELS:
            raise tree.IncompleteError
        for child in parent:
            found[child] = _scope(child, found[parent])
            if len(child):
                waiting.append((child, level + 1))
    return found


def _scope(element: Element, around: Scope) -> Scope:
    base, said = element.get(tree.BASE), fields.line(element.get(tree.LANG))
    if not base and not said:
        return around
    return Scope(
        fields.absolute(around.base, base) or around.base if base else around.base,
        said.replace("_", "-") if said else around.language,
    )


def base(element: Element, setting: Setting) -> str | None:
    """What relative links in the element are resolved against (XML Base), at last the document's URL."""
    return setting.scopes[element].base if setting.scopes else setting.base


def own_base(element: Element, setting: Setting) -> str | None:
    """The element's base where XML Base makes it another than the document's URL."""
    found = base(element, setting)
    return found if found != setting.base else None


def language(element: Element, setting: Setting) -> str | None:
    """The nearest `xml:lang`."""
    return setting.scopes[element].language if setting.scopes else None


def link(element: Element, attribute: str, setting: Setting) -> str | None:
    """The address in an attribute, absolute."""
    address = element.get(attribute)
    return fields.absolute(base(element, setting), address) if address else None
