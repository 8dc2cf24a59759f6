"""Who checks a source, where several processes do: whoever holds its claim, which is the exact time at which it ends.

A claim stands in the column that says when a source is due, so that what nobody brings to an end falls due by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, tuple_, update

from aggregator.model import SourceState
from aggregator.store.among import among
from aggregator.store.sources import STATE, state
from aggregator.store.tables import source
from aggregator.store.types import Record

#: Rows that are read at once: a cluster that was away for a day finds all of its sources due.
PAGE = 1000


def due(connection: Connection, now: datetime) -> Iterator[Record]:
    """Id and name of every source whose time has come, the longest overdue first; read as far as it is taken."""
    query = (
        select(source.c.id, source.c.name, source.c.next_check)
        .where(source.c.next_check <= now, source.c.disabled.is_(None))
        .order_by(source.c.next_check, source.c.id)
        .limit(PAGE)
    )
    rows = connection.execute(query).all()
    while rows:
        yield from rows
        if len(rows) < PAGE:
            return
        last = (rows[-1].next_check, rows[-1].id)
        rows = connection.execute(query.where(tuple_(source.c.next_check, source.c.id) > last)).all()


def claim(connection: Connection, ids: Sequence[int], now: datetime, until: datetime) -> set[int]:
    """Put off those of the sources that are still due; tells which.

    One whose row somebody is writing just now is left for the next time.
    """
    free = (
        select(source.c.id)
        .where(among(connection, source.c.id, ids), source.c.next_check <= now, source.c.disabled.is_(None))
        .with_for_update(skip_locked=True)
    )
    claimed = update(source).where(source.c.id.in_(free)).values(next_check=until).returning(source.c.id)
    return set(connection.scalars(claimed)) if ids else set()


def held(connection: Connection, ids: Sequence[int], until: datetime) -> list[SourceState]:
    """Those of the sources whose claim is still the one that ends then: nobody else has checked them, or will."""
    query = select(*STATE).where(
        among(connection, source.c.id, ids), source.c.next_check == until, source.c.disabled.is_(None)
    )
    return [state(row) for row in connection.execute(query.order_by(source.c.id))]


def names(connection: Connection, ids: Sequence[int]) -> list[str]:
    """What people call these sources."""
    return list(
        connection.scalars(select(source.c.name).where(among(connection, source.c.id, ids)).order_by(source.c.id))
    )


def hurry(connection: Connection, names: Sequence[str], now: datetime) -> None:
    """Have these sources checked as soon as somebody is free to; not those that are disabled."""
    wanted = (among(connection, source.c.name, names), source.c.configured.is_(True), source.c.disabled.is_(None))
    connection.execute(update(source).where(*wanted, source.c.next_check > now).values(next_check=now))
