"""Stories: which entries are one article, and every feed that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from aggregator.model import Member, Pair
from aggregator.store import categories, placing
from aggregator.store.among import among
from aggregator.store.categories import CATEGORY, PUBLISHER, Naming
from aggregator.store.tables import (
    LEARNED,
    SHOWN,
    UNGROUPED,
    entry,
    entry_category,
    source,
    story,
    story_choice,
    story_entry,
    story_gone,
    story_pair,
)
from aggregator.store.types import Record
from aggregator.store.upsert import append, insert_all, upsert

#: What today's rules leave in publication.
KEPT = entry.c.dropped.is_(None)


def ungrouped(connection: Connection, limit: int) -> list[int]:
    """The first entries that no story holds yet, in the order in which they were stored.

    Without those that a circuit breaker keeps back, and those that came since learning last looked.
    """
    query = select(entry.c.id).where(UNGROUPED, entry.c.learning == LEARNED).order_by(entry.c.id).limit(limit)
    return list(connection.scalars(query))


#: What entries are compared by, besides their words; the original stays where it is.
_COMPARED = (
    entry.c.id,
    entry.c.uuid,
    entry.c.publisher,
    entry.c.published,
    entry.c.first_seen,
    entry.c.title,
    entry.c.text_digest,
    entry.c.link_digest,
)


def members(connection: Connection, ids: Iterable[int], prefer: Mapping[str, int]) -> dict[int, Member]:
    """What grouping knows of these entries, their text included: without what their publishers repeat."""
    query = (
        select(*_COMPARED, SHOWN, source.c.name.label("source_name"), source.c.links_distinct)
        .join(source, source.c.id == entry.c.source_id)
        .where(among(connection, entry.c.id, ids))
    )
    return {row.id: _member(row, prefer.get(row.source_name, 0)) for row in connection.execute(query)}


def _member(row: Record, prefer: int) -> Member:
    """An address counts only where the source's addresses tell its articles apart."""
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
        link=row.link_digest if row.links_distinct else None,
    )


def forget_pairs(connection: Connection, ids: Sequence[int]) -> None:
    """Before entries are compared anew: what was found of them no longer counts."""
    connection.execute(
        delete(story_pair).where(or_(among(connection, story_pair.c.a, ids), among(connection, story_pair.c.b, ids)))
    )


def add_pairs(connection: Connection, pairs: Sequence[Pair]) -> None:
    rows = [{"a": pair.a, "b": pair.b, "strength": round(pair.strength * 1000), "why": pair.why} for pair in pairs]
    insert_all(connection, story_pair, rows)


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
        query = select(story_pair).where(
            or_(among(connection, story_pair.c.a, frontier), among(connection, story_pair.c.b, frontier))
        )
        for row in connection.execute(query):
            pairs[row.a, row.b] = Pair(row.a, row.b, row.strength / 1000, row.why)
            near |= {row.a, row.b}
        near |= _companions(connection, frontier)
        near |= {entry_id for ids, joined in choices(connection, frontier).items() if joined for entry_id in ids}
        frontier = near - reached
    return reached, list(pairs.values())


