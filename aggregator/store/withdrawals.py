"""What was taken down: out of every feed, archive and search, kept only so that it never comes back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from aggregator.store import archives, entries, replays, search, stories
from aggregator.store.among import among
from aggregator.store.tables import entry, file, source, story, story_category

#: Why an entry of a folder with `withdraw_deleted` was taken down; it comes back with its file.
FILE_GONE = "its file is gone"


def take_down(connection: Connection, ids: Collection[int], reason: str, now: datetime) -> list[int]:
    """Withdraw these entries, and tell readers of each story that ends by it; returns those that were not yet.

    Whoever else carried a story stays published, under an id of their own if the story's was withdrawn.
    Takes effect in feeds with the next round of grouping and publishing. A few hundred entries at most.
    """
    query = select(entry.c.id).where(among(connection, entry.c.id, ids), entry.c.withdrawn.is_(None))
    found = sorted(connection.scalars(query))
    seen = {story_id: _seen(connection, story_id) for story_id in _ending(connection, found)}
    _unseal(connection, found)
    replays.leave(connection, found)
    entries.drop(connection, dict.fromkeys(found, reason))
    connection.execute(update(entry).where(among(connection, entry.c.id, found)).values(withdrawn=now))
    for story_id, where in seen.items():
        stories.announce(connection, story_id, where, now)
    search.forget(connection, found)
    return found


def _ending(connection: Connection, ids: Collection[int]) -> list[int]:
    """Stories that live under one of these entries' ids."""
    query = (
        select(story.c.id).where(among(connection, story.c.id, ids), story.c.merged_into.is_(None)).order_by(story.c.id)
    )
    return list(connection.scalars(query))


def _seen(connection: Connection, story_id: int) -> list[int]:
    """The feeds that readers saw the story in."""
    held = select(story_category.c.category_id).where(
        story_category.c.story_id == story_id, story_category.c.position != 0
    )
    return list(connection.scalars(held))


def _unseal(connection: Connection, ids: Collection[int]) -> None:
    """Take these entries' own stories out of archives, those that ended long ago too, and whatever has their words."""
    led = connection.scalars(select(story.c.id).where(among(connection, story.c.lead_id, ids)))
    archives.take_out(connection, {*ids, *led})


def give_back(connection: Connection, ids: Collection[int]) -> list[int]:
    """Have these no longer count as withdrawn; returns those that did. A replay of them publishes them again."""
    gone = update(entry).where(among(connection, entry.c.id, ids), entry.c.withdrawn.is_not(None))
    return sorted(connection.scalars(gone.values(withdrawn=None).returning(entry.c.id)))


def of_source(connection: Connection, name: str, limit: int) -> list[int]:
    """Some entries of the source that are not withdrawn; the source may have left the config."""
    query = (
        select(entry.c.id)
        .join(source, source.c.id == entry.c.source_id)
        .where(source.c.name == name, entry.c.withdrawn.is_(None))
        .order_by(entry.c.id)
        .limit(limit)
    )
    return list(connection.scalars(query))


def lost(connection: Connection, source_id: int, since: datetime, limit: int) -> list[int]:
    """Entries whose every file has been gone since then, or longer."""
    other = file.alias()
    there = exists().where(other.c.entry_id == entry.c.id, other.c.missing_since.is_(None))
    query = (
        select(entry.c.id)
        .join(file, file.c.entry_id == entry.c.id)
        .where(file.c.source_id == source_id, file.c.missing_since <= since, entry.c.withdrawn.is_(None), ~there)
        .distinct()
        .order_by(entry.c.id)
        .limit(limit)
    )
    return list(connection.scalars(query))


def returned(connection: Connection, source_id: int) -> list[int]:
    """Entries that were taken down because their files were gone, and whose files are back."""
    there = exists().where(file.c.entry_id == entry.c.id, file.c.missing_since.is_(None))
    query = select(entry.c.id).where(
        entry.c.source_id == source_id, entry.c.withdrawn.is_not(None), entry.c.dropped == FILE_GONE, there
    )
    return sorted(connection.scalars(query))
