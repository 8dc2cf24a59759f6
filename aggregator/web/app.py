"""The web application: what is published, negotiated feeds, entries rendered when asked for.

It is told everything it needs and keeps nothing but digests of files, so that any number of
processes may serve one folder. Only GET and HEAD; nothing here changes anything.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from urllib.parse import quote, unquote, urlsplit
from uuid import UUID

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from aggregator.config.schema import Site
from aggregator.errors import StoreError
from aggregator.metrics import Metrics
from aggregator.model import Node, Story, Withdrawn
from aggregator.model import Path as CategoryPath
from aggregator.publish import entrypage, pages
from aggregator.publish.addresses import HOME, feed_path, page_path, relative
from aggregator.web.accept import preferred
from aggregator.web.access import may_see
from aggregator.web.coding import Codings
from aggregator.web.conditional import Representation, answer, digest, kept
from aggregator.web.folder import FEED_HEADERS, PAGE_HEADERS, TYPES, Documents
from aggregator.web.search import Finder, search_routes
from aggregator.web.status import Watch, status_routes

log = logging.getLogger(__name__)

_PAGE = TYPES[".html"][0]
_HTML = "text/html"
#: Formats of `/feeds/<slug>` in the order of our own preference.
_FEEDS = {
    "application/atom+xml": "atom",
    "application/rss+xml": "rss",
    "application/feed+json": "json",
    "application/json": "json",
}

_NUMBERED = re.compile(r"page-\d+\.html\Z")

#: What may follow a slug in the address of a feed or a page.
_ENDINGS = (*(f".{kind}" for kind in _FEEDS.values()), f"/{HOME}", "/", "")

#: Seconds between which caches keep a feed: none waits longer than that for what is new.
SHORTEST, LONGEST = 60, 900

Nodes = Mapping[CategoryPath, Node]

#: Looks up what has no page on the disk: the story, the id of the one that it became part of, or nothing.
Lookup = Callable[[UUID], Story | UUID | Withdrawn | None]


@dataclass(frozen=True)
class Web:
    """What requests are answered from. The callables are called in threads."""

    folder: Documents
    site: Site
    #: Looks up what has no page on the disk.
    story: Lookup
    #: The tree that categories of an entry link to.
    nodes: Callable[[], Nodes] = lambda: pages.NO_NODES
    #: By which slug a category is found now that had another; called for every request, in no thread.
    moved: Callable[[], Mapping[str, str]] = dict
    #: Why what is served is not there to be served; nothing where it is.
    unready: Callable[[], Sequence[str]] = tuple
    #: Whether the service still does its work, and what is wrong with it all the same.
    alive: Callable[[], bool] = lambda: True
    problems: Callable[[], Sequence[str]] = tuple
    #: What Prometheus is told, in its text format.
    metrics: Callable[[], bytes] = bytes
    #: Shows details to others than this machine.
    token: str | None = None
    #: Looks through what is stored; without it there is no search.
    finder: Finder | None = None
    #: Shows how sources are; without it nobody is told.
    watch: Watch | None = None
    codings: Codings = field(default_factory=Codings)
    #: Seconds since the epoch.
    clock: Callable[[], float] = time

    def answer(self, request: Request, shown: Representation) -> Response:
        response = answer(request, shown, self.codings)
        if shown.headers is FEED_HEADERS:
            response.headers["Cache-Control"] = f"public, max-age={_life(shown, self.clock())}"
        return response


def _life(shown: Representation, now: float) -> int:
    """Seconds for which caches may keep a feed: a tenth of the time for which it has stood (RFC 9111, 4.2.2).

    So a lively feed is asked for each minute, and one of last week's every quarter of an hour.
    """
    return int(min(max((now - (shown.modified or now)) / 10, SHORTEST), LONGEST))


def make_app(web: Web) -> Starlette:
    """The application: the output folder at its paths, and what is made when it is asked for."""

    async def file(request: Request) -> Response:
        hot = _hot(request, web)
        return hot if hot is not None else await run_in_threadpool(_forward, request, web, _file)

    async def feed(request: Request) -> Response:
        hot = _hot(request, web)
        return hot if hot is not None else await run_in_threadpool(_forward, request, web, _feed)

    async def healthz(request: Request) -> Response:
        return _health(request, web, "ok" if web.alive() else "stuck", web.problems())

    async def readyz(request: Request) -> Response:
        reasons = await run_in_threadpool(web.unready)
        return _health(request, web, "not ready" if reasons else "ok", reasons)

    async def metrics(request: Request) -> Response:
        if not may_see(request, web.token):
            return Response("for this machine, or with server.token\n", 403, media_type="text/plain")
        return Response(await run_in_threadpool(web.metrics), media_type=Metrics.media_type)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            *(search_routes(web.finder, web.site, web.answer) if web.finder else ()),
            *(status_routes(web.watch, web.site, web.token) if web.watch else ()),
            Route("/feeds/{slug:path}", feed),
            Route("/{path:path}", file),
        ],
        middleware=[Middleware(_Prefix, prefix=unquote(urlsplit(web.site.url).path).rstrip("/"))],
        exception_handlers={StoreError: _not_ready},
    )


async def _not_ready(_request: Request, error: Exception) -> Response:
    """What lies on the disk is served all the while; what is made when asked for waits for the database."""
    log.warning("%s", error)
    return Response("the database is not ready\n", 503, {"Retry-After": "60"}, "text/plain")


class _Prefix:
    """Takes the path of `site.url` off requests, where a proxy in front has not done so already."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if self._prefix and path == self._prefix:
            await _redirect(f"{quote(self._prefix)}/", 308)(scope, receive, send)
            return
        if self._prefix and path.startswith(f"{self._prefix}/"):
            scope = {**scope, "path": path.removeprefix(self._prefix)}
        await self._app(scope, receive, send)


