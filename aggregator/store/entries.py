"""Entries: what is known of them by their keys, and writing what was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, insert, literal, select, type_coerce, update

from aggregator.model import Entry, Key, KnownEntry, Prepared
from aggregator.store.among import among
from aggregator.store.portions import portions
from aggregator.store.tables import (
    CLEANED,
    FOUND,
    NOT_HELD,
    UNCOUNTED,
    block_entry,
    entry,
    entry_alias,
    entry_category,
    entry_version,
    file,
    signature_band,
    source,
    tombstone,
)
from aggregator.store.types import Record, packed
from aggregator.store.upsert import append, insert_all, upsert

#: `last_seen` is written at most this often: retention counts in days, and a source that shows
#: the same thousand entries every five minutes must not cost a thousand writes each time.
SEEN_PRECISION = timedelta(days=1)

MICROSECOND = timedelta(microseconds=1)

#: What the last document of a source showed, as far as it is of use to know it again. Made once: asked with each check.
_SHOWN_LATELY = (
    select(entry.c.fingerprint, entry.c.title)
    .join(source, source.c.id == entry.c.source_id)
    .where(entry.c.source_id == bindparam("of"), NOT_HELD, entry.c.dropped.is_(None))
    .where(
        type_coerce(entry.c.last_seen, BigInteger)
        >= type_coerce(source.c.last_read, BigInteger) - SEEN_PRECISION // MICROSECOND
    )
)

#: Of the keys that an entry may go by.
KINDS = ("guid", "link", "path", "date", "text")


@dataclass(frozen=True, slots=True)
class Birth:
    """A new entry with everything that is decided once."""

    prepared: Prepared
    uuid: UUID
    #: Wanted; made distinct when it is stored.
    updated: datetime
    first_seen: datetime
    aliases: tuple[Key, ...]
    categories: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A known entry that its publisher wrote anew."""

    entry_id: int
    prepared: Prepared
    #: None keeps the old one: a touch-up is shown but not announced.
    updated: datetime | None
    categories: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A known entry of which today's rules make something else; its publisher wrote nothing new."""

    entry_id: int
    prepared: Prepared
    categories: tuple[int, ...]


def known(connection: Connection, source_id: int, keys: Iterable[Key]) -> dict[Key, KnownEntry]:
    """The entries of this source that go by any of these keys."""
    wanted = {(key.kind, key.digest): key for key in keys}
    columns = (entry_alias.c.kind, entry_alias.c.key, entry.c.id, entry.c.fingerprint, entry.c.title, entry.c.changes)
    query = select(*columns).join(entry, entry.c.id == entry_alias.c.entry_id)
    found: dict[Key, KnownEntry] = {}
    for digests in portions({digest for _, digest in wanted}):
        # Of every kind: with the kinds named, the index by source, kind and key gives just these rows.
        these = (
            entry_alias.c.source_id == source_id,
            entry_alias.c.kind.in_(KINDS),
            among(connection, entry_alias.c.key, digests),
        )
        for row in connection.execute(query.where(*these)):
            if key := wanted.get((row.kind, row.key)):
                found[key] = KnownEntry(row.id, row.fingerprint, row.title, row.changes)
    return found


def titles(connection: Connection, source_id: int) -> dict[bytes, str]:
    """Of what the source's last document showed: the title of each fingerprint.

    Without those that two entries share, and without what is kept back or left out, of which more must be known.
    """
    rows = connection.execute(_SHOWN_LATELY, {"of": source_id}).all()
    several = Counter(row.fingerprint for row in rows)
    return {row.fingerprint: row.title for row in rows if several[row.fingerprint] == 1}


def recall(connection: Connection, entry_id: int) -> Entry:
    """A stored entry as it was cleaned last."""
    cleaned: Entry = connection.execute(select(CLEANED).where(entry.c.id == entry_id)).scalar_one()
    return cleaned


def stamps(connection: Connection, ids: Collection[int]) -> dict[int, Record]:
    """Id, uuid and `updated` of these entries."""
    if not ids:
        return {}
    query = select(entry.c.id, entry.c.uuid, entry.c.updated).where(among(connection, entry.c.id, ids))
    return {row.id: row for row in connection.execute(query)}


def vanished(connection: Connection, source_id: int, fingerprints: Collection[bytes]) -> dict[bytes, tuple[int, ...]]:
    """Entries with these fingerprints whose files are gone: where a renamed file comes from."""
    if not fingerprints:
        return {}
    query = (
        select(entry.c.fingerprint, entry.c.id)
        .join(file, file.c.entry_id == entry.c.id)
        .where(
            entry.c.source_id == source_id,
            among(connection, entry.c.fingerprint, fingerprints),
            file.c.missing_since.is_not(None),
        )
        .order_by(entry.c.id)
    )
    found: dict[bytes, tuple[int, ...]] = {}
    for fingerprint, entry_id in connection.execute(query):
        found[fingerprint] = (*found.get(fingerprint, ()), entry_id)
    return found


