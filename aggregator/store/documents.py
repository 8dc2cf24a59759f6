"""What lies in the output folder, as far as the database knows: for finding what is behind or missing."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, false, or_, select, update

from aggregator.store import paging, settings
from aggregator.store.among import among
from aggregator.store.tables import category, document, setting, story
from aggregator.store.types import Record
from aggregator.store.upsert import upsert

#: Paths that one statement names.
BATCH = 500

#: The settings that are there while what is there once is behind, and what of it names every feed and counts nothing.
_SITE, _NAMES = "site", "names"


_DIGESTS = select(document.c.path, document.c.digest).where(document.c.path.in_(bindparam("paths", expanding=True)))
_AT = select(document).where(document.c.path == bindparam("path"))


def record(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Note documents that were written: path, digest, size, time, and what each shows."""
    shows = {"category_id": None, "story_id": None, "archive": None, "page": None}
    upsert(connection, document, [shows | row for row in rows])


def forget(connection: Connection, paths: Sequence[str]) -> None:
    """What lies there is not what was written, or nothing does any more."""
    for start in range(0, len(paths), BATCH):
        connection.execute(delete(document).where(among(connection, document.c.path, paths[start : start + BATCH])))


def forget_archives(connection: Connection) -> None:
    """The files of archives are not to be built upon: they are written anew."""
    connection.execute(delete(document).where(document.c.archive.is_not(None)))


def digests(connection: Connection, paths: Sequence[str]) -> dict[str, bytes]:
    """What was last written at each of these paths."""
    return {row.path: row.digest for row in connection.execute(_DIGESTS, {"paths": list(paths)})}


def at(connection: Connection, path: str) -> Record | None:
    """What is known of the document at `path`; None where none is."""
    return connection.execute(_AT, {"path": path}).first()


def ending(connection: Connection, endings: Sequence[str]) -> list[str]:
    """Paths of documents that end in one of these."""
    matches = (document.c.path.endswith(one, autoescape=True) for one in endings)
    return sorted(connection.scalars(select(document.c.path).where(or_(false(), *matches))))


def all_of_them(connection: Connection) -> Iterator[Record]:
    """Every document with what is known of its file and what it shows."""
    yield from connection.execute(select(document))


def distrust(connection: Connection, paths: Sequence[str]) -> None:
    """What lies at these paths is not what was written: the next round that looks at every file writes it again."""
    for start in range(0, len(paths), BATCH):
        here = among(connection, document.c.path, paths[start : start + BATCH])
        connection.execute(update(document).where(here).values(size=None, mtime=None))


def dirty_stories(connection: Connection, limit: int) -> list[tuple[int, int]]:
    """Stories whose pages are behind, with the counter that writing them settles."""
    query = select(story.c.id, story.c.changed).where(story.c.changed > story.c.shown).order_by(story.c.id).limit(limit)
    return [(row.id, row.changed) for row in connection.execute(query)]


def behind(connection: Connection) -> bool:
    """Whether any feed or page is, or what is there once."""
    feed = select(category.c.id).where(category.c.changed > category.c.published).limit(1)
    return (
        connection.scalar(feed) is not None or bool(dirty_stories(connection, 1)) or site_behind(connection) is not None
    )


def outdate_site(connection: Connection, *, names: bool = False) -> None:
    """Have written again what is there once, and with `names` also what changes only with the names of feeds."""
    for key in (_SITE, _NAMES) if names else (_SITE,):
        settings.put(connection, key, secrets.token_hex(8))


def site_behind(connection: Connection) -> str | None:
    """The newest mark if what is there once is behind; None if it is not."""
    return settings.get(connection, _SITE)


def names_behind(connection: Connection) -> str | None:
    """The same of what names every feed and counts nothing."""
    return settings.get(connection, _NAMES)


def settle_site(connection: Connection, marks: Collection[str | None]) -> None:
    """Record that it shows what it should, unless it was marked again since these marks were read."""
    read = [mark for mark in marks if mark]
    connection.execute(delete(setting).where(setting.c.key.in_((_SITE, _NAMES)), setting.c.value.in_(read)))


def settle_stories(connection: Connection, counters: Sequence[tuple[int, int]]) -> None:
    """Record the counters that were read, so that a change since then stays dirty."""
    statement = update(story).where(story.c.id == bindparam("of")).values(shown=bindparam("counter"))
    if counters:
        # In one order, as `search.settle`.
        connection.execute(statement, [{"of": story_id, "counter": counter} for story_id, counter in sorted(counters)])


def outdate(connection: Connection, categories: Sequence[int], stories: Sequence[int]) -> None:
    """Have these written again, for their documents are missing."""
    feeds = update(category).where(category.c.id == bindparam("of")).values(published=category.c.changed - 1)
    pages = update(story).where(story.c.id == bindparam("of")).values(shown=story.c.changed - 1)
    for statement, ids in ((feeds, categories), (pages, stories)):
        if ids:
            connection.execute(statement, [{"of": one} for one in sorted(set(ids))])


def outdate_all(connection: Connection) -> None:
    """Have everything written again."""
    connection.execute(update(category).values(published=category.c.changed - 1))
    connection.execute(update(story).values(shown=story.c.changed - 1))
    paging.outdate_all(connection)
    outdate_site(connection, names=True)
