"""What the status pages show of sources."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, func, select

from aggregator.model import Check, Closely, Condition, Outcome, Refused, Watched
from aggregator.store import conditions
from aggregator.store.checks import HISTORY
from aggregator.store.sources import without_login
from aggregator.store.tables import block, entry, event, file, source, source_check
from aggregator.store.types import Record

#: Refused files or items, and past conditions, that the page of a source names.
MOST_REFUSED = 20
MOST_CONDITIONS = 20

#: Few of many columns: there may be a hundred thousand sources.
_WATCHED = (
    source.c.id,
    source.c.name,
    source.c.kind,
    source.c.outcome,
    source.c.message,
    source.c.disabled,
    source.c.last_check,
    source.c.next_check,
    source.c.failures,
)


def every(connection: Connection) -> list[Watched]:
    """Every configured source in the order in which they came, with what is wrong with it now."""
    wrong: dict[str, list[Condition]] = {}
    for condition in conditions.standing(connection):
        if condition.source:
            wrong.setdefault(condition.source, []).append(condition)
    query = select(*_WATCHED).where(source.c.configured.is_(True)).order_by(source.c.id)
    return [_watched(row, wrong.get(row.name, ())) for row in connection.execute(query)]


def closely(connection: Connection, name: str) -> Closely | None:
    """One source in detail, also one that left the configuration; None where there never was one."""
    columns = (source.c.location, source.c.scope, source.c.moved_to, source.c.moved_for_good, source.c.refused)
    row = connection.execute(select(*_WATCHED, *columns).where(source.c.name == name)).first()
    if row is None:
        return None
    history = conditions.history(connection, row.id, MOST_CONDITIONS)
    return Closely(
        source=_watched(row, [condition for condition in history if condition.until is None]),
        place=without_login(row.location),
        scope=row.scope,
        moved_to=without_login(row.moved_to) if row.moved_to else None,
        moved_for_good=row.moved_for_good,
        checks=_checks(connection, row.id),
        history=tuple(history),
        entries=_count(connection, select(func.count()).where(entry.c.source_id == row.id)),
        blocks=_count(connection, select(func.count()).where(block.c.source_id == row.id, block.c.reach > 0)),
        refused=row.refused,
        refusals=_refusals(connection, row) if row.refused else (),
    )


def _watched(row: Record, wrong: list[Condition] | tuple[()]) -> Watched:
    values = {column.name: row._mapping[column.name] for column in _WATCHED}
    outcome = Outcome(row.outcome) if row.outcome else None
    return Watched(**{**values, "outcome": outcome}, conditions=tuple(wrong))


def _checks(connection: Connection, source_id: int) -> tuple[Check, ...]:
    query = (
        select(source_check)
        .where(source_check.c.source_id == source_id)
        .order_by(source_check.c.id.desc())
        .limit(HISTORY)
    )
    return tuple(
        Check(row.at, Outcome(row.outcome), row.message, row.new, row.changed, row.refused)
        for row in connection.execute(query)
    )


def _refusals(connection: Connection, row: Record) -> tuple[Refused, ...]:
    """A folder's files that bring no entry; of a feed the items that were refused last."""
    if row.kind == "folder":
        query = (
            select(file.c.path, file.c.refused.label("reason"))
            .where(file.c.source_id == row.id, file.c.refused.is_not(None), file.c.missing_since.is_(None))
            .order_by(file.c.path)
        )
    else:
        query = (
            select(event.c.path, event.c.message.label("reason"))
            .where(event.c.source == row.name, event.c.kind == "refused")
            .order_by(event.c.id.desc())
        )
    found = connection.execute(query.limit(min(row.refused, MOST_REFUSED)))
    return tuple(Refused(one.path or "", one.reason) for one in found)


def _count(connection: Connection, query: Select[Any]) -> int:
    return connection.scalar(query) or 0
