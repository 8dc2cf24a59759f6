"""Publishing: every document that is behind, checked, then put in its place if it differs.

    a feed      archives, numbered pages, then the feed in its formats with its newest page
    the site    what there is once: articles' own pages, the list of feeds, the home page, the health feed

A feed settles by itself and leaves the site behind; so processes may publish different feeds at once, and
nothing is forgotten wherever one ends. A round is both, for all that is behind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from aggregator import health, publish
from aggregator.config.schema import Output
from aggregator.means import Means
from aggregator.model import Feed, Moved, Story
from aggregator.publish.addresses import archive_path, entry_path, page_path
from aggregator.publish.pages import Nodes
from aggregator.restoring import restore as restore_files
from aggregator.rounds import Made, Round
from aggregator.store import archives, categories, documents, feeds, moves, paging, settings
from aggregator.store.categories import Tree
from aggregator.store.failures import again
from aggregator.store.feeds import Choice, Part
from aggregator.store.shown import Stories

#: Newest entries on the home page.
HOME_ENTRIES = 30

#: Feeds, or parts of them, that are read together, and written down in one transaction: a few megabytes.
BATCH = 10
#: Entry pages.
PAGES = 200

#: A feed, and the counter that its publication settles.
Behind = tuple[int, int]

Item = TypeVar("Item")


def publish_round(means: Means, *, everything: bool = False, restore: bool = True) -> list[str]:
    """Write what differs; names what was written.

    With `restore` every file is looked at, and what somebody deleted or altered is written again. Without it,
    in a service that has done so at its start, the cost follows what changed. With `everything` all is
    rendered, and compared to the byte; archives stay as they were sealed.

    Raises StoreError where the output folder or the database fails; nothing is half replaced then.
    """
    if restore:
        restore_files(means)
    with means.database.write(beside=True) as connection:
        if everything:
            documents.outdate_all(connection)
        categories.ensure(connection, (), means.naming, means.clock())
    this = Round(means, trusting=not everything)
    with means.database.read() as connection:
        behind = categories.dirty(connection)
    _entry_pages(this)
    _feeds(this, behind)
    _site(this)
    this.finish()
    return _health(this)


def publish_feed(means: Means, category_id: int) -> list[str]:
    """Write what differs of one feed; names what was written. Nothing is done for one that is not behind.

    Others may publish other feeds meanwhile; one feed is published by one at a time, which is the caller's to
    see to. The site is behind afterwards. Raises StoreError as a round does.
    """
    with means.database.read() as connection:
        behind = categories.dirty(connection, category_id)
    this = Round(means)
    _feeds(this, behind)
    return this.finish()


def publish_site(means: Means) -> list[str]:
    """Write what differs of all that is there once; names what was written. By one at a time."""
    with means.database.write(beside=True) as connection:
        categories.ensure(connection, (), means.naming, means.clock())
    this = Round(means)
    _entry_pages(this)
    _site(this)
    this.finish()
    return _health(this)


def _feeds(this: Round, behind: Sequence[Behind]) -> None:
    """Write what is behind of these feeds, until the process is to stop."""
    for step in _steps(this, behind):
        if this.means.stopping.is_set():
            return
        step()


def _steps(this: Round, behind: Sequence[Behind]) -> Iterator[Callable[[], None]]:
    """Archives, pages, feeds: what stays comes before what leads to it, and is there when the feed settles."""
    ids = [category_id for category_id, _ in behind]
    for some in _batches(ids):
        yield partial(_arrive, this, some)
    for parts in _batches(_unwritten(this, archives.unwritten, ids)):
        yield partial(_archives, this, parts)
    # A page that emptied has its neighbours written once more.
    while this.means.config.output.pages and (numbered := _unwritten(this, paging.unwritten, ids)):
        for parts in _batches(numbered):
            yield partial(_numbered_pages, this, parts)
    for few in _batches(behind):
        yield partial(_newest, this, few)


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _unwritten(
    this: Round, asked: Callable[[Connection, Container[int]], list[Part]], feeds: Collection[int]
) -> list[Part]:
    with this.means.database.read() as connection:
        return asked(connection, frozenset(feeds)) if feeds else []


@again
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


def _archives(this: Round, parts: Sequence[Part]) -> None:
    """Write what was sealed, or taken out, since."""
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
    with means.database.write(beside=True) as connection:
        documents.record(connection, rows)
        archives.settle(connection, [part for part in parts if paths[part] not in faulty])


def _archive(this: Round, part: Part, feed: Feed, standing: bytes | None) -> Made:
    site, output = this.means.config.site, this.means.config.output
    path, data = publish.archive_document(feed, site, output, standing, this.kept)
    # What stands there may say another thing of an entry than other documents do.
    return Made(path, data, {"category_id": part[0], "archive": part[1]}, None if standing else this.kept)


def _numbered_pages(this: Round, parts: Sequence[Part]) -> None:
    means = this.means
    with means.database.read() as connection:
        pages = dict(zip(parts, feeds.numbered(connection, parts, means.shown, this.stories), strict=True))
        nodes = _named(this, connection, pages.values())
    rows = this.put(_numbered_page(this, part, feed, nodes) for part, feed in pages.items() if feed.stories)
    this.take_away([page_path(feed.slug, part[1]) for part, feed in pages.items() if not feed.stories])
    with means.database.write(beside=True) as connection:
        documents.record(connection, rows)
        paging.settle(connection, {part: not feed.stories for part, feed in pages.items()})


def _numbered_page(this: Round, part: Part, feed: Feed, nodes: Nodes) -> Made:
    site, output = this.means.config.site, this.means.config.output
    path, data = publish.page_document(feed, site, output, nodes, this.kept)
    return Made(path, data, {"category_id": part[0], "page": part[1]})


def _newest(this: Round, behind: Sequence[Behind]) -> None:
    """The feeds themselves, each with the page beside it; then they are settled."""
    means = this.means
    ids = [category_id for category_id, _ in behind]
    with means.database.read() as connection:
        chosen = choice(means.config.output)
        found = dict(zip(ids, feeds.feeds(connection, ids, chosen, means.shown, this.tree, this.stories), strict=True))
        nodes = _named(this, connection, found.values())
        gone = moves.gone(connection, ids)
    rows = this.put(one for category_id in ids for one in _feed(this, found[category_id], gone, nodes, category_id))
    with means.database.write(beside=True) as connection:
        documents.record(connection, rows)
        categories.settle(connection, behind)
        documents.outdate_site(connection)


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


def _site(this: Round) -> None:
    """What there is once. The home page shows every feed's count and so changes with any; the rest with their names."""
    means = this.means
    site, output = means.config.site, means.config.output
    with means.database.read() as connection:
        mark, names = documents.site_behind(connection), documents.names_behind(connection)
        fresh = not documents.digests(connection, [publish.OPML])
        if not (mark or fresh):
            return
        wanted = output.pages or names or fresh
        home = home_page(connection, means, this.tree, this.stories) if wanted else None
    shown = list(publish.site_documents(home, site, output)) if home and (names or fresh) else []
    shown += publish.home_documents(home, site, output) if home else []
    rows = this.put(Made(*one) for one in shown)
    with means.database.write(beside=True) as connection:
        documents.record(connection, rows)
        documents.settle_site(connection, (mark, names))


