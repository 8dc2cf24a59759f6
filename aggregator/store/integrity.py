"""Whether what is stored holds together; what does not is counted, named and, if wanted, mended.

Each check is a query for the damaged rows and a function that mends them; a new check is a line in `CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    select,
    text,
    update,
)

from aggregator.store import categories, placing
from aggregator.store.among import among
from aggregator.store.stories import KEPT
from aggregator.store.tables import (
    KEPT_STORY,
    NOT_HELD,
    block_entry,
    category,
    entry,
    entry_alias,
    metadata,
    signature_band,
    story,
    story_category,
    story_entry,
)

#: Rows that one statement names.
MOST = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of damage: how many rows have it, one of them, and whether it can be mended."""

    check: str
    found: int
    example: str
    mendable: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """What is looked for, in words; the rows that have it, by number; and what mends those."""

    name: str
    find: Select[Any]
    mend: Callable[[Connection, Sequence[int]], object]


def _regroup(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(update(entry).where(among(connection, entry.c.id, ids), KEPT).values(grouped=False))


def _regroup_members(connection: Connection, ids: Sequence[int]) -> None:
    held = select(story_entry.c.entry_id).where(among(connection, story_entry.c.story_id, ids))
    _regroup(connection, list(connection.scalars(held)))


def _end(connection: Connection, ids: Sequence[int]) -> None:
    placing.remove(connection, ids)
    connection.execute(delete(story).where(among(connection, story.c.id, ids)))
    _regroup(connection, ids)


def _recount(connection: Connection, ids: Sequence[int]) -> None:
    connection.execute(update(category).where(among(connection, category.c.id, ids)).values(stories=_HELD))
    categories.touch(connection, ids)


def _drop_aliases(connection: Connection, ids: Sequence[int]) -> None:
    own = select(entry.c.source_id).where(entry.c.id == entry_alias.c.entry_id).scalar_subquery()
    wrong = (among(connection, entry_alias.c.entry_id, ids), entry_alias.c.source_id != own)
    connection.execute(delete(entry_alias).where(*wrong))


def _drop_from(table: Table) -> Callable[[Connection, Sequence[int]], object]:
    return lambda connection, ids: connection.execute(delete(table).where(among(connection, table.c.entry_id, ids)))


def _orphaned(table: Table) -> Select[Any]:
    there = exists().where(entry.c.id == table.c.entry_id)
    return select(table.c.entry_id).where(~there).distinct()


_HELD = (
    select(func.count())
    .select_from(story_category)
    .where(story_category.c.category_id == category.c.id)
    .scalar_subquery()
)
_IN_STORY = exists().where(story_entry.c.entry_id == entry.c.id)
_HAS_ENTRY = exists().where(story_entry.c.story_id == story.c.id)
_IN_FEED = exists().where(story_category.c.story_id == story.c.id)

CHECKS: tuple[Check, ...] = (
    Check("bands of entries that are not there", _orphaned(signature_band), _drop_from(signature_band)),
    Check("blocks of entries that are not there", _orphaned(block_entry), _drop_from(block_entry)),
    Check("stories without an entry", select(story.c.id).where(KEPT_STORY, ~_HAS_ENTRY), _end),
    Check(
        "grouped entries without a story",
        select(entry.c.id).where(entry.c.grouped.is_(True), KEPT, NOT_HELD, ~_IN_STORY),
        _regroup,
    ),
    Check("stories that no feed shows", select(story.c.id).where(KEPT_STORY, _HAS_ENTRY, ~_IN_FEED), _regroup_members),
    Check(
        "keys that lead to an entry of another source",
        select(entry_alias.c.entry_id)
        .join(entry, entry.c.id == entry_alias.c.entry_id)
        .where(entry.c.source_id != entry_alias.c.source_id)
        .distinct(),
        _drop_aliases,
    ),
    Check("feeds whose count of stories is wrong", select(category.c.id).where(category.c.stories != _HELD), _recount),
)


def findings(connection: Connection) -> Iterator[Finding]:
    """Everything that is wrong with the rows; nothing where all is well."""
    yield from _pages(connection)
    for child, column, parent in _references():
        found = list(connection.scalars(select(column).select_from(child).where(_wrong(column, parent))))
        if found:
            name = f"{child.name}.{column.name} without its {parent.table.name}"
            yield Finding(name, len(found), f"{column.name} {found[0]}")
    for check in CHECKS:
        ids = list(connection.scalars(check.find))
        if ids:
            yield Finding(check.name, len(ids), f"number {min(ids)}")


def mend(connection: Connection) -> None:
    """Mend what `findings` tells of, as far as rows can be; group and publish afterwards."""
    for child, column, parent in _references():
        wrong = _wrong(column, parent)
        if column.nullable:
            connection.execute(update(child).where(wrong).values({column.name: None}))
        else:
            connection.execute(delete(child).where(wrong))
    for check in CHECKS:
        ids = sorted(set(connection.scalars(check.find)))
        for start in range(0, len(ids), MOST):
            check.mend(connection, ids[start : start + MOST])


def _pages(connection: Connection) -> Iterator[Finding]:
    """What SQLite says of its file; PostgreSQL looks after its own."""
    if connection.dialect.name == "sqlite":
        told = [row[0] for row in connection.execute(text("PRAGMA integrity_check(20)"))]
        if told != ["ok"]:
            yield Finding("pages of the file", len(told), str(told[0]), mendable=False)


def _references() -> Iterator[tuple[Table, Column[Any], Column[Any]]]:
    """Every column that refers to a row elsewhere, parents before children."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            yield table, key.parent, key.column


def _wrong(column: Column[Any], parent: Column[Any]) -> ColumnElement[bool]:
    other = parent.table.alias()  # a category's parent is a category
    return and_(column.is_not(None), ~exists().where(other.c[parent.name] == column))
