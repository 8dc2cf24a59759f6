"""Writing many rows: insert or overwrite, which both databases have but spell in modules of their own; and fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

#: One is like the other, but they share no class that says so.
INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

#: The dialects with parameters that have a place and no name.
POSITIONAL: dict[str, Any] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(paramstyle="format"),  # type: ignore[no-untyped-call]  # SQLAlchemy's own is not
}


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, or overwrite those with the same primary key. No key may be given twice:
    PostgreSQL refuses a statement that touches a row a second time."""
    if not rows:
        return
    statement = INSERT[connection.dialect.name](table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


def append(connection: Connection, table: Table, rows: Sequence[tuple[int, ...]]) -> None:
    """Insert rows of integers, of every column in the order of the table.

    For the narrow tables that get dozens of rows with each entry: they are handed to the driver as they are,
    while a statement of SQLAlchemy takes each row apart, at three times the cost of storing it.
    """
    if rows:
        connection.exec_driver_sql(_insert(table, connection.dialect.name), list(rows))


@cache
def _insert(table: Table, name: str) -> str:
    return str(insert(table).compile(dialect=POSITIONAL[name]))
