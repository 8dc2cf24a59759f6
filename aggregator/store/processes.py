"""What each process of a cluster tells of itself, for people and for who watches over them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from aggregator.store.tables import process
from aggregator.store.upsert import upsert

#: Who said nothing for so long is not shown any more: whoever was to hear of it has heard.
SHOWN = timedelta(minutes=10)

#: After so long its row goes, which is kept for people.
FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Process:
    #: As its sessions are called in `pg_stat_activity`: number and machine.
    name: str
    queues: str
    begun: datetime
    #: When it last told this, by its own clock.
    seen: datetime
    #: Checks in hand.
    checking: int
    #: Jobs since it began: those that were done, and attempts that failed.
    done: int
    failed: int
    #: Bytes; None where the system does not say.
    memory: int | None
    #: Of the configuration that it works by.
    version: int
    #: What keeps it from some of its work, or from the newest configuration; None while all is well.
    problem: str | None


def put(connection: Connection, told: Process) -> None:
    upsert(connection, process, [asdict(told)])


def gone(connection: Connection, name: str) -> None:
    """It ended in good order: nobody needs to miss it."""
    connection.execute(delete(process).where(process.c.name == name))


def present(connection: Connection, now: datetime) -> list[Process]:
    """All that are there, and those that have fallen silent of late."""
    query = select(process).where(process.c.seen > now - SHOWN).order_by(process.c.name)
    return [Process(*row) for row in connection.execute(query)]


def forget(connection: Connection, now: datetime) -> None:
    """Leave out those that have been silent for long."""
    connection.execute(delete(process).where(process.c.seen < now - FORGOTTEN))
