"""One round of publishing: every document that is behind, checked, then put in its place if it differs."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from aggregator import publish
from aggregator.means import Means
from aggregator.model import Event, Node, Story, digest
from aggregator.publish.addresses import entry_path
from aggregator.store import categories, documents, events, feeds, moves

log = logging.getLogger(__name__)

#: Newest entries on the home page.
HOME_ENTRIES = 30

#: Entry pages that one transaction settles.
BATCH = 200


@dataclass
class Round:
    """What one round wrote; the database learns of it at the end of each step."""

    means: Means
    tree: Node
    nodes: dict[Any, Node]
    written: list[str] = field(default_factory=list)
    faults: list[Event] = field(default_factory=list)

    def put(self, shown: Iterable[tuple[str, bytes]], **of: int) -> list[dict[str, Any]]:
        """Put documents in their places; returns the rows that the database keeps of them.

        One that fails its check is not published: the last good one stays and the fault is an event.
        """
        rows = []
        for path, data in shown:
            problems = publish.faults(path, data, self.means.config.site)
            if problems:
                self.faults += [Event("fault", f"not published: {problem}", path=path) for problem in problems]
                continue
            if publish.put(self.means.root, path, data, sync=path.startswith("feeds/")):
                self.written.append(path)
            rows.append({"path": path, "digest": digest(data), **of})
        return rows


def publish_round(means: Means, *, everything: bool = False) -> list[str]:
    """Write what differs or is missing; names what was written.

    Raises StoreError where the output folder or the database fails; nothing is half replaced then.
    """
    with means.database.write() as connection:
        if everything:
            documents.outdate_all(connection)
        else:
            _outdate_missing(connection, means)
        root = categories.ensure(connection, (), means.naming, means.clock())[()]
    with means.database.read() as connection:
        behind = categories.dirty(connection)
        if not behind and not documents.dirty_stories(connection, 1):
            return []
        shown = categories.tree(connection, means.naming)
    this = Round(means, shown, publish.index((shown,)))
    _entry_pages(this)
    for category_id, counter in behind:
        _feed(this, category_id, counter)
    if behind:
        _site(this, root)
    publish.sync_folders(means.root, [path for path in this.written if path.startswith("feeds/")])
    _tell(this)
    return this.written


def _outdate_missing(connection: Connection, means: Means) -> None:
    """Documents that somebody deleted are written again."""
    gone = [row for row in documents.paths(connection) if not (means.root / row[0]).exists()]
    if gone:
        root = categories.ensure(connection, (), means.naming, means.clock())[()]
        shown = [category if category is not None else root for _, category, story in gone if story is None]
        documents.outdate(connection, shown, [story for _, _, story in gone if story is not None])


def _feed(this: Round, category_id: int, counter: int) -> None:
    means = this.means
    site, output = means.config.site, means.config.output
    with means.database.read() as connection:
        path = categories.path(connection, category_id)
        feed = feeds.feed(connection, category_id, output.entries, means.shown, this.nodes.get(path))
        gone = moves.moved(connection, category_id)
    shown = (
        publish.moved_documents(gone, site, output) if gone else publish.feed_documents(feed, site, output, this.nodes)
    )
    rows = this.put(shown, category_id=category_id)
    with means.database.write() as connection:
        documents.record(connection, rows)
        categories.settle(connection, [(category_id, counter)])


def _site(this: Round, root: int) -> None:
    """What there is once: it shows the whole tree, so it changes with any feed."""
    means = this.means
    with means.database.read() as connection:
        newest = feeds.feed(connection, root, HOME_ENTRIES, means.shown, this.tree)
    home = publish.Home(newest, this.tree.children, len(means.sources))
    rows = this.put(publish.site_documents(home, means.config.site, means.config.output))
    with means.database.write() as connection:
        documents.record(connection, rows)


def _entry_pages(this: Round) -> None:
    """Pages of articles that have no address but ours; those of stories that ended are taken away."""
    means = this.means
    while True:
        with means.database.read() as connection:
            counters = documents.dirty_stories(connection, BATCH)
            shown, ended = feeds.pages(connection, [story_id for story_id, _ in counters], means.shown)
        if not counters:
            return
        rows = [row for story_id, story in shown.items() for row in _page(this, story_id, story)]
        _remove(this, ended)
        with means.database.write() as connection:
            documents.record(connection, rows)
            documents.settle_stories(connection, counters)


def _page(this: Round, story_id: int, story: Story) -> list[dict[str, Any]]:
    site, output = this.means.config.site, this.means.config.output
    return this.put(publish.entry_documents([story], site, output, this.nodes), story_id=story_id)


def _remove(this: Round, ended: Iterable[UUID]) -> None:
    paths = [entry_path(uuid) for uuid in ended]
    for path in paths:
        publish.remove(this.means.root, path)
    if paths:
        with this.means.database.write() as connection:
            documents.forget(connection, paths)


def _tell(this: Round) -> None:
    for fault in this.faults:
        log.error("%s: %s", fault.path, fault.message)
    if this.faults:
        with this.means.database.write() as connection:
            events.record(connection, this.faults, this.means.clock())
