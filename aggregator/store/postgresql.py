"""What only PostgreSQL has: how it is connected to, its advisory locks, and what its errors tell."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import chain
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from aggregator.errors import BusyError, StoreError
from aggregator.store.failures import NOTHING_CHANGED, Failure
from aggregator.store.lock import CLUSTER, NAMED, SERVICE, UPGRADE, WRITERS

#: The oldest that is tested for what we use.
OLDEST = (14,)

#: Of every session. Times come and go as integers, but a person's own query may ask for `now()`. 30 s: as long as
#: SQLite waits for a lock. Our statements are short, and compiling one takes longer than running it.
OPTIONS: Mapping[str, str] = {"timezone": "UTC", "lock_timeout": "30s", "jit": "off"}

#: A server that does not answer, or is gone without a word, is found out within a minute.
CONNECT: Mapping[str, int] = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 50_000,
}

#: Connections that are kept, and that may come to them: the threads that check, and those that answer requests.
POOL, MORE = 5, 30

#: Seconds for which the connection that holds a lock is taken to be alive.
TRUSTED = 5.0

#: Who a session belongs to, as `pg_stat_activity` shows it: the process, and the machine that it runs on.
NAME = re.compile(r"aggregator (?P<role>\w+) (?P<pid>\d+)@(?P<host>.*)")


def engine(url: URL) -> Engine:
    try:
        return _engine(url, "process", pool_pre_ping=True, pool_size=POOL, max_overflow=MORE)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"{error}: PostgreSQL needs the driver, install it with pip install 'aggregator[postgres]'", lasting=True
        ) from error


def _engine(url: URL, role: str, **pool: Any) -> Engine:
    """Where the address says something else than we do, it has the last word."""
    own: dict[str, Any] = {"application_name": session_name(role), "client_encoding": "utf8", **CONNECT}
    made = create_engine(url, connect_args={key: own[key] for key in own if key not in url.query}, **pool)
    given = str(url.query.get("options", ""))
    options = [option for option in OPTIONS.items() if f"{option[0]}=" not in given]
    settings = "SELECT " + ", ".join("set_config(%s, %s, false)" for _ in options)

    @event.listens_for(made, "connect")
    def begin(session: Any, _record: object) -> None:
        # Not by the parameter `options` of a session's start, which a pooler in between refuses.
        session.autocommit = True
        session.execute(settings, [*chain(*options)])
        session.autocommit = False

    return made


def session_name(role: str) -> str:
    """What `NAME` reads, for a session of this process."""
    return f"aggregator {role} {os.getpid()}@{socket.gethostname()}"[:63]


def expect_usable(connection: Connection, place: str) -> None:
    """Raise StoreError where the server is too old, or the database cannot hold what people write."""
    version = connection.dialect.server_version_info or OLDEST
    if version < OLDEST:
        raise StoreError(
            f"database {place} is on PostgreSQL {'.'.join(map(str, version))}: {OLDEST[0]} or later is needed",
            lasting=True,
        )
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise StoreError(
            f"database {place} is encoded in {encoding}, and articles are written in every script: make it anew with "
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'",
            lasting=True,
        )


def expect_own_session(engine: Engine, place: str) -> None:
    """Raise StoreError where a pooler gives the session of one connection to another between two transactions.

    Locks and settings of a session would then be anybody's. Finds no pooler that has no reason to do so
    at the moment; never takes one that does not for one that does. A server reached directly is not asked twice.
    """
    auto = engine.execution_options(isolation_level="AUTOCOMMIT")
    with auto.connect() as first:
        session = first.scalar(_SESSION)
        if session == first.connection.driver_connection.info.backend_pid:  # type: ignore[union-attr]  # psycopg's
            return
        with engine.connect() as second, second.begin():
            if second.scalar(_SESSION) != session == first.scalar(_SESSION):
                return
    raise StoreError(
        f"database {place} is reached through a pooler that shares sessions between connections, and locks with "
        "them: have it pool by session (pool_mode = session of PgBouncer), or name the server itself in `database`",
        lasting=True,
    )


_SESSION = text("SELECT pg_backend_pid()")


def lock_schema(connection: Connection) -> None:
    """Until the transaction ends nobody else changes the schema."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE})


class Writer:
    """The right to write: an advisory lock on a connection of its own, which is gone with the process.

    It is gone with the connection too, and the server may have been away: whoever writes asks `check` before.
    """

    def __init__(self, url: URL, role: str) -> None:
        self._place = url.render_as_string()
        self._shared = role == CLUSTER
        self._engine = _engine(url, role, poolclass=NullPool)
        self._connection: Connection | None = None
        self._seen = 0.0
        self._turn = Lock()

    def take(self) -> None:
        """Raise BusyError, which names the others, where one of them excludes this one."""
        expect_own_session(self._engine, self._place)
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        function = "pg_try_advisory_lock_shared" if self._shared else "pg_try_advisory_lock"
        if not connection.scalar(text(f"SELECT {function}(:key)"), {"key": WRITERS}):
            try:
                raise _busy(_holders(connection), self._place)
            finally:
                connection.close()
        self._connection, self._seen = connection, monotonic()

    def held(self) -> bool:
        """Whether the lock is still held; asks the server."""
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            self.release()
            return False
        self._seen = monotonic()
        return True

    def doubt(self) -> None:
        """Another connection broke: the next `check` asks."""
        self._seen = 0.0

    def check(self) -> None:
        """Take the lock again where the connection was lost.

        Raises StoreError where it cannot be had; a lasting one where somebody else has it by now.
        """
        with self._turn:  # of the threads that write at the same time one asks
            if (self._connection is not None and monotonic() - self._seen < TRUSTED) or self.held():
                return
            try:
                self.take()
            except BusyError as busy:
                words = f"the connection that held the right to write was lost: {busy}"
                raise StoreError(words, lasting=True) from busy

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError):
                if not connection.invalidated:  # what is lost already holds nothing
                    # At once: the server finds out a moment later that a connection was closed.
                    connection.execute(text("SELECT pg_advisory_unlock_all()"))
            with suppress(DBAPIError):
                connection.close()
        self._engine.dispose()


