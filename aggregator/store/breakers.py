"""What circuit breakers know of publishers, and the entries that they keep back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select, update

from aggregator.model import Outcome
from aggregator.store.among import among
from aggregator.store.portions import portions
from aggregator.store.tables import HELD, NOT_HELD, breaker, entry, source, source_check
from aggregator.store.types import Record
from aggregator.store.upsert import upsert

#: Last entries of a publisher that stand for its past.
RECENT = 200

GOOD = (str(Outcome.OK), str(Outcome.UNCHANGED))

STATE = tuple(column for column in breaker.c if column.name not in ("source_id", "publisher"))


def states(connection: Connection, source_id: int) -> dict[str, dict[str, Any]]:
    """What is kept of each publisher of a source, by its name."""
    rows = connection.execute(select(breaker.c.publisher, *STATE).where(breaker.c.source_id == source_id))
    return {row.publisher: {column.name: row._mapping[column.name] for column in STATE} for row in rows}


def save(connection: Connection, source_id: int, kept: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep what `states` gives back."""
    upsert(
        connection, breaker, [{"source_id": source_id, "publisher": name, **values} for name, values in kept.items()]
    )


def checks(connection: Connection, source_id: int) -> tuple[datetime | None, list[datetime]]:
    """When the check before the present one ended, well or not; and when the good ones among the last, oldest first."""
    good = and_(source_check.c.source_id == source.c.id, source_check.c.outcome.in_(GOOD))
    query = (
        select(source.c.last_check, source_check.c.at)
        .outerjoin(source_check, good)
        .where(source.c.id == source_id)
        .order_by(source_check.c.id)
    )
    rows = connection.execute(query).all()
    return (rows[0].last_check if rows else None), [row.at for row in rows if row.at is not None]


def last_check(connection: Connection, source_id: int) -> datetime | None:
    """When the check before the present one ended, well or not."""
    ended: datetime | None = connection.scalar(select(source.c.last_check).where(source.c.id == source_id))
    return ended


def recent(connection: Connection, source_id: int, publisher: str, since: datetime | None) -> list[Record]:
    """The publisher's last entries that are not kept back, newest first, without their contents."""
    query = (
        select(entry.c.first_seen, entry.c.published, entry.c.text_digest, entry.c.link_digest)
        .where(entry.c.source_id == source_id, entry.c.publisher == publisher, NOT_HELD)
        .order_by(entry.c.id.desc())
        .limit(RECENT)
    )
    return list(connection.execute(query if since is None else query.where(entry.c.first_seen > since)))


def first_seen(connection: Connection, source_id: int, publisher: str) -> datetime | None:
    """When the publisher's first entry came."""
    query = (
        select(entry.c.first_seen)
        .where(entry.c.source_id == source_id, entry.c.publisher == publisher, NOT_HELD)
        .order_by(entry.c.id)
        .limit(1)
    )
    first: datetime | None = connection.scalar(query)
    return first


def owners(
    connection: Connection, source_id: int, publisher: str, digests: Collection[bytes]
) -> dict[bytes, frozenset[int]]:
    """Which of the publisher's entries, without those kept back, have one of these texts or links."""
    found: dict[bytes, set[int]] = {}
    for column in (entry.c.text_digest, entry.c.link_digest):
        for some in portions(digests):
            # By what is rare: through the publisher's entries the database would go one after the other.
            query = select(column.label("digest"), entry.c.id, entry.c.source_id, entry.c.publisher)
            for row in connection.execute(query.where(among(connection, column, some), NOT_HELD)):
                if (row.source_id, row.publisher) == (source_id, publisher):
                    found.setdefault(row.digest, set()).add(row.id)
    return {digest: frozenset(ids) for digest, ids in found.items()}


def held(connection: Connection, source_id: int, publisher: str) -> frozenset[int]:
    """The publisher's entries that are kept back."""
    return frozenset(connection.scalars(select(entry.c.id).where(*_held(source_id, publisher))))


def _held(source_id: int, publisher: str) -> tuple[Any, ...]:
    return HELD, entry.c.source_id == source_id, entry.c.publisher == publisher


def hold(connection: Connection, ids: Collection[int]) -> None:
    """Keep these entries back: grouping does not see them until they are released."""
    if ids:
        connection.execute(update(entry).where(among(connection, entry.c.id, ids)).values(held=True))


def release(connection: Connection, source_id: int, publisher: str) -> list[int]:
    """Let go of everything of the publisher that is kept back; returns the ids."""
    ids = sorted(held(connection, source_id, publisher))
    connection.execute(update(entry).where(*_held(source_id, publisher)).values(held=False))
    return ids


def clear_message(connection: Connection, source_id: int) -> None:
    """What the last check said no longer holds; the next one writes anew. Failures stay."""
    connection.execute(update(source).where(source.c.id == source_id, source.c.outcome.in_(GOOD)).values(message=None))
