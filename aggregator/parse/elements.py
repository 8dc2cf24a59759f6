"""Reads single XML elements: names by namespace, text, inner markup, and what is inherited."""

from __future__ import annotations

import copy
import html
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from lxml import etree

from aggregator.model import Text
from aggregator.parse import fields
from aggregator.parse.draft import Draft, Setting

Element: TypeAlias = etree._Element
Reader: TypeAlias = Callable[[Element, Draft], None]

_XML = "{http://www.w3.org/XML/1998/namespace}"

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


@lru_cache(maxsize=_MOST_NAMES)
def _name(tag: str) -> str:
    namespace, _, local = tag.rpartition("}")
    prefix = _PREFIXES.get(re.sub(r"^\{(https?:)?|/$", "", namespace.lower()))
    return f"{prefix}{local.lower()}" if prefix is not None else tag


def name(element: Element) -> str:
    """`item`, `atom:entry`, `dc:date`: our prefix for the namespace, all in lower case."""
    return _name(str(element.tag))


def children(element: Element) -> Iterator[tuple[str, Element]]:
    for child in element:
        yield name(child), child


class Readers(dict[str, Reader | None]):
    """The readers of a table by the names that documents use, namespace and all; None for other elements."""

    def __init__(self, table: Mapping[str, Reader]) -> None:
        super().__init__()
        self._table = table

    def __missing__(self, tag: str) -> Reader | None:
        reader = self._table.get(_name(str(tag)))
        # Bounded: documents may make up names.
        if len(self) < _MOST_NAMES:
            self[tag] = reader
        return reader


def read_into(draft: Draft, element: Element, readers: Readers) -> None:
    """Have each child of the element read by the function for its name; others are passed over."""
    for child in element:
        if reader := readers[child.tag]:
            reader(child, draft)


def text(element: Element) -> str:
    """All text in it, markup left out, blanks at both ends removed."""
    return (element.text or "" if not len(element) else "".join(map(str, element.itertext()))).strip()


def inner(element: Element) -> str:
    """What is in it as HTML: its text where that is HTML in disguise, else its children serialised."""
    if not len(element):
        return element.text or ""
    serialised = (etree.tostring(_without_namespaces(child), method="html", encoding="unicode") for child in element)
    return html.escape(element.text or "", quote=False) + "".join(serialised)


def _without_namespaces(element: Element) -> Element:
    """A copy that the serializer writes as `<p>`, not as `<p xmlns="…">` or `<xhtml:p>`."""
    plain = copy.deepcopy(element)
    for node in plain.iter():
        node.tag = etree.QName(node).localname
    etree.cleanup_namespaces(plain)
    return plain


def base(element: Element, setting: Setting) -> str | None:
    """What relative links in the element are resolved against (XML Base), at last the document's URL."""
    if not setting.inherits:
        return setting.base
    own = [node.get(f"{_XML}base") for node in (element, *element.iterancestors())]
    result = setting.base
    for step in reversed(own):
        result = fields.absolute(result, step) or result
    return result


def own_base(element: Element, setting: Setting) -> str | None:
    """The element's base where XML Base makes it another than the document's URL."""
    if not setting.inherits:
        return None
    found = base(element, setting)
    return found if found != setting.base else None


def language(element: Element, setting: Setting) -> str | None:
    """The nearest `xml:lang`."""
    if not setting.inherits:
        return None
    for node in (element, *element.iterancestors()):
        said = fields.line(node.get(f"{_XML}lang"))
        if said:
            return said.replace("_", "-")
    return None


def link(element: Element, attribute: str, setting: Setting) -> str | None:
    """The address in an attribute, absolute."""
    return fields.absolute(base(element, setting), element.get(attribute))


def markup(element: Element, setting: Setting) -> Text | None:
    """The element's inside as HTML, with its base and language."""
    if setting.sound and not setting.inherits:
        value = inner(element).strip()
        return Text(value, "html") if value else None
    return fields.markup(inner(element), own_base(element, setting), language(element, setting))
