"""A column's value among many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, any_, bindparam, false


def among(connection: Connection, column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Whether the column has one of these values, of which there may be none; see `portions` for very many.

    PostgreSQL is handed one array, for of `IN (?, ?, …)` SQLAlchemy, the driver and the server each make and take apart
    a new text for every number of values, and plan it anew: with thousands that costs more than to find the rows.
    SQLite has no arrays, and from a list of its table-valued `json_each` it cannot tell how many rows to expect.
    """
    listed = list(dict.fromkeys(values))
    if connection.dialect.name != "postgresql":
        return column.in_(listed)
    # Of an empty array PostgreSQL may look for nothing in every row.
    return column == any_(bindparam(None, listed, ARRAY(column.type), unique=True)) if listed else false()