def _companions(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Everyone in the stories of these entries as they stand."""
    together = story_entry.alias()
    query = (
        select(together.c.entry_id)
        .join(story_entry, story_entry.c.story_id == together.c.story_id)
        .where(among(connection, story_entry.c.entry_id, ids))
    )
    return set(connection.scalars(query))


def choices(connection: Connection, ids: Iterable[int]) -> dict[tuple[int, int], bool]:
    """What a person decided of these entries: pairs of ids, and whether they belong together.

    Without those that rules leave out.
    """
    wanted, a, b = set(ids), entry.alias(), entry.alias()
    query = (
        select(story_choice)
        .join(a, a.c.id == story_choice.c.a)
        .join(b, b.c.id == story_choice.c.b)
        .where(or_(among(connection, story_choice.c.a, wanted), among(connection, story_choice.c.b, wanted)))
        .where(a.c.dropped.is_(None), b.c.dropped.is_(None))
    )
    return {(row.a, row.b): row.together for row in connection.execute(query)}


def choose(connection: Connection, pairs: Iterable[tuple[int, int]], *, together: bool) -> None:
    """Keep a person's decision and have everyone concerned grouped anew."""
    ordered = [(min(ids), max(ids)) for ids in pairs]
    upsert(connection, story_choice, [{"a": a, "b": b, "together": together} for a, b in ordered])
    concerned = {entry_id for ids in ordered for entry_id in ids}
    connection.execute(update(entry).where(among(connection, entry.c.id, concerned), KEPT).values(grouped=False))


def companions(connection: Connection, entry_id: int) -> list[int]:
    """The entries of the same story, this one included, in the order in which they were stored."""
    return sorted(_companions(connection, [entry_id]))


@dataclass(frozen=True, slots=True)
class Grouped:
    """One story as decided: its entries, and the one whose words it shows."""

    entries: tuple[int, ...]
    lead: int

    @property
    def id(self) -> int:
        """A story lives under its first-stored entry, whoever leads."""
        return min(self.entries)


def settle(connection: Connection, groups: Sequence[Grouped], naming: Naming, now: datetime) -> None:
    """Make the stories what was decided, and everything that shows them dirty.

    `groups` covers a whole region: an entry's former story is in it or ends here. Feeds of
    publishers come into being here, for only who carries what is published needs one.
    """
    ids = [entry_id for group in groups for entry_id in group.entries]
    before = _stories_of(connection, ids)
    _end(connection, groups, before, now)
    _write(connection, groups)
    connection.execute(delete(story_entry).where(among(connection, story_entry.c.entry_id, ids)))
    append(connection, story_entry, [(i, group.id) for group in groups for i in group.entries])
    _show(connection, [group.id for group in groups], naming, now)
    connection.execute(update(entry).where(among(connection, entry.c.id, ids)).values(grouped=True))


def _stories_of(connection: Connection, ids: Sequence[int]) -> set[int]:
    return set(connection.scalars(select(story_entry.c.story_id).where(among(connection, story_entry.c.entry_id, ids))))


def _end(connection: Connection, groups: Sequence[Grouped], before: set[int], now: datetime) -> None:
    """Stories whose first entry now belongs to an earlier one end there and redirect to it.

    Those that were published are announced as deleted in every feed that showed them.
    """
    home = {entry_id: group.id for group in groups for entry_id in group.entries}
    for ended in before - {group.id for group in groups}:
        announce(connection, ended, end(connection, ended, home[ended]), now)


def announce(connection: Connection, story_id: int, feeds: Iterable[int], now: datetime) -> None:
    """Have these feeds say that the story is no more (RFC 6721)."""
    uuid = connection.execute(select(story.c.uuid).where(story.c.id == story_id)).scalar_one()
    rows = [{"category_id": category_id, "uuid": uuid, "at": now, "archive": None} for category_id in feeds]
    upsert(connection, story_gone, rows)


def end(connection: Connection, story_id: int, into: int) -> list[int]:
    """No feed shows the story any more, its page leads to the story `into`; returns the feeds where readers saw it."""
    places = placing.remove(connection, [story_id])
    ended = update(story).where(story.c.id == story_id)
    connection.execute(ended.values(merged_into=into, changed=story.c.changed + 1))
    return sorted(category_id for category_id, _ in places)


def _write(connection: Connection, groups: Sequence[Grouped]) -> None:
    ids = [entry_id for group in groups for entry_id in group.entries]
    columns = (entry.c.id, entry.c.uuid, entry.c.published, entry.c.updated)
    entries = {row.id: row for row in connection.execute(select(*columns).where(among(connection, entry.c.id, ids)))}
    query = select(story.c.id, story.c.updated).where(among(connection, story.c.id, [group.id for group in groups]))
    known = {row.id: row.updated for row in connection.execute(query)}
    fresh = [_born(group, entries) for group in groups if group.id not in known]
    changed = [_followed(group, entries, known[group.id]) for group in groups if group.id in known]
    insert_all(connection, story, fresh)
    if changed:
        query = select(story.c.uuid).where(among(connection, story.c.id, known), story.c.merged_into.is_not(None))
        if back := connection.scalars(query).all():
            connection.execute(delete(story_gone).where(among(connection, story_gone.c.uuid, back)))
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


def _show(connection: Connection, ids: Sequence[int], naming: Naming, now: datetime) -> None:
    """Put stories into every feed of their entries' categories and the levels above, and of all who carried them."""
    own = _own_categories(connection, ids)
    above = categories.closure(connection, {category for held in own.values() for category in held})
    carried = _publishers(connection, ids)
    feeds = categories.ensure_named(connection, PUBLISHER, {name for _, name in carried}, naming, now)
    columns = (story.c.id, story.c.updated)
    stamps = {
        row.id: row.updated for row in connection.execute(select(*columns).where(among(connection, story.c.id, ids)))
    }
    wanted = {(c, story_id) for story_id, held in own.items() for leaf in held for c in above[leaf]}
    wanted |= {(feeds[name], story_id) for story_id, name in carried}
    placing.place(connection, stamps, wanted, (CATEGORY, PUBLISHER))


def _publishers(connection: Connection, ids: Sequence[int]) -> set[tuple[int, str]]:
    query = (
        select(story_entry.c.story_id, entry.c.publisher)
        .join(entry, entry.c.id == story_entry.c.entry_id)
        .where(among(connection, story_entry.c.story_id, ids))
    )
    return {(row.story_id, row.publisher) for row in connection.execute(query)}


def _own_categories(connection: Connection, ids: Sequence[int]) -> dict[int, set[int]]:
    query = (
        select(story_entry.c.story_id, entry_category.c.category_id)
        .join(entry_category, entry_category.c.entry_id == story_entry.c.entry_id)
        .where(among(connection, story_entry.c.story_id, ids))
    )
    own: dict[int, set[int]] = {}
    for story_id, category_id in connection.execute(query):
        own.setdefault(story_id, set()).add(category_id)
    return own
