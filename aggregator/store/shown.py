"""Stories as documents show them: read once for all of those, and taken out of their bytes only where they differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

from sqlalchemy import BindParameter, Connection, Dialect, LargeBinary, bindparam, select, type_coerce

from aggregator.model import Carrier, Entry, Origin, Path, Story, digest
from aggregator.store import origins
from aggregator.store.portions import portions
from aggregator.store.tables import SHOWN, category, entry, entry_category, story, story_entry
from aggregator.store.types import Follower, Record

#: Stories that a service keeps from one round of publishing to the next: some 10 MB. What is in most rounds is the
#: newest of a few large feeds.
MOST_KEPT = 1000

# Made once: to put a statement together takes SQLAlchemy longer than SQLite needs to answer it.
_IDS: BindParameter[int] = bindparam("ids", expanding=True)
_OWN = (story.c.id, story.c.uuid, story.c.published, story.c.updated, story.c.lead_id)
_LOADED = (
    select(*_OWN, entry.c.source_id, type_coerce(SHOWN.element, LargeBinary).label("packed"))
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
_ENTRY = Follower(Entry)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the config says of how things are shown, handed in by the wiring."""

    tag: str
    description: Callable[[Path], str]
    #: The key of a publisher's feed.
    publisher: Callable[[str], bytes]


class Shelf:
    """Stories with what each was made from, as long as that is the same; those used last.

    Shared by the rounds of a process, which may be in several threads.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._stories: dict[int, tuple[Hashable, Story]] = {}
        self._lock = Lock()

    def story(self, number: int, made_from: Hashable, make: Callable[[], Story]) -> Story:
        """The story of this number; `make` makes one that is not there, or was made from something else."""
        with self._lock:
            known, story = self._stories.pop(number, (None, None))
        if story is None or known != made_from:
            story = make()
        with self._lock:
            self._stories[number] = (made_from, story)
            if len(self._stories) > self._most:
                del self._stories[next(iter(self._stories))]
        return story


class Stories:
    """Stories that were read, by number: for one round of publishing, which shows each in several documents.

    Those read first give way to others.
    """

    def __init__(self, shelf: Shelf | None = None, most: int = 800) -> None:
        self._shelf = shelf or Shelf()
        self._most = most
        self._read: dict[int, Story] = {}
        self._origins: dict[int, Origin] = {}
        #: Where each publisher's feed is found, by its name.
        self._slugs: dict[str, str] = {}

    def of(self, connection: Connection, ids: Iterable[int], shown: Shown) -> dict[int, Story]:
        """These stories, as far as they are any; what was read before is not asked for again."""
        wanted = dict.fromkeys(ids)
        found = {one: self._read[one] for one in wanted if one in self._read}
        missing = [one for one in wanted if one not in found]
        fresh = self._loaded(connection, missing, shown) if missing else {}
        self._read |= fresh
        while len(self._read) > self._most:
            del self._read[next(iter(self._read))]
        return found | fresh

    def _loaded(self, connection: Connection, ids: list[int], shown: Shown) -> dict[int, Story]:
        """By number; those that are none any more are left out."""
        rows = [row for portion in portions(ids) for row in connection.execute(_LOADED, {"ids": portion})]
        unknown = {row.source_id for row in rows} - self._origins.keys()
        if unknown:
            self._origins |= origins.origins(connection, unknown, shown.tag)
        carriers, paths = self._carriers(connection, ids, shown), _paths(connection, ids)
        dialect = connection.dialect
        return {row.id: self._story(row, dialect, carriers[row.id], paths.get(row.id, ())) for row in rows}

    def _story(self, row: Record, dialect: Dialect, carriers: Mapping[int, Carrier], paths: tuple[Path, ...]) -> Story:
        origin = self._origins[row.source_id]

        def make() -> Story:
            return _story(row, _ENTRY.process_result_value(row.packed, dialect), carriers, paths, origin)

        return self._shelf.story(row.id, (*row[:-1], digest(row.packed), tuple(carriers.items()), paths, origin), make)

    def _carriers(self, connection: Connection, ids: list[int], shown: Shown) -> dict[int, dict[int, Carrier]]:
        rows = [row for portion in portions(ids) for row in connection.execute(_CARRIERS, {"ids": portion})]
        self._find(connection, {row.publisher for row in rows} - self._slugs.keys(), shown)
        found: dict[int, dict[int, Carrier]] = {}
        for story_id, entry_id, uuid, publisher, title, url in rows:
            carrier = Carrier(uuid, publisher, title, url, self._slugs.get(publisher, ""))
            found.setdefault(story_id, {})[entry_id] = carrier
        return found

    def _find(self, connection: Connection, publishers: Collection[str], shown: Shown) -> None:
        keys = {name: shown.publisher(name) for name in publishers}
        if keys:
            found = {row.key: row.slug for row in connection.execute(_SLUGS, {"keys": list(set(keys.values()))})}
            self._slugs |= {name: found[key] for name, key in keys.items() if key in found}


def _story(row: Record, lead: Entry, carriers: Mapping[int, Carrier], paths: tuple[Path, ...], origin: Origin) -> Story:
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
        paths=paths,
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


def _paths(connection: Connection, ids: list[int]) -> dict[int, tuple[Path, ...]]:
    found: dict[int, set[Path]] = {}
    for portion in portions(ids):
        for story_id, path in connection.execute(_PATHS, {"ids": portion}):
            found.setdefault(story_id, set()).add(tuple(path))
    return {story_id: tuple(sorted(paths)) for story_id, paths in found.items()}
