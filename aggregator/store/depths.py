"""How much waits at each stage, and how large the database is: every count is an index's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, func, select, text

from aggregator.store.tables import (
    HELD,
    UNGROUPED,
    UNLEARNED,
    UNSEARCHED,
    category,
    condition,
    entry,
    source,
    story,
)

REFUSED = and_(condition.c.kind == "fault", condition.c.until.is_(None))

#: What waits, for people; and which rows of what it counts.
WAITING: dict[str, tuple[str, Table, Any]] = {
    "entries_ungrouped": ("Entries stored and not yet grouped.", entry, UNGROUPED),
    "entries_unlearned": ("Entries that learning is still to look at.", entry, UNLEARNED),
    "entries_held": ("New entries that circuit breakers keep back.", entry, HELD),
    "feeds_behind": ("Feeds whose documents are behind.", category, text("changed > published")),
    "pages_behind": ("Entries whose pages are behind.", story, text("changed > shown")),
    "stories_unsearched": ("Stories that the search index is behind with.", story, UNSEARCHED),
    "documents_refused": ("Documents not published, for the checks found a fault.", condition, REFUSED),
    "sources_failing": ("Sources whose last check failed.", source, source.c.failures > 0),
    "sources_disabled": ("Sources that are not checked.", source, source.c.disabled.is_not(None)),
}


def depths(connection: Connection, now: datetime) -> dict[str, tuple[str, float]]:
    """By name: what it is, and the number now; the database's size is in bytes."""
    due = and_(source.c.next_check <= now, source.c.disabled.is_(None))
    waiting = {**WAITING, "sources_due": ("Sources whose time has come.", source, due)}
    found: dict[str, tuple[str, float]] = {}
    for name, (what, table, chosen) in waiting.items():
        found[name] = what, float(connection.scalar(select(func.count()).select_from(table).where(chosen)) or 0)
    return {**found, "database_bytes": ("Size of the database.", float(_size(connection)))}


def waits(connection: Connection, name: str) -> bool:
    """Whether there is any of what waits under this name."""
    _, table, chosen = WAITING[name]
    return connection.execute(select(1).select_from(table).where(chosen).limit(1)).first() is not None


def _size(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        return int(connection.scalar(text("SELECT pg_database_size(current_database())")) or 0)
    pages, size = (connection.scalar(text(f"PRAGMA {what}")) for what in ("page_count", "page_size"))
    return int(pages or 0) * int(size or 0)
