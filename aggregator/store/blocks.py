"""Blocks that recur: who has them, how many, and where they are left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update

from aggregator.model import Entry
from aggregator.store.among import among
from aggregator.store.portions import portions
from aggregator.store.tables import (
    CLEANED,
    COUNTED,
    LEARNED,
    NOT_HELD,
    UNCOUNTED,
    UNLEARNED,
    block,
    block_entry,
    entry,
    source,
)
from aggregator.store.types import Record
from aggregator.store.upsert import append, many, upsert

#: Articles that have a block before it is remembered with a name.
NOTED = 2

#: One article sent out twice counts once.
_DIFFERENT = func.count(func.coalesce(entry.c.text_digest, entry.c.fingerprint).distinct())


_OF = entry.c.id == bindparam("of")
_COUNT = update(entry).where(_OF).values(blocks=bindparam("found"), learning=COUNTED)
_RECOUNT = update(block).where(block.c.key == bindparam("of")).values(count=bindparam("now"))
_SHOW = update(entry).where(_OF).values(shown=bindparam("words"), learning=LEARNED)


@dataclass(frozen=True, slots=True, order=True)
class Publisher:
    source_id: int
    source: str
    name: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry that learning has not done with, without its words: most are not needed."""

    id: int
    publisher: Publisher
    #: Rules leave it out.
    dropped: bool
    keys: tuple[int, ...]


def waiting(connection: Connection, stage: int, limit: int) -> list[Waiting]:
    """The first entries that learning is so far with: FOUND or UNCOUNTED ones are to be counted, of COUNTED ones
    what is learned is left out."""
    query = (
        select(entry.c.id, entry.c.publisher, entry.c.dropped, entry.c.blocks)
        .add_columns(source.c.id.label("source_id"), source.c.name.label("source_name"))
        .join(source, source.c.id == entry.c.source_id)
        .where(UNLEARNED, entry.c.learning == stage)
        .order_by(entry.c.id)
        .limit(limit)
    )
    return [_waiting(row) for row in connection.execute(query)]


def _waiting(row: Record) -> Waiting:
    publisher = Publisher(row.source_id, row.source_name, row.publisher)
    return Waiting(row.id, publisher, row.dropped is not None, row.blocks)


def cleaned(connection: Connection, ids: Collection[int]) -> dict[int, Entry]:
    """The words of these entries."""
    found: dict[int, Entry] = {}
    for some in portions(ids):
        rows = connection.execute(select(entry.c.id, CLEANED).where(among(connection, entry.c.id, some)))
        found.update((row.id, row.cleaned) for row in rows)
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """The blocks of an entry: keys, and what a person can tell each by; None where that is still to be looked up."""

    of: Waiting
    blocks: Mapping[int, str | None]


#: What a person can tell blocks by, each from the entry that has it.
Sample = Callable[[Mapping[int, Waiting]], Mapping[int, str]]


def undone(connection: Connection) -> set[Publisher]:
    """The publishers of everything that learning has not done with."""
    # Stages by name, and of entries alone: with statistics of a large installation SQLite would else go through all
    # entries, source by source.
    waiting = (
        select(entry.c.source_id, entry.c.publisher)
        .distinct()
        .where(UNLEARNED, entry.c.learning.in_((UNCOUNTED, COUNTED)))
        .subquery()
    )
    query = select(source.c.id, source.c.name, waiting.c.publisher).join(waiting, waiting.c.source_id == source.c.id)
    return {Publisher(*row) for row in connection.execute(query)}


