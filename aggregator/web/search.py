"""`/search` and its feeds: what was asked is read from the address, found, and shown.

Nothing that is typed is an error: a number, a day or a name that makes no sense counts for nothing,
or finds nothing.
"""

from __future__ import annotations

import logging
from asyncio import Semaphore
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aggregator.config.schema import Output, Site
from aggregator.errors import StoreError
from aggregator.model import Answer, Asked, Feed
from aggregator.publish import searchpage
from aggregator.publish.formats import FORMATS
from aggregator.publish.searchpage import Choices
from aggregator.web.conditional import Representation, digest
from aggregator.web.folder import FEED_HEADERS, PAGE_HEADERS, TYPES

log = logging.getLogger(__name__)

#: Searches at once; whoever comes meanwhile waits, and files are served beside them.
AT_ONCE = 2

#: Characters that are read of what was typed, and how far pages go.
MOST_CHARACTERS = 200
FARTHEST = 10_000


@dataclass(frozen=True)
class Finder:
    """What answers searches. The callables are called in threads."""

    answer: Callable[[Asked], Answer]
    feed: Callable[[Asked], Feed]
    choices: Callable[[], Choices]
    output: Output


Show = Callable[[Request, Finder, Site], Representation]
#: Answers a request with a representation, or tells that it is unchanged.
Respond = Callable[[Request, Representation], Response]


def search_routes(finder: Finder, site: Site, respond: Respond) -> list[Route]:
    """The page, at both spellings of its address, and a feed in each format."""
    room = Semaphore(AT_ONCE)

    async def found(request: Request, show: Show) -> Response:
        try:
            async with room:
                shown = await run_in_threadpool(show, request, finder, site)
        except StoreError as error:
            log.warning("search: %s", error)
            return Response("the search is not ready\n", 503, {"Retry-After": "60"}, "text/plain")
        return respond(request, shown)

    async def page(request: Request) -> Response:
        return await found(request, _page)

    async def feed(request: Request) -> Response:
        return await found(request, _feed)

    feeds = [Route(f"/search.{kind}", feed, name=kind) for kind in FORMATS]
    return [Route("/search", page), Route("/search/", page), *feeds]


def asked(request: Request) -> Asked:
    """What the address asks for."""
    given = {name: value[:MOST_CHARACTERS] for name, value in request.query_params.items()}
    start = given.get("start", "")
    return Asked(
        words=given.get("q", ""),
        category=given.get("category", "").strip(),
        source=given.get("source", "").strip(),
        since=_day(given.get("from", "")),
        until=_day(given.get("to", "")),
        best=given.get("order") == "best",
        first=min(int(start), FARTHEST) if start.isascii() and start.isdigit() else 0,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _page(request: Request, finder: Finder, site: Site) -> Representation:
    what = asked(request)
    answer = finder.answer(what) if what.words.strip() else None
    path = "search/index.html" if request.scope["path"].endswith("/") else "search"
    body = searchpage.search(path, what, answer, finder.choices(), site, finder.output)
    headers = {**PAGE_HEADERS, "X-Robots-Tag": "noindex, follow"}
    return Representation(body, TYPES[".html"][0], digest(body), headers=headers)


def _feed(request: Request, finder: Finder, site: Site) -> Representation:
    kind = request.scope["path"].rpartition(".")[2]
    # Always the newest: what a reader subscribes to has one order.
    found = finder.feed(replace(asked(request), best=False, first=0))
    # A hub is told of files that are written, and this is none.
    output = finder.output.model_copy(update={"hub": None})
    body = FORMATS[kind].write(found, site, output)
    media_type, _ = TYPES[f".{kind}"]
    return Representation(body, media_type, digest(body), headers=FEED_HEADERS)
