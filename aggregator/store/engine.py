"""Opening the database: one way in for readers, one for the writer, the schema brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError

from aggregator.errors import StoreError
from aggregator.store.tables import metadata

#: Each with its reason. WAL: readers run beside the writer. NORMAL: with WAL a crash of the machine
#: may lose the last transactions but never the database. 30 s: a backup or a person's own query may
#: hold the lock that long. 64 MB: keeps the hot indexes in memory.
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=30000",
    "cache_size=-65536",
    "wal_autocheckpoint=1000",
)

#: Any number that no other program uses for its advisory locks.
UPGRADE_LOCK = 7_301_141


class Database:
    """The engine and its two kinds of transaction. Makes nothing until it is asked to connect."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.sqlite_file = _sqlite_file(self.url.database) if self.url.get_backend_name() == "sqlite" else None
        self.engine = _engine(url)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; never waits for the writer."""
        with _translated(self), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing. On SQLite the lock is taken at once: a transaction that reads first and
        writes later would fail as soon as somebody else had committed in between."""
        with _translated(self), self.engine.connect() as connection:
            connection = connection.execution_options(write=True)
            with connection.begin():
                yield connection

    def upgrade(self) -> None:
        """Bring the schema to the newest revision; does nothing where it is there already."""
        if self.revision() == newest_revision():
            return
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
        raise StoreError(f"database {place}: {error.orig} ({_remedy(str(error.orig))})") from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:
            raise
        raise StoreError(f"database {place}: {error.orig} ({_remedy(str(error.orig))})") from error
    except OSError as error:
        raise StoreError(f"database {place}: {error.strerror or error}: {error.filename or ''}") from error


#: What a person can do, by the system's words.
REMEDIES = (
    ("full", "make room on the disk; nothing was lost"),
    ("locked", "another program holds the database; end it or wait"),
    ("readonly", "make the file and its folder writable"),
    ("unable to open", "check that the folder exists and is writable"),
    ("malformed", "restore a backup"),
    ("not a database", "restore a backup, or name another file in config.yaml"),
    ("no such table", "run `aggregator db upgrade`"),
    ("no such column", "run `aggregator db upgrade`"),
    ("refused", "start the database server"),
)


def _remedy(words: str) -> str:
    return next((remedy for sign, remedy in REMEDIES if sign in words.lower()), "nothing was changed")
