"""Archives (RFC 5005): the order in which stories arrive in a feed, and which of them are sealed where.

What an archive holds is kept as ids, not as bytes: its file is the record of what it said, and is only
touched to take something out. A file that is lost is written anew from what its stories say today.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence

from sqlalchemy import Connection, and_, bindparam, delete, false, func, select, update

from aggregator.store.among import among
from aggregator.store.order import in_turn
from aggregator.store.placing import ONCE_MORE
from aggregator.store.tables import archive, archive_story, category, document, story, story_category, story_gone
from aggregator.store.upsert import insert_all, many

_UNSEALED = story_category.c.archive.is_(None)
#: What has a position and is not sealed. A range of positions, for which SQLite takes the index of just the
#: unsealed; for equal ones it reads the whole feed.
WAITING = (_UNSEALED, story_category.c.position > 0)


# Made once, as those of `feeds` are.
_ARRIVING = select(story_category.c.updated, story_category.c.story_id).where(
    story_category.c.category_id == bindparam("of"), _UNSEALED, story_category.c.position < 1
)
_IN_ORDER = (
    select(story_category.c.story_id)
    .where(story_category.c.category_id == bindparam("of"), *WAITING)
    .order_by(story_category.c.position)
)
_PLACE = update(story_category).where(
    story_category.c.category_id == bindparam("of"), story_category.c.story_id == bindparam("one")
)
_POSITION, _SEAL = _PLACE.values(position=bindparam("at")), _PLACE.values(archive=bindparam("nth"))
_LAST = select(func.max(archive.c.number)).where(archive.c.category_id == bindparam("of"))
_BEFORE = _LAST.where(archive.c.number < bindparam("nth"))


def arrive(connection: Connection, category_id: int) -> None:
    """Give a position to each story that the feed is about to be published with for the first time.

    Of those that arrive together, by their dates: an import fills archives in the order of its articles.
    """
    # Sorted here: asked for an order, SQLite reads the whole feed in that order instead of the few that wait.
    rows = connection.execute(_ARRIVING, {"of": category_id}).all()
    arrived = [story_id for _, story_id in sorted((row.updated, row.story_id) for row in rows)]
    if not arrived:
        return
    here = update(category).where(category.c.id == category_id)
    given = here.values(positions=category.c.positions + len(arrived)).returning(category.c.positions)
    first = connection.execute(given).scalar_one() - len(arrived) + 1
    places = [{"of": category_id, "one": story_id, "at": place} for place, story_id in enumerate(arrived, first)]
    many(connection, _POSITION, places)


def seal(connection: Connection, category_id: int, entries: int) -> None:
    """Seal the oldest `entries` positions as the next archive, for as long as more than twice as many are unsealed."""
    unsealed = list(connection.scalars(_IN_ORDER, {"of": category_id}))
    if len(unsealed) <= 2 * entries:
        return
    number = last(connection, category_id) or 0
    parts = []
    while len(unsealed) > 2 * entries:
        number += 1
        parts += [{"category_id": category_id, "number": number, "story_id": one} for one in unsealed[:entries]]
        del unsealed[:entries]
    _seal(connection, parts)
    # What ended meanwhile is told of in the newest archive, behind whatever had shown it.
    connection.execute(
        update(story_gone)
        .where(story_gone.c.category_id == category_id, story_gone.c.archive.is_(None))
        .values(archive=number)
    )


def _seal(connection: Connection, parts: Sequence[Mapping[str, int]]) -> None:
    numbers = dict.fromkeys((part["category_id"], part["number"]) for part in parts)
    insert_all(connection, archive, [{"category_id": category_id, "number": number} for category_id, number in numbers])
    insert_all(connection, archive_story, parts)
    rows = [{"of": part["category_id"], "one": part["story_id"], "nth": part["number"]} for part in parts]
    many(connection, _SEAL, rows)


def last(connection: Connection, category_id: int) -> int | None:
    """The number of the feed's newest archive; None without any."""
    number: int | None = connection.scalar(_LAST, {"of": category_id})
    return number


