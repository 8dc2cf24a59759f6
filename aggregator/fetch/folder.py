"""Lists a folder source against what is known of it, and reads single files.

A scan and the known files come in the same order, by code point of the whole path, so that they
can be merged as they come: memory is bounded by one directory at each level, never by the tree.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

from aggregator.model import Document, Failed, FileState, Outcome, Refused, digest

#: What is read as an article. Plain text is not: folders of posts hold robots.txt and the like.
SUFFIXES = frozenset((".md", ".markdown", ".mdown", ".html", ".htm"))
#: Seconds for which a file must have been left alone before it is read.
SETTLED = 1.0
#: Seconds by which a file may be younger than the scan that meets it.
_LONGEST_SCAN = 10.0

_ENDINGS = tuple(SUFFIXES)
_IGNORED_FOLDERS = frozenset(("node_modules", "__MACOSX"))
#: Nanoseconds; what a database's integers hold. Some file systems go further.
_LATEST = 2**63 - 1
_TEMPORARY = ("~", "#", ".tmp", ".swp", ".part")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is new, or that is not as it was: read it, then store this as its state."""

    path: str
    size: int
    #: Nanoseconds since the epoch.
    mtime: int
    #: An earlier scan has seen it.
    known: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """A known file that is not there any more."""

    path: str


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A file that is perhaps being written just now: not to be read before the next scan."""

    path: str


Change = Found | Missing | Unsettled | Refused


def scan(root: str, known: Iterable[FileState], *, follow_links: bool, now: float) -> Iterator[Change] | Failed:
    """What differs below a folder from what is known of it, in ascending order of path.

    `known` must ascend by path (code points); it is consumed as the scan goes. `now` is in seconds
    since the epoch. Files that did not change are not mentioned, nor are hidden and temporary ones
    and what is no article. A refused path that ends in `/` is a directory; what lies below it is
    neither found nor missing. A file over the size limit is found: refusing it is `read`'s work.
    Fails as NO_FOLDER where the folder is not there, or where it holds nothing although files are
    known: a disk that is not mounted looks like that, and nothing must follow from it.
    """
    try:
        walk = _Walk(root, follow_links)
        seen = walk.files()
        first = next(seen, None)
    except OSError as error:
        return _no_folder(f"cannot read the folder: {error.strerror}")
    if first is not None:
        return _merge(chain((first,), seen), known, now)
    if any(not state.missing for state in known):
        return _no_folder("the folder is empty, although it held articles before")
    return iter(())


def read(root: str, path: str, max_bytes: int) -> Document | Refused:
    """The file of a path that `scan` gave; Refused where it cannot be read or is over `max_bytes`."""
    try:
        # A pipe under that name would otherwise be waited for.
        descriptor = os.open(os.path.join(os.fsencode(root), unescape(path)), os.O_RDONLY | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return Refused(path, "it is not a regular file")
            # One byte more tells a file that grew since it was measured.
            body = file.read(max_bytes + 1) if status.st_size <= max_bytes else None
    except OSError as error:
        return Refused(path, f"it cannot be read: {error.strerror}")
    if body is None or len(body) > max_bytes:
        return Refused(path, f"it is larger than network.max_bytes ({max_bytes} bytes)")
    return Document(body, path=path, digest=digest(body))


def _no_folder(message: str) -> Failed:
    return Failed(Outcome.NO_FOLDER, message, "check that it exists, is mounted and may be read")


# --- merging ---------------------------------------------------------------------------------

#: Path, size in bytes, modification time in nanoseconds.
_Seen = tuple[str, int, int]


def _merge(seen: Iterable[_Seen | Refused], known: Iterable[FileState], now: float) -> Iterator[Change]:
    states = iter(known)
    state = next(states, None)
    for item in seen:
        path = item.path if isinstance(item, Refused) else item[0]
        while state is not None and state.path < path:
            yield from _gone(state)
            state = next(states, None)
        if isinstance(item, Refused):
            # A path that ends in "/" is a directory; what was known below it is not missing but out of sight.
            while state is not None and (state.path == path or (path[-1] == "/" and state.path.startswith(path))):
                state = next(states, None)
            yield item
            continue
        old = None
        if state is not None and state.path == path:
            old, state = state, next(states, None)
        if old is None or old.missing or old.size != item[1] or old.mtime != item[2]:
            yield Unsettled(path) if _is_fresh(item[2], now) else Found(*item, known=old is not None)
    while state is not None:
        yield from _gone(state)
        state = next(states, None)


def _gone(state: FileState) -> Iterator[Missing]:
    if not state.missing:
        yield Missing(state.path)


def _is_fresh(mtime: int, now: float) -> bool:
    """Written less than a second ago, or while this scan runs; any later time is a clock that is wrong."""
    return -_LONGEST_SCAN < now - mtime / 1e9 < SETTLED


# --- walking ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Open:
    """A directory being walked: where it really is, and what of it is still to come."""

    real: str
    items: Iterator[tuple[str, os.DirEntry[str]]]


class _Walk:
    """One walk of a tree. Raises OSError only where the root itself cannot be listed."""

    def __init__(self, root: str, follow_links: bool) -> None:
        self.root = root
        self.real = os.path.realpath(root)
        self.follow_links = follow_links
        #: Directories that links have led to: each is entered once, or two links a level would double it all.
        self.linked: set[str] = set()

    def files(self) -> Iterator[_Seen | Refused]:
        """All articles in ascending order of path, and what had to be left out.

        Keeps its own stack, because a tree may be deeper than Python's.
        """
        above = [_Open(self.real, _listing(self.root, ""))]
        while above:
            for path, entry in above[-1].items:
                if path[-1] != "/":
                    if found := self._file(path, entry):
                        yield found
                    continue
                below = self._enter(path, entry, above)
                if isinstance(below, _Open):
                    above.append(below)
                    break
                yield below
            else:
                above.pop()

    def _file(self, path: str, entry: os.DirEntry[str]) -> _Seen | Refused | None:
        try:
            if entry.is_symlink() and self._leaves(os.path.realpath(entry.path)):
                return Refused(path, "the link leads out of the folder; follow_links would allow it")
            status = entry.stat()
        except FileNotFoundError:
            # Without a link it was removed since its directory was listed.
            return Refused(path, "the link leads nowhere") if entry.is_symlink() else None
        except OSError as error:
            return Refused(path, f"it cannot be read: {error.strerror}")
        if not stat.S_ISREG(status.st_mode):
            return Refused(path, "it is not a regular file")
        return path, status.st_size, min(status.st_mtime_ns, _LATEST)

    def _enter(self, path: str, entry: os.DirEntry[str], above: list[_Open]) -> _Open | Refused:
        try:
            real = os.path.join(above[-1].real, entry.name)
            if entry.is_symlink():
                real = os.path.realpath(entry.path)
                if reason := self._refusal(real, above):
                    return Refused(path, reason)
                self.linked.add(real)
            return _Open(real, _listing(entry.path, path))
        except OSError as error:
            return Refused(path, f"the folder cannot be read: {error.strerror}")

    def _refusal(self, real: str, above: list[_Open]) -> str | None:
        """Why a link to a directory is not followed, or None."""
        if self._leaves(real):
            return "the link leads out of the folder; follow_links would allow it"
        if any(_is_within(folder.real, real) for folder in above):
            return "the link leads back to where it lies"
        return "another link leads there already" if real in self.linked else None

    def _leaves(self, real: str) -> bool:
        return not self.follow_links and not _is_within(real, self.real)


def _listing(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Articles and directories, each with its path below the root, in order of path.

    A directory counts with its final `/`, for so it stands in the paths of what it holds: `a-b/x`
    comes before `a.md`, and that before `a/x`.
    """
    kept: list[tuple[str, os.DirEntry[str]]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if _is_folder(entry):
                if not _is_ignored(name):
                    kept.append((f"{prefix}{escape(name)}/", entry))
            elif _is_article(name):
                kept.append((prefix + escape(name), entry))
    kept.sort(key=itemgetter(0))
    return iter(kept)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # A link to itself, or into what we may not enter; as a file it is refused with the reason.
        return False


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_article(name: str) -> bool:
    """Hidden files are none, but `.md` is: a generator writes it for a title of nothing but signs."""
    lower = name.lower()
    return lower in SUFFIXES if name[0] == "." else lower.endswith(_ENDINGS)


def _is_ignored(name: str) -> bool:
    return name[0] == "." or name in _IGNORED_FOLDERS or name.endswith(_TEMPORARY)


# --- names -----------------------------------------------------------------------------------


def escape(name: str) -> str:
    """A name from the system as text that any database takes; reversed by `unescape`.

    Bytes that are not UTF-8 (they come as lone surrogates) are written `%XX`. A `%` stays as it
    is, except in such a name and in one that looks like such a name: there it is `%25`.
    """
    if name.isascii() and "%" not in name:
        return name
    surrogates = _SURROGATE.search(name)
    if "%" in name and (surrogates or _ESCAPE.search(os.fsencode(name))):
        name = name.replace("%", "%25")
    return _SURROGATE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", name) if surrogates else name


def unescape(path: str) -> bytes:
    """The path in the system's own bytes."""
    return _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), os.fsencode(path))


#: Stands in escaped names only: a byte beyond ASCII, or the `%` itself.
_ESCAPE = re.compile(rb"%(25|[89A-F][0-9A-F])")
_SURROGATE = re.compile("[\udc80-\udcff]")
