"""A subscriber that keeps an archive of a feed: RFC 4287, 5005 and 6721 as a client that does its duty reads them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from urllib.parse import unquote

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
ARCHIVE = "{http://purl.org/syndication/history/1.0}archive"
DELETED = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"


def read(root: Path, path: str) -> etree._Element:
    return etree.parse(str(root / path)).getroot()


def link(feed: etree._Element, relation: str, site: str = "https://news.example.org/") -> str | None:
    """The path below the output folder that a link of the feed leads to."""
    found = [one.get("href") for one in feed.findall(f"{ATOM}link") if one.get("rel") == relation]
    assert len(found) <= 1, found
    return unquote(str(found[0]).removeprefix(site)) if found else None


def ids(feed: etree._Element) -> list[str]:
    return [entry.findtext(f"{ATOM}id") or "" for entry in feed.findall(f"{ATOM}entry")]


def titles(feed: etree._Element) -> list[str]:
    return [entry.findtext(f"{ATOM}title") or "" for entry in feed.findall(f"{ATOM}entry")]


def deleted(feed: etree._Element) -> list[str]:
    return [str(one.get("ref")) for one in feed.findall(DELETED)]


def chain(root: Path, path: str) -> list[etree._Element]:
    """A feed and its archives, newest first."""
    feeds, at = [], path
    while at:
        feeds.append(read(root, at))
        at = link(feeds[-1], "prev-archive") or ""
    return feeds


class Subscriber:
    """What one has of a feed; knows nothing but what it was served."""

    def __init__(self, root: Path, path: str) -> None:
        self._root = root
        self._path = path
        self._archives: set[str] = set()
        #: By id: `updated` and title of the version that it has.
        self.entries: dict[str, tuple[str, str]] = {}
        #: By id: how often it was new.
        self.announced: Counter[str] = Counter()

    def poll(self) -> None:
        """Read the feed, and each archive before it up to the first that is known; take them in from the oldest."""
        if not (self._root / self._path).exists():
            return  # nothing was published yet
        current = read(self._root, self._path)
        unread, at = [current], link(current, "prev-archive")
        while at is not None and at not in self._archives:
            self._archives.add(at)
            unread.append(read(self._root, at))
            at = link(unread[-1], "prev-archive")
        for feed in reversed(unread):
            self._take(feed)

    def _take(self, feed: etree._Element) -> None:
        assert len(set(ids(feed))) == len(ids(feed))
        for ref in deleted(feed):
            self.entries.pop(ref, None)
        for entry in feed.findall(f"{ATOM}entry"):
            name = entry.findtext(f"{ATOM}id") or ""
            known = self.entries.get(name)
            version = (entry.findtext(f"{ATOM}updated") or "", entry.findtext(f"{ATOM}title") or "")
            self.announced[name] += known is None
            if known is None or known[0] <= version[0]:
                self.entries[name] = version