def home_page(connection: Connection, means: Means, tree: Tree, stories: Stories) -> publish.Home:
    """What the home page shows."""
    root = categories.root(connection)
    newest = feeds.feed(connection, root, Choice(HOME_ENTRIES), means.shown, tree, stories)
    return publish.Home(newest, categories.tree(connection, means.naming).children, len(means.sources))


def _entry_pages(this: Round) -> None:
    """Pages of articles that have no address but ours; those of stories that ended are taken away."""
    means = this.means
    while True:
        with means.database.read() as connection:
            counters = documents.dirty_stories(connection, PAGES)
            if not counters:
                return
            shown, ended = feeds.pages(connection, [story_id for story_id, _ in counters], means.shown)
            nodes = this.tree.of(connection, {path for story in shown.values() for path in story.paths})
        rows = this.put(_pages(this, shown, nodes))
        this.take_away([entry_path(uuid) for uuid in ended])
        with means.database.write(beside=True) as connection:
            documents.record(connection, rows)
            documents.settle_stories(connection, counters)


def _pages(this: Round, stories: Mapping[int, Story], nodes: Nodes) -> Iterator[Made]:
    for story_id, story in stories.items():
        for path, data in publish.entry_documents([story], this.means.config.site, this.means.config.output, nodes):
            yield Made(path, data, {"story_id": story_id})


def _health(this: Round) -> list[str]:
    """Write the health feed where something in it is not as it was; names all that the round wrote."""
    means = this.means
    with means.database.read() as connection:
        mark = health.mark(connection)
        known = publish.HEALTH in documents.digests(connection, [publish.HEALTH])
        if this.trusting and known and settings.get(connection, "health") == mark:
            return this.written
        shown = health.document(connection, means)
    rows = this.put([Made(*shown)])
    with means.database.write(beside=True) as connection:
        documents.record(connection, rows)
        settings.put(connection, "health", mark)
    this.tell()
    return this.written
