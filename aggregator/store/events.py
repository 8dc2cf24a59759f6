"""The trace of decisions, for `explain` and for people who query their database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from aggregator.model import Event
from aggregator.store.tables import event
from aggregator.store.upsert import insert_all


def record(connection: Connection, events: Sequence[Event], now: datetime) -> None:
    rows = [
        {
            "at": now,
            "source": item.source,
            "path": item.path,
            "entry_id": item.entry_id,
            "kind": item.kind,
            "message": item.message,
        }
        for item in events
    ]
    insert_all(connection, event, rows)


def trace(connection: Connection, entry_id: int | None, path: str | None = None) -> list[dict[str, Any]]:
    """All events of an entry or of a path, oldest first."""
    query = (
        select(event)
        .where(or_(event.c.entry_id == entry_id, event.c.path == path if path else event.c.entry_id == entry_id))
        .order_by(event.c.id)
    )
    return [dict(row._mapping) for row in connection.execute(query)]
