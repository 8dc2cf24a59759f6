"""Which entries' own pages are still to be asked for, and when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from aggregator.model import Text
from aggregator.store.among import among
from aggregator.store.tables import entry, full_text
from aggregator.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page that is to be asked for: when, after how many failures, and how the last one read."""

    next_try: datetime
    attempts: int = 0
    reason: str | None = None


def put(connection: Connection, source_id: int, tries: Mapping[int, Wanted | None]) -> None:
    """Keep by entry when its page is to be asked for; None settles it."""
    connection.execute(
        delete(full_text).where(among(connection, full_text.c.entry_id, [one for one in tries if not tries[one]]))
    )
    rows = [
        {
            "entry_id": entry_id,
            "source_id": source_id,
            "attempts": one.attempts,
            "next_try": one.next_try,
            "reason": one.reason,
        }
        for entry_id, one in tries.items()
        if one
    ]
    upsert(connection, full_text, rows)


#: What a rule left out since, or a person took down, waits until it is let in again.
_OPEN = (
    select(full_text.c.entry_id, full_text.c.attempts)
    .join(entry, entry.c.id == full_text.c.entry_id)
    .where(entry.c.dropped.is_(None))
)


def due(connection: Connection, source_id: int, now: datetime, limit: int) -> dict[int, int]:
    """Attempts by entry of those whose time has come, the longest overdue first."""
    query = (
        _OPEN.where(full_text.c.source_id == source_id, full_text.c.next_try <= now)
        .order_by(full_text.c.next_try, full_text.c.entry_id)
        .limit(limit)
    )
    return {row.entry_id: row.attempts for row in connection.execute(query)}


def waiting(connection: Connection, ids: Collection[int]) -> set[int]:
    """Those of the entries whose pages are still to be asked for."""
    return set(connection.scalars(_OPEN.where(among(connection, full_text.c.entry_id, ids))))


def pages(connection: Connection, ids: Collection[int]) -> dict[int, Text]:
    """What the pages of these entries gave, as far as they gave anything."""
    rows = connection.execute(select(entry.c.id, entry.c.original).where(among(connection, entry.c.id, ids)))
    return {row.id: row.original.full for row in rows if row.original.full}
