"""What a person asks of one entry: finding it, its story, its versions, its feeds."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, or_, select

from aggregator.model import ParsedEntry
from aggregator.store.among import among
from aggregator.store.tables import (
    WHOLE_ENTRY,
    category,
    entry,
    entry_alias,
    entry_version,
    story,
    story_category,
    story_entry,
    story_pair,
)
from aggregator.store.types import Record


def find(connection: Connection, words: str) -> Record | None:
    """One entry by number, public id, address or file path; the newest where several fit."""
    by_alias = select(entry_alias.c.entry_id).where(entry_alias.c.text == words)
    fits = [entry.c.url == words, entry.c.id.in_(by_alias)]
    if words.isascii() and words.isdigit():
        fits.append(entry.c.id == int(words))
    uuid = _uuid(words)
    if uuid:
        fits.append(entry.c.uuid == uuid)
    return connection.execute(select(*WHOLE_ENTRY).where(or_(*fits)).order_by(entry.c.id.desc())).first()


def _uuid(words: str) -> UUID | None:
    """The id in a tag URI, in the address of one of our pages, or as it is."""
    try:
        return UUID(words.removesuffix(".html").rpartition("/")[2].rpartition(":")[2])
    except ValueError:
        return None


def story_of(connection: Connection, entry_id: int) -> list[dict[str, Any]]:
    """Everyone in the entry's story, the lead marked."""
    own = select(story_entry.c.story_id).where(story_entry.c.entry_id == entry_id).scalar_subquery()
    query = (
        select(entry.c.id, entry.c.publisher, entry.c.title, story.c.lead_id, story.c.uuid)
        .join(story_entry, story_entry.c.entry_id == entry.c.id)
        .join(story, story.c.id == story_entry.c.story_id)
        .where(story_entry.c.story_id == own)
        .order_by(entry.c.id)
    )
    return [
        {"id": row.id, "publisher": row.publisher, "title": row.title, "lead": row.id == row.lead_id, "story": row.uuid}
        for row in connection.execute(query)
    ]


def alike(connection: Connection, entry_id: int) -> list[dict[str, Any]]:
    """The entries that it was found to be the same article as, how surely, and why."""
    query = select(story_pair).where(or_(story_pair.c.a == entry_id, story_pair.c.b == entry_id))
    pairs = {row.b if row.a == entry_id else row.a: row for row in connection.execute(query)}
    others = connection.execute(
        select(entry.c.id, entry.c.publisher, entry.c.title)
        .where(among(connection, entry.c.id, pairs))
        .order_by(entry.c.id)
    )
    return [{**row._mapping, "strength": pairs[row.id].strength / 1000, "why": pairs[row.id].why} for row in others]


def versions(connection: Connection, entry_id: int) -> list[tuple[datetime, ParsedEntry]]:
    """What the publisher wrote, oldest first, each with the time when it gave way; the present one last."""
    query = (
        select(entry_version.c.at, entry_version.c.original)
        .where(entry_version.c.entry_id == entry_id)
        .order_by(entry_version.c.number)
    )
    old = [(row.at, row.original) for row in connection.execute(query)]
    present = connection.execute(select(entry.c.original, entry.c.updated).where(entry.c.id == entry_id)).one()
    return [*old, (present.updated, present.original)]


def slugs(connection: Connection, entry_id: int) -> list[str]:
    """Where its story is published."""
    query = (
        select(category.c.slug)
        .join(story_category, story_category.c.category_id == category.c.id)
        .join(story_entry, story_entry.c.story_id == story_category.c.story_id)
        .where(story_entry.c.entry_id == entry_id)
        .order_by(category.c.id)
    )
    return list(connection.scalars(query))
