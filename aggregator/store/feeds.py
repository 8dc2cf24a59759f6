"""Reading what is published: whole feeds, single stories, the newest of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import BindParameter, Connection, bindparam, select

from aggregator.model import Feed, Node, Paging, Story, Withdrawn
from aggregator.store import archives, histories, paging
from aggregator.store.among import among
from aggregator.store.categories import CATEGORY, PUBLISHER, Tree
from aggregator.store.shown import Shown, Stories
from aggregator.store.tables import (
    archive_story,
    category,
    entry,
    story,
    story_category,
    story_entry,
    story_gone,
)
from aggregator.store.types import EPOCH, Record

# Made once: to put a statement together takes SQLAlchemy longer than SQLite needs to answer it, and a round of
# publishing asks these for each of its documents.
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_FEEDS = select(category).where(category.c.id.in_(_IDS))
_HERE = select(story_category.c.story_id, story_category.c.updated, story_category.c.archive).where(
    story_category.c.category_id == bindparam("of")
)
_NEWEST = _HERE.order_by(story_category.c.updated.desc(), story_category.c.story_id).limit(bindparam("most"))
_UNSEALED = _HERE.where(*archives.WAITING)
_GONE = select(story_gone.c.uuid, story_gone.c.at).where(story_gone.c.category_id == bindparam("of"))
_NEWEST_GONE = _GONE.order_by(story_gone.c.at.desc(), story_gone.c.uuid).limit(bindparam("most"))
_UNSEALED_GONE = _GONE.where(story_gone.c.archive.is_(None))
_SEALED = select(archive_story.c.story_id).where(
    archive_story.c.category_id == bindparam("of"), archive_story.c.number == bindparam("nth")
)
_SEALED_GONE = _GONE.where(story_gone.c.archive == bindparam("nth"))


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of a feed's stories its document shows."""

    #: That many of the newest.
    entries: int
    #: And every one that no archive holds yet.
    unsealed: bool = False
    #: But no more than this of one publisher; what is left out is in the next archive all the same.
    per_publisher: int | None = None
    #: And, for the page beside it, what no numbered page holds yet.
    paged: bool = False


#: Where one publisher crowds the others out, so many times `entries` are looked through for those.
REACH = 10


#: A part of a feed: the feed, and its number among the others of its kind.
Part = tuple[int, int]


def feeds(
    connection: Connection, ids: Sequence[int], choice: Choice, shown: Shown, tree: Tree, stories: Stories
) -> list[Feed]:
    """The chosen stories of each feed with everything that every format and page needs."""
    rows = _rows(connection, ids)
    chosen = {one: _chosen(connection, rows[one], choice) for one in ids}
    late = {one: _late(connection, rows[one], chosen[one], choice) for one in ids}
    found = stories.of(connection, (story for one in ids for story in (*chosen[one], *sorted(late[one]))), shown)

    def whole(row: Record) -> Feed:
        held = _ordered(found, chosen[row.id])
        return replace(
            _described(row, held, shown),
            children=_below(connection, row, tree) if choice.paged else (),
            deleted=_deleted(connection, row.id, held, choice),
            prev_archive=archives.last(connection, row.id) if choice.unsealed else None,
            paging=paging.around(connection, row.id, None) if choice.paged else Paging(),
            late=tuple(_ordered(found, late[row.id])),
        )

    return [whole(rows[one]) for one in ids]


def feed(connection: Connection, category_id: int, choice: Choice, shown: Shown, tree: Tree, stories: Stories) -> Feed:
    """One feed, as `feeds`."""
    return feeds(connection, [category_id], choice, shown, tree, stories)[0]


def numbered(connection: Connection, parts: Sequence[Part], shown: Shown, stories: Stories) -> list[Feed]:
    """What stands on each of these numbered pages."""
    rows = _rows(connection, [category_id for category_id, _ in parts])
    held = {part: paging.on(connection, *part) for part in parts}
    found = stories.of(connection, (one for part in parts for one in held[part]), shown)
    return [
        replace(_described(rows[part[0]], _ordered(found, held[part]), shown), paging=paging.around(connection, *part))
        for part in parts
    ]


def page(connection: Connection, category_id: int, number: int, shown: Shown, stories: Stories) -> Feed:
    """One numbered page."""
    return numbered(connection, [(category_id, number)], shown, stories)[0]


def sealed(connection: Connection, parts: Sequence[Part], shown: Shown, stories: Stories) -> list[Feed]:
    """Each of these archives, as far as nothing was taken out of it since."""
    rows = _rows(connection, [category_id for category_id, _ in parts])
    keys = {part: {"of": part[0], "nth": part[1]} for part in parts}
    held = {part: list(connection.scalars(_SEALED, keys[part])) for part in parts}
    found = stories.of(connection, (one for part in parts for one in held[part]), shown)
    return [
        replace(
            _described(rows[part[0]], _ordered(found, held[part]), shown),
            deleted=_newest_first(connection.execute(_SEALED_GONE, keys[part])),
            archive=part[1],
            prev_archive=archives.before(connection, *part),
        )
        for part in parts
    ]


def archive(connection: Connection, category_id: int, number: int, shown: Shown, stories: Stories) -> Feed:
    """One archive."""
    return sealed(connection, [(category_id, number)], shown, stories)[0]


def _rows(connection: Connection, ids: Collection[int]) -> dict[int, Record]:
    return {row.id: row for row in connection.execute(_FEEDS, {"ids": list(set(ids))})}


def _late(connection: Connection, row: Record, chosen: Sequence[int], choice: Choice) -> set[int]:
    """What the page beside the feed shows besides."""
    return set(paging.on_none(connection, row.id, row.places) if choice.paged else ()) - set(chosen[: choice.entries])


