"""The addresses of requests: written as publishers wrote them, shown without their secrets. Pure."""

from __future__ import annotations

import string
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from yarl import URL

from aggregator.fetch.guard import host_name

#: Left alone when an address is made ASCII: all of ASCII but blanks and controls.
_KEPT = string.ascii_letters + string.digits + string.punctuation


def as_url(text: str) -> URL:
    """What to request: without user info and fragment, and with the publisher's own quoting.

    Requoting would turn `?u=%2Fa` into `?u=/a`, which signed addresses do not survive. Raises
    ValueError for what is no http or https address.
    """
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https address")
    host = parts.hostname if parts.hostname.isascii() else URL.build(scheme="http", host=parts.hostname).raw_host
    host = f"[{host}]" if ":" in (host or "") else host
    if parts.port == 0:  # which would be left out, and another one asked
        raise ValueError("no port is 0")
    netloc = f"{host}:{parts.port}" if parts.port else str(host)
    return URL(urlunsplit((parts.scheme, netloc, _quoted(parts.path or "/"), _quoted(parts.query), "")), encoded=True)


def _quoted(part: str) -> str:
    if part.isascii() and part.isprintable() and " " not in part:
        return part
    # Bytes that are no UTF-8 come from headers as surrogates; they go out again as they came.
    return quote(part, safe=_KEPT, errors="surrogateescape")


def credentials(text: str) -> tuple[str, str] | None:
    """The user name and password written in an address."""
    if "@" not in text:
        return None
    url = URL(text.strip())
    return (url.user or "", url.password or "") if url.raw_user is not None or url.raw_password is not None else None


def joined(base: URL, location: str) -> URL:
    """The target of a redirect. Raises ValueError where it is no http or https address."""
    return as_url(urljoin(str(base), location.strip()))


def shown(text: str) -> str:
    """An address fit for messages: user info, query and fragment may hold secrets and are left out."""
    try:
        parts = urlsplit(text.strip())
        netloc = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, netloc, parts.path, "", ""))
    except ValueError:
        return "(an invalid address)"


def same_site(url: URL, home: URL) -> bool:
    """Whether credentials meant for `home` may be sent to `url`.

    The same scheme, host and port, or the same host after the usual move from http to https.
    """
    if host_name(url) != host_name(home):
        return False
    if (url.scheme, url.port) == (home.scheme, home.port):
        return True
    return (home.scheme, home.port, url.scheme, url.port) == ("http", 80, "https", 443)
