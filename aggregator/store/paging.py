"""Numbered pages of feeds: every story has its place in the order of arrival, for good.

A page is there when it is full, and holds the same places ever after: an edit changes what stands on
it, a withdrawal leaves a gap, nothing moves. It is an edit, or a neighbour that came or emptied, that
has its file written again; so what publishing costs does not grow with the pages there are.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping

from sqlalchemy import Connection, and_, bindparam, false, func, insert, select, update

from aggregator.model import Paging
from aggregator.store.among import among
from aggregator.store.order import in_turn
from aggregator.store.tables import category, page, story_category
from aggregator.store.upsert import many

#: Places of one page.
SIZE = 50


# Made once, as those of `feeds` are.
_WAITING = select(story_category.c.updated, story_category.c.story_id).where(
    # A range, for which SQLite takes the index of places; for equal ones it reads the whole feed.
    story_category.c.category_id == bindparam("of"),
    story_category.c.place < 1,
)
_PLACE = (
    update(story_category)
    .where(story_category.c.category_id == bindparam("of"), story_category.c.story_id == bindparam("one"))
    .values(place=bindparam("at"))
)
_NUMBERS = select(
    select(category.c.places).where(category.c.id == bindparam("of")).scalar_subquery(),
    func.coalesce(select(func.max(page.c.number)).where(page.c.category_id == bindparam("of")).scalar_subquery(), 0),
)
_HELD = (page.c.category_id == bindparam("of"), page.c.empty == false())
_BEFORE = (*_HELD, page.c.number < bindparam("here"))
# Each by itself: asked for the least and the greatest at once, SQLite goes through all.
_AROUND = select(
    select(func.max(page.c.number)).where(*_BEFORE).scalar_subquery(),
    select(func.min(page.c.number)).where(*_HELD, page.c.number > bindparam("here")).scalar_subquery(),
    select(func.min(page.c.number)).where(*_BEFORE).scalar_subquery(),
)
_HERE = update(page).where(page.c.category_id == bindparam("of"), page.c.number == bindparam("nth"))
_PLACES = story_category.c.place.between(bindparam("first"), bindparam("last"))
_ON = select(story_category.c.story_id).where(story_category.c.category_id == bindparam("of"), _PLACES)
#: Greater than the number of any page, and than any place.
_NEWEST, _NO_PLACE = 2**31 - 1, 2**62


def arrive(connection: Connection, category_id: int) -> None:
    """Give each story its place that has none, and make the pages that are full now.

    Of those that arrive together, by their dates: an import fills pages in the order of its articles.
    """
    rows = connection.execute(_WAITING, {"of": category_id}).all()
    arrived = [story_id for _, story_id in sorted((row.updated, row.story_id) for row in rows)]
    if arrived:
        here = update(category).where(category.c.id == category_id)
        given = here.values(places=category.c.places + len(arrived)).returning(category.c.places)
        first = connection.execute(given).scalar_one() - len(arrived) + 1
        places = [{"of": category_id, "one": story_id, "at": place} for place, story_id in enumerate(arrived, first)]
        many(connection, _PLACE, places)
    _fill(connection, category_id)


def _fill(connection: Connection, category_id: int) -> None:
    """The page before the first new one is written once more, for now there is one to lead on to."""
    given, last = connection.execute(_NUMBERS, {"of": category_id}).one()
    full = given // SIZE
    if full > last:
        rows = [{"category_id": category_id, "number": number} for number in range(last + 1, full + 1)]
        connection.execute(insert(page), rows)
        _mark(connection, [(category_id, last)], written=False)


def touch(connection: Connection, places: Iterable[tuple[int, int]]) -> None:
    """What stands at these places (category and place) has changed, or is no more."""
    pages = {(category_id, (place - 1) // SIZE + 1) for category_id, place in places if place}
    _mark(connection, sorted(pages), written=False)


def outdate(connection: Connection, pages: Collection[tuple[int, int]]) -> None:
    """Have these pages (category and number) written again."""
    _mark(connection, pages, written=False)


def outdate_feed(connection: Connection, category_id: int) -> None:
    """Have every page of this feed written again: its name stands on each."""
    connection.execute(update(page).where(page.c.category_id == category_id).values(written=False))


def outdate_all(connection: Connection) -> None:
    """Have every page of every feed written again."""
    connection.execute(update(page).values(written=False))


def unwritten(connection: Connection, categories: Container[int]) -> list[tuple[int, int]]:
    """The pages (category and number) of these feeds whose files are to be written: see `order.in_turn`."""
    places = story_category.c.place.between((page.c.number - 1) * SIZE + 1, page.c.number * SIZE)
    query = (
        select(page.c.category_id, page.c.number, func.min(story_category.c.updated).label("oldest"))
        .outerjoin(story_category, and_(story_category.c.category_id == page.c.category_id, places))
        .where(page.c.written == false())
        .group_by(page.c.category_id, page.c.number)
    )
    return in_turn(row for row in connection.execute(query) if row.category_id in categories)


def on(connection: Connection, category_id: int, number: int) -> list[int]:
    """Stories on this page."""
    places = {"first": (number - 1) * SIZE + 1, "last": number * SIZE}
    return list(connection.scalars(_ON, {"of": category_id} | places))


def on_none(connection: Connection, category_id: int, places: int) -> list[int]:
    """Stories that are waiting for a page to be full, of a feed that has given so many places."""
    return list(connection.scalars(_ON, {"of": category_id, "first": places // SIZE * SIZE + 1, "last": _NO_PLACE}))


def around(connection: Connection, category_id: int, number: int | None) -> Paging:
    """What leads away from this page, or from the newest (None), which has no number."""
    here = _NEWEST if number is None else number
    return Paging(number, *connection.execute(_AROUND, {"of": category_id, "here": here}).one())


def settle(connection: Connection, pages: Mapping[tuple[int, int], bool]) -> None:
    """Record that the files of these pages (category and number) are what they should be, and whether each is empty.

    An empty one has none, and its neighbours lead past it.
    """
    if not pages:
        return
    ids, numbers = zip(*pages, strict=True)
    query = select(page.c.category_id, page.c.number, page.c.empty)
    query = query.where(among(connection, page.c.category_id, ids), among(connection, page.c.number, numbers))
    before = {(row.category_id, row.number): row.empty for row in connection.execute(query)}
    rows = [{"of": part[0], "nth": part[1], "is": empty} for part, empty in pages.items()]
    connection.execute(_HERE.values(written=True, empty=bindparam("is")), rows)
    for part, empty in pages.items():
        if before.get(part, empty) != empty:
            near = around(connection, *part)
            _mark(connection, [(part[0], one) for one in (near.older, near.newer) if one], written=False)


def _mark(connection: Connection, pages: Collection[tuple[int, int]], *, written: bool) -> None:
    rows = [{"of": category_id, "nth": number} for category_id, number in pages]
    if rows:
        connection.execute(_HERE.values(written=written), rows)
