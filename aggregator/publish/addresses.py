"""Every path below the output folder and every public address, in one place.

A *path* is what lies on the disk, with `/` and in plain Unicode; an *address* is what stands in a
document, absolute and percent-encoded UTF-8. A slug is handed in ready to use: this module
neither makes nor repairs one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import UUID

from aggregator.config.schema import Site

HOME = "index.html"
OPML = "opml.xml"
HEALTH = "health.atom"
#: Made when it is asked for, and not for everybody.
STATUS = "status"
STATIC = "static"

# RFC 3986: what may stand unescaped; `%` stays, for what is escaped already is not escaped twice.
_SAFE = "!$%&'()*+,;=:@/?~"
#: A `%` that escapes nothing.
_STRAY = re.compile("%(?![0-9A-Fa-f]{2})")


def feed_path(slug: str, kind: str = "atom") -> str:
    return f"{_place(slug, 'feeds')}.{kind}"


def archive_path(slug: str, number: int) -> str:
    return f"{_place(slug, 'feeds')}/archive/{number}.atom"


def page_path(slug: str, number: int | None = None) -> str:
    """The page beside a feed, which shows the newest, or one of the numbered ones."""
    return f"{_place(slug, 'c')}/{HOME if number is None else f'page-{number}.html'}"


def is_publisher(slug: str) -> bool:
    return slug.startswith("/s/")


def _place(slug: str, folder: str) -> str:
    """Categories have a folder for each kind of document; publishers and searches have one, which their slugs name."""
    return slug[1:] if slug.startswith("/") else f"{folder}/{slug}"


def is_feed(path: str) -> bool:
    """Whether a feed or an archive lies there, no page."""
    return path.startswith(("feeds/", "s/", "q/")) and not path.endswith(".html")


def entry_path(uuid: UUID) -> str:
    return f"e/{uuid}.html"


# A story's addresses stand in every document that shows it, its source's in all of its stories.
@lru_cache(maxsize=8192)
def as_uri(address: str) -> str | None:
    """The absolute http(s) address in ASCII: host by IDNA, the rest percent-encoded UTF-8.

    None for what is no such address, so that no document ever holds a broken or relative link.
    """
    try:
        parts = urlsplit(address.strip())
        host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # UnicodeError, which a host that IDNA refuses raises, is one too
        return None
    if not usable or quote(host, safe="[]:@._-%") != host or _STRAY.search(host):
        return None
    quoted = (quote(part, safe=_SAFE, errors="replace") for part in parts[2:])
    path, query, fragment = (_STRAY.sub("%25", part) for part in quoted)
    return urlunsplit((parts.scheme, host, path, query, fragment))


def public_url(site: Site, path: str) -> str:
    """Where the file at `path` is found by the public; a page's folder stands for its index.html."""
    return (as_uri(site.url) or site.url) + quote(path.removesuffix(HOME))


def tag_uri(site: Site, uuid: UUID) -> str:
    """An id of ours (RFC 4151)."""
    return f"tag:{site.tag}:{uuid}"


def to_root(path: str) -> str:
    """From the folder of the page at `path` back to the root, as a relative link's beginning."""
    return "../" * path.count("/")


def relative(path: str, to: str) -> str:
    """A link from the page at `path` to the file at `to`, which works below any prefix."""
    return to_root(path) + quote(to)
