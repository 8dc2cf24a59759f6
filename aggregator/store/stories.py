"""Stories: which entries are one article, and every feed that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, insert, or_, select, type_coerce, update

from aggregator.model import Member, Pair
from aggregator.store import categories
from aggregator.store.tables import (
    entry,
    entry_category,
    signature_band,
    source,
    story,
    story_category,
    story_entry,
    story_pair,
)
from aggregator.store.types import Record

#: Most candidates that one entry is compared with: a template that fills a band with hundreds of
#: bulletins must not make each new one cost hundreds of comparisons. Those with most bands in common come first.
MOST_CANDIDATES = 64


def ungrouped(connection: Connection, limit: int) -> list[int]:
    """The first entries that no story holds yet, in the order in which they were stored."""
    query = select(entry.c.id).where(~entry.c.grouped).order_by(entry.c.id).limit(limit)
    return list(connection.scalars(query))


def candidates(connection: Connection, ids: Sequence[int], window: timedelta, *, near: bool) -> set[tuple[int, int]]:
    """Pairs (smaller id first) of these entries with those that may be the same article.

    They share the digest of their text or of their address or, with `near`, a band of their
    signatures, and lie within the window. What they really are is not decided here.
    """
    found = set()
    for column in (entry.c.text_digest, entry.c.link_digest):
        found |= _sharing(connection, ids, column.key, window)
    if near:
        found |= _near(connection, ids, window)
    return found


def _sharing(connection: Connection, ids: Sequence[int], column: str, window: timedelta) -> set[tuple[int, int]]:
    one, other = entry.alias(), entry.alias()
    query = (
        select(one.c.id, other.c.id)
        .join(other, one.c[column] == other.c[column])
        .where(one.c.id.in_(ids), other.c.id != one.c.id, _within(one, other, window))
    )
    return {(min(a, b), max(a, b)) for a, b in connection.execute(query)}


def _near(connection: Connection, ids: Sequence[int], window: timedelta) -> set[tuple[int, int]]:
    one, other = signature_band.alias(), signature_band.alias()
    a, b = entry.alias(), entry.alias()
    query = (
        select(one.c.entry_id, other.c.entry_id, func.count().label("common"))
        .join(other, one.c.band == other.c.band)
        .join(a, a.c.id == one.c.entry_id)
        .join(b, b.c.id == other.c.entry_id)
        .where(one.c.entry_id.in_(ids), other.c.entry_id != one.c.entry_id, _within(a, b, window))
        .group_by(one.c.entry_id, other.c.entry_id)
        .order_by(one.c.entry_id, func.count().desc(), other.c.entry_id)
    )
    taken: dict[int, int] = {}
    found = set()
    for first, second, _ in connection.execute(query):
        taken[first] = taken.get(first, 0) + 1
        if taken[first] <= MOST_CANDIDATES:
            found.add((min(first, second), max(first, second)))
    return found


def _within(one: Any, other: Any, window: timedelta) -> Any:
    apart = type_coerce(one.c.published, BigInteger) - type_coerce(other.c.published, BigInteger)
    return func.abs(apart) <= window // timedelta(microseconds=1)


def members(connection: Connection, ids: Iterable[int], prefer: Mapping[str, int]) -> dict[int, Member]:
    """What grouping knows of these entries, their text included."""
    query = (
        select(entry, source.c.name.label("source_name"))
        .join(source, source.c.id == entry.c.source_id)
        .where(entry.c.id.in_(set(ids)))
    )
    return {row.id: _member(row, prefer.get(row.source_name, 0)) for row in connection.execute(query)}


def _member(row: Record, prefer: int) -> Member:
    return Member(
        id=row.id,
        uuid=row.uuid,
        source=row.source_name,
        publisher=row.publisher,
        published=row.published,
        first_seen=row.first_seen,
        title=row.title,
        text=row.cleaned.text,
        prefer=prefer,
        digest=row.text_digest,
        link=row.link_digest,
    )


def forget_pairs(connection: Connection, ids: Sequence[int]) -> None:
    """Before entries are compared anew: what was found of them no longer counts."""
    connection.execute(delete(story_pair).where(or_(story_pair.c.a.in_(ids), story_pair.c.b.in_(ids))))


def add_pairs(connection: Connection, pairs: Sequence[Pair]) -> None:
    rows = [{"a": pair.a, "b": pair.b, "strength": round(pair.strength * 1000), "why": pair.why} for pair in pairs]
    if rows:
        connection.execute(insert(story_pair), rows)


def region(connection: Connection, ids: Iterable[int]) -> tuple[set[int], list[Pair]]:
    """Everything that the grouping of these entries can touch, and all pairs within it.

    Closed under pairs and under the stories as they stand, so that deciding it anew gives what
    deciding everything anew would give.
    """
    reached: set[int] = set()
    pairs: dict[tuple[int, int], Pair] = {}
    frontier = set(ids)
    while frontier:
        reached |= frontier
        near: set[int] = set()
        query = select(story_pair).where(or_(story_pair.c.a.in_(frontier), story_pair.c.b.in_(frontier)))
        for row in connection.execute(query):
            pairs[row.a, row.b] = Pair(row.a, row.b, row.strength / 1000, row.why)
            near |= {row.a, row.b}
        together = story_entry.alias()
        near |= set(
            connection.scalars(
                select(together.c.entry_id)
                .join(story_entry, story_entry.c.story_id == together.c.story_id)
                .where(story_entry.c.entry_id.in_(frontier))
            )
        )
        frontier = near - reached
    return reached, list(pairs.values())


@dataclass(frozen=True, slots=True)
class Grouped:
    """One story as decided: its entries, and the one whose words it shows."""

    entries: tuple[int, ...]
    lead: int

    @property
    def id(self) -> int:
        """A story lives under its first-stored entry, whoever leads."""
        return min(self.entries)


def settle(connection: Connection, groups: Sequence[Grouped]) -> None:
    """Make the stories what was decided, and everything that shows them dirty.

    `groups` covers a whole region: an entry's former story is in it or ends here.
    """
    ids = [entry_id for group in groups for entry_id in group.entries]
    before = _stories_of(connection, ids)
    _end(connection, groups, before)
    _write(connection, groups)
    connection.execute(delete(story_entry).where(story_entry.c.entry_id.in_(ids)))
    connection.execute(
        insert(story_entry), [{"entry_id": i, "story_id": group.id} for group in groups for i in group.entries]
    )
    _show(connection, [group.id for group in groups])
    connection.execute(update(entry).where(entry.c.id.in_(ids)).values(grouped=True))


def _stories_of(connection: Connection, ids: Sequence[int]) -> set[int]:
    return set(connection.scalars(select(story_entry.c.story_id).where(story_entry.c.entry_id.in_(ids))))


def _end(connection: Connection, groups: Sequence[Grouped], before: set[int]) -> None:
    """Stories whose first entry now belongs to an earlier one end there and redirect to it."""
    home = {entry_id: group.id for group in groups for entry_id in group.entries}
    for ended in before - {group.id for group in groups}:
        touched = connection.scalars(select(story_category.c.category_id).where(story_category.c.story_id == ended))
        categories.touch(connection, list(touched))
        connection.execute(delete(story_category).where(story_category.c.story_id == ended))
        merged = update(story).where(story.c.id == ended)
        connection.execute(merged.values(merged_into=home[ended], changed=story.c.changed + 1))


def _write(connection: Connection, groups: Sequence[Grouped]) -> None:
    ids = [entry_id for group in groups for entry_id in group.entries]
    columns = (entry.c.id, entry.c.uuid, entry.c.published, entry.c.updated)
    entries = {row.id: row for row in connection.execute(select(*columns).where(entry.c.id.in_(ids)))}
    query = select(story.c.id, story.c.updated).where(story.c.id.in_([group.id for group in groups]))
    known = {row.id: row.updated for row in connection.execute(query)}
    fresh = [_born(group, entries) for group in groups if group.id not in known]
    changed = [_followed(group, entries, known[group.id]) for group in groups if group.id in known]
    if fresh:
        connection.execute(insert(story), fresh)
    if changed:
        statement = update(story).where(story.c.id == bindparam("story_id"))
        connection.execute(statement.values(merged_into=None, changed=story.c.changed + 1), changed)


def _born(group: Grouped, entries: Mapping[int, Record]) -> dict[str, Any]:
    first, lead = entries[group.id], entries[group.lead]
    return {
        "id": group.id,
        "uuid": first.uuid,
        "lead_id": group.lead,
        "published": first.published,
        "updated": lead.updated,
    }


def _followed(group: Grouped, entries: Mapping[int, Record], before: datetime) -> dict[str, Any]:
    """A new lead changes the words and perhaps `updated`, never `published`."""
    own = {entries[entry_id].updated for entry_id in group.entries}
    return {
        "story_id": group.id,
        "lead_id": group.lead,
        "updated": _updated(before, entries[group.lead].updated, own),
    }


def _updated(before: datetime, lead: datetime, own: set[datetime]) -> datetime:
    """Never a stamp of an entry that left: stamps are distinct because each is one of the story's own."""
    return max(before, lead) if before in own else lead


