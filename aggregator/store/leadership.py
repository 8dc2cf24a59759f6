"""Who leads, of several processes: whoever holds a lock that lasts as long as one connection does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from aggregator.errors import StoreError
from aggregator.store.engine import BESIDE, Database, translated
from aggregator.store.lock import LEADER

#: How soon the server finds out that the machine of a leader is gone, or the network to it: else the lock
#: would be held by nobody for hours. Seconds, and probes; a socket of the same machine does not need them.
_PROBES = ("tcp_keepalives_idle = 5", "tcp_keepalives_interval = 5", "tcp_keepalives_count = 2")


class Leadership:
    """Leadership that was won. Everything that only the leader may do goes through its own connection.

    So nobody needs to ask whether it still leads: with the connection the lock is lost, and nothing that the
    leader had not committed by then is done.
    """

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection

    @classmethod
    def win(cls, database: Database) -> Self | None:
        """Leadership, or None where another has it; raises StoreError where the database cannot be reached."""
        with translated(database), ExitStack() as unless_won:
            connection = unless_won.enter_context(database.engine.connect())
            connection = connection.execution_options(isolation_level=BESIDE)
            connection.detach()  # never handed to anybody else: the lock is the connection's
            with connection.begin():
                for probe in _PROBES:
                    connection.exec_driver_sql(f"SET {probe}")
                won = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER})
            if not won:
                return None
            unless_won.pop_all()
            return cls(database, connection)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing, and only while the lock is held; after a StoreError it may be lost."""
        if self._connection.invalidated:  # SQLAlchemy would open another, which holds nothing
            raise StoreError("the connection of the leader is lost")
        with translated(self._database), self._connection.begin():
            yield self._connection

    def resign(self) -> None:
        """Let another lead; also where the connection is lost already."""
        with suppress(SQLAlchemyError):
            self._connection.close()
