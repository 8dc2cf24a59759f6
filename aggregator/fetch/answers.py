"""What an HTTP answer comes to. Pure: the answer is a value, and the clock an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

from multidict import MultiMapping

from aggregator.fetch import headers, walls
from aggregator.fetch.addresses import shown
from aggregator.model import Document, Failed, Fetched, NotModified, Outcome, Validators, digest

REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: What they may have of a body says nothing.
BODILESS = REDIRECTS | {HTTPStatus.NOT_MODIFIED}
#: With these the body is the document. 206 would be a part, which we do not ask for.
BODIES = frozenset({200, 203, 226})


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is no redirect, its body unpacked; of an error page perhaps only the beginning."""

    url: str
    status: int
    headers: MultiMapping[str]
    body: bytes


def judge(answer: Answer, asked: Validators, now: datetime, *, page: bool = False) -> Fetched | NotModified | Failed:
    """What the answer to a request with those validators comes to.

    `page`: the source is a web page, where a form for a password is nothing unusual. Whether a
    body is a feed is not judged here.
    """
    if wall := walls.bot_wall(answer.status, answer.headers, answer.body):
        return _walled(answer, wall, now)
    if _is_document(answer, asked):
        return _body(answer, asked, now, page=page)
    if answer.status == HTTPStatus.NOT_MODIFIED and (asked.etag or asked.last_modified):
        return NotModified(headers.renewed(answer.headers, asked), headers.freshness(answer.headers, now))
    outcome, sentence, remedy = _status(answer.status)
    message = f"{shown(answer.url)} answered {_named(answer.status)}: {sentence}"
    scope: Literal["url", "host"] = "host" if outcome is Outcome.RATE_LIMITED else "url"
    return Failed(outcome, message, remedy, headers.retry_after(answer.headers, now), scope)


def _is_document(answer: Answer, asked: Validators) -> bool:
    if answer.status != HTTPStatus.IM_USED:
        return answer.status in BODIES
    # What we asked for: the entries that are new, as a feed, and nothing else done to it (RFC 3229, 10.5.2).
    used = [part.strip().lower() for part in answer.headers.get("IM", "").split(",")]
    return bool(asked.etag) and used == ["feed"]


def _body(answer: Answer, asked: Validators, now: datetime, *, page: bool) -> Fetched | NotModified | Failed:
    if not page and walls.login_page(urlsplit(answer.url).path, answer.body):
        return Failed(
            Outcome.BOT_WALL,
            f"{shown(answer.url)} is a login page, where a feed was expected",
            "Give the source `auth`, `cookies` or `headers` that the site accepts, or an address that is public.",
        )
    own = digest(answer.body)
    new = headers.validators(answer.headers, own)
    wait = headers.freshness(answer.headers, now)
    partial = answer.status == HTTPStatus.IM_USED
    if partial:
        # This digest is of a part; kept, it would be compared with whole feeds.
        new = replace(new, digest=None)
    # Also where there are validators: many servers change theirs with each process or release.
    elif own == asked.digest:
        return NotModified(new, wait)
    media_type, charset = headers.content_type(answer.headers)
    document = Document(answer.body, url=answer.url, media_type=media_type, charset=charset, digest=own)
    return Fetched(document, new, wait, partial=partial)


def _walled(answer: Answer, wall: str, now: datetime) -> Failed:
    return Failed(
        Outcome.BOT_WALL,
        f"{shown(answer.url)} is behind a check for browsers ({wall}), which answered {_named(answer.status)}",
        "Ask the site to let feed readers through, look for another address of the feed, or set `cookies` or "
        "`user_agent` to what the site accepts.",
        headers.retry_after(answer.headers, now),
    )


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


_LATER = "Nothing to do: it is asked again, less often while this lasts."
_ADDRESS = "Check `url`: the site may have moved its feed."
_LOGIN = "Set `auth`, `cookies` or `headers` of the source to what the site accepts."

_STATUSES: dict[int, tuple[Outcome, str, str]] = {
    401: (Outcome.HTTP_ERROR, "it wants a user name and password", _LOGIN),
    403: (Outcome.HTTP_ERROR, "it does not let us read this", _LOGIN),
    404: (Outcome.HTTP_ERROR, "there is nothing at this address", _ADDRESS),
    407: (Outcome.HTTP_ERROR, "the proxy wants a user name and password", "Write them into `proxy`."),
    410: (
        Outcome.GONE,
        "the feed is gone for good",
        "Remove the source or give it another `url`; `aggregator once --source NAME` asks once more.",
    ),
    429: (
        Outcome.RATE_LIMITED,
        "it was asked too often",
        "Nothing to do: it is asked again later. A longer `interval` helps if this comes back.",
    ),
    451: (Outcome.HTTP_ERROR, "it is withheld for legal reasons", "Remove the source, or set a `proxy` elsewhere."),
    503: (Outcome.HTTP_ERROR, "the server is overloaded or being worked on", _LATER),
}


def _status(status: int) -> tuple[Outcome, str, str]:
    if status in _STATUSES:
        return _STATUSES[status]
    if status == HTTPStatus.IM_USED:
        return Outcome.HTTP_ERROR, "a part of something, which was not asked for", _ADDRESS
    if status == HTTPStatus.NOT_MODIFIED:
        return Outcome.HTTP_ERROR, "unchanged, though it was not asked for changes", _LATER
    if status < 300:
        return Outcome.HTTP_ERROR, "an answer without a feed", _ADDRESS
    if status < 400:
        return Outcome.HTTP_ERROR, "a redirect that does not say where to", _ADDRESS
    if status < 500:
        return Outcome.HTTP_ERROR, "it does not accept the request", _ADDRESS
    return Outcome.HTTP_ERROR, "the server has a fault", _LATER