def _show(connection: Connection, ids: Sequence[int]) -> None:
    """Put stories into every feed of their entries' categories and the levels above; make those dirty."""
    own = _own_categories(connection, ids)
    above = categories.closure(connection, {category for held in own.values() for category in held})
    stamps = {
        row.id: row.updated
        for row in connection.execute(select(story.c.id, story.c.updated).where(story.c.id.in_(ids)))
    }
    before = list(connection.execute(select(story_category.c.category_id).where(story_category.c.story_id.in_(ids))))
    wanted = {(c, story_id) for story_id, held in own.items() for leaf in held for c in above[leaf]}
    connection.execute(delete(story_category).where(story_category.c.story_id.in_(ids)))
    rows = [{"category_id": c, "story_id": s, "updated": stamps[s]} for c, s in sorted(wanted)]
    if rows:
        connection.execute(insert(story_category), rows)
    categories.touch(connection, {row.category_id for row in before} | {c for c, _ in wanted})


def _own_categories(connection: Connection, ids: Sequence[int]) -> dict[int, set[int]]:
    query = (
        select(story_entry.c.story_id, entry_category.c.category_id)
        .join(entry_category, entry_category.c.entry_id == story_entry.c.entry_id)
        .where(story_entry.c.story_id.in_(ids))
    )
    own: dict[int, set[int]] = {}
    for story_id, category_id in connection.execute(query):
        own.setdefault(story_id, set()).add(category_id)
    return own
