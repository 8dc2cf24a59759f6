"""Publishing: every document that is behind, checked, then put in its place if it differs.

    a feed      archives, numbered pages, then the feed in its formats with its newest page
    the site    what there is once: articles' own pages, the list of feeds, the home page, the health feed

A feed settles by itself and leaves the site behind; so processes may publish different feeds at once, and
nothing is forgotten wherever one ends. A round is both, for all that is behind; the steps of a large one are taken
by workers (`beside`), and written down here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import TypeVar

from sqlalchemy import Connection

from aggregator import beside, health, publish, steps
from aggregator.means import Means
from aggregator.restoring import restore as restore_files
from aggregator.rounds import Made, Round
from aggregator.steps import Done, Item, Step, Stint
from aggregator.store import archives, categories, documents, feeds, paging, settings
from aggregator.store.categories import Tree
from aggregator.store.failures import again
from aggregator.store.feeds import Choice
from aggregator.store.shown import Stories
from aggregator.workers import Workers

#: Newest entries on the home page.
HOME_ENTRIES = 30

#: Feeds, or parts of them, that are read together, and written down in one transaction: a few megabytes.
BATCH = 10
#: Entry pages; and those of which it is known at a time that they are behind.
PAGES, MOST_PAGES = 200, 20_000

#: So many stints are done in this process though there are workers, and so many of a round before any are started:
#: that takes each a second of a processor, as long as six stints.
FEW, FEW_TO_START = 4, 20

T = TypeVar("T")


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
    workers = means.workers if beside.helps(means) else None
    _entry_pages(this, workers, coming=len(behind) // BATCH)
    _feeds(this, behind, workers)
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


def _feeds(this: Round, behind: Sequence[Item], workers: Workers | None = None) -> None:
    """Write what is behind of these feeds, until the process is to stop.

    Archives, pages, feeds: what stays comes before what leads to it, and is there when the feed settles.
    """
    means, ids = this.means, [category_id for category_id, _ in behind]
    for some in _batches(ids):
        if means.stopping.is_set():
            return
        _arrive(means, some)
    stints = _lasting(this, ids)
    while stints and not means.stopping.is_set():
        _take(this, stints, workers, coming=len(behind) // BATCH)
        # A page that emptied has its neighbours written once more. What failed its check is not tried again now.
        stints = _stints(steps.numbered_pages, _pages_behind(this, ids))
    _take(this, _stints(steps.newest, behind), workers)


def _batches(items: Sequence[T], size: int = BATCH) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _stints(step: Step, items: Sequence[Item], size: int = BATCH) -> list[Stint]:
    return [[(step, some)] for some in _batches(items, size)]


@again
def _arrive(means: Means, ids: Sequence[int]) -> None:
    """Give what is new in these feeds its places in them."""
    output = means.config.output
    with means.database.write() as connection:
        for category_id in ids:
            archives.arrive(connection, category_id)
            if output.archive and "atom" in output.formats:
                archives.seal(connection, category_id, output.entries)
            if output.pages:
                paging.arrive(connection, category_id)


def _lasting(this: Round, ids: Collection[int]) -> list[Stint]:
    """Archives and numbered pages that are behind. Both come by the age of their stories, and so those of one time
    together: each story is read, and made into what they show, once for both."""
    if not ids:
        return []
    with this.means.database.read() as connection:
        sealed = _stints(steps.archives, archives.unwritten(connection, frozenset(ids)))
    paged = _stints(steps.numbered_pages, _pages_behind(this, ids))
    most = max(len(sealed), len(paged))
    shares = ((_share(sealed, at, most), _share(paged, at, most)) for at in range(most))
    return [[*chain(*some), *chain(*others)] for some, others in shares]


def _share(stints: Sequence[Stint], at: int, of: int) -> Sequence[Stint]:
    """What comes at this place where they are spread over so many."""
    return stints[at * len(stints) // of : (at + 1) * len(stints) // of]


def _pages_behind(this: Round, ids: Collection[int]) -> list[Item]:
    if not (ids and this.means.config.output.pages):
        return []
    with this.means.database.read() as connection:
        return paging.unwritten(connection, frozenset(ids))


def _entry_pages(this: Round, workers: Workers | None = None, *, coming: int = 0) -> None:
    while not this.means.stopping.is_set():
        with this.means.database.read() as connection:
            behind = documents.dirty_stories(connection, MOST_PAGES)
        if not behind:
            return
        _take(this, _stints(steps.entry_pages, behind, PAGES), workers, coming=coming)


def _take(this: Round, stints: Sequence[Stint], workers: Workers | None, *, coming: int = 0) -> None:
    """Take these steps and note what was done, until the process is to stop. Many are taken by workers.

    `coming`: so many stints of the round come after these.
    """
    if workers and len(stints) > FEW and (workers.pids or len(stints) + coming > FEW_TO_START):
        beside.take(this, stints, workers, partial(_note, this))
        return
    for stint in stints:
        if this.means.stopping.is_set():
            return
        _note(this, stint, steps.take(this, stint))


def _note(this: Round, stint: Stint, done: Sequence[Done]) -> None:
    """Write down what became of each step."""
    for (step, _), one in zip(stint, done, strict=True):
        _settle(this.means, step, one)


@again
def _settle(means: Means, step: Step, done: Done) -> None:
    with means.database.write(beside=True) as connection:
        documents.forget(connection, done.gone)
        documents.record(connection, done.rows)
        SETTLED[step](connection, done)


def _settle_feeds(connection: Connection, done: Done) -> None:
    categories.settle(connection, done.settled)
    documents.outdate_site(connection)


#: How it is noted that there is nothing left to do.
SETTLED: Mapping[Step, Callable[[Connection, Done], None]] = {
    steps.archives: lambda connection, done: archives.settle(connection, done.settled),
    steps.numbered_pages: lambda connection, done: paging.settle(
        connection, {part: part in done.empty for part in done.settled}
    ),
    steps.newest: _settle_feeds,
    steps.entry_pages: lambda connection, done: documents.settle_stories(connection, done.settled),
}


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
