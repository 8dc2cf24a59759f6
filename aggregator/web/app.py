"""The web application: files of the output folder, negotiated feeds, entries rendered when asked for.

It is told everything it needs and keeps nothing but digests of files, so that any number of
processes may serve one folder. Only GET and HEAD; nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
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
from aggregator.model import Node, Story
from aggregator.model import Path as CategoryPath
from aggregator.publish import pages
from aggregator.publish.addresses import HOME, feed_path, page_path, relative
from aggregator.web.accept import preferred
from aggregator.web.conditional import Representation, answer, digest
from aggregator.web.folder import PAGE_HEADERS, TYPES, Folder

_PAGE = TYPES[".html"][0]
_HTML = "text/html"
#: Formats of `/feeds/<slug>` in the order of our own preference.
_FEEDS = {"application/atom+xml": "atom", "application/rss+xml": "rss", "application/feed+json": "json"}

#: What may follow a slug in the address of a feed or a page.
_ENDINGS = (*(f".{kind}" for kind in _FEEDS.values()), f"/{HOME}", "/", "")

Nodes = Mapping[CategoryPath, Node]

#: Looks up what has no page on the disk: the story, the id of the one that it became part of, or nothing.
Lookup = Callable[[UUID], Story | UUID | None]


def make_app(
    root: Path,
    site: Site,
    story: Lookup,
    nodes: Callable[[], Nodes] = lambda: pages.NO_NODES,
    ready: Callable[[], bool] = lambda: True,
    moved: Callable[[], Mapping[str, str]] = dict,
) -> Starlette:
    """The application over the output folder `root`.

    `story` looks up what has no page on the disk, `nodes` the tree that its categories link to;
    both are called in a thread. `ready` says whether what is served is there to be served, `moved` by which
    slug a category is found now that had another.
    """
    folder = Folder(root)

    async def file(request: Request) -> Response:
        return await run_in_threadpool(_forward, request, moved, partial(_file, request, folder, site, story, nodes))

    async def feed(request: Request) -> Response:
        return await run_in_threadpool(_forward, request, moved, partial(_feed, request, folder, site))

    async def healthz(request: Request) -> Response:
        return _health({"status": "ok"}, 200)

    async def readyz(request: Request) -> Response:
        good = await run_in_threadpool(ready)
        return _health({"status": "ok" if good else "not ready"}, 200 if good else 503)

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/feeds/{slug:path}", feed),
            Route("/{path:path}", file),
        ],
        middleware=[Middleware(_Prefix, prefix=unquote(urlsplit(site.url).path).rstrip("/"))],
    )


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


def _forward(request: Request, moved: Callable[[], Mapping[str, str]], otherwise: Callable[[], Response]) -> Response:
    """Where another category took the place of the one asked for, the way there."""
    path = request.scope["path"].removeprefix("/")
    folder, _, rest = path.partition("/")
    slugs = moved() if folder in ("feeds", "c") else {}
    endings = [ending for ending in _ENDINGS if rest.endswith(ending) and rest.removesuffix(ending) in slugs]
    if not endings:
        return otherwise()
    return _redirect(relative(path, f"{folder}/{slugs[rest.removesuffix(endings[0])]}{endings[0]}"), 301)


def _file(request: Request, folder: Folder, site: Site, story: Lookup, nodes: Callable[[], Nodes]) -> Response:
    path = request.path_params["path"]
    shown: Representation | UUID | None
    if path == "" or path.endswith("/"):
        shown = folder.read(path + HOME)
    else:
        shown = folder.read(path) or _entry(path, site, story, nodes)
        if isinstance(shown, UUID):
            return _redirect(f"{shown}.html", 301)
        if shown is None and folder.has(f"{path}/{HOME}"):
            # Relative, and so right below any prefix.
            return _redirect(quote(path.rpartition("/")[2]) + "/", 308)
    return answer(request, shown or _missing(path, site))


def _feed(request: Request, folder: Folder, site: Site) -> Response:
    """`/feeds/<slug>`: the format that the client wants; for browsers the page beside the feed."""
    slug = request.path_params["slug"]
    path = f"feeds/{slug}"
    if shown := folder.read(path):
        return answer(request, shown)
    offered = {media_type: kind for media_type, kind in _FEEDS.items() if folder.has(feed_path(slug, kind))}
    if not offered:
        return answer(request, _missing(path, site))
    kinds = [*offered, *([_HTML] if folder.has(page_path(slug)) else [])]
    wanted = preferred(request.headers.get("accept", ""), kinds)
    vary = "Accept, Accept-Encoding"
    if wanted == _HTML:
        return _redirect(relative(path, page_path(slug)).removesuffix(HOME), 303, Vary=vary)
    shown = folder.read(feed_path(slug, offered[wanted]))
    if shown is None:  # taken away between two looks
        return answer(request, _missing(path, site))
    response = answer(request, shown)
    response.headers["Vary"] = vary
    response.headers["Content-Location"] = relative(path, feed_path(slug, offered[wanted]))
    return response


def _entry(path: str, site: Site, story: Lookup, nodes: Callable[[], Nodes]) -> Representation | UUID | None:
    """An entry's page, made now; only under the one spelling of its address.

    The id of another where the article's story became part of that one.
    """
    name = path.removeprefix("e/").removesuffix(".html")
    try:
        uuid = UUID(name)
    except ValueError:
        return None
    found = story(uuid) if path == f"e/{uuid}.html" else None
    if found is None or isinstance(found, UUID):
        return found
    return _page(pages.entry(found, site, nodes()), 200)


def _missing(path: str, site: Site) -> Representation:
    return _page(pages.missing(site, path), 404)


def _page(body: bytes, status: int) -> Representation:
    return Representation(body, _PAGE, digest(body), headers=PAGE_HEADERS, status=status)


def _redirect(to: str, status: int, **headers: str) -> RedirectResponse:
    return RedirectResponse(to, status, headers)


def _health(body: Mapping[str, str], status: int) -> Response:
    return JSONResponse(dict(body), status, {"Cache-Control": "no-store"})
