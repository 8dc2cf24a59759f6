"""The steps of publishing: each reads, makes documents, has them checked, and puts them in their places.

None writes to the database, so that any process may take them: what is to be noted there is `Done`, for the one
writer. A step may be taken once more, after a process that died at it: files that are right stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from aggregator import publish
from aggregator.config.schema import Output
from aggregator.model import Feed, Moved, Story
from aggregator.publish.addresses import archive_path, entry_path, page_path
from aggregator.publish.pages import Nodes
from aggregator.rounds import Made, Round
from aggregator.store import feeds, moves
from aggregator.store.feeds import Choice

#: A part of a feed by its number; or a feed or a story, with the counter that its publication settles.
Item = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Done:
    """What one step did."""

    #: Of documents that were not there.
    rows: list[dict[str, Any]]
    #: What need not be done again.
    settled: Sequence[Item]
    #: Paths of documents that are no more.
    gone: Sequence[str] = ()
    #: Of what is settled that of which nothing is left.
    empty: frozenset[Item] = frozenset()


Step = Callable[[Round, Sequence[Item]], Done]
#: Steps that show much the same, to be taken one after the other by one process.
Stint = Sequence[tuple[Step, Sequence[Item]]]


def take(this: Round, stint: Stint) -> list[Done]:
    """Take these steps; raises StoreError where the output folder or the database fails."""
    return [step(this, items) for step, items in stint]


def archives(this: Round, parts: Sequence[Item]) -> Done:
    """What was sealed, or taken out, since."""
    means = this.means
    with means.database.read() as connection:
        sealed = feeds.sealed(connection, parts, means.shown, this.stories)
    paths = {part: archive_path(feed.slug, part[1]) for part, feed in zip(parts, sealed, strict=True)}
    standing = this.standing(list(paths.values()))
    rows = this.put(
        _archive(this, part, feed, standing.get(paths[part])) for part, feed in zip(parts, sealed, strict=True)
    )
    # What failed its check is tried again when the feed next changes.
    faulty = {fault.path for fault in this.faults}
    return Done(rows, [part for part in parts if paths[part] not in faulty])


def _archive(this: Round, part: Item, feed: Feed, standing: bytes | None) -> Made:
    site, output = this.means.config.site, this.means.config.output
    path, data = publish.archive_document(feed, site, output, standing, this.kept)
    # What stands there may say another thing of an entry than other documents do.
    return Made(path, data, {"category_id": part[0], "archive": part[1]}, None if standing else this.kept)


def numbered_pages(this: Round, parts: Sequence[Item]) -> Done:
    """Pages on which something changed; those that emptied are taken away."""
    means = this.means
    with means.database.read() as connection:
        pages = dict(zip(parts, feeds.numbered(connection, parts, means.shown, this.stories), strict=True))
        nodes = _named(this, connection, pages.values())
    rows = this.put(_numbered_page(this, part, feed, nodes) for part, feed in pages.items() if feed.stories)
    empty = {part: page_path(feed.slug, part[1]) for part, feed in pages.items() if not feed.stories}
    gone = this.take_away(list(empty.values()))
    return Done(rows, parts, gone, frozenset(empty))


def _numbered_page(this: Round, part: Item, feed: Feed, nodes: Nodes) -> Made:
    site, output = this.means.config.site, this.means.config.output
    path, data = publish.page_document(feed, site, output, nodes, this.kept)
    return Made(path, data, {"category_id": part[0], "page": part[1]})


def newest(this: Round, behind: Sequence[Item]) -> Done:
    """The feeds themselves, each with the page beside it."""
    means = this.means
    ids = [category_id for category_id, _ in behind]
    with means.database.read() as connection:
        chosen = choice(means.config.output)
        found = dict(zip(ids, feeds.feeds(connection, ids, chosen, means.shown, this.tree, this.stories), strict=True))
        nodes = _named(this, connection, found.values())
        gone = moves.gone(connection, ids)
    rows = this.put(one for category_id in ids for one in _feed(this, found[category_id], gone, nodes, category_id))
    return Done(rows, behind)


def _feed(this: Round, feed: Feed, gone: Mapping[int, Moved], nodes: Nodes, category_id: int) -> Iterator[Made]:
    site, output = this.means.config.site, this.means.config.output
    of = {"category_id": category_id}
    if category_id in gone:
        return (Made(path, data, of) for path, data in publish.moved_documents(gone[category_id], site, output))
    shown = publish.feed_documents(feed, site, output, nodes, this.kept)
    return (Made(path, data, of, this.kept) for path, data in shown)


def _named(this: Round, connection: Connection, shown: Iterable[Feed]) -> Nodes:
    """The categories that the pages beside these feeds name."""
    paths = (path for feed in shown for path in publish.named(feed))
    return this.tree.of(connection, paths) if this.means.config.output.pages else {}


def choice(output: Output) -> Choice:
    """Which of its stories a feed shows."""
    archiving = output.archive and "atom" in output.formats
    return Choice(output.entries, unsealed=archiving, per_publisher=output.per_source, paged=output.pages)


def entry_pages(this: Round, behind: Sequence[Item]) -> Done:
    """Pages of articles that have no address but ours; those of stories that ended are taken away."""
    means = this.means
    with means.database.read() as connection:
        shown, ended = feeds.pages(connection, [story_id for story_id, _ in behind], means.shown)
        nodes = this.tree.of(connection, {path for story in shown.values() for path in story.paths})
    rows = this.put(_pages(this, shown, nodes))
    return Done(rows, behind, this.take_away([entry_path(uuid) for uuid in ended]))


def _pages(this: Round, stories: Mapping[int, Story], nodes: Nodes) -> Iterator[Made]:
    for story_id, story in stories.items():
        for path, data in publish.entry_documents([story], this.means.config.site, this.means.config.output, nodes):
            yield Made(path, data, {"story_id": story_id})
