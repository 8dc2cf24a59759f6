"""Sources: what the config says of them, when they are due, and how their checks ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from aggregator.config.schema import Source
from aggregator.model import Outcome, ParsedFeed, Result, SourceState, Tally, Validators
from aggregator.store.tables import entry, source, source_check
from aggregator.store.types import Record

#: Checks of each source that are kept for people.
HISTORY = 50

STATE = (
    source.c.id,
    source.c.name,
    source.c.failures,
    source.c.next_check,
    source.c.etag,
    source.c.last_modified,
    source.c.digest,
    source.c.ids_distinct,
    source.c.links_distinct,
)


def location(configured: Source) -> str:
    """The address or folder that tells whether a source still is what it was."""
    return configured.url or configured.path or configured.page or ""


def sync(connection: Connection, configured: Sequence[Source], now: datetime) -> None:
    """Bring the `source` table in line with the config: new, moved, renamed, disabled, gone.

    A new name with a known location whose old name is gone from the config is a rename. A known
    name with a new location keeps its entries and drops its validators. Sources that left the
    config stay, for their entries do.
    """
    rows = {row.name: row for row in connection.execute(select(source))}
    _rename(connection, configured, rows)
    for item in configured:
        row = rows.get(item.name)
        if row is None:
            connection.execute(
                insert(source).values(
                    name=item.name, next_check=now if item.enabled else None, **_as_configured(item, None)
                )
            )
        else:
            _follow(connection, item, row, now)
    gone = [name for name in rows if name not in {item.name for item in configured}]
    connection.execute(update(source).where(source.c.name.in_(gone)).values(configured=False, next_check=None))


def _rename(connection: Connection, configured: Sequence[Source], rows: dict[str, Record]) -> None:
    names = {item.name for item in configured}
    orphans = {(row.kind, row.location): row for row in rows.values() if row.name not in names}
    for item in configured:
        old = orphans.pop((item.kind, location(item)), None)
        if item.name not in rows and old is not None:
            connection.execute(update(source).where(source.c.id == old.id).values(name=item.name))
            rows[item.name] = rows.pop(old.name)


def differences(connection: Connection, configured: Sequence[Source]) -> list[tuple[str, str, str]]:
    """What `sync` would do: (new, renamed, moved or gone; the name; where it is, or what it was)."""
    rows = {row.name: row for row in connection.execute(select(source))}
    names = {item.name for item in configured}
    orphans = {(row.kind, row.location): row for row in rows.values() if row.name not in names}
    found = []
    for item in configured:
        row, place = rows.get(item.name), (item.kind, location(item))
        old = orphans.pop(place, None) if row is None else None
        if old is not None:
            found.append(("renamed", item.name, str(old.name)))
        elif row is None:
            found.append(("new", item.name, place[1]))
        elif (row.kind, row.location) != place:
            found.append(("moved", item.name, str(row.location)))
    return [*found, *(("gone", row.name, row.location) for row in orphans.values() if row.configured)]


def _as_configured(item: Source, disabled: str | None) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "location": location(item),
        "configured": True,
        "disabled": disabled if item.enabled else "config",
    }


def _follow(connection: Connection, item: Source, row: Record, now: datetime) -> None:
    moved = (row.kind, row.location) != (item.kind, location(item))
    # What answered "gone" stays so until it is asked for by name or lives elsewhere.
    disabled = "gone" if row.disabled == "gone" and not moved else None
    values = _as_configured(item, disabled)
    if moved:
        values |= {"etag": None, "last_modified": None, "digest": None, "failures": 0}
    if values["disabled"]:
        values["next_check"] = None
    elif moved or row.disabled or row.next_check is None:
        values["next_check"] = now
    if any(row._mapping[column] != value for column, value in values.items()):
        connection.execute(update(source).where(source.c.id == row.id).values(values))


def due(connection: Connection, now: datetime, limit: int) -> list[SourceState]:
    """Sources whose time has come, the longest overdue first."""
    query = (
        select(*STATE)
        .where(source.c.next_check <= now, source.c.disabled.is_(None))
        .order_by(source.c.next_check, source.c.id)
        .limit(limit)
    )
    return [_state(row) for row in connection.execute(query)]


def by_name(connection: Connection, names: Iterable[str]) -> list[SourceState]:
    """The named sources in the order of their ids, due or not."""
    query = select(*STATE).where(source.c.name.in_(list(names))).order_by(source.c.id)
    return [_state(row) for row in connection.execute(query)]


def checkable(connection: Connection, now: datetime) -> list[SourceState]:
    """Every source, due or not, that is neither disabled nor gone nor told to wait by its server."""
    held = func.coalesce(source.c.held_until > now, False)
    query = (
        select(*STATE).where(source.c.configured.is_(True), source.c.disabled.is_(None), ~held).order_by(source.c.id)
    )
    return [_state(row) for row in connection.execute(query)]


def _state(row: Record) -> SourceState:
    validators = Validators(row.etag, row.last_modified, row.digest)
    return SourceState(row.id, row.name, validators, row.failures, row.next_check, row.ids_distinct, row.links_distinct)


def ask(connection: Connection, names: Sequence[str], now: datetime) -> list[int]:
    """Make the named sources due at once, also one that is gone or told to wait; returns their ids."""
    wanted = (source.c.name.in_(names), source.c.configured.is_(True), source.c.disabled.is_distinct_from("config"))
    connection.execute(update(source).where(*wanted).values(next_check=now, disabled=None, held_until=None))
    return list(connection.scalars(select(source.c.id).where(*wanted).order_by(source.c.id)))


def answered(connection: Connection, ids: Sequence[int], since: datetime) -> list[Result]:
    """How the first checks of these sources since then ended; those not checked yet are left out."""
    query = (
        select(source.c.name, source_check)
        .join(source_check, source_check.c.source_id == source.c.id)
        .where(source.c.id.in_(ids), source_check.c.at >= since)
        .order_by(source.c.id, source_check.c.id)
    )
    found: dict[str, Result] = {}
    for row in connection.execute(query):
        tally = Tally(new=row.new, changed=row.changed, refused=row.refused)
        found.setdefault(row.name, Result(row.name, Outcome(row.outcome), row.message, tally))
    return list(found.values())


def claim(connection: Connection, ids: Sequence[int], until: datetime) -> None:
    """Before the requests go out: should this process die now, nobody asks again until then."""
    connection.execute(update(source).where(source.c.id.in_(ids)).values(next_check=until))


def describe(connection: Connection, source_id: int, feed: ParsedFeed, base: str | None, refused: int) -> None:
    """Keep what a feed says of itself, its final address, and how many of its items could not be taken."""
    connection.execute(
        update(source)
        .where(source.c.id == source_id)
        .values(
            feed_id=feed.id,
            title=feed.title,
            home=feed.url,
            described=replace(feed, entries=(), refused=()),
            base=base,
            refused=refused,
        )
    )


def trust(connection: Connection, source_id: int, *, ids: bool, links: bool) -> None:
    """Keep what the source's documents have shown of its ids and links."""
    connection.execute(update(source).where(source.c.id == source_id).values(ids_distinct=ids, links_distinct=links))


