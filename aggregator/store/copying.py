"""Moving an installation from one database to another: SQLite to PostgreSQL, or back, row by row and as it is.

Ids, dates, counters, tombstones and digests stay; so an installation publishes the same bytes afterwards, and
knows every entry. All of it is one transaction of the target: there is everything, or nothing. What only one
dialect has, the search index, is not copied: every story is pending on the other side, and is indexed there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    MetaData,
    Select,
    Table,
    bindparam,
    func,
    insert,
    inspect,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.types import TypeDecorator, TypeEngine

from aggregator.errors import StoreError
from aggregator.store.engine import Database
from aggregator.store.tables import metadata, story

#: Rows that are read, and written, at once: the largest hold two articles.
BATCH = 500

#: What the other side begins anew with.
ANEW = MappingProxyType({story.c.searched: 0})

#: Rows that are done, and rows that there are.
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """What is in the target, checked."""

    revision: str
    rows: int
    entries: int
    sources: int


@dataclass(slots=True)
class _Sum:
    """Of rows in any order: how many, and their digests added up."""

    rows: int = 0
    total: int = 0

    def add(self, row: Sequence[Any]) -> None:
        mark = blake2b(repr(tuple(row)).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self.rows += 1
        self.total = (self.total + int.from_bytes(mark)) % 2**128


def copy(
    source: Database, target: Database, told: Told = lambda _done, _all: None, stopped: Callable[[], bool] = bool
) -> Copied:
    """Fill the empty `target` with everything that `source` holds, and compare both row by row.

    For the one writer of `source`, whose schema is the newest. Raises StoreError, and leaves the target empty,
    where something is in it, where it takes a row of ours not as it is, and where it was `stopped` meanwhile.
    """
    with target.only_writer():
        _expect_empty(target)
        target.upgrade()
        revision = target.revision()
        if revision is None or revision != source.revision():
            raise StoreError(
                f"{_place(source)} is not of schema revision {revision}: run `aggregator db upgrade` first"
            )
        read = _transfer(source, target, told, stopped)
        with target.write() as connection:
            # Before anybody asks: without statistics a server looks through whole tables.
            connection.execute(text("ANALYZE"))
    rows = sum(one.rows for one in read.values())
    return Copied(revision, rows, read["entry"].rows, read["source"].rows)


def _transfer(source: Database, target: Database, told: Told, stopped: Callable[[], bool]) -> dict[str, _Sum]:
    read: dict[str, _Sum] = {}
    with source.read() as origin, target.write() as copy:
        step = _steps(origin, told, stopped)
        for table in metadata.sorted_tables:
            with _refusals(target, table):
                read[table.name] = _fill(origin, copy, table, step)
        _continue_numbers(origin, copy)
        for table in metadata.sorted_tables:
            if _summed(copy, table, step) != read[table.name]:
                raise StoreError(f"{_place(target)}: table {table.name} differs from what was read; nothing was copied")
    return read


def _expect_empty(target: Database) -> None:
    revision, place = target.revision(), _place(target)
    if target.sqlite_file and not target.sqlite_file.exists():
        return
    with target.read() as connection:
        there = [metadata.tables[name] for name in inspect(connection).get_table_names() if name in metadata.tables]
        if there and revision is None:
            raise StoreError(f"{place} has a table {there[0].name} of another program: name an empty database")
        for table in there:
            if connection.execute(select(literal(1)).select_from(table).limit(1)).first():
                raise StoreError(
                    f"{place} is not empty (table {table.name}): name an empty database; nothing was copied"
                )


def _fill(origin: Connection, copy: Connection, table: Table, step: Callable[[int], None]) -> _Sum:
    """Copy one table; references within it are set at the end, for a row may stand before the one that it names."""
    there, found = as_stored(table), _Sum()
    keys = [column.name for column in table.primary_key]
    inner = [column.name for column in table.columns if any(key.column.table is table for key in column.foreign_keys)]
    links: list[dict[str, Any]] = []
    for rows in _batches(origin, _everything(there)):
        values = []
        for row in rows:
            found.add(row)
            value = dict(row._mapping)
            if any(value[name] is not None for name in inner):
                links.append({f"of_{name}": value[name] for name in (*keys, *inner)})
                value |= dict.fromkeys(inner)
            values.append(value)
        copy.execute(insert(there), values)
        step(len(values))
    if links:
        here = (there.c[name] == bindparam(f"of_{name}") for name in keys)
        copy.execute(update(there).where(*here).values({name: bindparam(f"of_{name}") for name in inner}), links)
    return found


def _summed(connection: Connection, table: Table, step: Callable[[int], None]) -> _Sum:
    found = _Sum()
    for rows in _batches(connection, _everything(as_stored(table))):
        for row in rows:
            found.add(row)
        step(len(rows))
    return found


def as_stored(table: Table) -> Table:
    """The table with the types that are stored: what is packed is neither unpacked nor packed again."""
    columns: list[Column[Any]] = [
        Column(column.name, _stored(column.type), primary_key=column.primary_key, autoincrement=False)
        for column in table.columns
    ]
    return Table(table.name, MetaData(), *columns)


def _stored(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _everything(table: Table) -> Select[Any]:
    anew = {column.name: value for column, value in ANEW.items() if column.table.name == table.name}
    columns: Iterator[ColumnElement[Any]] = (
        literal(anew[column.name]).label(column.name) if column.name in anew else column for column in table.columns
    )
    return select(*columns).select_from(table)


def _batches(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    # From a cursor of the server's: the driver would else fetch the whole table.
    return connection.execute(query.execution_options(yield_per=BATCH)).partitions()


def _steps(origin: Connection, told: Told, stopped: Callable[[], bool]) -> Callable[[int], None]:
    """Counts rows, each twice: when it is copied, and when it is compared."""
    counts = (select(func.count()).select_from(table) for table in metadata.sorted_tables)
    total = 2 * sum(origin.scalar(count) or 0 for count in counts)
    done = 0

    def step(rows: int) -> None:
        nonlocal done
        if stopped():
            raise StoreError("stopped: nothing was copied")
        done += rows
        told(done, total)

    return step


@contextmanager
def _refusals(target: Database, table: Table) -> Iterator[None]:
    """What one database held and the other does not take, said for people."""
    try:
        yield
    except (IntegrityError, DataError) as error:
        words = str(error.orig).strip().replace("\n", ": ")
        raise StoreError(
            f"{_place(target)} does not take a row of the table {table.name} as it is: {words}; nothing was copied: "
            "look at the source with `aggregator db check`"
        ) from error


def _place(database: Database) -> str:
    return f"database {database.url.render_as_string(hide_password=True)}"


# --- numbers that rows get by themselves: none that ever was given is given again


def _continue_numbers(origin: Connection, copy: Connection) -> None:
    numbered = [table for table in metadata.sorted_tables if table.autoincrement_column is not None]
    read, write = NUMBERS[origin.dialect.name][0], NUMBERS[copy.dialect.name][1]
    for table in numbered:
        write(copy, table.name, read(origin, table.name))


def _sqlite_number(connection: Connection, table: str) -> int:
    query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
    return int(connection.scalar(query, {"name": table}) or 0)


def _number_sqlite(connection: Connection, table: str, last: int) -> None:
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
    add = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)")
    connection.execute(add, {"name": table, "last": last})


def _postgresql_number(connection: Connection, table: str) -> int:
    # Null before the first number was taken.
    query = text("SELECT pg_sequence_last_value(pg_get_serial_sequence(:name, 'id')::regclass)")
    return int(connection.scalar(query, {"name": table}) or 0)


def _number_postgresql(connection: Connection, table: str, last: int) -> None:
    if last:
        move = text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :last)")
        connection.execute(move, {"name": table, "last": last})


#: By dialect: reads the last number of a table, and has numbers go on behind one.
NUMBERS: Mapping[str, tuple[Callable[[Connection, str], int], Callable[[Connection, str, int], None]]] = (
    MappingProxyType(
        {
            "sqlite": (_sqlite_number, _number_sqlite),
            "postgresql": (_postgresql_number, _number_postgresql),
        }
    )
)
