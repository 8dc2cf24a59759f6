"""Writing many rows: insert or overwrite, which both databases have but spell in modules of their own; and fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Table, Update, bindparam, insert

#: Parameters that have a place and no name.
POSITIONAL = {"sqlite": "qmark", "postgresql": "format"}

#: Makes of a value what the driver takes.
Process = Callable[[Any], Any]


@cache
def _spelling(dialect: str) -> Any:
    """SQLAlchemy's module for a database. One is like the other, but they share no class that says so.

    PostgreSQL's takes 100 ms to load: whoever has none does not wait for it.
    """
    return import_module(f"sqlalchemy.dialects.{dialect}")


def inserting(table: Table, names: Sequence[str], dialect: str) -> Any:
    """An insert of these columns, to be told what to do where the row is there; for `many`."""
    return _of(_spelling(dialect).insert(table), names)


@cache
def _positional(dialect: str) -> Dialect:
    made: Dialect = _spelling(dialect).dialect(paramstyle=POSITIONAL[dialect])
    return made


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those with the same primary key. No key may be given twice:
    PostgreSQL refuses a statement that touches a row a second time."""
    if rows:
        many(connection, _upserting(table, tuple(rows[0]), connection.dialect.name), rows)


@cache
def _upserting(table: Table, names: tuple[str, ...], dialect: str) -> Insert:
    statement = inserting(table, names, dialect)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    made: Insert = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    return made


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all of them with values for the same columns."""
    if rows:
        many(connection, _inserting(table, tuple(rows[0])), rows)


@cache
def _inserting(table: Table, names: tuple[str, ...]) -> Insert:
    made: Insert = _of(insert(table), names)
    return made


def _of(statement: Any, names: Sequence[str]) -> Any:
    """Inline: else PostgreSQL is asked for the number of each row."""
    return statement.values({name: bindparam(name) for name in names}).inline()


def many(connection: Connection, statement: Insert | Update | Delete, rows: Sequence[Mapping[str, Any]]) -> None:
    """Run a statement, one that was made once, with each of these rows for its parameters.

    The driver is handed them as it takes them: SQLAlchemy takes each row apart by itself, at three times the cost
    of storing it.
    """
    if not rows:
        return
    text, plan, constants = _compiled(statement, connection.dialect)
    if constants:
        rows = [{**constants, **row} for row in rows]
    connection.exec_driver_sql(
        text, [tuple([process(row[name]) if process else row[name] for name, process in plan]) for row in rows]
    )


@lru_cache(maxsize=512)
def _compiled(
    statement: Insert | Update | Delete, dialect: Dialect
) -> tuple[str, tuple[tuple[str, Process | None], ...], dict[str, Any]]:
    """Its text, its parameters in their order with what makes the driver's values of ours, and those that it has."""
    compiled = statement.compile(dialect=_positional(dialect.name))
    names = compiled.positiontup or ()
    plan = tuple((name, _process(compiled.binds[name].type, dialect)) for name in names)
    return str(compiled), plan, {name: compiled.params[name] for name in names if not compiled.binds[name].required}


def _process(kind: Any, dialect: Dialect) -> Process | None:
    process: Process | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return process


def append(connection: Connection, table: Table, rows: Sequence[tuple[int, ...]]) -> None:
    """Insert rows of integers, of every column in the order of the table: what needs no processing at all."""
    if rows:
        connection.exec_driver_sql(_insert(table, connection.dialect.name), list(rows))


@cache
def _insert(table: Table, name: str) -> str:
    return str(insert(table).compile(dialect=_positional(name)))
