"""Copies of a SQLite database: made while it is in use, checked before they count, put in its place.

What is copied is one consistent view, whoever writes meanwhile. PostgreSQL has programs of its own for this.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from aggregator.errors import StoreError

#: Backups before migrations that are kept.
KEPT = 3

#: Tables that tell a database of ours from any other, and whose rows are counted.
OURS = ("source", "entry", "category", "event")

SIDES = ("-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Copy:
    """What is in a copy that was checked."""

    path: Path
    revision: str
    #: Of the oldest program that may work with it.
    oldest: str
    entries: int
    sources: int
    bytes: int


def backup(database: Path, target: Path, *, force: bool = False) -> Copy:
    """Copy the database to `target`, which is there whole and checked, or not at all.

    Raises StoreError where something lies there already (unless forced), where there is no room, or where
    the copy, and so the database, is damaged.
    """
    if target.exists() and not force:
        raise StoreError(f"{target} is there already: name another file, or pass --force to replace it")
    with _translated(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    return _copy(database, target)


def restore(source: Path, database: Path, newest: str) -> tuple[Copy, Path | None]:
    """Put a backup in the place of the database; returns what is in it, and where the present one is now.

    For the one writer. Raises StoreError, and changes nothing, where the backup is damaged, none of ours, or made
    by a newer program than that of the revision `newest`.
    """
    found = inspect(source)
    if found.oldest > newest:
        raise StoreError(
            f"{source} was made by a newer version of this program (schema revision {found.revision}, "
            f"this one knows {newest}): install that version first"
        )
    fresh = database.with_name(f".{database.name}.{secrets.token_hex(4)}.tmp")
    with _translated(database):
        database.parent.mkdir(parents=True, exist_ok=True)
    copy = _copy(source, fresh)
    with _translated(database):
        kept = _put_aside(database)
        os.replace(fresh, database)
        _sync(database.parent)
    return replace(copy, path=database), kept


def before_migration(database: Path, revision: str) -> Path:
    """Copy the database beside itself before its schema changes; the last few of such copies are kept."""
    target = database.with_name(f"{database.name}.revision-{revision}.backup")
    _copy(database, target)
    copies = sorted(
        database.parent.glob(f"{database.name}.revision-*.backup"), key=lambda path: path.stat().st_mtime_ns
    )
    for old in copies[:-KEPT]:
        old.unlink(missing_ok=True)
    return target


def inspect(file: Path) -> Copy:
    """What is in a database; raises StoreError where it is damaged or none of ours."""
    if not file.is_file():
        raise StoreError(f"{file}: there is no such file")
    with _translated(file), closing(_open(file)) as connection:
        return _checked(connection, file)


def _copy(database: Path, target: Path) -> Copy:
    """One consistent view, checked, then in its place in one step."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _translated(target), closing(_open(database)) as source, closing(sqlite3.connect(temporary)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file without a log beside it
            found = _checked(copy, database)
        with _translated(target):
            _sync(temporary)
            os.replace(temporary, target)
            _sync(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return replace(found, path=target, bytes=target.stat().st_size)


def _checked(connection: sqlite3.Connection, file: Path) -> Copy:
    """Reads every page: a copy that is not looked at is none."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables.issuperset({*OURS, "alembic_version"}):
        raise StoreError(f"{file} is no database of this program")
    ((verdict,),) = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if verdict != "ok":
        raise StoreError(f"{file} is damaged: {verdict}; nothing was replaced", lasting=True)
    ((revision,),) = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    oldest = revision
    if "schema_oldest" in tables:
        ((oldest,),) = connection.execute("SELECT revision FROM schema_oldest").fetchall()
    ((entries,),) = connection.execute("SELECT count(*) FROM entry").fetchall()
    ((sources,),) = connection.execute("SELECT count(*) FROM source").fetchall()
    return Copy(file, revision, oldest, entries, sources, file.stat().st_size if file.exists() else 0)


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=30)


def _put_aside(database: Path) -> Path | None:
    """Rename the present database, and its log with it: that belongs to no other."""
    if not database.exists():
        return None
    number = 1
    while (kept := database.with_name(f"{database.name}.replaced-{number}")).exists():
        number += 1
    os.replace(database, kept)
    for side in SIDES:
        with suppress(FileNotFoundError):
            os.replace(f"{database}{side}", f"{kept}{side}")
    return kept


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{file}: {error}; nothing was replaced") from error
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror or error}; nothing was replaced") from error
