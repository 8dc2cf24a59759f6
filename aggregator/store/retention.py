"""What has not been shown by its source for long, and taking it away: all but the knowledge of it.

A purged entry leaves a tombstone for each of its keys, so that it is known when its source shows it
again. Who goes is decided in `aggregator.retention`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Tuple,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from aggregator.model import Key, digest
from aggregator.store import archives, blocks, categories, entries, placing
from aggregator.store.among import among
from aggregator.store.entries import KINDS, SEEN_PRECISION
from aggregator.store.portions import portions
from aggregator.store.tables import (
    document,
    entry,
    entry_alias,
    event,
    file,
    source,
    story,
    story_entry,
    story_gone,
    tombstone,
)
from aggregator.store.types import BigId, Instant, Record
from aggregator.store.upsert import upsert

#: A place in the order in which a source showed its entries last: when that was, and the entry's number.
Edge = tuple[datetime, int]

#: Rows of the trace that one statement deletes.
EVENTS = 2000

MICROSECOND = timedelta(microseconds=1)

#: Kind of the key under which an id is kept that no other key leads to.
ID = "uuid"

#: Made once: asked with each check that brings something new.
_ANY_BURIED = select(exists().where(tombstone.c.source_id == bindparam("of")))

_ORDER = tuple_(entry.c.last_seen, entry.c.id)

#: A file of the entry is there: one that brought it, or that has its path and could not be read lately.
_HAS_FILE = or_(
    exists().where(file.c.entry_id == entry.c.id, file.c.missing_since.is_(None)),
    exists().where(
        entry_alias.c.entry_id == entry.c.id,
        entry_alias.c.kind == "path",
        file.c.source_id == entry_alias.c.source_id,
        file.c.path == entry_alias.c.text,
        file.c.entry_id.is_(None),
        file.c.missing_since.is_(None),
    ),
)


@dataclass(frozen=True, slots=True)
class Stock:
    """What is stored of one source."""

    source_id: int
    name: str
    kind: str
    configured: bool
    last_read: datetime | None
    last_check: datetime | None
    entries: int
    #: When the entry was seen last that was not seen for longest.
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Expiry:
    """Which entries of a source have expired: those before the edge, but for those whose files are there."""

    edge: Edge
    files: bool


@dataclass(frozen=True, slots=True)
class Grave:
    """What is remembered of a purged entry: digests of its folded title and of its text."""

    title: bytes | None
    words: bytes | None


def read(connection: Connection, source_id: int, shown: Collection[int], now: datetime) -> None:
    """Note that a whole document of the source has been read, and that it showed these entries alone.

    What the document before it showed was shown until about now, also where a server said "unchanged" for a year.
    """
    before = connection.scalar(select(source.c.last_read).where(source.c.id == source_id))
    if before is not None:
        held = (entry.c.source_id == source_id, entry.c.last_seen >= before - SEEN_PRECISION)
        left = set(connection.scalars(select(entry.c.id).where(*held))) - set(shown)
        # Just too old to count as shown by the document of now.
        lately = now - SEEN_PRECISION - MICROSECOND
        connection.execute(update(entry).where(among(connection, entry.c.id, left)).values(last_seen=lately))
    connection.execute(update(source).where(source.c.id == source_id).values(last_read=now))


def stocks(connection: Connection) -> list[Stock]:
    """Every source of which entries are stored, also those that left the config."""
    held = (
        select(entry.c.source_id, func.count().label("entries"), func.min(entry.c.last_seen).label("oldest"))
        .group_by(entry.c.source_id)
        .subquery()
    )
    columns = (source.c.id, source.c.name, source.c.kind, source.c.configured, source.c.last_read, source.c.last_check)
    query = select(*columns, held.c.entries, held.c.oldest).join(held, held.c.source_id == source.c.id)
    return [Stock(*row) for row in connection.execute(query.order_by(source.c.id))]


def edge(connection: Connection, source_id: int, most: int) -> Edge | None:
    """The last of the `most` entries of the source that it showed last; None where it has no more than that."""
    columns = (entry.c.last_seen, entry.c.id)
    newest = (entry.c.last_seen.desc(), entry.c.id.desc())
    query = select(*columns).where(entry.c.source_id == source_id).order_by(*newest)
    rows = connection.execute(query.offset(most - 1).limit(2)).all()
    return (rows[0].last_seen, rows[0].id) if len(rows) == 2 else None


def candidates(connection: Connection, source_id: int, expiry: Expiry, after: Edge, limit: int) -> list[Edge]:
    """The source's next expired entries, those first that it has not shown for longest."""
    query = (
        select(entry.c.last_seen, entry.c.id)
        .where(entry.c.source_id == source_id, _after(after), _expired(expiry))
        .order_by(entry.c.last_seen, entry.c.id)
        .limit(limit)
    )
    return [(row.last_seen, row.id) for row in connection.execute(query)]


