"""How sources fared day by day: what the charts of the status page are drawn from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from functools import cache

from sqlalchemy import Connection, Insert, bindparam, delete, select

from aggregator.store.among import among
from aggregator.store.tables import source_day
from aggregator.store.upsert import inserting, many

#: Days that are kept.
KEPT = 60

_OLD = delete(source_day).where(source_day.c.source_id == bindparam("of"), source_day.c.day <= bindparam("last"))

#: By day: new entries, and checks that failed.
Days = Mapping[date, tuple[int, int]]


def count(connection: Connection, source_id: int, day: date, *, new: int, failed: bool) -> None:
    """Add what a check brought to its day; one that brought nothing and did not fail leaves no row."""
    if not (new or failed):
        return
    row = {"source_id": source_id, "day": day, "new": new, "failed": int(failed)}
    many(connection, _adding(connection.dialect.name), [row])
    many(connection, _OLD, [{"of": source_id, "last": day - timedelta(days=KEPT)}])


@cache
def _adding(dialect: str) -> Insert:
    statement = inserting(source_day, ("source_id", "day", "new", "failed"), dialect)
    more = {name: source_day.c[name] + statement.excluded[name] for name in ("new", "failed")}
    made: Insert = statement.on_conflict_do_update(index_elements=["source_id", "day"], set_=more)
    return made


def since(connection: Connection, first: date, sources: Collection[int]) -> dict[int, Days]:
    """The days of these sources from `first` on, by their ids."""
    query = select(source_day).where(source_day.c.day >= first, among(connection, source_day.c.source_id, sources))
    found: dict[int, dict[date, tuple[int, int]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.source_id, {})[row.day] = (row.new, row.failed)
    return {**found}
