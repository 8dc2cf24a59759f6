"""What feedgen 1.0 leaves out of Atom, or writes wrongly, as the extensions that it has for this.

Inside feedgen's tree Atom elements carry no namespace (`xmlns` is a plain attribute of the root),
so they are made here without one too; with it they would come out under a prefix of their own.
"""

from __future__ import annotations

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml.etree import SubElement, _Element

MEDIA = "http://search.yahoo.com/mrss/"
#: RFC 6721.
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"

#: Attributes of a link; empty ones are left out.
Link = dict[str, str]
#: Name, text and attributes of a child of `atom:source`.
SourceElement = tuple[str, str, dict[str, str]]


class FeedExtension(BaseExtension):  # type: ignore[misc]  # feedgen has no types
    """Declares only the namespaces in use; writes what is withdrawn before the entries."""

    media = False
    #: Id and time of what the feed showed and shows no more.
    deleted: tuple[tuple[str, str], ...] = ()

    def extend_ns(self) -> dict[str, str]:
        return ({"media": MEDIA} if self.media else {}) | ({"at": TOMBSTONES} if self.deleted else {})

    def extend_atom(self, feed: _Element) -> _Element:
        for ref, when in self.deleted:
            SubElement(feed, f"{{{TOMBSTONES}}}deleted-entry", ref=ref, when=when)
        return feed


class EntryExtension(BaseEntryExtension):  # type: ignore[misc]  # feedgen has no types
    """Runs after feedgen's own elements of an entry, so that `source` comes last.

    Readers that look for the first title or id of an entry would take those of `source` else.
    """

    def __init__(self) -> None:
        self.links: tuple[Link, ...] = ()
        self.source: tuple[SourceElement, ...] = ()
        self.language: str | None = None
        self.thumbnail: dict[str, str] = {}

    def extend_atom(self, entry: _Element) -> _Element:
        if self.language:
            entry.set(XML_LANG, self.language)
        # feedgen writes every link of an entry without its rel: all would be alternates.
        for lost in entry.findall("link"):
            entry.remove(lost)
        for link in self.links:
            SubElement(entry, "link", {name: value for name, value in link.items() if value})
        if self.thumbnail:
            SubElement(entry, f"{{{MEDIA}}}thumbnail", self.thumbnail)
        source = SubElement(entry, "source")
        for name, text, attributes in self.source:
            SubElement(source, name, attributes).text = text or None
        return entry