def uuids_taken(connection: Connection, uuids: Collection[UUID]) -> set[UUID]:
    """Those of these ids that an entry, living or purged, has or had."""
    taken: set[UUID] = set()
    for some in portions(uuids):
        had = select(tombstone.c.uuid).where(among(connection, tombstone.c.uuid, some))
        taken |= set(
            connection.scalars(select(entry.c.uuid).where(among(connection, entry.c.uuid, some)).union_all(had))
        )
    return taken


def add(connection: Connection, source_id: int, births: Sequence[Birth]) -> list[int]:
    """Store new entries, not yet grouped; returns their ids in the order given."""
    if not births:
        return []
    stamps = _distinct(connection, [birth.updated for birth in births])
    rows = [_row(source_id, birth, stamp) for birth, stamp in zip(births, stamps, strict=True)]
    insert_all(connection, entry, rows)
    # Asked for afterwards: with RETURNING the driver takes one row at a time.
    numbers = _numbers(connection, [birth.uuid for birth in births])
    ids = [numbers[birth.uuid] for birth in births]
    point(connection, source_id, [(i, key) for i, b in zip(ids, births, strict=True) for key in b.aliases])
    _index(connection, {i: b.prepared for i, b in zip(ids, births, strict=True)})
    append(
        connection, block_entry, [(key, i) for i, b in zip(ids, births, strict=True) for key in b.prepared.blocks or ()]
    )
    _place(connection, {i: b.categories for i, b in zip(ids, births, strict=True)})
    return ids


def _numbers(connection: Connection, uuids: Sequence[UUID]) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for some in portions(uuids):
        rows = connection.execute(select(entry.c.uuid, entry.c.id).where(among(connection, entry.c.uuid, some)))
        found.update((row.uuid, row.id) for row in rows)
    return found


def _row(source_id: int, birth: Birth, stamp: datetime) -> dict[str, Any]:
    cleaned = birth.prepared.entry
    return _content(birth.prepared) | {
        "source_id": source_id,
        "uuid": birth.uuid,
        "published": cleaned.published or birth.first_seen,
        "published_claimed": cleaned.published_claimed,
        "first_seen": birth.first_seen,
        "last_seen": birth.first_seen,
        "updated": stamp,
        "blocks": birth.prepared.blocks,
        "learning": UNCOUNTED if birth.prepared.blocks is None else FOUND,
    }


def _content(prepared: Prepared) -> dict[str, Any]:
    original, cleaned = packed(prepared.parsed, prepared.entry)
    return {
        "publisher": prepared.entry.publisher,
        "url": prepared.entry.url,
        "title": prepared.entry.title,
        "fingerprint": prepared.signature.fingerprint,
        "text_digest": prepared.signature.digest,
        "link_digest": prepared.signature.link,
        "bands": tuple(sorted(set(prepared.signature.bands))),
        "original": original,
        "cleaned": cleaned,
        "grouped": False,
        "learning": UNCOUNTED,
        "dropped": None,
    }


def _distinct(connection: Connection, wanted: Sequence[datetime]) -> list[datetime]:
    """These moments, each moved on by as few microseconds as make it nobody else's."""
    taken: set[datetime] = set()
    for some in portions(wanted):
        taken |= set(connection.scalars(select(entry.c.updated).where(among(connection, entry.c.updated, some))))
    stamps: list[datetime] = []
    for stamp in wanted:
        while stamp in taken:
            stamp += MICROSECOND
            if connection.scalar(select(entry.c.id).where(entry.c.updated == stamp)) is not None:
                taken.add(stamp)
        taken.add(stamp)
        stamps.append(stamp)
    return stamps


def change(connection: Connection, changes: Sequence[Change], now: datetime) -> None:
    """Write changed entries, keep what they said before, and have them grouped anew.

    One that was withdrawn stays so, whatever its publisher says now.
    """
    if not changes:
        return
    out = _withdrawn(connection, [item.entry_id for item in changes])
    _clear(connection, [item.entry_id for item in changes])
    _keep_versions(connection, [item.entry_id for item in changes], now)
    told = [(item.entry_id, item.updated) for item in changes if item.updated is not None]
    stamps = _distinct(connection, [moment for _, moment in told])
    _rewrite(connection, {item.entry_id: item.prepared for item in changes}, changes=entry.c.changes + 1, last_seen=now)
    if told:
        rows = [{"of": entry_id, "at": stamp} for (entry_id, _), stamp in zip(told, stamps, strict=True)]
        moved = update(entry).where(entry.c.id == bindparam("of")).values(updated=bindparam("at"))
        connection.execute(moved, rows)
    _index(connection, {item.entry_id: item.prepared for item in changes})
    _place(connection, {item.entry_id: item.categories for item in changes})
    drop(connection, out)