def refusals(connection: Connection, source_id: int, refused: int) -> None:
    """Keep how many files or items the source shows that bring no entry."""
    connection.execute(update(source).where(source.c.id == source_id).values(refused=refused))


def finish(
    connection: Connection,
    state: SourceState,
    result: Result,
    *,
    now: datetime,
    next_check: datetime | None,
    failures: int,
    disabled: str | None = None,
    held_until: datetime | None = None,
    validators: Validators | None = None,
) -> None:
    """Write how a check ended and when the next is due. Validators stay where none are given."""
    values: dict[str, Any] = {
        "last_check": now,
        "outcome": str(result.outcome),
        "message": result.message,
        "failures": failures,
        "next_check": next_check,
        "disabled": disabled,
        "held_until": held_until,
    }
    if validators is not None:
        values |= {
            "etag": validators.etag,
            "last_modified": validators.last_modified,
            "digest": validators.digest,
        }
    connection.execute(update(source).where(source.c.id == state.id).values(values))
    _remember(connection, state.id, result, now)


def _remember(connection: Connection, source_id: int, result: Result, now: datetime) -> None:
    connection.execute(
        insert(source_check).values(
            source_id=source_id,
            at=now,
            outcome=str(result.outcome),
            message=result.message,
            new=result.tally.new,
            changed=result.tally.changed,
            refused=result.tally.refused,
        )
    )
    oldest_kept = (
        select(source_check.c.id)
        .where(source_check.c.source_id == source_id)
        .order_by(source_check.c.id.desc())
        .offset(HISTORY - 1)
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(
        delete(source_check).where(source_check.c.source_id == source_id, source_check.c.id < oldest_kept)
    )


def overview(connection: Connection) -> list[dict[str, Any]]:
    """What `status` shows of every configured source, in the order of their ids."""
    counted = select(entry.c.source_id, func.count().label("entries")).group_by(entry.c.source_id).subquery()
    query = (
        select(source, func.coalesce(counted.c.entries, 0).label("entries"))
        .outerjoin(counted, counted.c.source_id == source.c.id)
        .where(source.c.configured.is_(True))
        .order_by(source.c.id)
    )
    return [_shown(row) for row in connection.execute(query)]


SHOWN = ("name", "kind", "outcome", "message", "disabled", "last_check", "next_check", "failures", "entries", "refused")


def _shown(row: Record) -> dict[str, Any]:
    values = {column: row._mapping[column] for column in SHOWN}
    return {"name": values.pop("name"), "url": row.location, **values}
