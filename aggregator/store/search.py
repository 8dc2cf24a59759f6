"""Search over all stories: what waits to be indexed, what there is to index, and who may match.

The index holds tokens that others make of the words (`wanted` and `tokens` below are theirs), and gives
candidates: rather one too many than one too few, for words that an edit took away stay in it. Whoever
asks compares with the text. What a database has for this lies in one module of each dialect, with
the functions `write`, `remove`, `forget`, `clear` and `candidates`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from types import ModuleType

from sqlalchemy import Connection, Select, bindparam, exists, func, or_, select, update

from aggregator.store import categories
from aggregator.store.among import among
from aggregator.store.tables import (
    KEPT_STORY,
    SHOWN,
    UNSEARCHED,
    category,
    entry,
    source,
    story,
    story_category,
    story_entry,
)
from aggregator.store.types import EPOCH, Record

#: What each database does in its own way; only the one that is there is loaded.
DIALECTS = {"sqlite": "aggregator.store.search_sqlite", "postgresql": "aggregator.store.search_postgresql"}

#: Characters of one copy's text that are searched: a book must not hold up the index.
MOST_TEXT = 100_000

#: More candidates than there can be.
ALL = 2**31

#: Publishers of one source to which a search is narrowed at once.
MOST_PUBLISHERS = 300

#: No article is of a later one; none is from before the epoch.
_LAST_YEAR = 2200

#: Of each group one alternative at least, and each of its tokens.
Wanted = Sequence[Sequence[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Document:
    """A story as it is searched: by the words that it shows, and by those of every copy."""

    story_id: int
    title: str
    text: str
    #: Titles and texts of the other copies, names of publishers and authors, the publishers' own categories.
    more: tuple[str, ...]
    published: datetime
    #: The feeds that it is in, by number.
    feeds: tuple[int, ...]

    @property
    def whole(self) -> str:
        """Everything that it is found by; nothing stands side by side with what another part says."""
        return "\n".join((self.title, self.text, *self.more))


@dataclass(frozen=True, slots=True)
class Narrow:
    """What results are narrowed to besides words."""

    #: Of each group of feeds (categories, publishers) one at least holds the story.
    feeds: tuple[tuple[int, ...], ...] = ()
    #: First and last moment of publication, the last one not included.
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Numbers of stories, newest first, and whether there are more than were asked for."""

    ids: tuple[int, ...]
    more: bool = False