def _withdrawn(connection: Connection, ids: Collection[int]) -> dict[int, str]:
    """Those of the entries that were taken down, with the reason; none is from now on until the transaction ends."""
    query = select(entry.c.id, entry.c.dropped, entry.c.withdrawn).where(among(connection, entry.c.id, ids))
    rows = connection.execute(query.order_by(entry.c.id).with_for_update())
    return {row.id: row.dropped for row in rows if row.withdrawn is not None}


def rewrite(connection: Connection, rewrites: Sequence[Rewrite]) -> None:
    """Write what today's rules make of known entries, and have them grouped anew.

    Nothing else of them changes: neither dates nor versions, for their publishers did nothing.
    """
    _clear(connection, [item.entry_id for item in rewrites])
    _rewrite(connection, {item.entry_id: item.prepared for item in rewrites})
    _index(connection, {item.entry_id: item.prepared for item in rewrites})
    _place(connection, {item.entry_id: item.categories for item in rewrites})


def _rewrite(connection: Connection, prepared: Mapping[int, Prepared], **also: Any) -> None:
    """Overwrite what entries say, all in one statement; `also` is the same for each."""
    rows = [{"of": i, **{f"new_{name}": value for name, value in _content(p).items()}} for i, p in prepared.items()]
    if rows:
        values: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in rows[0] if name != "of"}
        connection.execute(update(entry).where(entry.c.id == bindparam("of")).values(**values, **also), rows)


def drop(connection: Connection, reasons: Mapping[int, str]) -> None:
    """Mark entries as left out: nothing is compared with them and no category holds them; `rewrite` undoes it."""
    if not reasons:
        return
    _clear(connection, reasons)
    values = {"grouped": True, "learning": UNCOUNTED, "text_digest": None, "link_digest": None, "bands": None}
    for entry_id, reason in reasons.items():
        connection.execute(update(entry).where(entry.c.id == entry_id).values(dropped=reason, **values))


def _clear(connection: Connection, ids: Collection[int]) -> None:
    """Before bands and categories are written anew."""
    if not ids:
        return
    unindex(connection, ids)
    connection.execute(delete(entry_category).where(among(connection, entry_category.c.entry_id, ids)))


def _keep_versions(connection: Connection, ids: Collection[int], now: datetime) -> None:
    """Copy what these entries say now into their histories, packed as it is."""
    number = (
        select(func.coalesce(func.max(entry_version.c.number), 0) + 1)
        .where(entry_version.c.entry_id == entry.c.id)
        .scalar_subquery()
    )
    old = select(entry.c.id, number, literal(now, entry_version.c.at.type), entry.c.original).where(
        among(connection, entry.c.id, ids)
    )
    connection.execute(insert(entry_version).from_select(["entry_id", "number", "at", "original"], old))


def _index(connection: Connection, prepared: Mapping[int, Prepared]) -> None:
    append(connection, signature_band, [(band, i) for i, p in prepared.items() for band in set(p.signature.bands)])


def unindex(connection: Connection, ids: Collection[int]) -> None:
    """Take the entries out of the index of bands; their rows still say which those were."""
    rows = connection.execute(select(entry.c.id, entry.c.bands).where(among(connection, entry.c.id, ids)))
    held = [{"old_band": band, "old_id": row.id} for row in rows for band in row.bands]
    if held:
        statement = delete(signature_band).where(
            signature_band.c.band == bindparam("old_band"), signature_band.c.entry_id == bindparam("old_id")
        )
        connection.execute(statement, held)


def _place(connection: Connection, placed: Mapping[int, tuple[int, ...]]) -> None:
    append(connection, entry_category, [(i, one) for i, held in placed.items() for one in sorted(set(held))])


def point(connection: Connection, source_id: int, aliases: Iterable[tuple[int, Key]]) -> None:
    """Make each key lead to its entry, wherever it led before; of equal keys the last counts."""
    rows = {
        (key.kind, key.digest): {
            "source_id": source_id,
            "kind": key.kind,
            "key": key.digest,
            "text": key.text,
            "entry_id": entry_id,
        }
        for entry_id, key in aliases
    }
    upsert(connection, entry_alias, list(rows.values()))


def seen(connection: Connection, ids: Collection[int], now: datetime) -> None:
    """The source still shows these entries."""
    for some in portions(ids):
        late = (among(connection, entry.c.id, some), entry.c.last_seen < now - SEEN_PRECISION)
        connection.execute(update(entry).where(*late).values(last_seen=now))