def _below(connection: Connection, row: Record, tree: Tree) -> tuple[Node, ...]:
    return tree.below(connection, row.id, tuple(row.path)) if row.kind == CATEGORY else ()


def _described(row: Record, stories: list[Story], shown: Shown) -> Feed:
    path = tuple(row.path) if row.kind == CATEGORY else ()
    return Feed(
        uuid=row.uuid,
        slug=row.slug,
        title=row.title,
        description=shown.description(path) if row.kind == CATEGORY else "",
        path=path,
        updated=max((item.updated for item in stories), default=row.created),
        stories=tuple(stories),
        count=row.stories,
    )


def _chosen(connection: Connection, feed: Record, choice: Choice) -> list[int]:
    """Newest first."""
    per_publisher = None if feed.kind == PUBLISHER else choice.per_publisher
    reach = choice.entries * (REACH if per_publisher else 1)
    rows = {row.story_id: row for row in connection.execute(_NEWEST, {"of": feed.id, "most": reach})}
    if choice.unsealed:
        rows |= {row.story_id: row for row in connection.execute(_UNSEALED, {"of": feed.id})}
    found = sorted(rows.values(), key=lambda row: (-(row.updated - EPOCH), row.story_id))
    if per_publisher:
        found = _thinned(connection, found, per_publisher)
    extra = (row for row in found[choice.entries :] if choice.unsealed and row.archive is None)
    return [row.story_id for row in (*found[: choice.entries], *extra)]


def _thinned(connection: Connection, rows: Iterable[Record], most: int) -> list[Record]:
    """The first `most` of each publisher, whose words a story shows."""
    rows = list(rows)
    query = (
        select(story.c.id, entry.c.publisher)
        .join(entry, entry.c.id == story.c.lead_id)
        .where(among(connection, story.c.id, [row.story_id for row in rows]))
    )
    publishers = {row.id: row.publisher for row in connection.execute(query)}
    counts: Counter[str] = Counter()
    kept = []
    for row in rows:
        counts[publishers[row.story_id]] += 1
        if counts[publishers[row.story_id]] <= most:
            kept.append(row)
    return kept


def _deleted(
    connection: Connection, category_id: int, stories: list[Story], choice: Choice
) -> tuple[tuple[UUID, datetime], ...]:
    """What readers should drop: for as long as a story of that moment would still be in the feed, or
    until an archive tells it to whoever comes back late."""
    newest = connection.execute(_NEWEST_GONE, {"of": category_id, "most": choice.entries})
    oldest = stories[choice.entries - 1].updated if len(stories) >= choice.entries else EPOCH
    found = {row for row in newest if row.at >= oldest}
    if choice.unsealed:
        found |= set(connection.execute(_UNSEALED_GONE, {"of": category_id}))
    return _newest_first(found)


def _newest_first(rows: Iterable[Record]) -> tuple[tuple[UUID, datetime], ...]:
    return tuple((row.uuid, row.at) for row in sorted(rows, key=lambda row: (-(row.at - EPOCH), row.uuid)))


def one(connection: Connection, uuid: UUID, shown: Shown) -> Story | UUID | Withdrawn | None:
    """The story of that id; or the id of the story that it became part of; or that it was withdrawn; or None.

    Every member's id leads to its story, so that a link to any copy of an article works.
    """
    row = connection.execute(select(story.c.id, story.c.uuid, story.c.merged_into).where(story.c.uuid == uuid)).first()
    if row is not None and row.merged_into is None:
        return next(iter(_with_past(connection, [row.id], shown)), None)
    if row is not None:
        led = connection.scalar(select(story.c.uuid).where(story.c.id == row.merged_into))
    else:
        led = connection.scalar(
            select(story.c.uuid)
            .join(story_entry, story_entry.c.story_id == story.c.id)
            .join(entry, entry.c.id == story_entry.c.entry_id)
            .where(entry.c.uuid == uuid)
        )
    return led or _withdrawn(connection, uuid)


def _withdrawn(connection: Connection, uuid: UUID) -> Withdrawn | None:
    gone = connection.scalar(select(entry.c.id).where(entry.c.uuid == uuid, entry.c.withdrawn.is_not(None)))
    return Withdrawn(uuid) if gone is not None else None


def pages(connection: Connection, ids: list[int], shown: Shown) -> tuple[dict[int, Story], list[UUID]]:
    """Of these stories those whose article has no address but ours, and the ids of those that ended."""
    query = (
        select(story.c.id, story.c.uuid, story.c.merged_into, entry.c.url)
        .join(entry, entry.c.id == story.c.lead_id)
        .where(among(connection, story.c.id, ids))
    )
    rows = connection.execute(query).all()
    ours = {row.uuid: row.id for row in rows if row.merged_into is None and row.url is None}
    stories = _with_past(connection, list(ours.values()), shown)
    return {ours[item.uuid]: item for item in stories}, [row.uuid for row in rows if row.merged_into is not None]


def _with_past(connection: Connection, ids: list[int], shown: Shown) -> list[Story]:
    """These stories with what only their own pages tell."""
    pasts = histories.pasts(connection, ids)
    return [replace(item, past=pasts[item.uuid]) for item in _ordered(these(connection, ids, shown), ids)]


def these(connection: Connection, ids: Iterable[int], shown: Shown) -> dict[int, Story]:
    """These stories by their numbers, in the order given."""
    ids = list(ids)
    found = Stories().of(connection, ids, shown)
    return {one: found[one] for one in ids if one in found}


def _ordered(found: Mapping[int, Story], ids: Iterable[int]) -> list[Story]:
    """These stories, newest `updated` first, then by id: the order of every document of ours."""
    stories = [found[one] for one in ids if one in found]
    return sorted(sorted(stories, key=lambda item: item.uuid), key=lambda item: item.updated, reverse=True)
