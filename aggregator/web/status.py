"""`/status` and a page for each source: for this machine, or for who has the token.

Made from the database when they are asked for, and kept by nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aggregator.config.schema import Site
from aggregator.errors import StoreError
from aggregator.publish import statuspage
from aggregator.publish.addresses import STATUS
from aggregator.publish.health import status_path
from aggregator.web.access import may_see
from aggregator.web.folder import PAGE_HEADERS, TYPES

log = logging.getLogger(__name__)

HEADERS = {**PAGE_HEADERS, "Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}


@dataclass(frozen=True)
class Watch:
    """What makes the pages. The callables are called in threads."""

    #: All sources, or those with a problem; from this place in the list on; with this token in links.
    board: Callable[[bool, int, str], bytes]
    #: One source by its name; None where there is none.
    source: Callable[[str, str], bytes | None]


def status_routes(watch: Watch, site: Site, token: str | None) -> list[Route]:
    """The page of all sources, and one for each."""

    async def answer(request: Request, path: str, make: Callable[[], tuple[bytes, int]]) -> Response:
        if not may_see(request, token):
            return Response(statuspage.forbidden(site, path), 403, HEADERS, TYPES[".html"][0])
        try:
            body, code = await run_in_threadpool(make)
        except StoreError as error:
            log.warning("status: %s", error)
            return Response("the database is not ready\n", 503, {"Retry-After": "60"}, "text/plain")
        return Response(body, code, HEADERS, TYPES[".html"][0])

    async def board(request: Request) -> Response:
        start = request.query_params.get("start", "")
        first = int(start[:6]) if start.isascii() and start.isdigit() else 0
        everything = "all" in request.query_params
        return await answer(request, STATUS, lambda: (watch.board(everything, first, _given(request)), 200))

    async def source(request: Request) -> Response:
        name = request.path_params["name"]
        path = status_path(name)

        def make() -> tuple[bytes, int]:
            found = watch.source(name, _given(request))
            return (found, 200) if found else (statuspage.unknown(site, path, name), 404)

        return await answer(request, path, make)

    return [Route(f"/{STATUS}", board), Route(f"/{STATUS}/{{name:path}}", source)]


def _given(request: Request) -> str:
    """The token of the address, for the links of a page that was asked for with it."""
    return quote(request.query_params.get("token", ""), safe="")
