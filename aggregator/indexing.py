"""Keeping the search index up with the stories, in small steps beside everything else.

A story is pending while its counter is ahead of the one that was indexed; both stand in the
database, so that a crash repeats one step at most. What is dear (unpacking, cutting into words) is
done between the transactions: the writer is held for the rows only.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from aggregator import saved
from aggregator.dedupe import words
from aggregator.means import Means
from aggregator.store import search, settings
from aggregator.store.failures import Portion, again
from aggregator.store.search import Document

#: Stories of one step: a transaction of some 15 ms, which a check hardly notices. Where nothing else goes
#: on more of them are cheaper: with each transaction the index gets one more part, which is merged later.
BATCH, BATCH_ALONE = 20, 200

#: In the table of settings: by which cutting into words the index was made.
_VERSION = "search"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: stories that were indexed, and that came into saved searches or left them."""

    stories: int = 0
    moved: int = 0


def index(means: Means) -> int:
    """Index everything that is pending while nothing is checked; tells how many stories that were."""
    total, portion = 0, Portion(BATCH_ALONE)
    while not means.stopping.is_set():
        done = portion.take(partial(_step, means))
        if done == Step():
            break
        total += done.stories
    return total


@again
def step(means: Means, batch: int = BATCH) -> Step:
    """Index the next few stories; once none is pending, ask saved searches that are new. Empty at the end of all."""
    return _step(means, batch)


def _step(means: Means, batch: int) -> Step:
    with means.database.read() as connection:
        version = settings.get(connection, _VERSION)
        counters = search.pending(connection, batch)
        ids = [story_id for story_id, _ in counters]
        living = search.documents(connection, ids)
        ended = search.ended(connection, [story_id for story_id in ids if story_id not in living])
    if version != words.VERSION:
        _begin_anew(means, emptied=version is None)
        return _step(means, batch)
    if not counters:
        return Step(moved=saved.catch_up(means))
    # In the order of their dates: the index walks backwards by it.
    fresh = {story_id: tokens(living[story_id]) for story_id in ids if story_id in living}
    stale = {story_id: tokens(document) for story_id, document in ended.items()}
    wanted = saved.members(means, living)
    with means.database.write() as connection:
        search.write(connection, fresh)
        search.remove(connection, stale)
        moved = saved.place(connection, means, wanted)
        search.settle(connection, counters)
    return Step(len(counters), moved)


def _begin_anew(means: Means, *, emptied: bool) -> None:
    """Another way of cutting into words finds nothing in an index that was made by the old one."""
    with means.database.write() as connection:
        if not emptied:
            search.clear(connection)
        settings.put(connection, _VERSION, words.VERSION)


def erase(connection: Connection, story_ids: Collection[int]) -> None:
    """Take stories out of the index with all their words, before they are deleted for good."""
    found = search.documents(connection, story_ids)
    found |= search.ended(connection, [story_id for story_id in story_ids if story_id not in found])
    search.remove(connection, {story_id: tokens(document) for story_id, document in found.items()})
    search.forget(connection, story_ids)


def tokens(document: Document) -> set[str]:
    """What a story is found by."""
    feeds = {search.feed_token(category_id) for category_id in document.feeds}
    dated = search.date_tokens(document.published)
    return words.tokens(document.whole) | words.title_tokens(document.title) | feeds | dated