def _hot(request: Request, web: Web) -> Response | None:
    """The answer where all of it is in memory: a thread would cost more than what it is to do."""
    shown = web.folder.fresh(request.scope["path"].removeprefix("/"))
    if shown is None or not kept(request, shown, web.codings):
        return None
    return _forward(request, web, lambda request, web: web.answer(request, shown))


def _forward(request: Request, web: Web, otherwise: Callable[[Request, Web], Response]) -> Response:
    """Where another category took the place of the one asked for, the way there."""
    path = request.scope["path"].removeprefix("/")
    folder, _, rest = path.partition("/")
    rest = _NUMBERED.sub(HOME, rest)  # its articles stand on other pages there
    slugs = web.moved() if folder in ("feeds", "c") else {}
    endings = [ending for ending in _ENDINGS if rest.endswith(ending) and rest.removesuffix(ending) in slugs]
    if not endings:
        return otherwise(request, web)
    return _redirect(relative(path, f"{folder}/{slugs[rest.removesuffix(endings[0])]}{endings[0]}"), 301)


def _file(request: Request, web: Web) -> Response:
    path = request.path_params["path"]
    shown: Representation | UUID | None
    if path == "" or path.endswith("/"):
        shown = web.folder.read(path + HOME)
    else:
        shown = web.folder.read(path) or _entry(path, web)
        if isinstance(shown, UUID):
            return _redirect(f"{shown}.html", 301)
        if shown is None and web.folder.has(f"{path}/{HOME}"):
            # Relative, and so right below any prefix.
            return _redirect(quote(path.rpartition("/")[2]) + "/", 308)
    return web.answer(request, shown or _missing(path, web.site))


def _feed(request: Request, web: Web) -> Response:
    """`/feeds/<slug>`: the format that the client wants; for browsers the page beside the feed."""
    slug, folder = request.path_params["slug"], web.folder
    path = f"feeds/{slug}"
    if shown := folder.read(path):
        return web.answer(request, shown)
    offered = {media_type: kind for media_type, kind in _FEEDS.items() if folder.has(feed_path(slug, kind))}
    if not offered:
        return web.answer(request, _missing(path, web.site))
    kinds = [*offered, *([_HTML] if folder.has(page_path(slug)) else [])]
    wanted = preferred(request.headers.get("accept", ""), kinds)
    vary = "Accept, Accept-Encoding"
    if wanted == _HTML:
        return _redirect(relative(path, page_path(slug)).removesuffix(HOME), 303, Vary=vary)
    shown = folder.read(feed_path(slug, offered[wanted]))
    if shown is None:  # taken away between two looks
        return web.answer(request, _missing(path, web.site))
    response = web.answer(request, shown)
    response.headers["Vary"] = vary
    response.headers["Content-Location"] = relative(path, feed_path(slug, offered[wanted]))
    return response


def _entry(path: str, web: Web) -> Representation | UUID | None:
    """An entry's page, made now; only under the one spelling of its address.

    The id of another where the article's story became part of that one.
    """
    name = path.removeprefix("e/").removesuffix(".html")
    try:
        uuid = UUID(name)
    except ValueError:
        return None
    found = web.story(uuid) if path == f"e/{uuid}.html" else None
    if found is None or isinstance(found, UUID):
        return found
    if isinstance(found, Withdrawn):
        return _page(pages.missing(web.site, path, withdrawn=True), 410)
    return _page(entrypage.entry(found, web.site, web.nodes()), 200)


def _missing(path: str, site: Site) -> Representation:
    return _page(pages.missing(site, path), 404)


def _page(body: bytes, status: int) -> Representation:
    return Representation(body, _PAGE, digest(body), headers=PAGE_HEADERS, status=status)


def _redirect(to: str, status: int, **headers: str) -> RedirectResponse:
    return RedirectResponse(to, status, headers)


def _health(request: Request, web: Web, status: str, reasons: Sequence[str]) -> Response:
    """The status for everybody, the reasons for who may see them."""
    body = {"status": status} | ({"reasons": list(reasons)} if reasons and may_see(request, web.token) else {})
    return JSONResponse(body, 200 if status == "ok" else 503, {"Cache-Control": "no-store"})
