"""One published document at a time, made from what is stored: for web processes that share no folder with the writer.

The same functions make it as in a round of publishing, so the bytes are the same; `document` says by their
digest whether they are. They are not for a moment, between a change and its publication, and for an
archive of which something was purged: that stays as it was sealed where it lies as a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from sqlalchemy import Connection

from aggregator import health, publish
from aggregator.means import Means
from aggregator.publish.addresses import HEALTH
from aggregator.publishing import home_page
from aggregator.steps import choice
from aggregator.store import documents, feeds, moves
from aggregator.store.categories import Tree
from aggregator.store.shown import Stories
from aggregator.store.types import Record

Documents = Iterator[tuple[str, bytes]]


def document(means: Means, path: str) -> bytes | None:
    """What is published at `path`, as it would be written now; None where nothing is."""
    with means.database.read() as connection:
        row = documents.at(connection, path)
        if row is None:
            return None
        made = KINDS[_kind(row)](connection, means, row)
        return next((data for where, data in made if where == path), None)


def _kind(row: Record) -> str:
    """What a document shows; that of an archive, or of a page, is a category as well."""
    if row.path == HEALTH:
        return "health"
    shown = ("archive", row.archive), ("page", row.page), ("story", row.story_id), ("feed", row.category_id)
    return next((kind for kind, of in shown if of is not None), "site")


def _feed(connection: Connection, means: Means, row: Record) -> Documents:
    site, output, tree = means.config.site, means.config.output, Tree(means.naming)
    if gone := moves.moved(connection, row.category_id):
        yield from publish.moved_documents(gone, site, output)
        return
    feed = feeds.feed(connection, row.category_id, choice(output), means.shown, tree, Stories())
    yield from publish.feed_documents(feed, site, output, tree.of(connection, publish.named(feed)))


def _page(connection: Connection, means: Means, row: Record) -> Documents:
    feed = feeds.page(connection, row.category_id, row.page, means.shown, Stories())
    nodes = Tree(means.naming).of(connection, publish.named(feed))
    yield publish.page_document(feed, means.config.site, means.config.output, nodes)


def _archive(connection: Connection, means: Means, row: Record) -> Documents:
    feed = feeds.archive(connection, row.category_id, row.archive, means.shown, Stories())
    yield publish.archive_document(feed, means.config.site, means.config.output)


def _story(connection: Connection, means: Means, row: Record) -> Documents:
    shown, _ = feeds.pages(connection, [row.story_id], means.shown)
    nodes = Tree(means.naming).of(connection, {path for story in shown.values() for path in story.paths})
    yield from publish.entry_documents(shown.values(), means.config.site, means.config.output, nodes)


def _site(connection: Connection, means: Means, _row: Record) -> Documents:
    home = home_page(connection, means, Tree(means.naming), Stories())
    yield from publish.home_documents(home, means.config.site, means.config.output)
    yield from publish.site_documents(home, means.config.site, means.config.output)


def _health(connection: Connection, means: Means, _row: Record) -> Documents:
    yield health.document(connection, means)


#: By what a document shows: makes it, and what is made with it.
KINDS: Mapping[str, Callable[[Connection, Means, Record], Documents]] = MappingProxyType(
    {"feed": _feed, "page": _page, "archive": _archive, "story": _story, "site": _site, "health": _health}
)
