"""Sources: what the config says of them, when they are due, and how their checks ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from aggregator.config.schema import Source
from aggregator.model import Move, Outcome, ParsedFeed, Result, SourceState, Tally, Validators
from aggregator.store.among import among
from aggregator.store.tables import entry, source, source_check
from aggregator.store.types import EPOCH, Record

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
    source.c.arrivals,
    source.c.moved_to,
    source.c.moved_since,
    source.c.moved_seen,
    source.c.moved_for_good,
    source.c.moved_doubted,
)

#: What tells whether a row still is as the config has it, without the large columns of a hundred thousand rows.
PLACE = (
    source.c.id,
    source.c.name,
    source.c.kind,
    source.c.location,
    source.c.configured,
    source.c.disabled,
    source.c.next_check,
    source.c.held_until,
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
    rows = {row.name: row for row in connection.execute(select(*PLACE))}
    _rename(connection, configured, rows)
    new = []
    for item in configured:
        if row := rows.get(item.name):
            _follow(connection, item, row, now)
        else:
            first = {"name": item.name, "next_check": now if item.enabled else None}
            new.append({**first, **_as_configured(item, None)})
    if new:
        connection.execute(insert(source), new)
    names = {item.name for item in configured}
    gone = [row.id for name, row in rows.items() if row.configured and name not in names]
    _each(connection, gone, configured=False, next_check=None)


def _each(connection: Connection, ids: Sequence[int], **values: Any) -> None:
    """Give all these sources the same values; one by one, for there may be more than a statement can list."""
    if ids:
        one = update(source).where(source.c.id == bindparam("one")).values(values)
        connection.execute(one, [{"one": source_id} for source_id in ids])


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
    rows = {row.name: row for row in connection.execute(select(*PLACE))}
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
        # What the old address said, of itself or of its place, does not concern the new one.
        values |= {"etag": None, "last_modified": None, "digest": None, "failures": 0, "held_until": None}
        values |= {"arrivals": (), **move_columns(None)}
    if values["disabled"]:
        values["next_check"] = None
    elif moved:
        values["next_check"] = now
    elif row.disabled or row.next_check is None:
        values["next_check"] = max(now, row.held_until or now)
    if moved or any(row._mapping[column] != value for column, value in values.items()):
        connection.execute(update(source).where(source.c.id == row.id).values(values))


def due(connection: Connection, now: datetime, limit: int) -> list[SourceState]:
    """Sources whose time has come, the longest overdue first."""
    query = (
        select(*STATE)
        .where(source.c.next_check <= now, source.c.disabled.is_(None))
        .order_by(source.c.next_check, source.c.id)
        .limit(limit)
    )
    return [state(row) for row in connection.execute(query)]


def by_name(connection: Connection, names: Iterable[str]) -> list[SourceState]:
    """The named sources in the order of their ids, due or not."""
    query = select(*STATE).where(among(connection, source.c.name, names)).order_by(source.c.id)
    return [state(row) for row in connection.execute(query)]


def checkable(connection: Connection, now: datetime) -> list[SourceState]:
    """Every source, due or not, that is neither disabled nor gone nor told to wait by its server."""
    held = func.coalesce(source.c.held_until > now, False)
    query = (
        select(*STATE).where(source.c.configured.is_(True), source.c.disabled.is_(None), ~held).order_by(source.c.id)
    )
    return [state(row) for row in connection.execute(query)]


def state(row: Record) -> SourceState:
    """What a check begins with, from a row of `STATE`."""
    validators = Validators(row.etag, row.last_modified, row.digest)
    return SourceState(
        row.id,
        row.name,
        validators,
        row.failures,
        row.next_check,
        row.ids_distinct,
        row.links_distinct,
        _move(row),
        tuple(EPOCH + timedelta(microseconds=moment) for moment in row.arrivals),
    )


def _move(row: Record) -> Move | None:
    if row.moved_to is None:
        return None
    return Move(row.moved_to, row.moved_since, row.moved_seen, row.moved_for_good, row.moved_doubted)


def move_columns(move: Move | None) -> dict[str, Any]:
    """How a move, or none, stands in a row."""
    return {
        "moved_to": move.to if move else None,
        "moved_since": move.since if move else None,
        "moved_seen": move.seen if move else 0,
        "moved_for_good": move.adopted if move else None,
        "moved_doubted": bool(move and move.doubted),
    }


def ask(connection: Connection, names: Sequence[str], now: datetime) -> list[int]:
    """Make the named sources due at once, also one that is gone or told to wait; returns their ids."""
    wanted = (
        among(connection, source.c.name, names),
        source.c.configured.is_(True),
        source.c.disabled.is_distinct_from("config"),
    )
    connection.execute(update(source).where(*wanted).values(next_check=now, disabled=None, held_until=None))
    return list(connection.scalars(select(source.c.id).where(*wanted).order_by(source.c.id)))


def answered(connection: Connection, ids: Sequence[int], since: datetime) -> list[Result]:
    """How the first checks of these sources since then ended; those not checked yet are left out."""
    query = (
        select(source.c.name, source_check)
        .join(source_check, source_check.c.source_id == source.c.id)
        .where(among(connection, source.c.id, ids), source_check.c.at >= since)
        .order_by(source.c.id, source_check.c.id)
    )
    found: dict[str, Result] = {}
    for row in connection.execute(query):
        tally = Tally(new=row.new, changed=row.changed, refused=row.refused)
        found.setdefault(row.name, Result(row.name, Outcome(row.outcome), row.message, tally))
    return list(found.values())


def claim(connection: Connection, ids: Sequence[int], until: datetime) -> None:
    """Before the requests go out: should this process die now, nobody asks again until then."""
    _each(connection, ids, next_check=until)


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


#: No failure: its source goes on as if the feed were whole.
DEGRADED = (
    "the feed is broken XML, or has entities of its own, which are not read; what could be recovered was taken: "
    "Tell its publisher if entries are missing."
)

SHOWN = (
    "name",
    "kind",
    "outcome",
    "message",
    "scope",
    "disabled",
    "last_check",
    "next_check",
    "failures",
    "entries",
    "refused",
    "moved_to",
    "moved_for_good",
)


def _shown(row: Record) -> dict[str, Any]:
    values = {column: row._mapping[column] for column in SHOWN}
    # Kept with what the feed says of itself: an answer of "unchanged" does not mend it.
    if row.described and row.described.degraded and values["message"] is None:
        values["message"] = DEGRADED
    return {"name": values.pop("name"), "url": without_login(row.location), **values}


def without_login(location: str) -> str:
    """An address, or a folder, fit to be shown: without the user name and password that may stand in it."""
    return re.sub(r"^(https?://)[^/?#]*@", r"\1", location, flags=re.IGNORECASE)
