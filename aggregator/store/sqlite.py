"""What only SQLite has: how its file is opened, given back to the disk, and what its errors tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from aggregator.store.failures import NOTHING_CHANGED, Failure

#: Each with its reason. WAL: readers run beside the writer. NORMAL: with WAL a crash of the machine
#: may lose the last transactions but never the database. 30 s: a backup or a person's own query may
#: hold the lock that long. 8 MB: of each connection, and what is not in it is mostly in the system's memory.
#: The log is cut back to 64 MB after a large transaction.
PRAGMAS = (
    "busy_timeout=30000",  # first: the next one may have to wait
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "cache_size=-8192",
    "wal_autocheckpoint=1000",
    "journal_size_limit=67108864",
)

#: Pages that one step of `tidy` gives back, and that stay for what comes: so many, or one in so many.
STEP, SPARE, SPARE_SHARE = 500, 2000, 20

#: The system's words for what does not pass.
LASTING = ("malformed", "not a database", "no such table", "no such column")

RESTORE = "restore a backup with `aggregator db restore FILE`"

#: What a person can do, by the system's words.
REMEDIES = (
    ("full", "make room on the disk; nothing was lost"),
    ("locked", "another program holds the database; end it or wait"),
    ("readonly", "make the file and its folder writable"),
    ("unable to open", "check that the folder exists and is writable"),
    ("malformed", f"nothing was overwritten: {RESTORE}"),
    ("not a database", f"{RESTORE}, or name another file in config.yaml"),
    ("disk i/o", "make room on the disk, or look at what is wrong with it; nothing was lost"),
    ("no such table", "run `aggregator db upgrade`"),
    ("no such column", "run `aggregator db upgrade`"),
)


def engine(url: URL) -> Engine:
    # The one used last is used next: taken in turn, each of them would fill a cache of its own.
    made = create_engine(url, connect_args={"check_same_thread": False}, pool_use_lifo=True)
    event.listen(made, "connect", _on_connect)
    event.listen(made, "begin", _on_begin)
    return made


def _on_connect(dbapi: Any, _record: object) -> None:
    # The driver's own transactions leave out SELECT and DDL; we begin them ourselves.
    dbapi.isolation_level = None
    if dbapi.execute("PRAGMA page_count").fetchone() == (0,):
        # Pages that purging frees can then be given back bit by bit. It takes a lock, and only a new database takes it.
        dbapi.execute("PRAGMA auto_vacuum=INCREMENTAL")
    for pragma in PRAGMAS:
        dbapi.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("write") else "BEGIN")


def tidy(pragma: Callable[[str], int]) -> Iterator[None]:
    """Give the disk back what deleting freed, in steps that hold the lock for some milliseconds each.

    SQLite would do so by itself, but at the end of each transaction and of all that is free. `pragma` executes one
    and gives its number.
    """
    while pragma("freelist_count") > max(SPARE, pragma("page_count") // SPARE_SHARE):
        before = pragma("freelist_count")
        pragma(f"incremental_vacuum({STEP})")
        yield
        if pragma("freelist_count") >= before:
            break  # made before `auto_vacuum`: only a copy gives space back
    # Statistics where they are out of date, from samples; the log into the database as far as no reader needs it.
    for one in ("analysis_limit=400", "optimize", "wal_checkpoint(PASSIVE)"):
        pragma(one)
        yield


def failure(error: DBAPIError) -> Failure | None:
    """What an error tells of the file and the disk; None for a wrong statement or a broken constraint."""
    if not isinstance(error, OperationalError) and type(error) is not DatabaseError:
        return None
    words = str(error.orig)
    remedy = next((remedy for sign, remedy in REMEDIES if sign in words.lower()), NOTHING_CHANGED)
    return Failure(words, remedy, lasting=any(sign in words for sign in LASTING))
