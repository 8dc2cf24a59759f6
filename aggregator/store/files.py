"""The files of folder sources: what was seen of each, in the order of their paths."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from aggregator.model import FileState
from aggregator.store.among import among
from aggregator.store.engine import Database
from aggregator.store.tables import entry, file
from aggregator.store.upsert import upsert

#: Rows a query: a scan of a hundred thousand files holds no read transaction and little memory.
PAGE = 5000

COLUMNS = (file.c.path, file.c.size, file.c.mtime, file.c.missing_since)


def known(database: Database, source_id: int) -> Iterator[FileState]:
    """Every file that a scan of this source ever listed, by code points of the path."""
    after = ""
    while True:
        with database.read() as connection:
            query = (
                select(*COLUMNS)
                .where(file.c.source_id == source_id, file.c.path > after)
                .order_by(file.c.path)
                .limit(PAGE)
            )
            rows = connection.execute(query).all()
        yield from (FileState(row.path, row.size, row.mtime, row.missing_since is not None) for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1].path


def save(
    connection: Connection,
    source_id: int,
    states: Sequence[FileState],
    *,
    digests: Mapping[str, bytes],
    entries: Mapping[str, int],
    refused: Mapping[str, str],
    now: datetime,
) -> None:
    """Write what was just read: each file leads to its entry, or says why it brought none."""
    paths = [state.path for state in states]
    query = select(file.c.path, file.c.entry_id).where(
        file.c.source_id == source_id, among(connection, file.c.path, paths)
    )
    before = {row.path: row.entry_id for row in connection.execute(query)}
    _were_shown(connection, {held for path, held in before.items() if held != entries.get(path)}, now)
    rows = [
        {
            "source_id": source_id,
            "path": state.path,
            "size": state.size,
            "mtime": state.mtime,
            "digest": digests.get(state.path),
            "entry_id": entries.get(state.path),
            "refused": refused.get(state.path),
            "missing_since": None,
        }
        for state in states
    ]
    upsert(connection, file, rows)


def unchanged(connection: Connection, source_id: int, digests: Mapping[str, bytes]) -> set[str]:
    """Those of the paths whose content is what was read before, although size or time moved."""
    query = select(file.c.path, file.c.digest).where(
        file.c.source_id == source_id, among(connection, file.c.path, digests)
    )
    return {row.path for row in connection.execute(query) if row.digest == digests[row.path]}


def touch(connection: Connection, source_id: int, states: Sequence[FileState]) -> None:
    """Files that are back or were touched, with the content that is known."""
    for state in states:
        connection.execute(
            update(file)
            .where(file.c.source_id == source_id, file.c.path == state.path)
            .values(size=state.size, mtime=state.mtime, missing_since=None)
        )


def missing(connection: Connection, source_id: int, paths: Sequence[str], now: datetime) -> dict[str, int | None]:
    """Note that files are gone; returns the entries that they brought."""
    rows = connection.execute(
        select(file.c.path, file.c.entry_id).where(file.c.source_id == source_id, among(connection, file.c.path, paths))
    ).all()
    connection.execute(
        update(file)
        .where(file.c.source_id == source_id, among(connection, file.c.path, paths), file.c.missing_since.is_(None))
        .values(missing_since=now)
    )
    _were_shown(connection, {row.entry_id for row in rows}, now)
    return {row.path: row.entry_id for row in rows}


def _were_shown(connection: Connection, entries: Collection[int | None], now: datetime) -> None:
    """The files of these entries were there until now: retention counts from here."""
    connection.execute(update(entry).where(among(connection, entry.c.id, set(entries) - {None})).values(last_seen=now))


def refused(connection: Connection, source_id: int) -> int:
    """How many of the files that are there now bring no entry."""
    query = (
        select(func.count())
        .select_from(file)
        .where(file.c.source_id == source_id, file.c.refused.is_not(None), file.c.missing_since.is_(None))
    )
    return int(connection.scalar(query) or 0)