_HOLDERS = text(
    "SELECT a.application_name, l.mode FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = :key AND l.objsubid = 1 AND l.granted "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY a.backend_start"
)


def _holders(connection: Connection) -> list[str]:
    return [row.application_name or "" for row in connection.execute(_HOLDERS, {"key": WRITERS})]


def _busy(holders: Sequence[str], place: str) -> BusyError:
    found = [named for holder in holders if (named := NAME.fullmatch(holder))]
    cluster = [one for one in found if one["role"] == CLUSTER]
    if cluster:
        hosts = ", ".join(sorted({one["host"] for one in cluster}))
        many = "1 process" if len(cluster) == 1 else f"{len(cluster)} processes"
        return BusyError(f"{many} of a cluster ({hosts}) use {place}: stop all of them first", service=True)
    who = f"process {found[0]['pid']} on {found[0]['host']}" if found else "another process"
    service = bool(found) and found[0]["role"] == SERVICE
    return BusyError(f"{who} is using {place}: stop it first (only one may write at a time)", service=service)


@contextmanager
def alone(engine: Engine, name: str, *, wait: bool) -> Iterator[bool]:
    """Hold the lock of that name on a connection of the pool; yields whether it was to be had."""
    key = {"space": NAMED, "key": int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), signed=True)}
    with engine.connect() as connection:
        if wait:
            with connection.begin():  # which the lock outlasts, and the limit does not
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_lock(:space, :key)"), key)
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        if not wait and not connection.scalar(text("SELECT pg_try_advisory_lock(:space, :key)"), key):
            yield False
            return
        try:
            yield True
        finally:
            # The pool keeps the session, and the session would keep it.
            connection.execute(text("SELECT pg_advisory_unlock(:space, :key)"), key)


USER = "look at user and password in `database`"

#: By SQLSTATE, or by its first letters: what a person can do.
REMEDIES: tuple[tuple[str, str], ...] = (
    ("08P01", "a pooler in between says so: look at it; it has to pool by session, pool_mode = session of PgBouncer"),
    ("28", USER),
    ("3D000", "create the database, with ENCODING 'UTF8'"),
    ("42P01", "run `aggregator db upgrade`"),
    ("42703", "run `aggregator db upgrade`"),
    ("42501", "the user in `database` has to own the tables"),
    ("53100", "make room on the server's disk; nothing was lost"),
    ("53200", "the server is short of memory; nothing was lost"),
    ("53300", "raise the server's max_connections, or run fewer processes"),
    ("55P03", "another program holds a lock; end it or wait"),
    ("25006", "the server is a standby, or is set to read only: name the primary in `database`"),
    ("57P", "the server is starting or stopping; it is waited for"),
    ("57014", "somebody, or a limit of the server, ended the statement"),
    ("58", "look at the server's log and its disk"),
    ("XX", "the database may be damaged: look at the server's log, or restore a backup"),
    ("08", "look at the server and the way to it"),
)

#: The driver's words where no session came about, and there is no SQLSTATE.
SIGNS: tuple[tuple[str, str], ...] = (
    ("password", USER),
    ("no pg_hba.conf entry", "let this machine in by the server's pg_hba.conf"),
    ("role ", USER),
    ("does not exist", "create the database, with ENCODING 'UTF8'"),
    ("starting up", "it is waited for"),
    ("shutting down", "it is waited for"),
    ("too many clients", "raise the server's max_connections, or run fewer processes"),
    ("remaining connection slots", "raise the server's max_connections, or run fewer processes"),
    ("startup parameter", "take `options` out of `database`: the pooler in between knows none"),
    ("resolve", "look at the host in `database`"),
    ("translate host name", "look at the host in `database`"),
    ("refused", "start the database server"),
    ("no such file", "start the database server"),
    ("timeout", "look at the server and the way to it"),
)

UNCLEAR = "look at the server; it is waited for"

#: What does not pass by waiting: a schema that is not ours, damage.
LASTING = ("42P01", "42703", "42501", "XX001", "XX002")

#: Another transaction was in the way: of the two that cross one gets through.
CROSSED = ("40001", "40P01", "23505", "23503")


def failure(error: DBAPIError) -> Failure | None:
    """What an error tells of the server, the network and other transactions; None for a wrong statement."""
    state, words = getattr(error.orig, "sqlstate", None), _words(error)
    outside = isinstance(error, (OperationalError, InterfaceError))
    if state is None:
        found = next((remedy for sign, remedy in SIGNS if sign in words.lower()), UNCLEAR)
        return Failure(words, found) if outside else None
    if state in CROSSED:
        return Failure(words, "another transaction was in the way; it is tried again", crossed=True)
    remedy = next((remedy for sign, remedy in REMEDIES if state.startswith(sign)), NOTHING_CHANGED if outside else None)
    return Failure(words, remedy, lasting=state in LASTING) if remedy else None


def _words(error: DBAPIError) -> str:
    """In one line, and without the statement."""
    said = getattr(getattr(error.orig, "diag", None), "message_primary", None) or str(error.orig)
    return " ".join(said.split())