def unwritten(connection: Connection, categories: Container[int]) -> list[tuple[int, int]]:
    """The archives (category and number) of these feeds whose files are to be written: see `order.in_turn`."""
    query = (
        select(archive.c.category_id, archive.c.number, func.min(story.c.updated).label("oldest"))
        .outerjoin(
            archive_story,
            and_(archive_story.c.category_id == archive.c.category_id, archive_story.c.number == archive.c.number),
        )
        .outerjoin(story, story.c.id == archive_story.c.story_id)
        .where(archive.c.written == false())
        .group_by(archive.c.category_id, archive.c.number)
    )
    return in_turn(row for row in connection.execute(query) if row.category_id in categories)


def settle(connection: Connection, archives: Collection[tuple[int, int]]) -> None:
    """Record that the files of these archives (category and number) are what they should be."""
    _mark(connection, archives, written=True)


def outdate(connection: Connection, archives: Collection[tuple[int, int]]) -> None:
    """Have the files of these archives (category and number) written again, and their feeds looked at."""
    if archives:
        _mark(connection, archives, written=False)
        ids = {category_id for category_id, _ in archives}
        connection.execute(
            update(category).where(among(connection, category.c.id, ids)).values(published=category.c.changed - 1)
        )


def everywhere(connection: Connection) -> list[tuple[int, int]]:
    """Every archive there is."""
    return [(row.category_id, row.number) for row in connection.execute(select(archive))]


def take_out(connection: Connection, stories: Collection[int]) -> None:
    """Take stories out of the archives that hold them; one that stays in a feed arrives there once more."""
    held = among(connection, archive_story.c.story_id, stories)
    rows = connection.execute(select(archive_story.c.category_id, archive_story.c.number).where(held).distinct())
    found = [(row.category_id, row.number) for row in rows]
    connection.execute(delete(archive_story).where(held))
    sealed = update(story_category).where(among(connection, story_category.c.story_id, stories), ~_UNSEALED)
    connection.execute(sealed.values(archive=None, position=ONCE_MORE))
    outdate(connection, found)


def before(connection: Connection, category_id: int, number: int) -> int | None:
    """The number of the archive that comes before this one; None before the first."""
    found: int | None = connection.scalar(_BEFORE, {"of": category_id, "nth": number})
    return found


def holding(connection: Connection, stories: Collection[int]) -> list[tuple[int, int]]:
    """The archives (category and number) that hold any of these stories."""
    columns = (archive_story.c.category_id, archive_story.c.number)
    query = select(*columns).where(among(connection, archive_story.c.story_id, stories)).distinct()
    return sorted((row.category_id, row.number) for row in connection.execute(query))


def drop_empty(connection: Connection, archives: Collection[tuple[int, int]]) -> list[str]:
    """Of these archives, forget those whose every story was purged; returns the paths of their files.

    The next one is written again, to lead past it. The newest stays: its number must not be given a second time.
    """
    paths: list[str] = []
    for category_id, number in archives:
        rest = select(archive_story.c.story_id).filter_by(category_id=category_id, number=number).limit(1)
        if number == last(connection, category_id) or connection.scalar(rest) is not None:
            continue
        paths += connection.scalars(select(document.c.path).filter_by(category_id=category_id, archive=number))
        connection.execute(delete(archive).filter_by(category_id=category_id, number=number))
        connection.execute(delete(story_gone).filter_by(category_id=category_id, archive=number))
        newer = (archive.c.category_id == category_id, archive.c.number > number)
        outdate(connection, [(category_id, connection.scalar(select(func.min(archive.c.number)).where(*newer)) or 0)])
    return paths


def _mark(connection: Connection, archives: Collection[tuple[int, int]], *, written: bool) -> None:
    statement = update(archive).where(archive.c.category_id == bindparam("of"), archive.c.number == bindparam("nth"))
    rows = [{"of": category_id, "nth": number} for category_id, number in archives]
    connection.execute(statement.values(written=written), rows)
