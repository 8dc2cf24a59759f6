"""Saved searches (`categories[].query`): feeds of what matches some words, kept as stories come and change.

A story is compared when it is indexed; a query that is new, or was edited, is asked of everything
that is stored. The feed of a query that left the configuration stays as it is, like the entries of a source.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from aggregator import searching
from aggregator.dedupe import words
from aggregator.dedupe.words import Query
from aggregator.means import Means
from aggregator.store import categories, placing, search, settings
from aggregator.store.categories import QUERY
from aggregator.store.search import Document

#: In the table of settings: the queries that were asked of everything, by name.
_ASKED = "queries"

#: Stories that one transaction places.
BATCH = 200


def members(means: Means, documents: Mapping[int, Document]) -> dict[int, set[str]]:
    """Which saved searches each of these stories is in."""
    queries = _queries(means)
    texts = {story_id: words.flat(document.whole) for story_id, document in documents.items()} if queries else {}
    return {
        story_id: {name for name, query in queries.items() if words.matches(query, text)}
        for story_id, text in texts.items()
    }


def place(connection: Connection, means: Means, wanted: Mapping[int, Collection[str]]) -> int:
    """Have these stories in exactly these saved searches; tells how many were not before."""
    if not wanted:
        return 0
    feeds = categories.ensure_named(connection, QUERY, set(_queries(means)), means.naming, means.clock())
    held = search.held(connection, QUERY, wanted)
    ours = set(feeds.values())
    places = {(feeds[name], story_id) for story_id, names in wanted.items() for name in names}
    changed = {story_id for category_id, story_id in places ^ held if category_id in ours}
    stamps = search.stamps(connection, changed)
    # What a query that is gone has found stays with it.
    places |= {(category_id, story_id) for category_id, story_id in held if category_id not in ours}
    placing.place(connection, stamps, {one for one in places if one[1] in stamps}, (QUERY,))
    return len(stamps)


def catch_up(means: Means) -> int:
    """Ask every query that is new or was edited of everything that is indexed; tells how many stories moved.

    One that left the configuration is forgotten: when it comes back it is new.
    """
    queries = _queries(means)
    wanted = {name: f"{words.VERSION} {query}" for name, query in queries.items()}
    with means.database.read() as connection:
        known = _remembered(connection)
    current = {name: mark for name, mark in known.items() if wanted.get(name) == mark}
    moved = 0
    for name in sorted(wanted.keys() - current.keys()):
        with means.database.read() as connection:
            found = searching.everything(connection, queries[name])
        moved += _fill(means, name, found)
    if known != wanted:
        with means.database.write() as connection:
            settings.put(connection, _ASKED, json.dumps(wanted, ensure_ascii=False))
    return moved


def _remembered(connection: Connection) -> dict[str, str]:
    return dict(json.loads(settings.get(connection, _ASKED) or "{}"))


def _fill(means: Means, name: str, found: set[int]) -> int:
    """Put what was found into the feed and what was not out of it, a few at a time."""
    with means.database.write() as connection:
        (feed,) = categories.ensure_named(connection, QUERY, {name}, means.naming, means.clock()).values()
        ordered = sorted(found ^ search.within(connection, feed))
    moved = 0
    for first in range(0, len(ordered), BATCH):
        with means.database.write() as connection:
            moved += _move(connection, feed, ordered[first : first + BATCH], found)
    return moved


def _move(connection: Connection, feed: int, ids: Collection[int], found: Collection[int]) -> int:
    stamps = search.stamps(connection, ids)
    kept = {(category_id, one) for category_id, one in search.held(connection, QUERY, stamps) if category_id != feed}
    placing.place(connection, stamps, kept | {(feed, one) for one in stamps if one in found}, (QUERY,))
    return len(stamps)


def _queries(means: Means) -> dict[str, Query]:
    """By name; those that hold no word find nothing and have no feed."""
    given = {category.path: words.parse(category.query) for category in means.config.categories if category.query}
    return {name: query for name, query in given.items() if query.groups}
