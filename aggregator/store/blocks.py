"""Blocks that recur: who has them, how many, and where they are left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, select, update

from aggregator.model import Entry
from aggregator.store.portions import portions
from aggregator.store.tables import (
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
from aggregator.store.upsert import append, upsert

#: Articles that have a block before it is remembered with a name.
NOTED = 2

#: One article sent out twice counts once.
_DIFFERENT = func.count(func.coalesce(entry.c.text_digest, entry.c.fingerprint).distinct())


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


def waiting(connection: Connection, *, counted: bool, limit: int) -> list[Waiting]:
    """The first entries whose blocks are to be counted; or those that were, to leave out what is learned."""
    query = (
        select(entry.c.id, entry.c.publisher, entry.c.dropped, entry.c.blocks)
        .add_columns(source.c.id.label("source_id"), source.c.name.label("source_name"))
        .join(source, source.c.id == entry.c.source_id)
        .where(UNLEARNED, entry.c.learning == (COUNTED if counted else UNCOUNTED))
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
        rows = connection.execute(select(entry.c.id, entry.c.cleaned).where(entry.c.id.in_(some)))
        found.update((row.id, row.cleaned) for row in rows)
    return found


@dataclass(frozen=True, slots=True)
class Found:
    """The blocks of an entry: keys, and what a person can tell each by."""

    of: Waiting
    blocks: Mapping[int, str]


def undone(connection: Connection) -> set[Publisher]:
    """The publishers of everything that learning has not done with."""
    query = (
        select(source.c.id, source.c.name, entry.c.publisher)
        .distinct()
        .join(entry, entry.c.source_id == source.c.id)
        .where(UNLEARNED)
    )
    return {Publisher(*row) for row in connection.execute(query)}


def count(connection: Connection, batch: Sequence[Found]) -> set[Publisher]:
    """Note who has which blocks now, and count them; tells whom this concerns: publishers of now and of before."""
    gone = [(key, found.of.id) for found in batch for key in set(found.of.keys) - found.blocks.keys()]
    come = [(key, found.of.id) for found in batch for key in found.blocks.keys() - set(found.of.keys)]
    if gone:
        held = (block_entry.c.key == bindparam("old_key"), block_entry.c.entry_id == bindparam("old_id"))
        connection.execute(delete(block_entry).where(*held), [{"old_key": key, "old_id": i} for key, i in gone])
    append(connection, block_entry, come)
    statement = update(entry).where(entry.c.id == bindparam("entry")).values(blocks=bindparam("keys"))
    rows = [{"entry": found.of.id, "keys": tuple(sorted(found.blocks))} for found in batch]
    connection.execute(statement.values(learning=COUNTED), rows)
    former = _owners(connection, {key for key, _ in gone})
    _recount(connection, batch, {key for key, _ in gone})
    return former | {found.of.publisher for found in batch}


def forget(connection: Connection, ids: Collection[int]) -> None:
    """Before these entries are deleted: nobody has their blocks. What is learned is judged with the next that come."""
    query = (
        select(entry.c.id, entry.c.publisher, entry.c.dropped, entry.c.blocks)
        .add_columns(source.c.id.label("source_id"), source.c.name.label("source_name"))
        .join(source, source.c.id == entry.c.source_id)
        .where(entry.c.id.in_(list(ids)))
    )
    count(connection, [Found(_waiting(row), {}) for row in connection.execute(query)])


def _recount(connection: Connection, batch: Sequence[Found], gone: Collection[int]) -> None:
    """Whether an entry's text changed or only its blocks: all of them are counted anew."""
    rows = {
        key: {"key": key, "source_id": found.of.publisher.source_id, "publisher": found.of.publisher.name, "sample": s}
        for found in batch
        for key, s in found.blocks.items()
    }
    keys = {*rows, *gone}
    counts = _counts(connection, _shared(connection, keys))
    upsert(connection, block, [row | {"count": counts[k]} for k, row in rows.items() if counts.get(k, 0) >= NOTED])
    rare = _noted(connection, {key for key in keys if key in gone or counts.get(key, 0) < NOTED})
    counts |= _counts(connection, rare)
    fewer = [{"of": key, "now": counts.get(key, 0)} for key in rare]
    if fewer:
        connection.execute(update(block).where(block.c.key == bindparam("of")).values(count=bindparam("now")), fewer)
    _forget(connection, {*rows, *gone})


def _shared(connection: Connection, keys: Collection[int]) -> list[int]:
    """Those of the blocks that several entries have: most are one's alone, of which there is nothing to count."""
    query = select(block_entry.c.key).group_by(block_entry.c.key).having(func.count() > 1)
    return [
        key for some in portions(sorted(keys)) for key in connection.scalars(query.where(block_entry.c.key.in_(some)))
    ]


def _noted(connection: Connection, keys: Collection[int]) -> list[int]:
    """Those of the blocks that are remembered."""
    query = select(block.c.key)
    return [key for some in portions(sorted(keys)) for key in connection.scalars(query.where(block.c.key.in_(some)))]


def _forget(connection: Connection, keys: Collection[int]) -> None:
    """Those of these blocks that few have and that are left out nowhere are nothing to remember."""
    for some in portions(sorted(keys)):
        connection.execute(delete(block).where(block.c.key.in_(some), block.c.count < NOTED, block.c.reach == 0))


def _counts(connection: Connection, keys: Collection[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in portions(keys):
        query = (
            select(block_entry.c.key, _DIFFERENT.label("articles"))
            .join(entry, entry.c.id == block_entry.c.entry_id)
            .where(block_entry.c.key.in_(some))
            .group_by(block_entry.c.key)
        )
        found.update((row.key, row.articles) for row in connection.execute(query))
    return found


def _owners(connection: Connection, keys: Collection[int]) -> set[Publisher]:
    found = set()
    for some in portions(sorted(keys)):
        found |= _publishers(connection, block.c.key.in_(some))
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
            query = select(block).where(block.c.source_id == source_id, block.c.publisher.in_(some), block.c.reach > 0)
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
        holders = select(block_entry.c.entry_id).where(block_entry.c.key.in_(some))
        again = update(entry).where(entry.c.id.in_(holders), entry.c.learning == LEARNED)
        connection.execute(again.values(learning=COUNTED))
        _forget(connection, some)


def show(connection: Connection, shown: Mapping[int, Entry | None]) -> None:
    """Write what readers see of these entries, None for all of it, and have them grouped anew."""
    statement = update(entry).where(entry.c.id == bindparam("entry"))
    rows = [{"entry": i, "words": words} for i, words in shown.items()]
    connection.execute(statement.values(shown=bindparam("words"), learning=LEARNED), rows)
    kept = update(entry).where(entry.c.id.in_(list(shown)), entry.c.dropped.is_(None))
    connection.execute(kept.values(grouped=False))
