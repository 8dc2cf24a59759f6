"""What is published as it is served: which request may see which file, and as what.

Where no file lies, the document may be made from the database (`Backed`): so a machine that shares no
folder with the writer serves the same bytes under the same tags.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Generic, Protocol, TypeVar

from aggregator.errors import StoreError
from aggregator.web.conditional import Representation, digest

#: Bytes of files that are kept in memory, with their digests.
KEPT = 32_000_000
#: Modification time, size and inode.
Mark = tuple[int, int, int]

# The content policy of the pages: everything from here, but pictures and sound from anywhere.
PAGE_HEADERS = MappingProxyType(
    {
        # Asked for again each time, which costs a 304: an edited page shows at once.
        "Cache-Control": "public, no-cache",
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https:; media-src https:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        # Publishers' picture servers refuse a foreign referrer more often than none.
        "Referrer-Policy": "no-referrer",
    }
)
#: Any page may read a feed from a script, as readers that run in a browser do.
FEED_HEADERS = MappingProxyType({"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"})
FILE_HEADERS = MappingProxyType({"Cache-Control": "public, max-age=3600"})

#: By a file's ending; the system's own table differs between machines and lacks feeds.
TYPES = MappingProxyType(
    {
        ".atom": ("application/atom+xml; charset=utf-8", FEED_HEADERS),
        ".rss": ("application/rss+xml; charset=utf-8", FEED_HEADERS),
        ".json": ("application/feed+json; charset=utf-8", FEED_HEADERS),
        ".xml": ("text/x-opml; charset=utf-8", FEED_HEADERS),
        ".html": ("text/html; charset=utf-8", PAGE_HEADERS),
        ".css": ("text/css; charset=utf-8", FILE_HEADERS),
        ".js": ("text/javascript; charset=utf-8", FILE_HEADERS),
        ".svg": ("image/svg+xml; charset=utf-8", FILE_HEADERS),
    }
)


Since = TypeVar("Since")


class Documents(Protocol):
    """What is published, by path below the output folder."""

    def fresh(self, path: str) -> Representation | None:
        """It, where that costs next to nothing."""

    def read(self, path: str) -> Representation | None:
        """It, or None for what is not there or is not for the public."""

    def has(self, path: str) -> bool: ...


class Memory(Generic[Since]):
    """Documents that were asked for last, each with what tells whether it still holds. Thread-safe."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._size = 0
        self._kept: OrderedDict[str, tuple[Since, Representation]] = OrderedDict()
        self._lock = Lock()

    def get(self, path: str) -> tuple[Since, Representation] | None:
        return self._kept.get(path)

    def keep(self, path: str, since: Since, shown: Representation) -> None:
        with self._lock:
            if path in self._kept:
                self._size -= _weight(self._kept.pop(path)[1])
            self._kept[path] = since, shown
            self._size += _weight(shown)
            while self._size > self._most:
                self._size -= _weight(self._kept.popitem(last=False)[1][1])


class Folder:
    """Reads files below `root`, and keeps those read last while they do not change. Thread-safe."""

    def __init__(self, root: Path, kept: int = KEPT) -> None:
        self._root = Path(os.path.realpath(root))
        self._memory = Memory[tuple[Path, Mark]](kept)

    def fresh(self, path: str) -> Representation | None:
        """The file at `path` where it is kept and has not changed since: costs one look at the disk."""
        kept = self._memory.get(path)
        if kept is None:
            return None
        (target, mark), shown = kept
        try:
            return shown if _mark(os.stat(target)) == mark else None
        except OSError:
            return None

    def read(self, path: str) -> Representation | None:
        """The file at `path`, or None for what is not there or is not for the public."""
        if shown := self.fresh(path):
            return shown
        target = self._target(path)
        if target is None or target.suffix not in TYPES:
            return None
        try:
            # Through one open file, for it may be replaced between two looks at its name.
            with open(target, "rb") as file:
                status = os.fstat(file.fileno())
                body = file.read()
        except (OSError, ValueError):
            return None
        shown = _shown(target.suffix, body, int(status.st_mtime))
        self._memory.keep(path, (target, _mark(status)), shown)
        return shown

    def has(self, path: str) -> bool:
        target = self._target(path)
        # Not Path.is_file, which raises where a name is too long.
        return target is not None and os.path.isfile(target)

    def _target(self, path: str) -> Path | None:
        """Where `path` lies, unless it names anything hidden, temporary, or outside the folder."""
        parts = path.split("/")
        if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        target = self._root.joinpath(*parts)
        try:
            # A symbolic link may lead out of the folder.
            inside = Path(os.path.realpath(target)).is_relative_to(self._root)
        except (OSError, ValueError):
            return None
        return target if inside else None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a document without making it: its digest, hexadecimal, and when it was written."""

    digest: str
    modified: int | None


@dataclass(frozen=True)
class Backed:
    """A folder, and behind it what makes the documents that it lacks. The callables are called in threads."""

    folder: Documents
    known: Callable[[str], Known | None]
    make: Callable[[str], bytes | None]
    #: By the digest that the database had when they were made.
    memory: Memory[str]

    def fresh(self, path: str) -> Representation | None:
        return self.folder.fresh(path)

    def read(self, path: str) -> Representation | None:
        return self.folder.read(path) or self._made(path)

    def has(self, path: str) -> bool:
        return self.folder.has(path) or self.known(path) is not None

    def _made(self, path: str) -> Representation | None:
        ending, kept = os.path.splitext(path)[1], self.memory.get(path)
        try:
            known = self.known(path) if ending in TYPES else None
        except StoreError:
            if kept is None:
                raise
            return kept[1]  # what was published last is better than nothing, while the database is away
        if known is None:
            return None
        if kept and kept[0] == known.digest:
            return kept[1]
        body = self.make(path)
        if body is None:
            return None
        shown = _shown(ending, body, known.modified)
        if shown.digest == known.digest:  # else it is about to be published, and is another one then
            self.memory.keep(path, known.digest, shown)
        return shown


def _shown(ending: str, body: bytes, modified: int | None) -> Representation:
    media_type, headers = TYPES[ending]
    return Representation(body, media_type, digest(body), modified, headers)


def _mark(status: os.stat_result) -> Mark:
    """What changes when a file does."""
    return status.st_mtime_ns, status.st_size, status.st_ino


def _weight(shown: Representation) -> int:
    # With what is around a body, so that a million small files are too many as well.
    return len(shown.body) + 1000
