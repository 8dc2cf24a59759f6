"""One writer at a time, across processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aggregator.errors import BusyError, StoreError

#: Stands behind the process id of one that can be asked to check a source.
SERVICE = "service"


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
