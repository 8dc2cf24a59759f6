"""config.yaml as a cluster works by it, for the processes that have no such file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from aggregator.model import digest
from aggregator.store.tables import configuration

#: Versions that are kept, for people.
KEPT = 20


@dataclass(frozen=True, slots=True)
class Stored:
    """One version of it."""

    version: int
    text: str
    #: What relative paths in it are relative to.
    folder: str


def newest(connection: Connection, known: int = 0) -> Stored | None:
    """The version in force; None where there is none that is newer than the known one."""
    query = (
        select(configuration.c.version, configuration.c.text, configuration.c.folder)
        .where(configuration.c.version > known)
        .order_by(configuration.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return Stored(*row) if row else None


def put(connection: Connection, text: str, folder: str, now: datetime, *, anew: bool) -> bool:
    """Have this in force, and everybody hear of it, unless it is already.

    False where it was in force before the newest, and is to be so again only if it is written `anew`.
    """
    mark = digest(f"{folder}\0{text}".encode())
    known = connection.scalar(select(func.max(configuration.c.version)).where(configuration.c.digest == mark))
    version = int(connection.scalar(select(func.max(configuration.c.version))) or 0)
    if known == version:
        return True
    if known is not None and not anew:
        return False
    row = {"version": version + 1, "text": text, "folder": folder, "digest": mark, "at": now}
    connection.execute(insert(configuration).values(row))
    connection.execute(delete(configuration).where(configuration.c.version <= version + 1 - KEPT))
    return True
