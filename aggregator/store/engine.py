"""Opening the database: one way in for readers, one for the writer, the schema brought up to date."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from aggregator.errors import StoreError
from aggregator.store.backup import before_migration
from aggregator.store.tables import metadata

log = logging.getLogger(__name__)

#: Each with its reason. WAL: readers run beside the writer. NORMAL: with WAL a crash of the machine
#: may lose the last transactions but never the database. 30 s: a backup or a person's own query may
#: hold the lock that long. 64 MB: keeps the hot indexes in memory. The log is cut back to 64 MB after a large
#: transaction.
PRAGMAS = (
    "busy_timeout=30000",  # first: the next one may have to wait
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "cache_size=-65536",
    "wal_autocheckpoint=1000",
    "journal_size_limit=67108864",
)

#: Pages that one step of `tidy` gives back, and that stay for what comes: so many, or one in so many.
STEP, SPARE, SPARE_SHARE = 500, 2000, 20

#: Any number that no other program uses for its advisory locks.
UPGRADE_LOCK = 7_301_141


class Database:
    """The engine and its two kinds of transaction. Makes nothing until it is asked to connect."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.sqlite_file = _sqlite_file(self.url.database) if self.url.get_backend_name() == "sqlite" else None
        self.engine = _engine(url)
        self._turn: AbstractContextManager[Any] = Lock() if self.engine.dialect.name == "sqlite" else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; never waits for the writer."""
        with _translated(self), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing. On SQLite the lock is taken at once: a transaction that reads first and
        writes later would fail as soon as somebody else had committed in between. Threads of this
        process queue for it here: those that SQLite lets wait sleep longer and longer, and whoever
        comes later may be served before them."""
        with self._turn, _translated(self), self.engine.connect() as connection:
            connection = connection.execution_options(write=True)
            with connection.begin():
                yield connection

    def upgrade(self) -> None:
        """Bring the schema to the newest revision; does nothing where it is there already.

        A SQLite database is copied beside itself before. Raises StoreError for one that a newer program made.
        """
        revision, newest = self.revision(), newest_revision()
        if revision == newest:
            return
        if revision is not None and revision > newest:
            raise StoreError(
                f"database {self.url.render_as_string()} has schema revision {revision}, this program knows {newest}: "
                "install the version that made it, or restore a backup with `aggregator db restore FILE`",
                lasting=True,
            )
        if revision is not None and self.sqlite_file:
            log.info("backed up before the schema changes: %s", before_migration(self.sqlite_file, revision))
        from alembic import command  # 100 ms that only a change of the schema needs

        if self.sqlite_file:
            with _translated(self):
                self.sqlite_file.parent.mkdir(parents=True, exist_ok=True)
        with self.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
            command.upgrade(alembic_config(connection), "head")

    def revision(self) -> str | None:
        """The schema revision of the database; None where there is none yet."""
        if self.sqlite_file and not self.sqlite_file.exists():
            return None
        with self.read() as connection:
            # Asked for directly: importing Alembic would double the time of every command that only reads.
            if not inspect(connection).has_table("alembic_version"):
                return None
            revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return revision

    def tidy(self) -> Iterator[None]:
        """Give the disk back what deleting freed, in steps that hold the lock for some milliseconds each.

        PostgreSQL does so by itself; so would SQLite, but at the end of each transaction and of all that is free.
        """
        if self.url.get_backend_name() != "sqlite":
            return
        while self._pragma("freelist_count") > max(SPARE, self._pragma("page_count") // SPARE_SHARE):
            before = self._pragma("freelist_count")
            self._pragma(f"incremental_vacuum({STEP})")
            yield
            if self._pragma("freelist_count") >= before:
                break  # made before `auto_vacuum`: only a copy gives space back
        # Statistics where they are out of date, from samples; the log into the database as far as no reader needs it.
        for pragma in ("analysis_limit=400", "optimize", "wal_checkpoint(PASSIVE)"):
            self._pragma(pragma)
            yield

    def _pragma(self, pragma: str) -> int:
        # In turn with the writers of this process: some pragmas do not wait for a lock.
        with _translated(self), self._turn, self.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            # All rows: this pragma works row by row.
            result = alone.exec_driver_sql(f"PRAGMA {pragma}")
            rows = result.all() if result.returns_rows else []
            return int(rows[0][0]) if rows else 0

    def close(self) -> None:
        self.engine.dispose()


def alembic_config(connection: Connection) -> Any:
    """Alembic's configuration without a file, bound to an open connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_migrations()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


def newest_revision() -> str:
    """The revision that this program works with: its migrations are numbered in their names."""
    return max(file.name.partition("_")[0] for file in (_migrations() / "versions").glob("[0-9]*.py"))


def _migrations() -> Path:
    """In an installed package beside it, in a checkout at the top."""
    package = Path(__file__).parents[1]
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").exists():
            return folder
    raise StoreError("the migrations are missing from this installation: install the package again")


def _sqlite_file(database: str | None) -> Path | None:
    return None if not database or database == ":memory:" else Path(database)


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
        return engine
    return create_engine(url, connect_args={"options": "-c timezone=UTC"}, pool_pre_ping=True)


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


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    """Let no exception of the driver out of the store where it tells of the outside world.

    What tells of a fault of ours (a wrong statement, a broken constraint) passes as it is.
    """
    place = database.url.render_as_string(hide_password=True)
    try:
        yield
    except OperationalError as error:
        raise _failed(place, error) from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        raise _failed(place, error) from error
    except OSError as error:
        raise StoreError(f"database {place}: {error.strerror or error}: {error.filename or ''}") from error


def _failed(place: str, error: DatabaseError) -> StoreError:
    words = str(error.orig)
    remedy = next((remedy for sign, remedy in REMEDIES if sign in words.lower()), "nothing was changed")
    return StoreError(f"database {place}: {words} ({remedy})", lasting=any(sign in words for sign in LASTING))


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
    ("refused", "start the database server"),
)