def _after(edge: Edge) -> ColumnElement[bool]:
    return _at(edge) < _ORDER


def _at(edge: Edge) -> Tuple:
    return tuple_(literal(edge[0], Instant), literal(edge[1], BigId))


def _expired(expiry: Expiry) -> ColumnElement[bool]:
    old = _at(expiry.edge) > _ORDER
    return and_(old, ~_HAS_FILE) if expiry.files else old


def doomed(connection: Connection, ids: Collection[int], expiries: Mapping[int, Expiry]) -> list[int]:
    """These entries with everyone in their stories, without stories of which anything has not expired.

    An entry goes with its story: readers know that by the id of one of them.
    """
    of = select(story_entry.c.story_id).where(among(connection, story_entry.c.entry_id, ids))
    members = select(story_entry.c.entry_id).where(story_entry.c.story_id.in_(of))
    wanted = or_(among(connection, entry.c.id, ids), entry.c.id.in_(members))
    columns = (entry.c.id, entry.c.source_id, entry.c.last_seen, _HAS_FILE.label("has_file"), story_entry.c.story_id)
    query = select(*columns).outerjoin(story_entry, story_entry.c.entry_id == entry.c.id).where(wanted)
    rows = connection.execute(query).all()
    kept = {row.story_id for row in rows if row.story_id is not None and not _gone(row, expiries)}
    return sorted(row.id for row in rows if row.story_id not in kept and _gone(row, expiries))


def _gone(row: Record, expiries: Mapping[int, Expiry]) -> bool:
    expiry = expiries.get(row.source_id)
    if expiry is None:
        return False
    return (row.last_seen, row.id) < expiry.edge and not (expiry.files and row.has_file)


def sources(connection: Connection, ids: Collection[int]) -> list[str]:
    """The name of each one's source."""
    query = (
        select(source.c.name).join(entry, entry.c.source_id == source.c.id).where(among(connection, entry.c.id, ids))
    )
    return sorted(connection.scalars(query))


def stories(connection: Connection, ids: Collection[int]) -> list[int]:
    """The stories that end with these entries, and those that ended long ago under one of their ids."""
    held = select(story_entry.c.story_id).where(among(connection, story_entry.c.entry_id, ids))
    return sorted(
        connection.scalars(select(story.c.id).where(or_(among(connection, story.c.id, ids), story.c.id.in_(held))))
    )


def purge(connection: Connection, ids: Sequence[int], graves: Mapping[int, Grave], now: datetime) -> list[str]:
    """Delete these entries, of whole stories, with all that is known of them but their tombstones.

    Readers are told nothing: feeds just no longer show them. Returns the paths of published files that are to be
    taken away. What was sealed in archives stays in their files; an archive of which nothing is left goes.
    """
    ended = stories(connection, ids)
    _bury(connection, ids, graves, now)
    placing.remove(connection, ended)
    sealed = archives.holding(connection, ended)
    paths = list(connection.scalars(select(document.c.path).where(among(connection, document.c.story_id, ended))))
    _delete(connection, ids, ended)
    return paths + archives.drop_empty(connection, sealed)


def _delete(connection: Connection, ids: Sequence[int], ended: Sequence[int]) -> None:
    blocks.forget(connection, ids)
    entries.unindex(connection, ids)
    # A story that became part of another shows the words of its own first entry; its lead may have been one of these.
    led = update(story).where(among(connection, story.c.lead_id, ids), story.c.id.not_in(ended))
    connection.execute(led.values(lead_id=story.c.id))
    connection.execute(delete(story).where(among(connection, story.c.id, ended)))
    connection.execute(delete(event).where(among(connection, event.c.entry_id, ids)))
    connection.execute(delete(entry).where(among(connection, entry.c.id, ids)))


