"""What lies in the output folder, as far as the database knows: for finding what is behind or missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select, update

from aggregator.store.tables import category, document, story
from aggregator.store.upsert import upsert


def record(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note documents that were written: path, digest and what each shows."""
    upsert(connection, document, [{"category_id": None, "story_id": None, **row} for row in rows])


def forget(connection: Connection, paths: Sequence[str]) -> None:
    connection.execute(delete(document).where(document.c.path.in_(paths)))


def paths(connection: Connection) -> Iterator[tuple[str, int | None, int | None]]:
    """Every path with the category and the story that it shows."""
    for row in connection.execute(select(document.c.path, document.c.category_id, document.c.story_id)):
        yield row.path, row.category_id, row.story_id


def dirty_stories(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """Stories whose pages are behind, with the counter that writing them settles."""
    query = select(story.c.id, story.c.changed).where(story.c.changed > story.c.shown).order_by(story.c.id).limit(limit)
    return [(row.id, row.changed) for row in connection.execute(query)]


def settle_stories(connection: Connection, counters: Sequence[tuple[int, int]]) -> None:
    """Record the counters that were read, so that a change since then stays dirty."""
    for story_id, counter in counters:
        connection.execute(update(story).where(story.c.id == story_id).values(shown=counter))


def outdate(connection: Connection, categories: Sequence[int], stories: Sequence[int]) -> None:
    """Have these written again, for their documents are missing."""
    connection.execute(update(category).where(category.c.id.in_(categories)).values(published=category.c.changed - 1))
    connection.execute(update(story).where(story.c.id.in_(stories)).values(shown=story.c.changed - 1))


def outdate_all(connection: Connection) -> None:
    """Have everything written again."""
    connection.execute(update(category).values(published=category.c.changed - 1))
    connection.execute(update(story).values(shown=story.c.changed - 1))
