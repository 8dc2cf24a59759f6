"""One writer at a time, across processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from aggregator.errors import BusyError, StoreError

#: What holds the right to write: a service, which can be asked to check a source; one of the processes of a cluster,
#: which hold it together; a command, which ends by itself.
SERVICE, CLUSTER, COMMAND = "service", "cluster", "command"

#: Numbers of the advisory locks of PostgreSQL, which no other program uses: while the schema changes; for what all
#: checks share; while there may be writers; in front of the digest of a name; and of who leads a cluster.
UPGRADE, SHARED, WRITERS, NAMED, LEADER = 7_301_141, 7_301_142, 7_301_150, 7_301_151, 7_301_152


@contextmanager
def only_writer(database: Path, *, service: bool = False) -> Iterator[None]:
    """Hold `<database>.lock` for as long as the block runs.

    The system frees the lock when the process ends, however it ends; the file stays, for removing
    it would let two processes lock two different files of that name. Raises BusyError naming
    the process that has it.
    """
    path = database.with_name(database.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}: the database's folder must be writable") from error
    try:
        _take(handle, database)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()} {SERVICE if service else ''}".encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int, database: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner, _, kind = os.pread(handle, 40, 0).decode("ascii", "replace").partition(" ")
        message = f"process {owner or 'unknown'} is using {database}: stop it first (only one may write at a time)"
        raise BusyError(message, service=kind == SERVICE) from error


def one_at_a_time(connection: Connection) -> bool:
    """Until this transaction ends no other does what leads here; tells whether another may just have done it.

    For what the checks of all sources share and rarely touch: new categories, and the order of conditions. On SQLite
    there is but one transaction that writes.
    """
    if connection.dialect.name == "sqlite":
        return False
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SHARED})
    return True
