"""Which feeds hold which stories: the one place that writes it, and keeps each feed's count with it.

A feed is a row of `category`, of whatever kind; whoever knows what belongs into one says so with
`place`, and everything else (what is behind, order of arrival, archives, counts) follows from here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, select, update

from aggregator.store import categories, documents, paging
from aggregator.store.among import among
from aggregator.store.categories import CATEGORY
from aggregator.store.portions import portions
from aggregator.store.tables import category, story_category
from aggregator.store.types import Record
from aggregator.store.upsert import insert_all

#: One story in one feed: ids of category and story.
Place = tuple[int, int]

#: The position of what readers have seen in the feed, and what is to arrive there again.
ONCE_MORE = -1


def place(
    connection: Connection, stamps: Mapping[int, datetime], wanted: Iterable[Place], kinds: Collection[str]
) -> None:
    """Have the stories of `stamps` (id and `updated`) in exactly these feeds, as far as feeds of these kinds go.

    In feeds of other kinds they stay where they are. Every feed that holds or held one of them is behind
    afterwards, for what it shows of them may have changed.
    """
    rows = {(row.category_id, row.story_id): row for row in _placed(connection, stamps)}
    wanted = {*wanted, *(key for key, row in rows.items() if row.kind not in kinds)}
    _remove(connection, rows.keys() - wanted)
    fresh = [
        {"category_id": category_id, "story_id": story_id, "updated": stamps[story_id]}
        for category_id, story_id in sorted(wanted - rows.keys())
    ]
    insert_all(connection, story_category, fresh)
    _restamp(connection, [key for key in rows if key in wanted and rows[key].updated != stamps[key[1]]], stamps)
    _count(connection, wanted - rows.keys(), rows.keys() - wanted)
    paging.touch(connection, ((row.category_id, row.place) for row in rows.values()))
    categories.touch(connection, {category_id for category_id, _ in wanted | rows.keys()})


def remove(connection: Connection, stories: Collection[int]) -> set[Place]:
    """Take stories out of every feed, before they end or are deleted; tells where readers have seen them."""
    rows = _placed(connection, stories)
    places = {(row.category_id, row.story_id) for row in rows}
    _remove(connection, places)
    paging.touch(connection, ((row.category_id, row.place) for row in rows))
    _count(connection, (), places)
    categories.touch(connection, {category_id for category_id, _ in places})
    return {(row.category_id, row.story_id) for row in rows if row.position}


def _placed(connection: Connection, stories: Collection[int]) -> list[Record]:
    columns = (
        story_category.c.category_id,
        story_category.c.story_id,
        story_category.c.updated,
        story_category.c.position,
        story_category.c.place,
    )
    query = (
        select(*columns, category.c.kind)
        .join(category, category.c.id == story_category.c.category_id)
        .where(among(connection, story_category.c.story_id, stories))
    )
    return list(connection.execute(query))


#: The row of one place.
_HERE = (story_category.c.category_id == bindparam("of"), story_category.c.story_id == bindparam("one"))


def _here(key: Place) -> dict[str, Any]:
    return {"of": key[0], "one": key[1]}


def _remove(connection: Connection, places: Collection[Place]) -> None:
    if places:
        connection.execute(delete(story_category).where(*_HERE), [_here(key) for key in sorted(places)])


def _restamp(connection: Connection, changed: Collection[Place], stamps: Mapping[int, datetime]) -> None:
    """An announced change of what is sealed in an archive, which stays as it is, arrives once more.

    Else whoever was away while the current feed showed it would keep the old text for good; of two
    entries of one id readers keep the one updated last (RFC 5005, section 4).
    """
    if not changed:
        return
    position = case((story_category.c.archive.is_(None), story_category.c.position), else_=ONCE_MORE)
    statement = update(story_category).where(*_HERE)
    statement = statement.values(updated=bindparam("stamp"), position=position, archive=None)
    connection.execute(statement, [{**_here(key), "stamp": stamps[key[1]]} for key in changed])


def _count(connection: Connection, more: Iterable[Place], fewer: Iterable[Place]) -> None:
    counts = Counter(category_id for category_id, _ in more)
    counts.subtract(Counter(category_id for category_id, _ in fewer))
    rows = [{"of": category_id, "by": count} for category_id, count in sorted(counts.items()) if count]
    if rows:
        statement = update(category).where(category.c.id == bindparam("of"))
        connection.execute(statement.values(stories=category.c.stories + bindparam("by")), rows)
        _list(connection, {row["of"]: row["by"] for row in rows})


def _list(connection: Connection, changes: Mapping[int, int]) -> None:
    """A category is named among the others while it has stories: the first one, and the end of the last, show there."""
    for portion in portions(changes):
        query = select(category.c.id, category.c.stories).where(
            among(connection, category.c.id, portion), category.c.kind == CATEGORY
        )
        if any(not row.stories or row.stories == changes[row.id] for row in connection.execute(query)):
            documents.outdate_site(connection, names=True)
            break
