"""Reading what is published: whole feeds, single stories, the newest of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from sqlalchemy import Connection, func, select

from aggregator.model import Carrier, Entry, Feed, Node, Origin, Path, Story
from aggregator.store.tables import (
    SHOWN,
    category,
    entry,
    entry_category,
    source,
    story,
    story_category,
    story_entry,
    story_gone,
)
from aggregator.store.types import EPOCH, Record


@dataclass(frozen=True, slots=True)
class Shown:
    """What the config says of how things are shown, handed in by the wiring."""

    tag: str
    description: Callable[[Path], str]


def feed(connection: Connection, category_id: int, entries: int, shown: Shown, node: Node | None = None) -> Feed:
    """The category's newest stories with everything that every format and page needs.

    `node` is the category's place in the tree, where the caller has it already.
    """
    row = connection.execute(select(category).where(category.c.id == category_id)).one()
    newest = (
        select(story_category.c.story_id)
        .where(story_category.c.category_id == category_id)
        .order_by(story_category.c.updated.desc(), story_category.c.story_id)
        .limit(entries)
    )
    stories = _stories(connection, list(connection.scalars(newest)), shown)
    count = connection.scalar(
        select(func.count()).select_from(story_category).where(story_category.c.category_id == category_id)
    )
    return Feed(
        uuid=row.uuid,
        slug=row.slug,
        title=row.title,
        description=shown.description(tuple(row.path)),
        path=tuple(row.path),
        updated=max((item.updated for item in stories), default=row.created),
        stories=tuple(stories),
        children=node.children if node else (),
        count=count or 0,
        deleted=_deleted(connection, category_id, stories, entries),
    )


def _deleted(
    connection: Connection, category_id: int, stories: list[Story], entries: int
) -> tuple[tuple[UUID, datetime], ...]:
    """What readers should drop: for as long as a story of that moment would still be in the feed."""
    query = (
        select(story_gone.c.uuid, story_gone.c.at)
        .where(story_gone.c.category_id == category_id)
        .order_by(story_gone.c.at.desc(), story_gone.c.uuid)
        .limit(entries)
    )
    oldest = stories[-1].updated if len(stories) == entries else EPOCH
    return tuple((row.uuid, row.at) for row in connection.execute(query) if row.at >= oldest)


def one(connection: Connection, uuid: UUID, shown: Shown) -> Story | UUID | None:
    """The story of that id; or the id of the story that it became part of; or None.

    Every member's id leads to its story, so that a link to any copy of an article works.
    """
    row = connection.execute(select(story.c.id, story.c.uuid, story.c.merged_into).where(story.c.uuid == uuid)).first()
    if row is not None and row.merged_into is None:
        return next(iter(_stories(connection, [row.id], shown)), None)
    if row is not None:
        return connection.scalar(select(story.c.uuid).where(story.c.id == row.merged_into))
    return connection.scalar(
        select(story.c.uuid)
        .join(story_entry, story_entry.c.story_id == story.c.id)
        .join(entry, entry.c.id == story_entry.c.entry_id)
        .where(entry.c.uuid == uuid)
    )


def pages(connection: Connection, ids: list[int], shown: Shown) -> tuple[dict[int, Story], list[UUID]]:
    """Of these stories those whose article has no address but ours, and the ids of those that ended."""
    query = (
        select(story.c.id, story.c.uuid, story.c.merged_into, entry.c.url)
        .join(entry, entry.c.id == story.c.lead_id)
        .where(story.c.id.in_(ids))
    )
    rows = connection.execute(query).all()
    ours = {row.uuid: row.id for row in rows if row.merged_into is None and row.url is None}
    stories = _stories(connection, list(ours.values()), shown)
    return {ours[item.uuid]: item for item in stories}, [row.uuid for row in rows if row.merged_into is not None]


def _stories(connection: Connection, ids: list[int], shown: Shown) -> list[Story]:
    """These stories, newest `updated` first, then by id: the order of every document of ours."""
    query = (
        select(
            story.c.id,
            story.c.uuid,
            story.c.published,
            story.c.updated,
            story.c.lead_id,
            SHOWN,
            source.c.name.label("source_name"),
            source.c.kind,
            source.c.location,
            source.c.feed_id,
            source.c.title.label("source_title"),
            source.c.home,
        )
        .join(entry, entry.c.id == story.c.lead_id)
        .join(source, source.c.id == entry.c.source_id)
        .where(story.c.id.in_(ids))
    )
    carriers = _carriers(connection, ids)
    paths = _paths(connection, ids)
    stories = [_story(row, carriers[row.id], paths.get(row.id, ()), shown) for row in connection.execute(query)]
    return sorted(sorted(stories, key=lambda item: item.uuid), key=lambda item: item.updated, reverse=True)


def _story(row: Record, carriers: Mapping[int, Carrier], paths: Iterable[Path], shown: Shown) -> Story:
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
        origin=_origin(row, shown.tag),
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


def _origin(row: Record, tag: str) -> Origin:
    feed_url = public(row.location) if row.kind == "feed" else None
    own_id = row.feed_id if row.feed_id and urlsplit(row.feed_id).scheme else None
    return Origin(
        name=row.source_title or row.source_name,
        id=public(own_id) if own_id else f"tag:{tag}:source:{row.source_name}",
        url=public(row.home) if row.home else None,
        feed_url=feed_url,
    )


def public(url: str) -> str:
    """An address without query, fragment and user info: those may hold a secret of the reader's."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _carriers(connection: Connection, ids: list[int]) -> dict[int, dict[int, Carrier]]:
    query = (
        select(story_entry.c.story_id, entry.c.id, entry.c.uuid, entry.c.publisher, entry.c.title, entry.c.url)
        .join(entry, entry.c.id == story_entry.c.entry_id)
        .where(story_entry.c.story_id.in_(ids))
        .order_by(entry.c.id)
    )
    found: dict[int, dict[int, Carrier]] = {}
    for row in connection.execute(query):
        found.setdefault(row.story_id, {})[row.id] = Carrier(row.uuid, row.publisher, row.title, row.url)
    return found


def _paths(connection: Connection, ids: list[int]) -> dict[int, set[Path]]:
    query = (
        select(story_entry.c.story_id, category.c.path)
        .join(entry_category, entry_category.c.entry_id == story_entry.c.entry_id)
        .join(category, category.c.id == entry_category.c.category_id)
        .where(story_entry.c.story_id.in_(ids))
    )
    found: dict[int, set[Path]] = {}
    for row in connection.execute(query):
        found.setdefault(row.story_id, set()).add(tuple(row.path))
    return found
