"""Categories that the config renamed or merged: their entries go along, their addresses lead on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, insert, literal, select, update

from aggregator.model import Moved
from aggregator.store import archives, categories
from aggregator.store.among import among
from aggregator.store.categories import Naming
from aggregator.store.tables import category, entry, entry_category


def follow(connection: Connection, naming: Naming, now: datetime) -> None:
    """Let each category that moved (`was`) give way to the one that took its place, and take back what no longer did.

    Their entries go along and are grouped anew, which is what brings the feeds up to date.
    """
    columns = (category.c.id, category.c.path, category.c.moved_to)
    own = category.c.kind == categories.CATEGORY
    rows = connection.execute(select(*columns).where(own).order_by(category.c.id)).all()
    paths = {row.id: tuple(row.path) for row in rows}
    going = {row_id: place for row_id, path in paths.items() if (place := naming.place(path)) != path}
    targets = categories.ensure(connection, going.values(), naming, now) if going else {}
    for row in rows:
        target = targets[going[row.id]] if row.id in going else None
        if target != row.moved_to:
            values = {"moved_to": target, "moved": now if target else None}
            connection.execute(update(category).where(category.c.id == row.id).values(values))
            categories.touch(connection, [row.id])
        if target is not None:
            _take_along(connection, row.id, target)


def _take_along(connection: Connection, old: int, new: int) -> None:
    there = select(entry_category.c.entry_id).where(entry_category.c.category_id == new)
    here = select(entry_category.c.entry_id).where(entry_category.c.category_id == old)
    missing = select(entry_category.c.entry_id, literal(new)).where(
        entry_category.c.category_id == old, entry_category.c.entry_id.not_in(there)
    )
    connection.execute(update(entry).where(entry.c.id.in_(here), entry.c.dropped.is_(None)).values(grouped=False))
    connection.execute(insert(entry_category).from_select(["entry_id", "category_id"], missing))
    connection.execute(delete(entry_category).where(entry_category.c.category_id == old))


def moved(connection: Connection, category_id: int) -> Moved | None:
    """Where the category went; None for one that is where it was."""
    return gone(connection, [category_id]).get(category_id)


def gone(connection: Connection, ids: Collection[int]) -> dict[int, Moved]:
    """Of these categories those that went somewhere else, and where."""
    new = category.alias()
    query = (
        select(category, new.c.slug.label("to"), new.c.title.label("to_title"))
        .join(new, new.c.id == category.c.moved_to)
        .where(among(connection, category.c.id, ids))
    )
    return {
        row.id: Moved(
            row.uuid,
            row.slug,
            row.title,
            row.moved,
            row.to,
            row.to_title,
            prev_archive=archives.last(connection, row.id),
        )
        for row in connection.execute(query)
    }


def slugs(connection: Connection) -> dict[str, str]:
    """By slug of each category that moved: the slug of the one that took its place."""
    new = category.alias()
    query = select(category.c.slug, new.c.slug.label("to")).join(new, new.c.id == category.c.moved_to)
    return {row.slug: row.to for row in connection.execute(query)}
