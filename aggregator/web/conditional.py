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

from aggregator.web.coding import Codings, accepted, compressible
from aggregator.web.ranges import part


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


def answer(request: Request, shown: Representation, codings: Codings) -> Response:
    """200 with the body, 206 with the part asked for, or 304 where the request's validators match.

    Compressed where the client takes that, under a tag of its own (RFC 9110, 8.8.3.3). A HEAD
    request gets the headers of the same GET; the server drops the body.
    """
    coding = _coding(request, shown)
    tag = f'"{shown.digest}-{coding}"' if coding else f'"{shown.digest}"'
    headers = {"ETag": tag, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
    if shown.modified is not None:
        headers["Last-Modified"] = formatdate(shown.modified, usegmt=True)
    headers |= shown.headers
    if shown.status != 200:
        return Response(shown.body, shown.status, headers | {"Content-Type": shown.media_type})
    headers["Accept-Ranges"] = "bytes"
    if _unchanged(request, tag, shown.modified):
        return Response(status_code=304, headers=headers)
    headers["Content-Type"] = shown.media_type
    if coding:
        headers["Content-Encoding"] = coding
        return Response(codings.coded(shown.body, shown.digest, coding), 200, headers)
    wanted = _part(request, tag, shown)
    return Response(shown.body, 200, headers) if wanted is None else _partial(shown.body, wanted, headers)


def kept(request: Request, shown: Representation, codings: Codings) -> bool:
    """Whether `answer` would have nothing to compress."""
    coding = _coding(request, shown)
    return coding is None or codings.has(shown.digest, coding)


def _coding(request: Request, shown: Representation) -> str | None:
    """None for what is small, is no text, or is asked for in part: parts are of the plain bytes."""
    plain = shown.status != 200 or "range" in request.headers or not compressible(shown.media_type, len(shown.body))
    return None if plain else accepted(request.headers.get("accept-encoding", ""))


def _part(request: Request, tag: str, shown: Representation) -> range | None:
    """What is asked for, unless the client's other parts are of other bytes (RFC 9110, 13.1.5)."""
    condition = request.headers.get("if-range")
    same = condition in (None, tag) or (
        shown.modified is not None and condition == formatdate(shown.modified, usegmt=True)
    )
    return part(request.headers.get("range", ""), len(shown.body)) if same and request.method == "GET" else None


def _partial(body: bytes, wanted: range, headers: dict[str, str]) -> Response:
    if not wanted:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{len(body)}"
    return Response(body[wanted.start : wanted.stop], 206, headers)


def _unchanged(request: Request, tag: str, modified: int | None) -> bool:
    """By the request's validators (RFC 9110, 13.2.2)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        # If-Modified-Since does not count beside it: a date knows whole seconds only.
        return _matches(tags, tag)
    since = request.headers.get("if-modified-since")
    if since is None or modified is None:
        return False
    try:
        return modified <= parsedate_to_datetime(since).timestamp()
    except (ValueError, OverflowError):
        return False


def _matches(header: str, tag: str) -> bool:
    return header.strip() == "*" or any(given.strip().removeprefix("W/") == tag for given in header.split(","))