def pending(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """Stories that the index does not show as they are, with the counter that indexing settles.

    The oldest first: where many wait, as after an import, the index then has them in the order of their dates.
    """
    query = select(story.c.id, story.c.changed).where(UNSEARCHED).order_by(story.c.published, story.c.id).limit(limit)
    return [(row.id, row.changed) for row in connection.execute(query)]


def waiting(connection: Connection) -> int:
    """How many stories are not indexed as they are."""
    return connection.scalar(select(func.count()).select_from(story).where(UNSEARCHED)) or 0


def settle(connection: Connection, counters: Iterable[tuple[int, int]]) -> None:
    """Record the counters that were read, so that a change since then is still pending."""
    # In one order, as `documents.settle_stories`: else two that write at the same time may wait for each other.
    rows = [{"of": story_id, "counter": counter} for story_id, counter in sorted(counters)]
    if rows:
        statement = update(story).where(story.c.id == bindparam("of"))
        connection.execute(statement.values(searched=bindparam("counter")), rows)


def documents(connection: Connection, ids: Collection[int]) -> dict[int, Document]:
    """What there is to search of these stories, without those that ended."""
    query = (
        select(story_entry.c.story_id, entry.c.id, story.c.lead_id, story.c.published, SHOWN)
        .join(entry, entry.c.id == story_entry.c.entry_id)
        .join(story, story.c.id == story_entry.c.story_id)
        .where(among(connection, story_entry.c.story_id, ids), KEPT_STORY)
        .order_by(entry.c.id)
    )
    copies: dict[int, list[Record]] = {}
    for row in connection.execute(query):
        copies.setdefault(row.story_id, []).append(row)
    feeds = _feeds(connection, copies)
    return {story_id: _document(story_id, rows, feeds.get(story_id, ())) for story_id, rows in copies.items()}


def ended(connection: Connection, ids: Collection[int]) -> dict[int, Document]:
    """What ended stories were found by, as far as their first entries still say it."""
    if not ids:
        return {}
    query = (
        select(story.c.id.label("story_id"), entry.c.id, entry.c.id.label("lead_id"), story.c.published, SHOWN)
        .join(entry, entry.c.id == story.c.id)
        .where(among(connection, story.c.id, ids), story.c.merged_into.is_not(None))
    )
    return {row.story_id: _document(row.story_id, [row], ()) for row in connection.execute(query)}


def _feeds(connection: Connection, ids: Collection[int]) -> dict[int, tuple[int, ...]]:
    query = select(story_category.c.story_id, story_category.c.category_id).where(
        among(connection, story_category.c.story_id, ids)
    )
    found: dict[int, tuple[int, ...]] = {}
    for story_id, category_id in connection.execute(query):
        found[story_id] = (*found.get(story_id, ()), category_id)
    return found


def _document(story_id: int, rows: Sequence[Record], feeds: tuple[int, ...]) -> Document:
    lead = next((row for row in rows if row.id == row.lead_id), rows[0])
    texts = dict.fromkeys(
        part for row in rows if row is not lead for part in (row.cleaned.title, row.cleaned.text[:MOST_TEXT])
    )
    names = dict.fromkeys(
        name
        for row in rows
        for name in (
            row.cleaned.publisher,
            *(person.name for person in row.cleaned.authors),
            *(" / ".join(term.path) for term in row.cleaned.terms),
        )
    )
    own = lead.cleaned.text[:MOST_TEXT]
    more = tuple(part for part in (*texts, *names) if part and part not in (lead.cleaned.title, own))
    return Document(story_id, lead.cleaned.title, own, more, lead.published, feeds)


def feeds_of(connection: Connection, kind: str, name: str) -> tuple[int, ...]:
    """The feeds of this kind that go by the name: as their slug, or as their title."""
    slugs = (name, categories.FOLDERS[kind] + name)
    named = or_(among(connection, category.c.slug, slugs), category.c.title == name)
    return tuple(
        connection.scalars(select(category.c.id).where(category.c.kind == kind, named).order_by(category.c.id))
    )


def publishers_of(connection: Connection, source_name: str) -> tuple[int, ...]:
    """The feeds of those whose articles the source brings: of a folder's publishers the first few hundred."""
    names = (
        select(entry.c.publisher)
        .join(source, source.c.id == entry.c.source_id)
        .where(source.c.name == source_name)
        .distinct()
        .limit(MOST_PUBLISHERS)
    )
    query = select(category.c.id).where(category.c.kind == categories.PUBLISHER, category.c.title.in_(names))
    return tuple(connection.scalars(query))


def stories(connection: Connection) -> int:
    """How many there are to be found."""
    return connection.scalar(select(category.c.stories).where(categories.ROOT)) or 0


def born(connection: Connection) -> datetime:
    """When the installation came into being: what a search that finds nothing was `updated`."""
    return connection.scalar(select(category.c.created).where(categories.ROOT)) or EPOCH


def held(connection: Connection, kind: str, ids: Collection[int]) -> set[tuple[int, int]]:
    """Which feeds of this kind hold which of these stories: ids of category and story."""
    query = (
        select(story_category.c.category_id, story_category.c.story_id)
        .join(category, category.c.id == story_category.c.category_id)
        .where(among(connection, story_category.c.story_id, ids), category.c.kind == kind)
    )
    return {(row.category_id, row.story_id) for row in connection.execute(query)}


def within(connection: Connection, category_id: int) -> set[int]:
    """Every story of a feed."""
    return set(connection.scalars(select(story_category.c.story_id).where(story_category.c.category_id == category_id)))


def stamps(connection: Connection, ids: Collection[int]) -> dict[int, datetime]:
    """The `updated` of those of these stories that live."""
    query = select(story.c.id, story.c.updated).where(among(connection, story.c.id, ids), KEPT_STORY)
    return {row.id: row.updated for row in connection.execute(query)}


def write(connection: Connection, tokens: Mapping[int, Collection[str]]) -> None:
    """Have these stories found by these tokens."""
    _dialect(connection).write(connection, tokens)


def remove(connection: Connection, tokens: Mapping[int, Collection[str]]) -> None:
    """Take stories out of the index, with the tokens by which they were found."""
    _dialect(connection).remove(connection, tokens)


def forget(connection: Connection, story_ids: Collection[int]) -> None:
    """These stories are not found any more, from this transaction on.

    Their words stay in the index and lead nowhere; `indexing.erase` takes those out too.
    """
    _dialect(connection).forget(connection, story_ids)


def clear(connection: Connection) -> None:
    """Forget everything; all stories are pending then."""
    _dialect(connection).clear(connection)
    connection.execute(update(story).values(searched=0))


def candidates(connection: Connection, wanted: Wanted, narrow: Narrow, most: int) -> Candidates:
    """Who may match: the `most` that were indexed last, by date of publication, newest first.

    That is by date alone as long as there are no more: those that were indexed last are the newest but
    for what came late.
    """
    if not wanted or (narrow.until and narrow.until <= (narrow.since or EPOCH)):
        return Candidates(())
    feeds = (tuple((feed_token(category_id),) for category_id in group) for group in narrow.feeds)
    period = _period(narrow)
    tokens = (*wanted, *feeds, *((period,) if period else ()))
    rows = _dialect(connection).candidates(connection, tokens, _filtered(narrow), most + 1)
    kept = sorted(rows[:most], key=lambda row: (row.published, row.id), reverse=True)
    return Candidates(tuple(row.id for row in kept), len(rows) > most)


def feed_token(category_id: int) -> str:
    """By which the index knows the stories of a feed. No word has a colon, no token any other mark of ASCII."""
    return f"c:{category_id}"


def date_tokens(published: datetime) -> set[str]:
    """By which the index knows when a story was published: its year and its month, in UTC."""
    day = published.astimezone(UTC)
    return {f"y:{day.year}", f"m:{day.year}{day.month:02}"}


def _period(narrow: Narrow) -> tuple[tuple[str], ...]:
    """Tokens one of which every story within the bounds has: the index would walk through all that is newer.

    Only where something newer is left out: from the newest backwards it stops by itself.
    """
    if narrow.until is None or narrow.until.year > _LAST_YEAR:
        return ()
    first, last = max(narrow.since or EPOCH, EPOCH).astimezone(UTC), narrow.until.astimezone(UTC)
    months = ((year, month) for year in sorted({first.year, last.year}) for month in range(1, 13))
    within = [one for one in months if (first.year, first.month) <= one <= (last.year, last.month)]
    between = range(first.year + 1, last.year)
    return (*((f"m:{year}{month:02}",) for year, month in within), *((f"y:{year}",) for year in between))


def _filtered(narrow: Narrow) -> Select[tuple[int, datetime]]:
    """The living stories within the bounds; the index is joined to it by its dialect.

    The index knows feeds too, and skips by them; but what it knows may be of yesterday.
    """
    query = select(story.c.id, story.c.published).where(KEPT_STORY)
    if narrow.since:
        query = query.where(story.c.published >= narrow.since)
    if narrow.until:
        query = query.where(story.c.published < narrow.until)
    for group in narrow.feeds:
        held = (story_category.c.story_id == story.c.id, story_category.c.category_id.in_(group))
        query = query.where(exists().where(*held))
    return query


def _dialect(connection: Connection) -> ModuleType:
    return import_module(DIALECTS[connection.dialect.name])