def count(connection: Connection, batch: Sequence[Found], sample: Sample = lambda _: {}) -> set[Publisher]:
    """Note who has which blocks now, and count them; tells whom this concerns: publishers of now and of before.

    `sample` is asked for what is noted for the first time.
    """
    gone = [(key, found.of.id) for found in batch for key in set(found.of.keys) - found.blocks.keys()]
    come = [(key, found.of.id) for found in batch for key in found.blocks.keys() - set(found.of.keys)]
    if gone:
        held = (block_entry.c.key == bindparam("old_key"), block_entry.c.entry_id == bindparam("old_id"))
        connection.execute(delete(block_entry).where(*held), [{"old_key": key, "old_id": i} for key, i in gone])
    append(connection, block_entry, come)
    many(connection, _COUNT, [{"of": found.of.id, "found": tuple(sorted(found.blocks))} for found in batch])
    former = _owners(connection, {key for key, _ in gone})
    _recount(connection, batch, {key for key, _ in gone}, sample)
    return former | {found.of.publisher for found in batch}


def forget(connection: Connection, ids: Collection[int]) -> None:
    """Before these entries are deleted: nobody has their blocks. What is learned is judged with the next that come."""
    query = (
        select(entry.c.id, entry.c.publisher, entry.c.dropped, entry.c.blocks)
        .add_columns(source.c.id.label("source_id"), source.c.name.label("source_name"))
        .join(source, source.c.id == entry.c.source_id)
        .where(among(connection, entry.c.id, ids))
    )
    count(connection, [Found(_waiting(row), {}) for row in connection.execute(query)])


def _recount(connection: Connection, batch: Sequence[Found], gone: Collection[int], sample: Sample) -> None:
    """Whether an entry's text changed or only its blocks: all of them are counted anew."""
    holders = {key: found for found in batch for key in found.blocks}
    keys = {*holders, *gone}
    counts = _counts(connection, _shared(connection, keys))
    noted = _noted(connection, keys)
    few = [key for key in noted if key in gone or counts.get(key, 0) < NOTED]
    counts |= _counts(connection, few)
    _note(
        connection, {key: found for key, found in holders.items() if counts.get(key, 0) >= NOTED}, counts, noted, sample
    )
    fewer = [{"of": key, "now": counts.get(key, 0)} for key in few]
    many(connection, _RECOUNT, fewer)
    _forget(connection, few)


def _note(
    connection: Connection, holders: Mapping[int, Found], counts: Mapping[int, int], noted: Set[int], sample: Sample
) -> None:
    """Remember these blocks, and how many have them."""
    told = {key: found.blocks[key] for key, found in holders.items()}
    told |= sample({key: holders[key].of for key, words in told.items() if words is None and key not in noted})
    upsert(
        connection,
        block,
        [
            {
                "key": key,
                "source_id": holders[key].of.publisher.source_id,
                "publisher": holders[key].of.publisher.name,
                "sample": words,
                "count": counts[key],
            }
            for key, words in told.items()
            if words is not None
        ],
    )
    many(connection, _RECOUNT, [{"of": key, "now": counts[key]} for key, words in told.items() if words is None])


def _shared(connection: Connection, keys: Collection[int]) -> list[int]:
    """Those of the blocks that several entries have: most are one's alone, of which there is nothing to count."""
    query = select(block_entry.c.key).group_by(block_entry.c.key).having(func.count() > 1)
    return [
        key
        for some in portions(sorted(keys))
        for key in connection.scalars(query.where(among(connection, block_entry.c.key, some)))
    ]


def _noted(connection: Connection, keys: Collection[int]) -> set[int]:
    """Those of the blocks that are remembered."""
    query = select(block.c.key)
    return {
        key
        for some in portions(sorted(keys))
        for key in connection.scalars(query.where(among(connection, block.c.key, some)))
    }


def _forget(connection: Connection, keys: Collection[int]) -> None:
    """Those of these blocks that few have and that are left out nowhere are nothing to remember."""
    for some in portions(sorted(keys)):
        connection.execute(
            delete(block).where(among(connection, block.c.key, some), block.c.count < NOTED, block.c.reach == 0)
        )


