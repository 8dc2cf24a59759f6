"""One round of publishing: every document that is behind, checked, then put in its place if it differs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from sqlalchemy import Connection

from aggregator import health, publish
from aggregator.means import Means
from aggregator.model import Event, Node, Story, digest
from aggregator.publish.addresses import archive_path, entry_path, is_feed, page_path
from aggregator.publish.compressed import COPIES
from aggregator.publish.formats import FORMATS
from aggregator.store import archives, categories, documents, events, feeds, moves, paging, settings
from aggregator.store.feeds import Choice, Stories

log = logging.getLogger(__name__)

#: Newest entries on the home page.
HOME_ENTRIES = 30

#: Entry pages that one transaction settles, and feeds that one gives arrivals their places in.
BATCH = 200


@dataclass
class Round:
    """What one round wrote; the database learns of it at the end of each step."""

    means: Means
    nodes: dict[Any, Node]
    #: Whether files are what the database knows of them: what has not changed is then not even looked at.
    trusting: bool
    written: list[str] = field(default_factory=list)
    faults: list[Event] = field(default_factory=list)
    #: Documents that were not published before, and are fine now.
    mended: set[str] = field(default_factory=set)

    #: Read, and made, once for all the documents that show it.
    stories: Stories = field(default_factory=Stories)
    kept: publish.Kept = field(default_factory=publish.Kept)

    def put(
        self, shown: Iterable[tuple[str, bytes]], kept: publish.Kept | None = None, **of: int
    ) -> list[dict[str, Any]]:
        """Put documents in their places; returns the rows that the database keeps of those that were not there.

        One that fails its check is not published: the last good one stays and the fault is an event. `kept` is
        what they were made with.
        """
        made = [(path, data, digest(data)) for path, data in shown]
        known = self._known([one for path, _, _ in made for one in (path, *self._copies(path))])
        rows = []
        for path, data, mark in made:
            there = known.get(path) == mark and all(copy in known for copy in self._copies(path))
            sound = there or self._sound(path, data, kept)
            if sound and path in self.faulty:
                self.mended.add(path)
            if sound and not there:
                rows.append(self._place(path, data, mark) | of)
                if self._copies(path):
                    copies = publish.copies(path, data)
                    rows += [self._place(copy, packed, digest(packed)) | of for copy, packed in copies]
        return rows

    @cached_property
    def faulty(self) -> frozenset[str]:
        """Documents that were not published when they were made last."""
        with self.means.database.read() as connection:
            return health.faulty(connection)

    def _place(self, path: str, data: bytes, mark: bytes) -> dict[str, Any]:
        if publish.put(self.means.root, path, data, sync=is_feed(path)):
            self.written.append(path)
        size, mtime = publish.stamp(self.means.root, path) or (None, None)
        return {"path": path, "digest": mark, "size": size, "mtime": mtime}

    def _copies(self, path: str) -> list[str]:
        return publish.copy_paths(path) if self.means.config.output.precompress and is_feed(path) else []

    def unwritten(
        self, asked: Callable[[Connection, Container[int]], list[tuple[int, int]]], feeds: Sequence[int]
    ) -> list[tuple[int, int]]:
        with self.means.database.read() as connection:
            return asked(connection, frozenset(feeds))

    def standing(self, path: str) -> bytes | None:
        """What lies there, if it is what was written."""
        data = publish.read(self.means.root, path)
        return data if data and digest(data) == self._known([path], always=True).get(path) else None

    def _known(self, paths: Sequence[str], *, always: bool = False) -> dict[str, bytes]:
        if not (self.trusting or always):
            return {}
        with self.means.database.read() as connection:
            return documents.digests(connection, paths)

    def _sound(self, path: str, data: bytes, kept: publish.Kept | None) -> bool:
        problems = publish.faults(path, data, self.means.config.site, kept)
        self.faults += [Event("fault", f"not published: {problem}", path=path) for problem in problems]
        return not problems


def publish_round(means: Means, *, everything: bool = False, restore: bool = True) -> list[str]:
    """Write what differs; names what was written.

    With `restore` every file is looked at, and what somebody deleted or altered is written again. Without it,
    in a service that has done so at its start, the cost follows what changed. With `everything` all is
    rendered, and compared to the byte; archives stay as they were sealed.

    Raises StoreError where the output folder or the database fails; nothing is half replaced then.
    """
    if restore:
        _restore(means)
    with means.database.write() as connection:
        if everything:
            documents.outdate_all(connection)
        root = categories.ensure(connection, (), means.naming, means.clock())[()]
    with means.database.read() as connection:
        behind = categories.dirty(connection)
        if not behind and not documents.dirty_stories(connection, 1):
            return _health(Round(means, {}, trusting=True))
        tree = categories.tree(connection, means.naming)
    this = Round(means, publish.index((tree,)), trusting=not everything)
    _entry_pages(this)
    done = _feeds(this, [category_id for category_id, _ in behind])
    if behind:
        _site(this, root, tree, behind if done else [])
    publish.sync_folders(means.root, filter(is_feed, this.written))
    _tell(this)
    return _health(this)


def drop_unwanted(connection: Connection, means: Means) -> None:
    """Take away feeds in formats, and compressed copies, that the configuration asks for no more."""
    output = means.config.output
    formats = [f".{kind}" for kind in FORMATS if kind not in output.formats]
    copies = [ending + copy for ending in (formats if output.precompress else [""]) for copy in COPIES]
    paths = [path for path in documents.ending(connection, copies) if is_feed(path)]
    # Archives stay: what is sealed is there for whoever was away.
    paths += [path for path in documents.ending(connection, formats) if is_feed(path) and "/archive/" not in path]
    for path in paths:
        publish.remove(means.root, path)
    documents.forget(connection, paths)


def _restore(means: Means) -> None:
    """Documents that somebody deleted or altered are forgotten, and what they show is behind."""
    with means.database.read() as connection:
        lost = [
            row
            for row in documents.all_of_them(connection)
            if publish.stamp(means.root, row.path) != (row.size, row.mtime)
        ]
    if not lost:
        return
    with means.database.write() as connection:
        root = categories.ensure(connection, (), means.naming, means.clock())[()]
        documents.forget(connection, [row.path for row in lost])
        archives.outdate(connection, [(row.category_id, row.archive) for row in lost if row.archive is not None])
        paging.outdate(connection, [(row.category_id, row.page) for row in lost if row.page is not None])
        plain = [row for row in lost if row.archive is None and row.story_id is None]
        feeds = [root if row.category_id is None else row.category_id for row in plain]
        documents.outdate(connection, feeds, [row.story_id for row in lost if row.story_id is not None])


def _feeds(this: Round, ids: Sequence[int]) -> bool:
    """Write what is behind of these feeds; tells whether it came to the end of that."""
    for step in _steps(this, ids):
        if this.means.stopping.is_set():
            return False
        step()
    return True


def _steps(this: Round, ids: Sequence[int]) -> Iterator[Callable[[], None]]:
    """Archives, feeds, pages: whoever sees the one finds what it links to."""
    for start in range(0, len(ids), BATCH):
        yield partial(_arrive, this, ids[start : start + BATCH])
    for archive in this.unwritten(archives.unwritten, ids):
        yield partial(_archive, this, *archive)
    for category_id in ids:
        yield partial(_feed, this, category_id)
    # A page that emptied has its neighbours written once more.
    while this.means.config.output.pages and (numbered := this.unwritten(paging.unwritten, ids)):
        for page in numbered:
            yield partial(_numbered_page, this, *page)


def _arrive(this: Round, ids: Sequence[int]) -> None:
    """Give what is new in these feeds its places in them."""
    output = this.means.config.output
    with this.means.database.write() as connection:
        for category_id in ids:
            archives.arrive(connection, category_id)
            if output.archive and "atom" in output.formats:
                archives.seal(connection, category_id, output.entries)
            if output.pages:
                paging.arrive(connection, category_id)


def _feed(this: Round, category_id: int) -> None:
    means = this.means
    site, output = means.config.site, means.config.output
    archiving = output.archive and "atom" in output.formats
    choice = Choice(output.entries, unsealed=archiving, per_publisher=output.per_source, paged=output.pages)
    with means.database.read() as connection:
        feed = feeds.feed(connection, category_id, choice, means.shown, this.nodes, this.stories)
        gone = moves.moved(connection, category_id)
    if gone:
        rows = this.put(publish.moved_documents(gone, site, output), category_id=category_id)
    else:
        shown = publish.feed_documents(feed, site, output, this.nodes, this.kept)
        rows = this.put(shown, this.kept, category_id=category_id)
    with means.database.write() as connection:
        documents.record(connection, rows)


def _numbered_page(this: Round, category_id: int, number: int) -> None:
    means = this.means
    with means.database.read() as connection:
        feed = feeds.page(connection, category_id, number, means.shown, this.nodes, this.stories)
    site, output = means.config.site, means.config.output
    shown = [publish.page_document(feed, site, output, this.nodes, this.kept)] if feed.stories else []
    rows = this.put(shown, category_id=category_id, page=number)
    if not shown:
        _take_away(this, [page_path(feed.slug, number)])
    with means.database.write() as connection:
        documents.record(connection, rows)
        paging.settle(connection, category_id, number, empty=not shown)


def _archive(this: Round, category_id: int, number: int) -> None:
    """Write what was sealed, or taken out, since."""
    means = this.means
    with means.database.read() as connection:
        feed = feeds.archive(connection, category_id, number, means.shown, this.stories)
    standing = this.standing(archive_path(feed.slug, number))
    document = publish.archive_document(feed, means.config.site, means.config.output, standing, this.kept)
    faults = len(this.faults)
    # What stands there may say another thing of an entry than other documents do.
    rows = this.put([document], None if standing else this.kept, category_id=category_id, archive=number)
    if len(this.faults) == faults:  # else it is tried again when the feed next changes
        with means.database.write() as connection:
            documents.record(connection, rows)
            archives.settle(connection, category_id, number)


def _site(this: Round, root: int, tree: Node, done: Sequence[tuple[int, int]]) -> None:
    """What there is once: it shows the whole tree, so it changes with any feed.

    Feeds that are done are settled only now: after a crash before this there is something to do.
    """
    means = this.means
    with means.database.read() as connection:
        newest = feeds.feed(connection, root, Choice(HOME_ENTRIES), means.shown, this.nodes, this.stories)
    home = publish.Home(newest, tree.children, len(means.sources))
    rows = this.put(publish.site_documents(home, means.config.site, means.config.output))
    with means.database.write() as connection:
        documents.record(connection, rows)
        categories.settle(connection, done)


def _entry_pages(this: Round) -> None:
    """Pages of articles that have no address but ours; those of stories that ended are taken away."""
    means = this.means
    while True:
        with means.database.read() as connection:
            counters = documents.dirty_stories(connection, BATCH)
            shown, ended = feeds.pages(connection, [story_id for story_id, _ in counters], means.shown)
        if not counters:
            return
        rows = _pages(this, shown)
        _take_away(this, [entry_path(uuid) for uuid in ended])
        with means.database.write() as connection:
            documents.record(connection, rows)
            documents.settle_stories(connection, counters)


def _pages(this: Round, stories: Mapping[int, Story]) -> list[dict[str, Any]]:
    ids = {entry_path(story.uuid): story_id for story_id, story in stories.items()}
    rows = this.put(
        publish.entry_documents(stories.values(), this.means.config.site, this.means.config.output, this.nodes)
    )
    return [row | {"story_id": ids[row["path"]]} for row in rows]


def _take_away(this: Round, paths: Sequence[str]) -> None:
    for path in paths:
        publish.remove(this.means.root, path)
    if paths:
        with this.means.database.write() as connection:
            documents.forget(connection, paths)


def _tell(this: Round) -> None:
    """Name the faults of the round, and note which documents are faulty, and which are no longer."""
    if not (this.faults or this.mended):
        return
    found: dict[str, list[str]] = {}
    for fault in this.faults:
        log.error("%s: %s", fault.path, fault.message)
        found.setdefault(fault.path or "", []).append(fault.message)
    with this.means.database.write() as connection:
        events.record(connection, this.faults, this.means.clock())
        health.after_round(connection, found, this.mended, this.means.clock())
    this.faults.clear()


def _health(this: Round) -> list[str]:
    """Write the health feed where something in it is not as it was; names all that the round wrote."""
    means = this.means
    with means.database.read() as connection:
        mark = health.mark(connection)
        known = publish.HEALTH in documents.digests(connection, [publish.HEALTH])
        if this.trusting and known and settings.get(connection, "health") == mark:
            return this.written
        shown = health.document(connection, means)
    rows = this.put([shown])
    with means.database.write() as connection:
        documents.record(connection, rows)
        settings.put(connection, "health", mark)
    _tell(this)
    return this.written
