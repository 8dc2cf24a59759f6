"""Finds the feeds of a web address: each is fetched with the manners of every check, and parsed, before it counts.

the address itself -> what its page declares, what is known of its site -> what looks like a feed -> usual places
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from aggregator.config.schema import Source
from aggregator.fetch import discover
from aggregator.means import Means
from aggregator.model import Document, Failed, Fetched, Outcome, ParsedFeed, Validators
from aggregator.parse import charset, page, parse

#: Requests for one address; a site must not notice that somebody looked around.
MOST_REQUESTS = 16
#: Links of one page that are tried.
MOST_LINKS = 8

#: After these nothing else of that site would do better.
_HOPELESS = frozenset({Outcome.UNREACHABLE, Outcome.REFUSED_ADDRESS, Outcome.RATE_LIMITED})
_FORMATS = ("atom", "rss", "json")

Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed that was read, and what a person chooses by."""

    #: To ask from now on: where permanent redirects led.
    url: str
    title: str | None
    format: str
    entries: int
    newest: datetime | None
    of_comments: bool
    #: Names of categories that its entries bring, each once.
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What came of looking: feeds, the best one first, and what was tried in vain."""

    candidates: tuple[Candidate, ...]
    #: Address and what it came to.
    tried: tuple[tuple[str, Failed], ...]


@dataclass
class _Search:
    means: Means
    source: Source
    pause: Pause
    candidates: list[Candidate] = field(default_factory=list)
    tried: dict[str, Failed | None] = field(default_factory=dict)
    bodies: set[bytes] = field(default_factory=set)
    stopped: bool = False

    async def look(self, url: str) -> Document | None:
        """Ask one address; a feed becomes a candidate, what else came is returned."""
        if self.stopped or url in self.tried or len(self.tried) == MOST_REQUESTS:
            return None
        if self.tried:
            await self.pause(self.means.config.network.spacing.total_seconds())
        answer = await self.means.fetcher.fetch(self.source, url, Validators(), self.means.clock())
        if not isinstance(answer, Fetched):
            failed = answer if isinstance(answer, Failed) else Failed(Outcome.HTTP_ERROR, "It answered nothing.")
            self.stopped = failed.outcome in _HOPELESS
            self.tried[url] = failed
            return None
        feed = parse(answer.document, self.source, self.means.config.site.timezone)
        if isinstance(feed, Failed):
            self.tried[url] = feed
            return answer.document
        self.tried[url] = None
        if answer.document.digest not in self.bodies:
            self.bodies.add(answer.document.digest)
            self.candidates.append(_candidate(answer.moved or url, answer.document, feed))
        return None

    async def look_at_all(self, urls: Iterable[str]) -> None:
        for url in urls:
            await self.look(url)


async def find(means: Means, source: Source, pause: Pause = asyncio.sleep) -> Found:
    """Look for feeds at `source.url`; stores nothing. `means.fetcher` must be entered.

    A feed at the address itself is the answer. Requests follow one another, `network.spacing` apart.
    """
    address = source.url or ""
    search = _Search(means, source, pause)
    document = await search.look(address)
    if not search.candidates:
        links = _links(document)
        declared = [link.url for link in links if link.declared][:MOST_LINKS]
        await search.look_at_all([*declared, *discover.known(address)])
        if not search.candidates:
            await search.look_at_all([link.url for link in links if not link.declared][:MOST_LINKS])
        for url in discover.usual(document.url if document and document.url else address):
            if search.candidates:
                break
            await search.look(url)
    failures = tuple((url, failed) for url, failed in search.tried.items() if failed)
    return Found(tuple(_best_first(search.candidates)), failures)


def _links(document: Document | None) -> tuple[page.FeedLink, ...]:
    if document is None:
        return ()
    text = charset.decode(document.body, document.charset)
    return page.feed_links(text, document.url) if page.is_page(text) else ()


def _candidate(url: str, document: Document, feed: ParsedFeed) -> Candidate:
    dates = [date for entry in feed.entries if (date := entry.published or entry.updated)]
    return Candidate(
        url=url,
        title=feed.title,
        format=_format(document),
        entries=len(feed.entries),
        newest=max(dates, default=None),
        of_comments=page.is_of_comments(url, feed.title),
        terms=tuple(dict.fromkeys(name for entry in feed.entries for term in entry.terms for name in term.path)),
    )


def _format(document: Document) -> str:
    head = document.body[:2000].lstrip(b"\xef\xbb\xbf \t\r\n")
    return "json" if head.startswith(b"{") else "atom" if b"<feed" in head or b":feed" in head else "rss"


def _best_first(candidates: list[Candidate]) -> list[Candidate]:
    """Articles before comments, feeds with entries before empty ones; then as the page lists them.

    Of feeds with one title, which are one feed in several formats, Atom comes first, then RSS.
    """
    titles = list(dict.fromkeys(candidate.title for candidate in candidates))
    return sorted(
        candidates,
        key=lambda one: (one.of_comments, not one.entries, titles.index(one.title), _FORMATS.index(one.format)),
    )
