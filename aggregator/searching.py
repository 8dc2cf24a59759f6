"""Asking the search index: candidates from the database, the decision by the text.

The index is rather too generous (`store.search`), so each candidate is compared with the words of
its story before it is shown. Everything is bounded: how many candidates are put in order, and how
many are compared for one page, so that the commonest words take no longer than rare ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from aggregator.dedupe import words
from aggregator.means import Means
from aggregator.model import Answer, Asked, Feed, Hit
from aggregator.store import feeds, search
from aggregator.store.categories import CATEGORY, PUBLISHER
from aggregator.store.search import Document, Narrow

#: Candidates that are put in the order of their dates.
MOST = 2000

#: Candidates that are compared with their texts for one page, or to find the best.
LOOK = 150

#: Results on one page, and characters of each excerpt.
PAGE = 20
EXCERPT = 140

#: Texts that are unpacked at once.
CHUNK = 20


@dataclass(frozen=True, slots=True)
class Found:
    """Stories of one page, and what is known of all others."""

    documents: tuple[Document, ...]
    count: int
    exact: bool
    next: int | None


def answer(means: Means, asked: Asked, limit: int = PAGE) -> Answer:
    """Search and tell where the words stand in what was found."""
    query = words.parse(asked.words)
    with means.database.read() as connection:
        narrow, unknown = _narrow(connection, asked, means.config.site.timezone)
        found = NOTHING if unknown else find(connection, query, narrow, asked, limit)
        stories = feeds.these(connection, [one.story_id for one in found.documents], means.shown)
        total, waiting = search.stories(connection), search.waiting(connection)
    hits = tuple(
        Hit(
            stories[one.story_id],
            words.mark(" ".join(one.title.split()), query),
            words.excerpt(_told(one, query), query, EXCERPT),
        )
        for one in found.documents
        if one.story_id in stories
    )
    return Answer(hits, found.count, found.exact, found.next, query.terms, total, waiting, unknown)


def feed(means: Means, asked: Asked) -> Feed:
    """What a search finds as a feed: as many entries as any feed has, and an address that asks for it again."""
    given = _parameters(asked)
    query = words.parse(asked.words)
    with means.database.read() as connection:
        narrow, unknown = _narrow(connection, asked, means.config.site.timezone)
        found = NOTHING if unknown else find(connection, query, narrow, asked, means.config.output.entries)
        stories = feeds.these(connection, [one.story_id for one in found.documents], means.shown).values()
        born = search.born(connection)
    ordered = sorted(sorted(stories, key=lambda one: one.uuid), key=lambda one: one.updated, reverse=True)
    return Feed(
        uuid=means.naming.uuid(("", "search", given)),
        slug="/search",
        title=" ".join(asked.words.split())[: words.MOST_CHARACTERS],
        description="",
        path=(),
        updated=max((one.updated for one in ordered), default=born),
        stories=tuple(ordered),
        count=found.count,
        query=given,
    )


def _parameters(asked: Asked) -> str:
    """The query part of the address of a search: what is at its default is left out."""
    given = {
        "q": asked.words[: words.MOST_CHARACTERS],
        "category": asked.category,
        "source": asked.source,
        "from": asked.since.isoformat() if asked.since else "",
        "to": asked.until.isoformat() if asked.until else "",
    }
    return urlencode({name: value for name, value in given.items() if value}, errors="replace")


def _narrow(connection: Connection, asked: Asked, timezone: str) -> tuple[Narrow, tuple[str, ...]]:
    """The bounds that were named, and the names that nothing goes by."""
    groups: dict[str, tuple[int, ...]] = {}
    if asked.category:
        groups[asked.category] = search.feeds_of(connection, CATEGORY, asked.category)
    if asked.source:
        groups[asked.source] = search.feeds_of(connection, PUBLISHER, asked.source) or search.publishers_of(
            connection, asked.source
        )
    unknown = tuple(name for name, ids in groups.items() if not ids)
    zone = ZoneInfo(timezone)
    until = asked.until + timedelta(days=1) if asked.until and asked.until < date.max else None
    return Narrow(tuple(groups.values()), _midnight(asked.since, zone), _midnight(until, zone)), unknown


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    # The first and the last days of the calendar lie outside it in some zones.
    return datetime(day.year, day.month, day.day, tzinfo=zone) if day and 1 < day.year < 9999 else None


NOTHING = Found((), 0, True, None)


def find(connection: Connection, query: words.Query, narrow: Narrow, asked: Asked, limit: int) -> Found:
    """One page of what matches, from `asked.first` on."""
    if asked.best:
        return _best(connection, query, narrow, asked.first, limit)
    return _newest(connection, query, narrow, asked.first, limit)


def _newest(connection: Connection, query: words.Query, narrow: Narrow, first: int, limit: int) -> Found:
    candidates = search.candidates(connection, words.wanted(query), narrow, MOST)
    documents: list[Document] = []
    refused, at = 0, first
    for position, document in _compared(connection, query, candidates.ids[: first + LOOK], first):
        at = position + 1
        if document is None:
            refused += 1
            continue
        documents.append(document)
        if len(documents) == limit:
            break
    following = at if at < len(candidates.ids) else None
    exact = not candidates.more and (words.decided(query) or (following is None and not first))
    return Found(tuple(documents), len(candidates.ids) - refused, exact, following)


def _best(connection: Connection, query: words.Query, narrow: Narrow, first: int, limit: int) -> Found:
    """The best of those that have it in their titles and of the newest."""
    titled = search.candidates(connection, words.in_title(query), narrow, LOOK // 2)
    newest = search.candidates(connection, words.wanted(query), narrow, LOOK // 2)
    ids = tuple(dict.fromkeys((*titled.ids, *newest.ids)))
    matching = [document for _, document in _compared(connection, query, ids, 0) if document]
    ranked = sorted(matching, key=lambda one: words.score(query, one.title, one.whole), reverse=True)
    following = first + limit if first + limit < len(ranked) else None
    return Found(tuple(ranked[first : first + limit]), len(ranked), not newest.more and not titled.more, following)


def _compared(
    connection: Connection, query: words.Query, ids: tuple[int, ...], first: int
) -> Iterator[tuple[int, Document | None]]:
    """Each candidate from `first` on with its place, and its words if they are what is looked for."""
    for begin in range(first, len(ids), CHUNK):
        documents = search.documents(connection, ids[begin : begin + CHUNK])
        for position, story_id in enumerate(ids[begin : begin + CHUNK], begin):
            document = documents.get(story_id)
            fits = document is not None and words.matches(query, words.flat(document.whole))
            yield position, document if fits else None


def matching(connection: Connection, query: words.Query, ids: Collection[int]) -> set[int]:
    """Which of these stories are what is looked for; asks the texts alone, not the index."""
    documents = search.documents(connection, ids)
    return {one for one, document in documents.items() if words.matches(query, words.flat(document.whole))}


def everything(connection: Connection, query: words.Query) -> set[int]:
    """Every story that matches, as far as stories are indexed."""
    candidates = search.candidates(connection, words.wanted(query), Narrow(), search.ALL)
    return {document.story_id for _, document in _compared(connection, query, candidates.ids, 0) if document}


def _told(document: Document, query: words.Query) -> str:
    """The text that an excerpt is made of: the story's own, unless only another copy's has the words."""
    if any(words.matches_any(query, part) for part in (document.text, document.title)):
        return document.text
    texts = (part for part in document.more if len(part) > EXCERPT)
    return next((part for part in texts if words.matches_any(query, part)), document.text)
