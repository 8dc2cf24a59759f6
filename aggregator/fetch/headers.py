"""What is said in headers: what a request sends, and what an answer's mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from aiohttp import encode_basic_auth
from multidict import CIMultiDict, MultiMapping

from aggregator.config.schema import Source
from aggregator.fetch import inflate
from aggregator.model import Validators

#: Seconds; a wish for more is taken for this much.
LONGEST_WAIT = 366 * 86400.0
#: Characters. Servers refuse requests with headers of some kilobytes; real validators have tens.
LONGEST_VALIDATOR = 2048

_FEEDS = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.5"
)
_PAGES = "text/html, application/xhtml+xml, */*;q=0.5"
#: Of a source's own headers these go to other hosts, too. Any other may be a key.
_HARMLESS = frozenset({"accept", "accept-language"})
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d+)", re.IGNORECASE)
_UNCACHED = re.compile(r"(?:^|[,\s])no-(?:store|cache)\b", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)


def for_request(
    source: Source, agent: str, validators: Validators, login: tuple[str, str] | None, *, trusted: bool
) -> CIMultiDict[str]:
    """Headers of one request.

    Only a `trusted` host, the source's own, is sent the login, the cookies and the source's own
    headers. Validators are echoed exactly as they came, and with an ETag we say that the entries
    that are new since then will do (`A-IM: feed`, RFC 3229 as it is used for feeds).
    """
    headers = CIMultiDict(
        {
            "User-Agent": source.user_agent or agent,
            "Accept": _PAGES if source.page else _FEEDS,
            "Accept-Encoding": inflate.ACCEPTED,
        }
    )
    if validators.etag:
        headers["If-None-Match"] = validators.etag
        if not source.page:
            headers["A-IM"] = "feed"
    if validators.last_modified:
        headers["If-Modified-Since"] = validators.last_modified
    if trusted and login:
        headers["Authorization"] = encode_basic_auth(*login)
    if trusted and source.cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in source.cookies.items())
    for name, value in source.headers.items():
        if trusted or name.lower() in _HARMLESS:
            headers[name] = value
    return headers


def validators(headers: Mapping[str, str], digest: bytes | None) -> Validators:
    """What to send with the next request."""
    etag = _echoable(headers.get("ETag"))
    # Sent back, `*` would ask for nothing but what is not there at all (RFC 9110, 13.1.2): 304 for ever.
    if etag and any(part.strip() == "*" for part in etag.split(",")):
        etag = None
    return Validators(etag, _echoable(headers.get("Last-Modified")), digest)


def renewed(headers: Mapping[str, str], known: Validators) -> Validators:
    """The validators after a 304, which may bring new ones and need not repeat the old."""
    new = validators(headers, known.digest)
    return Validators(new.etag or known.etag, new.last_modified or known.last_modified, known.digest)


def _echoable(value: str | None) -> str | None:
    # Bytes that are no UTF-8 arrive as lone surrogates, which no database stores.
    return value if value and value.isprintable() and len(value) <= LONGEST_VALIDATOR else None


def content_type(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """The media type and the character set, lower case, None where they are not given."""
    value = headers.get("Content-Type", "")
    charset = _CHARSET.search(value)
    return value.partition(";")[0].strip().lower() or None, charset[1].lower() if charset else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that Retry-After asks for, as a number or as a date; 0 without one (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+", value, re.ASCII):
        return min(float(value), LONGEST_WAIT)
    return _until(_date(value), now)


def freshness(headers: MultiMapping[str], now: datetime) -> float:
    """Seconds for which an answer says it stays as it is (RFC 9111, 4.2.1); 0 where it does not say.

    `max-age` wins over `Expires`; what a shared cache has used up of it (`Age`) is taken off.
    """
    control = ", ".join(headers.getall("Cache-Control", ()))
    if _UNCACHED.search(control):
        return 0.0
    if age := _MAX_AGE.search(control):
        used = headers.get("Age", "").strip()
        left = float(age[1]) - (float(used) if re.fullmatch(r"\d{1,12}", used, re.ASCII) else 0.0)
        return min(max(left, 0.0), LONGEST_WAIT)
    # Both dates are the server's, whose clock need not agree with ours.
    return _until(_date(headers.get("Expires", "")), _date(headers.get("Date", "")) or now)


def _until(moment: datetime | None, now: datetime) -> float:
    if moment is None:
        return 0.0
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_WAIT)


def _date(value: str) -> datetime | None:
    """An HTTP date; None for anything else, such as the common `Expires: 0`."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
