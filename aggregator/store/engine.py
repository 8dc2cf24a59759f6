"""Opening the database: one way in for readers, one for the writer, the schema brought up to date."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolError

from aggregator.errors import CrossedError, StoreError
from aggregator.store import lock, postgresql, sqlite
from aggregator.store.backup import before_migration
from aggregator.store.tables import metadata

log = logging.getLogger(__name__)

#: What is done with one, and spelt by each in its own way.
ENGINES = {"sqlite": sqlite.engine, "postgresql": postgresql.engine}
FAILURES = {"sqlite": sqlite.failure, "postgresql": postgresql.failure}

#: How a transaction of PostgreSQL sees others: not at all, as on SQLite, or what they committed by now.
STEADY, BESIDE = "REPEATABLE READ", "READ COMMITTED"


class Database:
    """The engine and its two kinds of transaction. Makes nothing until it is asked to connect."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.sqlite_file = _sqlite_file(self.url.database) if self.url.get_backend_name() == "sqlite" else None
        self.engine = _engine(self.url)
        self._server = self.engine.dialect.name == "postgresql"
        self._turn: AbstractContextManager[Any] = nullcontext() if self._server else Lock()
        self._alone: defaultdict[str, Lock] = defaultdict(Lock)
        self._writer: postgresql.Writer | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view; never waits for the writer."""
        with translated(self), self.engine.connect() as connection:
            if self._server:
                connection = connection.execution_options(isolation_level=STEADY)
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *, beside: bool = False) -> Iterator[Connection]:
        """All or nothing. On SQLite the lock is taken at once: a transaction that reads first and
        writes later would fail as soon as somebody else had committed in between. Threads of this
        process queue for it here: those that SQLite lets wait sleep longer and longer, and whoever
        comes later may be served before them.

        On PostgreSQL many write at the same time. This one sees what was there when it began, and raises
        CrossedError where somebody else altered meanwhile what it alters. `beside`: for the checks, which are many
        and alter what is their own source's; it sees what others commit meanwhile.
        """
        with self._turn, translated(self):
            if self._writer is not None:
                self._writer.check()
            with self.engine.connect() as connection:
                how = {"isolation_level": BESIDE if beside else STEADY} if self._server else {"write": True}
                connection = connection.execution_options(**how)
                with connection.begin():
                    yield connection

    @contextmanager
    def only_writer(self, role: str = lock.COMMAND) -> Iterator[None]:
        """The right to write, held for as long as the block runs: by one process or, in the role of a cluster's,
        by all processes of it. Raises BusyError, which names who has it."""
        if self.sqlite_file is not None:
            with lock.only_writer(self.sqlite_file, service=role == lock.SERVICE):
                yield
        elif not self._server:
            yield  # in memory: nobody else sees it
        else:
            writer = postgresql.Writer(self.url, role)
            with translated(self):
                writer.take()
            self._writer = writer
            try:
                yield
            finally:
                self._writer = None
                writer.release()

    @property
    def shared(self) -> bool:
        """Whether other processes can see it: one in memory is nobody else's."""
        return self._server or self.sqlite_file is not None

    def held(self) -> bool:
        """Whether this process still has the right to write that it took; asks the server, where there is one."""
        return self._writer is None or self._writer.held()

    @contextmanager
    def alone(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Be the only one, of all processes that share the database, that does what goes by this name.

        Yields whether that is so: without `wait` somebody else may be at it, and the block has to leave it. Not to be
        entered twice by one thread. On SQLite, where one process writes, threads of it are kept apart.
        """
        if self._server:
            with translated(self), postgresql.alone(self.engine, name, wait=wait) as had:
                yield had
            return
        own = self._alone[name]
        had = own.acquire(blocking=wait)
        try:
            yield had
        finally:
            if had:
                own.release()

    def upgrade(self) -> None:
        """Bring the schema to the newest revision; does nothing where it is there already.

        A SQLite database is copied beside itself before. One that a newer program made is left as it is, and used
        where that program has said so; else StoreError is raised.
        """
        revision, newest = self.revision(), newest_revision()
        if revision == newest:
            return
        if revision is not None and revision > newest:
            self._expect_room_for(newest, revision)
            return
        if revision is not None and self.sqlite_file:
            log.info("backed up before the schema changes: %s", before_migration(self.sqlite_file, revision))
        from alembic import command  # 100 ms that only a change of the schema needs

        if self.sqlite_file:
            with translated(self):
                self.sqlite_file.parent.mkdir(parents=True, exist_ok=True)
        self.expect_usable()
        with self.write(beside=True) as connection:
            if self._server:
                postgresql.lock_schema(connection)
            command.upgrade(alembic_config(connection), "head")

    def expect_usable(self) -> None:
        """Raise StoreError where the server cannot be reached, is too old, or the database cannot hold every script;
        and where a pooler in between takes the ground from under our locks."""
        if self._server:
            place = self.url.render_as_string()
            with self.read() as connection:
                postgresql.expect_usable(connection, place)
            with translated(self):
                postgresql.expect_own_session(self.engine, place)

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

    def _expect_room_for(self, newest: str, revision: str) -> None:
        """Raise StoreError where the schema has lost what programs of the revision `newest` need."""
        with self.read() as connection:
            oldest = connection.scalar(text("SELECT revision FROM schema_oldest"))
        if oldest > newest:
            raise StoreError(
                f"database {self.url.render_as_string()} has schema revision {revision}, this program knows {newest}: "
                "install the version that made it, or restore a backup with `aggregator db restore FILE`",
                lasting=True,
            )
        log.info("the schema is of a newer version, %s; this one, %s, works with it", revision, newest)

    def tidy(self) -> Iterator[None]:
        """Give the disk back what deleting freed, bit by bit; PostgreSQL does so by itself."""
        if not self._server:
            yield from sqlite.tidy(self._pragma)

    def _pragma(self, pragma: str) -> int:
        # In turn with the writers of this process: some pragmas do not wait for a lock.
        with translated(self), self._turn, self.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            # All rows: this pragma works row by row.
            result = alone.exec_driver_sql(f"PRAGMA {pragma}")
            rows = result.all() if result.returns_rows else []
            return int(rows[0][0]) if rows else 0

    def doubt(self, error: DBAPIError) -> None:
        """A connection broke: the one that holds the right to write may have, too."""
        if error.connection_invalidated and self._writer is not None:
            self._writer.doubt()

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


def _engine(url: URL) -> Engine:
    return ENGINES[url.get_backend_name()](url)


@contextmanager
def translated(database: Database) -> Iterator[None]:
    """Let no exception of the driver out of the store where it tells of the outside world.

    What tells of a fault of ours (a wrong statement, a broken constraint) passes as it is.
    """
    place = database.url.render_as_string(hide_password=True)
    try:
        yield
    except DBAPIError as error:
        database.doubt(error)
        found = FAILURES[database.url.get_backend_name()](error)
        if found is None:
            raise
        message = f"database {place}: {found.words} ({found.remedy})"
        if found.crossed:
            raise CrossedError(message) from error
        raise StoreError(message, lasting=found.lasting) from error
    except PoolError as error:
        raise StoreError(f"database {place}: all connections of this process are in use (it is tried again)") from error
    except OSError as error:
        raise StoreError(f"database {place}: {error.strerror or error}: {error.filename or ''}") from error
