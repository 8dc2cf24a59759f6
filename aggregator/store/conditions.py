"""What is wrong with sources, documents and the configuration: begun, altered, ended, and kept for a while."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, or_, select, update

from aggregator.model import Condition, Trouble
from aggregator.store.lock import one_at_a_time
from aggregator.store.tables import STANDING, condition, source
from aggregator.store.types import Record

#: Conditions that have ended and are kept for people.
KEPT = 1000

#: Readers compare whole seconds: least distance between two `updated` of one condition.
TICK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """A condition that has not ended, as far as it takes to alter it."""

    id: int
    kind: Trouble
    path: str | None
    detail: str
    updated: datetime


def standing_of(connection: Connection, source_id: int | None) -> list[Standing]:
    """What is wrong with a source now; for None, with documents and the configuration."""
    query = select(condition.c.id, condition.c.kind, condition.c.path, condition.c.detail, condition.c.updated).where(
        STANDING, condition.c.source_id == source_id if source_id else condition.c.source_id.is_(None)
    )
    return [_standing(row) for row in connection.execute(query)]


def unwatched(connection: Connection) -> list[Standing]:
    """What stands of sources that nobody checks any more: they left the configuration, or are disabled in it."""
    query = (
        select(condition.c.id, condition.c.kind, condition.c.path, condition.c.detail, condition.c.updated)
        .join(source, source.c.id == condition.c.source_id)
        .where(STANDING, or_(source.c.configured.is_(False), source.c.disabled == "config"))
        .order_by(condition.c.id)
    )
    return [_standing(row) for row in connection.execute(query)]


def moment(connection: Connection, now: datetime, old: Standing | None = None) -> datetime:
    """When something is said to have happened now: later than anything else, also when the clock was set back."""
    one_at_a_time(connection)
    newest: datetime | None = connection.scalar(select(func.max(condition.c.updated)))
    least = [newest + timedelta(microseconds=1)] if newest else []
    return max([now, *least, *([old.updated + TICK] if old else [])])


def begin(connection: Connection, source_id: int | None, begun: Condition) -> None:
    """Store a new condition; of those long over the oldest make room."""
    connection.execute(
        insert(condition).values(
            uuid=begun.uuid,
            source_id=source_id,
            path=begun.path,
            kind=str(begun.kind),
            detail=begun.detail,
            message=begun.message,
            since=begun.since,
            updated=begun.updated,
        )
    )
    ended = condition.c.until.is_not(None)
    oldest_kept = (
        select(condition.c.updated)
        .where(ended)
        .order_by(condition.c.updated.desc())
        .offset(KEPT - 1)
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(delete(condition).where(ended, condition.c.updated < oldest_kept))


def alter(connection: Connection, old: Standing, detail: str, message: str, at: datetime) -> None:
    """The same trouble in another form."""
    values = {"detail": detail, "message": message, "updated": at}
    connection.execute(update(condition).where(condition.c.id == old.id).values(values))


def end(connection: Connection, old: Standing, at: datetime) -> None:
    connection.execute(update(condition).where(condition.c.id == old.id).values(until=at, updated=at))


def end_kind(connection: Connection, source_id: int, kind: Trouble, now: datetime) -> None:
    """End what stands of one kind with a source, if anything does."""
    for one in standing_of(connection, source_id):
        if one.kind is kind:
            end(connection, one, moment(connection, now, one))


def newest(connection: Connection, limit: int) -> list[Condition]:
    """The conditions that began, changed or ended last, the latest first."""
    return _read(connection, _shown().order_by(condition.c.updated.desc(), condition.c.id.desc()).limit(limit))


def standing(connection: Connection) -> list[Condition]:
    """Everything that is wrong now, the oldest first."""
    return _read(connection, _shown().where(STANDING).order_by(condition.c.since, condition.c.id))


def history(connection: Connection, source_id: int, limit: int) -> list[Condition]:
    """What is and was wrong with a source, the latest first."""
    of_it: ColumnElement[bool] = condition.c.source_id == source_id
    return _read(connection, _shown().where(of_it).order_by(condition.c.id.desc()).limit(limit))


def mark(connection: Connection) -> str:
    """Differs once anything has begun, changed or ended."""
    latest: datetime | None = connection.scalar(select(func.max(condition.c.updated)))
    return latest.isoformat() if latest else ""


def _shown() -> Select[tuple[object, ...]]:
    return select(condition, source.c.name.label("source")).outerjoin(source, source.c.id == condition.c.source_id)


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> list[Condition]:
    return [_condition(row) for row in connection.execute(query)]


def _condition(row: Record) -> Condition:
    return Condition(
        row.uuid,
        Trouble(row.kind),
        row.since,
        row.updated,
        row.source,
        row.path,
        row.detail,
        row.message,
        row.until,
    )


def _standing(row: Record) -> Standing:
    return Standing(row.id, Trouble(row.kind), row.path, row.detail, row.updated)