def titles(connection: Connection, ids: Collection[int]) -> dict[int, tuple[str, bytes]]:
    """Of these entries the title, and the digest of the text or, where that is too short, of what was written."""
    words = func.coalesce(entry.c.text_digest, entry.c.fingerprint).label("words")
    query = select(entry.c.id, entry.c.title, words).where(among(connection, entry.c.id, ids))
    return {row.id: (row.title, row.words) for row in connection.execute(query)}


def _bury(connection: Connection, ids: Sequence[int], graves: Mapping[int, Grave], now: datetime) -> None:
    columns = (entry.c.id, entry.c.source_id, entry.c.uuid, entry_alias.c.kind, entry_alias.c.key)
    query = (
        select(*columns)
        .outerjoin(entry_alias, entry_alias.c.entry_id == entry.c.id)
        .where(among(connection, entry.c.id, ids))
    )
    rows = []
    for row in connection.execute(query):
        name = (row.kind, row.key) if row.kind else (ID, digest(row.uuid.bytes))
        grave = graves[row.id]
        rows.append(
            {
                "source_id": row.source_id,
                "kind": name[0],
                "key": name[1],
                "uuid": row.uuid,
                "at": now,
                "title": grave.title,
                "words": grave.words,
            }
        )
    _keep_ids(connection, rows, now)
    upsert(connection, tombstone, rows)


def _keep_ids(connection: Connection, rows: Sequence[Mapping[str, object]], now: datetime) -> None:
    """A path that two purged articles had in turn leads to the later one; the earlier one's id is kept all the same."""
    keys = [(row["source_id"], row["kind"], row["key"]) for row in rows]
    name = tuple_(tombstone.c.source_id, tombstone.c.kind, tombstone.c.key)
    known = connection.execute(select(tombstone.c.source_id, tombstone.c.uuid).where(name.in_(keys)))
    kept = {
        row.uuid: {"source_id": row.source_id, "kind": ID, "key": digest(row.uuid.bytes), "uuid": row.uuid, "at": now}
        for row in known
    }
    upsert(connection, tombstone, list(kept.values()))


def buried(connection: Connection, source_id: int, keys: Iterable[Key]) -> dict[Key, Grave]:
    """What is remembered of the purged entries of this source that went by any of these keys."""
    wanted = {(key.kind, key.digest): key for key in keys}
    # Nothing of most sources was ever purged: asked first, for a query with all the keys is dear.
    if not wanted or not connection.scalar(_ANY_BURIED, {"of": source_id}):
        return {}
    columns = (tombstone.c.kind, tombstone.c.key, tombstone.c.title, tombstone.c.words)
    found: dict[Key, Grave] = {}
    for digests in portions({key.digest for key in wanted.values()}):
        these = (
            tombstone.c.source_id == source_id,
            tombstone.c.kind.in_(KINDS),
            among(connection, tombstone.c.key, digests),
        )
        for row in connection.execute(select(*columns).where(*these)):
            if key := wanted.get((row.kind, row.key)):
                found[key] = Grave(row.title, row.words)
    return found


def forget_events(connection: Connection, before: datetime, most: int) -> int:
    """Delete the oldest of the trace: what is from before that time, or more than so many rows. Some at a time."""
    last = connection.scalar(select(func.max(event.c.id))) or 0
    query = select(event.c.id, event.c.at).order_by(event.c.id).limit(EVENTS)
    old = [row.id for row in connection.execute(query) if row.at < before or row.id <= last - most]
    connection.execute(delete(event).where(among(connection, event.c.id, old)))
    return len(old)


def forget_files(connection: Connection, before: datetime, limit: int) -> int:
    """Delete the rows of files that are gone for that long and that lead to no entry. Some at a time."""
    query = select(file.c.source_id, file.c.path).where(file.c.missing_since < before, file.c.entry_id.is_(None))
    rows = [tuple(row) for row in connection.execute(query.limit(limit))]
    if rows:
        connection.execute(delete(file).where(tuple_(file.c.source_id, file.c.path).in_(rows)))
    return len(rows)


def forget_endings(connection: Connection, before: datetime) -> int:
    """No longer tell of stories that ended that long ago; an archive that says so goes on saying it."""
    old = delete(story_gone).where(story_gone.c.at < before, story_gone.c.archive.is_(None))
    feeds = list(connection.scalars(old.returning(story_gone.c.category_id)))
    categories.touch(connection, feeds)
    return len(feeds)
