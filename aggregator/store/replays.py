"""What a replay reads and writes: stored originals in batches, entries taken out of their stories."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from aggregator.model import Entry, Key, ParsedEntry, ParsedFeed, Signature
from aggregator.store import stories
from aggregator.store.among import among
from aggregator.store.tables import (
    WHOLE_ENTRY,
    entry,
    entry_alias,
    entry_category,
    file,
    source,
    story_entry,
)
from aggregator.store.types import Record

#: Instead of the story that one became part of, where there is none: its page is taken away and nothing is found.
NOWHERE = 0


@dataclass(frozen=True, slots=True)
class Kept:
    """One stored entry, and what its document said of itself."""

    id: int
    source_id: int
    source: str
    feed: ParsedFeed
    #: The address of the document; None for files.
    base: str | None
    original: ParsedEntry
    cleaned: Entry
    first_seen: datetime
    fingerprint: bytes
    digest: bytes | None
    link: bytes | None
    bands: tuple[int, ...]
    #: Why rules left it out when they were last applied; None for what is published.
    dropped: str | None
    #: Where it is, without the levels above.
    categories: frozenset[int]

    def signed(self, signature: Signature) -> bool:
        """Whether it is compared with others by this."""
        now = (signature.fingerprint, signature.digest, signature.link, tuple(sorted(set(signature.bands))))
        return now == (self.fingerprint, self.digest, self.link, self.bands)


STORED = (
    select(*WHOLE_ENTRY, source.c.name.label("source_name"), source.c.described, source.c.base, source.c.home)
    .join(source, source.c.id == entry.c.source_id)
    .order_by(entry.c.id)
)


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(entry)) or 0


def batch(connection: Connection, after: int, limit: int) -> list[Kept]:
    """The next entries in the order in which they were stored; without those withdrawn, which no rule brings back."""
    return _read(connection, STORED.where(entry.c.id > after, entry.c.withdrawn.is_(None)).limit(limit))


def those(connection: Connection, ids: Collection[int]) -> list[Kept]:
    """These entries, in the order in which they were stored."""
    return _read(connection, STORED.where(among(connection, entry.c.id, ids)))


def _read(connection: Connection, query: Select[Any]) -> list[Kept]:
    rows = connection.execute(query).all()
    held: dict[int, set[int]] = {}
    places = select(entry_category).where(among(connection, entry_category.c.entry_id, [row.id for row in rows]))
    for row in connection.execute(places):
        held.setdefault(row.entry_id, set()).add(row.category_id)
    return [_kept(row, frozenset(held.get(row.id, ()))) for row in rows]


def _kept(row: Record, held: frozenset[int]) -> Kept:
    return Kept(
        id=row.id,
        source_id=row.source_id,
        source=row.source_name,
        feed=row.described or ParsedFeed(url=row.home),
        base=row.base,
        original=row.original,
        cleaned=row.cleaned,
        first_seen=row.first_seen,
        fingerprint=row.fingerprint,
        digest=row.text_digest,
        link=row.link_digest,
        bands=row.bands,
        dropped=row.dropped,
        categories=held,
    )


def free(connection: Connection, source_id: int, wanted: Mapping[int, Collection[Key]]) -> list[tuple[int, Key]]:
    """Those keys of these entries that are of a kind by which the entry is known, and that nobody has yet."""
    known: dict[int, set[str]] = {}
    kinds = select(entry_alias.c.entry_id, entry_alias.c.kind).where(among(connection, entry_alias.c.entry_id, wanted))
    for row in connection.execute(kinds):
        known.setdefault(row.entry_id, set()).add(row.kind)
    keys = [(i, key) for i, held in wanted.items() for key in held if key.kind in known.get(i, ())]
    digests = select(entry_alias.c.kind, entry_alias.c.key).where(
        entry_alias.c.source_id == source_id,
        among(connection, entry_alias.c.kind, {key.kind for _, key in keys}),
        among(connection, entry_alias.c.key, {key.digest for _, key in keys}),
    )
    taken = {(row.kind, row.key) for row in connection.execute(digests)}
    return [(i, key) for i, key in keys if (key.kind, key.digest) not in taken]


def leave(connection: Connection, ids: Sequence[int]) -> None:
    """Take entries out of their stories; whoever was with them is grouped anew.

    A story that lives under such an entry's id ends: no feed shows it, and its page leads to the
    rest of the story, if there is any.
    """
    leaving = set(ids)
    stories.forget_pairs(connection, ids)
    of = select(story_entry.c.story_id).where(among(connection, story_entry.c.entry_id, ids))
    members: dict[int, set[int]] = {}
    for row in connection.execute(select(story_entry).where(story_entry.c.story_id.in_(of))):
        members.setdefault(row.story_id, set()).add(row.entry_id)
    connection.execute(delete(story_entry).where(among(connection, story_entry.c.entry_id, ids)))
    for story_id, held in members.items():
        if story_id in leaving:
            connection.execute(delete(story_entry).where(story_entry.c.story_id == story_id))
            stories.end(connection, story_id, min(held - leaving, default=NOWHERE))
    rest = set().union(*members.values()) - leaving
    connection.execute(update(entry).where(among(connection, entry.c.id, rest), stories.KEPT).values(grouped=False))


def ungroup(connection: Connection) -> None:
    """Have everything grouped anew."""
    connection.execute(update(entry).where(stories.KEPT).values(grouped=False))


def read_refused_again(connection: Connection) -> None:
    """Have the next checks look at what earlier ones refused: it was never stored, and today's rules may take it."""
    connection.execute(delete(file).where(file.c.refused.is_not(None)))
    connection.execute(update(source).where(source.c.refused > 0).values(etag=None, last_modified=None, digest=None))
