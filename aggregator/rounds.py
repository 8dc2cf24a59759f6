"""What publishing has at hand for one round: what was read and made for several documents, and what was written.

Nothing here writes to the database but `tell`, so that a process beside the one writer can have a part of a round.
A document that differs from what lies in its place is checked and put there; one that fails stays out.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from aggregator import health, publish
from aggregator.means import Means
from aggregator.model import Event, digest
from aggregator.publish.addresses import is_feed
from aggregator.store import documents, events
from aggregator.store.categories import Tree
from aggregator.store.shown import Stories

log = logging.getLogger(__name__)


#: Documents written, faults, and documents that are fine now.
News = tuple[list[str], list[Event], set[str]]

#: Files that are flushed to the disk at once.
FLUSHES = 8


@dataclass(frozen=True, slots=True)
class Made:
    """A document that was made, and where it belongs."""

    path: str
    data: bytes
    #: What it shows, as the database has it.
    of: Mapping[str, int] = field(default_factory=dict)
    #: What it was made with.
    kept: publish.Kept | None = None


@dataclass
class Round:
    """What one round wrote; the database learns of it at the end of each step."""

    means: Means
    #: Whether files are what the database knows of them: what has not changed is then not even looked at.
    trusting: bool = True
    written: list[str] = field(default_factory=list)
    faults: list[Event] = field(default_factory=list)
    #: Documents that were not published before, and are fine now.
    mended: set[str] = field(default_factory=set)
    #: What another process did not finish is done once more: what it had put in place by then counts as written too.
    repeating: bool = False
    #: What tells it from other rounds, for processes that have a part in it.
    mark: str = field(default_factory=partial(secrets.token_hex, 8))

    @cached_property
    def stories(self) -> Stories:
        """Read once for all the documents that show them."""
        return Stories(self.means.shelf)

    @property
    def kept(self) -> publish.Kept:
        """What several documents have alike."""
        return self.means.kept

    @cached_property
    def tree(self) -> Tree:
        """The categories that are listed, as far as documents of the round name them."""
        return Tree(self.means.naming)

    @cached_property
    def faulty(self) -> frozenset[str]:
        """Documents that were not published when they were made last."""
        with self.means.database.read() as connection:
            return health.faulty(connection)

    def put(self, shown: Iterable[Made]) -> list[dict[str, Any]]:
        """Put documents in their places; returns the rows that the database keeps of those that were not there.

        One that fails its check is not published: the last good one stays and the fault is an event.
        """
        made = [(one, digest(one.data)) for one in shown]
        known = self.known([path for one, _ in made for path in (one.path, *self._copies(one.path))])
        wanted = []
        for one, mark in made:
            there = known.get(one.path) == mark and all(copy in known for copy in self._copies(one.path))
            sound = there or self._sound(one)
            if sound and one.path in self.faulty:
                self.mended.add(one.path)
            if sound and not there:
                wanted.append((one, mark))
                if self._copies(one.path):
                    copies = (replace(one, path=path, data=data) for path, data in publish.copies(one.path, one.data))
                    wanted += [(copy, digest(copy.data)) for copy in copies]
        return self._place(wanted)

    def known(self, paths: Sequence[str], *, always: bool = False) -> dict[str, bytes]:
        """Digests of what lies at these paths, where that can be relied on."""
        if not (paths and (self.trusting or always)):
            return {}
        with self.means.database.read() as connection:
            return documents.digests(connection, paths)

    def standing(self, paths: Sequence[str]) -> dict[str, bytes]:
        """What lies there, where it is what was written."""
        known = self.known(paths, always=True)
        found = {path: publish.read(self.means.root, path) for path in known}
        return {path: data for path, data in found.items() if data and digest(data) == known[path]}

    def take_away(self, paths: Sequence[str]) -> Sequence[str]:
        """Remove files; returns their paths, which the database is to forget."""
        for path in paths:
            publish.remove(self.means.root, path)
        return paths

    def hand_over(self) -> News:
        """What there is to tell since the last time."""
        news = self.written, self.faults, self.mended
        self.written, self.faults, self.mended = [], [], set()
        return news

    def take_over(self, news: News) -> None:
        """What there is to tell of what another process did."""
        written, faults, mended = news
        self.written += written
        self.faults += faults
        self.mended |= mended

    def finish(self) -> list[str]:
        """Make what was written last, and tell of faults; names the files."""
        publish.sync_folders(self.means.root, filter(is_feed, self.written))
        self.tell()
        self.kept.rest()
        return self.written

    def tell(self) -> None:
        """Name the faults so far, and note which documents are faulty, and which are no longer."""
        if not (self.faults or self.mended):
            return
        found: dict[str, list[str]] = {}
        for fault in self.faults:
            log.error("%s: %s", fault.path, fault.message)
            found.setdefault(fault.path or "", []).append(fault.message)
        with self.means.database.write(beside=True) as connection:
            events.record(connection, self.faults, self.means.clock())
            health.after_round(connection, found, self.mended, self.means.clock())
        self.faults.clear()

    def _place(self, wanted: Sequence[tuple[Made, bytes]]) -> list[dict[str, Any]]:
        """Feeds first, then the pages that lead to them."""
        feeds = [one for one in wanted if is_feed(one[0].path)]
        pages = [one for one in wanted if not is_feed(one[0].path)]
        return [*self._several(feeds), *map(self._one, pages)]

    def _several(self, wanted: Sequence[tuple[Made, bytes]]) -> Iterable[dict[str, Any]]:
        """Each waits for the disk: so they wait together."""
        if len(wanted) < 2:
            return map(self._one, wanted)
        with ThreadPoolExecutor(FLUSHES) as pool:
            return list(pool.map(self._one, wanted))

    def _one(self, wanted: tuple[Made, bytes]) -> dict[str, Any]:
        one, mark = wanted
        root = self.means.root
        if publish.put(root, one.path, one.data, sync=is_feed(one.path)) or self.repeating:
            self.written.append(one.path)
        size, mtime = publish.stamp(root, one.path) or (None, None)
        return {"path": one.path, "digest": mark, "size": size, "mtime": mtime, **one.of}

    def _copies(self, path: str) -> list[str]:
        return publish.copy_paths(path) if self.means.config.output.precompress and is_feed(path) else []

    def _sound(self, one: Made) -> bool:
        problems = publish.faults(one.path, one.data, self.means.config.site, one.kept)
        self.faults += [Event("fault", f"not published: {problem}", path=one.path) for problem in problems]
        return not problems
