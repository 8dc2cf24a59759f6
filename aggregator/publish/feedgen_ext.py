"""What feedgen 1.0 leaves out of Atom and RSS, or writes wrongly, as the extensions that it has for this.

Inside feedgen's tree Atom elements carry no namespace (`xmlns` is a plain attribute of the root),
so they are made here without one too; with it they would come out under a prefix of their own.
In RSS it is the other way round: there Atom's elements are guests and carry theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.utils import format_datetime
from html import escape

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml.etree import QName, SubElement, _Element

from aggregator.model import Image
from aggregator.publish.values import EntryValues, FeedValues

ATOM = "http://www.w3.org/2005/Atom"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
ITUNES = "http://www.itunes.com/dtds/podcast-1.0.dtd"
MEDIA = "http://search.yahoo.com/mrss/"
#: RFC 5005.
HISTORY = "http://purl.org/syndication/history/1.0"
#: RFC 6721.
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
#: By the prefixes that feedgen and the extensions give them, all that entries may use.
NAMESPACES = {
    "atom": ATOM,
    "content": "http://purl.org/rss/1.0/modules/content/",
    "media": MEDIA,
    "itunes": ITUNES,
    "dc": DUBLIN_CORE,
}
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

#: Attributes of a link; empty ones are left out.
Link = dict[str, str]
#: Name, text and attributes of an element.
Node = tuple[str, str, dict[str, str]]


class FeedExtension(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """Declares only the namespaces in use; writes what is withdrawn before the entries."""

    values: FeedValues

    @classmethod
    def of(cls, values: FeedValues) -> type[FeedExtension]:
        """feedgen takes a class and makes the instance itself: so this is one for one feed."""
        return type("Extension", (cls,), {"values": values})

    def extend_ns(self) -> dict[str, str]:
        feed = self.values
        used = {
            "media": (MEDIA, any(entry.image for entry in feed.entries)),
            "itunes": (ITUNES, feed.podcast),
            "fh": (HISTORY, feed.sealed),
            "at": (TOMBSTONES, bool(feed.deleted)),
        }
        return {prefix: namespace for prefix, (namespace, wanted) in used.items() if wanted}

    def extend_atom(self, feed: _Element) -> _Element:
        if self.values.sealed:
            SubElement(feed, f"{{{HISTORY}}}archive")
        for ref, when in self.values.deleted:
            SubElement(feed, f"{{{TOMBSTONES}}}deleted-entry", ref=ref, when=when.isoformat())
        return feed


class EntryExtension(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """Runs after feedgen's own elements of an entry, so that `source` comes last.

    Readers that look for the first title or id of an entry would take those of `source` else.
    """

    values: EntryValues

    def __init__(self) -> None:
        self.links: tuple[Link, ...] = ()
        self.source: tuple[Node, ...] = ()
        #: Names of text constructs whose plain text is written as HTML that says the same.
        self.escaped: tuple[str, ...] = ()
        self.podcast = False

    def extend_atom(self, entry: _Element) -> _Element:
        if self.values.language:
            entry.set(XML_LANG, self.values.language)
        for name in self.escaped:
            for construct in entry.findall(name):
                construct.set("type", "html")
                construct.text = escape(construct.text or "", quote=False)
        # feedgen writes every link of an entry without its rel: all would be alternates.
        for lost in entry.findall("link"):
            entry.remove(lost)
        for link in self.links:
            SubElement(entry, "link", {name: value for name, value in link.items() if value})
        _thumbnail(entry, self.values.image)
        if self.podcast:
            _itunes(entry, self.values.podcast)
        source = SubElement(entry, "source")
        for name, text, attributes in self.source:
            written = escape(text, quote=False) if attributes.get("type") == "html" else text
            SubElement(source, name, attributes).text = written or None
        return entry


class RssFeedExtension(FeedExtension):
    """What a channel says in other vocabularies, and its date."""

    def extend_ns(self) -> dict[str, str]:
        used = super().extend_ns()
        used.pop("at", None)
        further = {"media": MEDIA} if any(entry.enclosures[1:] for entry in self.values.entries) else {}
        return used | further | {"dc": DUBLIN_CORE}

    def extend_rss(self, rss: _Element) -> _Element:
        feed, channel = self.values, rss[0]
        SubElement(channel, "lastBuildDate").text = format_datetime(feed.updated)
        if feed.hub:
            SubElement(channel, f"{{{ATOM}}}link", rel="hub", href=feed.hub)
        if feed.podcast:
            said = {value for entry in feed.entries for name, value in entry.podcast if name == "itunes:explicit"}
            explicit = "true" if said & {"true", "yes"} else "false"
            _itunes(channel, (("itunes:author", feed.author), ("itunes:explicit", explicit)))
        return rss


class RssEntryExtension(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """What an item says in other vocabularies: several authors, enclosures and links, its other date."""

    values: EntryValues
    podcast = False

    def extend_rss(self, item: _Element) -> _Element:
        entry = self.values
        # Not feedgen's, which switches the locale of the whole process to write a date.
        SubElement(item, "pubDate").text = format_datetime(entry.published)
        SubElement(item, f"{{{ATOM}}}updated").text = entry.updated.isoformat()
        for author in entry.authors:
            SubElement(item, f"{{{DUBLIN_CORE}}}creator").text = author.name
        for name, text in (("language", entry.language), ("rights", entry.rights)):
            if text:
                SubElement(item, f"{{{DUBLIN_CORE}}}{name}").text = text
        for href, title in entry.via:
            link = {"rel": "via", "href": href, "type": "text/html", "title": title}
            SubElement(item, f"{{{ATOM}}}link", {name: value for name, value in link.items() if value})
        for further in entry.enclosures[1:]:
            size = {"fileSize": str(further.length)} if further.length else {}
            SubElement(item, f"{{{MEDIA}}}content", {"url": further.url, "type": further.type or ""} | size)
        _thumbnail(item, entry.image)
        if self.podcast:
            _itunes(item, entry.podcast)
        return item


def _thumbnail(element: _Element, image: Image | None) -> None:
    if image:
        sizes = {"width": image.width, "height": image.height}
        found = {"url": image.url} | {name: str(size) for name, size in sizes.items() if size}
        SubElement(element, f"{{{MEDIA}}}thumbnail", found)


def _itunes(element: _Element, said: Iterable[tuple[str, str]]) -> None:
    for name, value in dict(said).items():
        tag = QName(ITUNES, name.removeprefix("itunes:"))
        if name == "itunes:image":
            SubElement(element, tag, href=value)
        else:
            SubElement(element, tag).text = value
