"""What hosts asked of everybody who asks them, for processes that share the manners towards them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from aggregator.store.tables import host
from aggregator.store.upsert import upsert

#: After so long without a request nothing of a host matters any more.
FORGOTTEN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class HostRow:
    until: datetime | None
    refusals: int
    unnamed: int
    ended: datetime


def recall(connection: Connection, name: str) -> HostRow | None:
    """What is known of a host; None of nearly all, for they never asked for anything."""
    row = connection.execute(select(host).where(host.c.name == name)).first()
    return HostRow(row.until, row.refusals, row.unnamed, row.ended) if row else None


def keep(connection: Connection, name: str, row: HostRow) -> None:
    """Write down what a host asked for, or that it does so no more."""
    if row.until is None:
        connection.execute(delete(host).where(host.c.name == name))
        return
    values = {"until": row.until, "refusals": row.refusals, "unnamed": row.unnamed, "ended": row.ended}
    upsert(connection, host, [{"name": name, **values}])


def forget(connection: Connection, now: datetime) -> None:
    """Leave out hosts that nobody asks any more."""
    connection.execute(delete(host).where(host.c.until < now - FORGOTTEN))
