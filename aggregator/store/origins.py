"""Where entries came from, as readers may know it: no query, user info or local path of a source."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Connection, select

from aggregator.model import Origin
from aggregator.store.among import among
from aggregator.store.tables import source
from aggregator.store.types import Record


def origins(connection: Connection, ids: Collection[int], tag: str) -> dict[int, Origin]:
    """By the numbers of sources.

    Asked for by themselves: joined to entries, the few sources would be what SQLite begins with, and it
    would go through all that they ever brought.
    """
    rows = connection.execute(select(source).where(among(connection, source.c.id, ids)))
    return {row.id: _origin(row, tag) for row in rows}


def _origin(row: Record, tag: str) -> Origin:
    feed_url = public(row.location) if row.kind == "feed" else None
    own_id = row.feed_id if row.feed_id and urlsplit(row.feed_id).scheme else None
    return Origin(
        name=row.title or row.name,
        id=public(own_id) if own_id else f"tag:{tag}:source:{row.name}",
        url=public(row.home) if row.home else None,
        feed_url=feed_url,
    )


def public(url: str) -> str:
    """An address without query, fragment and user info: those may hold a secret of the reader's."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return url
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
