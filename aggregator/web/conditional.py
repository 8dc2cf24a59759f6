"""Answers with validators: a reader that has the current bytes is told so in a few of them.

Starlette's own FileResponse never answers 304, and its ETag changes when the same bytes are
written again or lie on another machine. Ours is a digest of the bytes, so it is strong in the
sense of RFC 9110, 8.8.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Representation:
    """What would be sent: bytes, and what caches need to know of them."""

    body: bytes
    media_type: str
    #: Of the body, hexadecimal.
    digest: str
    #: Seconds since the epoch; None where there is nothing to say.
    modified: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


def digest(body: bytes) -> str:
    return blake2b(body, digest_size=16).hexdigest()


def answer(request: Request, shown: Representation) -> Response:
    """200 with the body, or 304 where the request's validators match (RFC 9110, 13.2.2).

    A HEAD request gets the headers of the same GET; the server drops the body.
    """
    headers = {"ETag": f'"{shown.digest}"', "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if shown.modified is not None:
        headers["Last-Modified"] = formatdate(shown.modified, usegmt=True)
    headers |= shown.headers
    if shown.status == 200 and _unchanged(request, shown):
        return Response(status_code=304, headers=headers)
    return Response(shown.body, shown.status, headers | {"Content-Type": shown.media_type})


def _unchanged(request: Request, shown: Representation) -> bool:
    tags = request.headers.get("if-none-match")
    if tags is not None:
        # If-Modified-Since does not count beside it: a date knows whole seconds only.
        return _matches(tags, f'"{shown.digest}"')
    since = request.headers.get("if-modified-since")
    if since is None or shown.modified is None:
        return False
    try:
        return shown.modified <= parsedate_to_datetime(since).timestamp()
    except (ValueError, OverflowError):
        return False


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or any(given.strip().removeprefix("W/") == tag for given in header.split(","))