def _counts(connection: Connection, keys: Collection[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in portions(keys):
        query = (
            select(block_entry.c.key, _DIFFERENT.label("articles"))
            .join(entry, entry.c.id == block_entry.c.entry_id)
            .where(among(connection, block_entry.c.key, some))
            .group_by(block_entry.c.key)
        )
        found.update((row.key, row.articles) for row in connection.execute(query))
    return found


def _owners(connection: Connection, keys: Collection[int]) -> set[Publisher]:
    found = set()
    for some in portions(sorted(keys)):
        found |= _publishers(connection, among(connection, block.c.key, some))
    return found


def publishers(connection: Connection) -> set[Publisher]:
    """Everyone of whom a block is noted."""
    return _publishers(connection)


def publishers_of(connection: Connection, name: str) -> set[Publisher]:
    """Those of them that are in the source of that name."""
    return _publishers(connection, source.c.name == name)


def _publishers(connection: Connection, *which: ColumnElement[bool]) -> set[Publisher]:
    query = (
        select(block.c.source_id, source.c.name, block.c.publisher)
        .distinct()
        .join(source, source.c.id == block.c.source_id)
        .where(*which)
    )
    return {Publisher(*row) for row in connection.execute(query)}


def total(connection: Connection, publisher: Publisher) -> int:
    """How many different articles the publisher has."""
    query = select(_DIFFERENT).where(
        entry.c.source_id == publisher.source_id,
        entry.c.publisher == publisher.name,
        entry.c.dropped.is_(None),
        NOT_HELD,
    )
    return connection.scalar(query) or 0


@dataclass(frozen=True, slots=True)
class Noted:
    """A block that several articles of a publisher have."""

    key: int
    #: Different texts that have it.
    articles: int
    reach: int
    sample: str


def noted(connection: Connection, publisher: Publisher) -> list[Noted]:
    """Each of its blocks, the most frequent first."""
    query = (
        select(block.c.key, block.c.count, block.c.reach, block.c.sample)
        .where(block.c.source_id == publisher.source_id, block.c.publisher == publisher.name)
        .order_by(block.c.count.desc(), block.c.key)
    )
    return [Noted(*row) for row in connection.execute(query)]


def learned(connection: Connection, of: Collection[Publisher]) -> dict[Publisher, dict[int, int]]:
    """Of each of these publishers the reach of each block that is left out somewhere."""
    found: dict[Publisher, dict[int, int]] = {publisher: {} for publisher in of}
    # Source by source: for pairs of source and publisher SQLite goes through the whole table.
    for source_id in {publisher.source_id for publisher in of}:
        names = {publisher.name: publisher for publisher in of if publisher.source_id == source_id}
        for some in portions(names):
            query = select(block).where(
                block.c.source_id == source_id, among(connection, block.c.publisher, some), block.c.reach > 0
            )
            for row in connection.execute(query):
                found[names[row.publisher]][row.key] = row.reach
    return found


def learn(connection: Connection, reaches: Mapping[int, int]) -> None:
    """Write where blocks are left out from now on; every entry that has one is cleaned of it, or gets it back."""
    if not reaches:
        return
    statement = update(block).where(block.c.key == bindparam("of")).values(reach=bindparam("at"))
    connection.execute(statement, [{"of": key, "at": where} for key, where in reaches.items()])
    for some in portions(reaches):
        holders = select(block_entry.c.entry_id).where(among(connection, block_entry.c.key, some))
        again = update(entry).where(entry.c.id.in_(holders), entry.c.learning == LEARNED)
        connection.execute(again.values(learning=COUNTED))
        _forget(connection, some)


def show(connection: Connection, shown: Mapping[int, Entry | None]) -> None:
    """Write what readers see of these entries, None for all of it, and have them grouped anew."""
    many(connection, _SHOW, [{"of": entry_id, "words": words} for entry_id, words in shown.items()])
    # Not those that are: each would be written once more, with all its words.
    kept = (among(connection, entry.c.id, shown), entry.c.dropped.is_(None), entry.c.grouped.is_(True))
    connection.execute(update(entry).where(*kept).values(grouped=False))
