"""Reading what is published: whole feeds, single stories, the newest of all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import BindParameter, Connection, bindparam, select

from aggregator.model import Carrier, Entry, Feed, Node, Origin, Paging, Path, Story, Withdrawn
from aggregator.store import archives, histories, origins, paging
from aggregator.store.categories import CATEGORY, PUBLISHER
from aggregator.store.tables import (
    SHOWN,
    archive_story,
    category,
    entry,
    entry_category,
    story,
    story_category,
    story_entry,
    story_gone,
)
from aggregator.store.types import EPOCH, Record

# Made once: to put a statement together takes SQLAlchemy longer than SQLite needs to answer it, and a round of
# publishing asks these for each of its documents.
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_FEED = select(category).where(category.c.id == bindparam("of"))
_LOADED = (
    select(story.c.id, story.c.uuid, story.c.published, story.c.updated, story.c.lead_id, entry.c.source_id, SHOWN)
    .join(entry, entry.c.id == story.c.lead_id)
    .where(story.c.id.in_(_IDS))
)
_CARRIERS = (
    select(story_entry.c.story_id, entry.c.id, entry.c.uuid, entry.c.publisher, entry.c.title, entry.c.url)
    .join(entry, entry.c.id == story_entry.c.entry_id)
    .where(story_entry.c.story_id.in_(_IDS))
    .order_by(entry.c.id)
)
_SLUGS = select(category.c.key, category.c.slug).where(category.c.key.in_(bindparam("keys", expanding=True)))
_PATHS = (
    select(story_entry.c.story_id, category.c.path)
    .join(entry_category, entry_category.c.entry_id == story_entry.c.entry_id)
    .join(category, category.c.id == entry_category.c.category_id)
    .where(story_entry.c.story_id.in_(_IDS))
)
_HERE = select(story_category.c.story_id, story_category.c.updated, story_category.c.archive).where(
    story_category.c.category_id == bindparam("of")
)
_NEWEST = _HERE.order_by(story_category.c.updated.desc(), story_category.c.story_id).limit(bindparam("most"))
_UNSEALED = _HERE.where(*archives.WAITING)
_GONE = select(story_gone.c.uuid, story_gone.c.at).where(story_gone.c.category_id == bindparam("of"))
_NEWEST_GONE = _GONE.order_by(story_gone.c.at.desc(), story_gone.c.uuid).limit(bindparam("most"))
_UNSEALED_GONE = _GONE.where(story_gone.c.archive.is_(None))


@dataclass(frozen=True, slots=True)
class Shown:
    """What the config says of how things are shown, handed in by the wiring."""

    tag: str
    description: Callable[[Path], str]
    #: The key of a publisher's feed.
    publisher: Callable[[str], bytes]


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


class Stories:
    """Stories that were read, by number: for one round of publishing, which shows each in several documents.

    Those read first give way to others.
    """

    def __init__(self, most: int = 4000) -> None:
        self._most = most
        self._read: dict[int, Story] = {}

    def of(self, connection: Connection, ids: Collection[int], shown: Shown) -> dict[int, Story]:
        """These stories, as far as they are any; what was read before is not asked for again."""
        found = {one: self._read[one] for one in ids if one in self._read}
        fresh = _loaded(connection, [one for one in ids if one not in found], shown)
        self._read |= fresh
        while len(self._read) > self._most:
            del self._read[next(iter(self._read))]
        return found | fresh


def feed(
    connection: Connection,
    category_id: int,
    choice: Choice,
    shown: Shown,
    nodes: Mapping[Path, Node],
    stories: Stories,
) -> Feed:
    """The chosen stories with everything that every format and page needs; `nodes` is the tree by path."""
    row = connection.execute(_FEED, {"of": category_id}).one()
    if row.kind == PUBLISHER:
        choice = replace(choice, per_publisher=None)
    chosen = _chosen(connection, category_id, choice)
    late = set(paging.on_none(connection, category_id, row.places) if choice.paged else ()) - set(
        chosen[: choice.entries]
    )
    found = stories.of(connection, [*chosen, *sorted(late - set(chosen))], shown)
    held = _ordered(found, chosen)
    node = nodes.get(tuple(row.path)) if row.kind == CATEGORY else None
    return replace(
        _described(row, held, shown),
        children=node.children if node else (),
        deleted=_deleted(connection, category_id, held, choice),
        prev_archive=archives.last(connection, category_id) if choice.unsealed else None,
        paging=paging.around(connection, category_id, None) if choice.paged else Paging(),
        late=tuple(_ordered(found, late)),
    )


def page(
    connection: Connection, category_id: int, number: int, shown: Shown, nodes: Mapping[Path, Node], stories: Stories
) -> Feed:
    """What stands on one numbered page of a feed."""
    row = connection.execute(_FEED, {"of": category_id}).one()
    node = nodes.get(tuple(row.path)) if row.kind == CATEGORY else None
    ids = paging.on(connection, category_id, number)
    return replace(
        _described(row, _ordered(stories.of(connection, ids, shown), ids), shown),
        children=node.children if node else (),
        paging=paging.around(connection, category_id, number),
    )


def archive(connection: Connection, category_id: int, number: int, shown: Shown, stories: Stories) -> Feed:
    """One sealed part of a feed, as far as it was not taken out since."""
    row = connection.execute(_FEED, {"of": category_id}).one()
    held = select(archive_story.c.story_id).where(
        archive_story.c.category_id == category_id, archive_story.c.number == number
    )
    gone = select(story_gone.c.uuid, story_gone.c.at).where(
        story_gone.c.category_id == category_id, story_gone.c.archive == number
    )
    ids = list(connection.scalars(held))
    return replace(
        _described(row, _ordered(stories.of(connection, ids, shown), ids), shown),
        deleted=_newest_first(connection.execute(gone)),
        archive=number,
        prev_archive=archives.before(connection, category_id, number),
    )


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


def _chosen(connection: Connection, category_id: int, choice: Choice) -> list[int]:
    """Newest first."""
    reach = choice.entries * (REACH if choice.per_publisher else 1)
    rows = {row.story_id: row for row in connection.execute(_NEWEST, {"of": category_id, "most": reach})}
    if choice.unsealed:
        rows |= {row.story_id: row for row in connection.execute(_UNSEALED, {"of": category_id})}
    found = sorted(rows.values(), key=lambda row: (-(row.updated - EPOCH), row.story_id))
    if choice.per_publisher:
        found = _thinned(connection, found, choice.per_publisher)
    extra = (row for row in found[choice.entries :] if choice.unsealed and row.archive is None)
    return [row.story_id for row in (*found[: choice.entries], *extra)]


def _thinned(connection: Connection, rows: Iterable[Record], most: int) -> list[Record]:
    """The first `most` of each publisher, whose words a story shows."""
    rows = list(rows)
    query = (
        select(story.c.id, entry.c.publisher)
        .join(entry, entry.c.id == story.c.lead_id)
        .where(story.c.id.in_([row.story_id for row in rows]))
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
        .where(story.c.id.in_(ids))
    )
    rows = connection.execute(query).all()
    ours = {row.uuid: row.id for row in rows if row.merged_into is None and row.url is None}
    stories = _with_past(connection, list(ours.values()), shown)
    return {ours[item.uuid]: item for item in stories}, [row.uuid for row in rows if row.merged_into is not None]


def _with_past(connection: Connection, ids: list[int], shown: Shown) -> list[Story]:
    """These stories with what only their own pages tell."""
    pasts = histories.pasts(connection, ids)
    return [replace(item, past=pasts[item.uuid]) for item in _stories(connection, ids, shown)]


def these(connection: Connection, ids: Iterable[int], shown: Shown) -> dict[int, Story]:
    """These stories by their numbers, in the order given."""
    ids = list(ids)
    found = _loaded(connection, ids, shown)
    return {one: found[one] for one in ids if one in found}


def _stories(connection: Connection, ids: list[int], shown: Shown) -> list[Story]:
    return _ordered(_loaded(connection, ids, shown), ids)


def _ordered(found: Mapping[int, Story], ids: Iterable[int]) -> list[Story]:
    """These stories, newest `updated` first, then by id: the order of every document of ours."""
    stories = [found[one] for one in ids if one in found]
    return sorted(sorted(stories, key=lambda item: item.uuid), key=lambda item: item.updated, reverse=True)


def _loaded(connection: Connection, ids: list[int], shown: Shown) -> dict[int, Story]:
    """By number; those that are none any more are left out."""
    if not ids:
        return {}
    rows = connection.execute(_LOADED, {"ids": ids}).all()
    came = origins.origins(connection, {row.source_id for row in rows}, shown.tag)
    carriers = _carriers(connection, ids, shown)
    paths = _paths(connection, ids)
    return {row.id: _story(row, carriers[row.id], paths.get(row.id, ()), came[row.source_id]) for row in rows}


def _story(row: Record, carriers: Mapping[int, Carrier], paths: Iterable[Path], origin: Origin) -> Story:
    lead: Entry = row.cleaned
    return Story(
        uuid=row.uuid,
        title=lead.title,
        html=lead.html,
        summary=lead.summary,
        url=lead.url,
        publisher=lead.publisher,
        authors=lead.authors,
        published=row.published,
        updated=row.updated,
        paths=tuple(sorted(paths)),
        terms=lead.terms,
        origin=origin,
        carriers=_credited(row.lead_id, carriers),
        image=lead.image,
        enclosures=lead.enclosures,
        language=lead.language,
        rights=lead.rights,
        podcast=lead.podcast,
    )


def _credited(lead: int, carriers: Mapping[int, Carrier]) -> tuple[Carrier, ...]:
    """The lead, then each other publisher once: what one re-edited was not carried twice."""
    found = {carriers[lead].publisher: carriers[lead]}
    for _, carrier in sorted(carriers.items()):
        found.setdefault(carrier.publisher, carrier)
    return tuple(found.values())


def _carriers(connection: Connection, ids: list[int], shown: Shown) -> dict[int, dict[int, Carrier]]:
    rows = connection.execute(_CARRIERS, {"ids": ids}).all()
    slugs = _slugs(connection, {row.publisher for row in rows}, shown)
    found: dict[int, dict[int, Carrier]] = {}
    for row in rows:
        carrier = Carrier(row.uuid, row.publisher, row.title, row.url, slugs.get(row.publisher, ""))
        found.setdefault(row.story_id, {})[row.id] = carrier
    return found


def _slugs(connection: Connection, publishers: Iterable[str], shown: Shown) -> dict[str, str]:
    """Where each publisher's feed is found."""
    keys = {name: shown.publisher(name) for name in publishers}
    found = {row.key: row.slug for row in connection.execute(_SLUGS, {"keys": list(set(keys.values()))})}
    return {name: found[key] for name, key in keys.items() if key in found}


def _paths(connection: Connection, ids: list[int]) -> dict[int, set[Path]]:
    found: dict[int, set[Path]] = {}
    for row in connection.execute(_PATHS, {"ids": ids}):
        found.setdefault(row.story_id, set()).add(tuple(row.path))
    return found
