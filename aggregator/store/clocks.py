"""What a clock that was set back leaves in the future: sources that would not be asked again for as long."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, Connection, type_coerce, update

from aggregator.store.tables import source
from aggregator.store.types import EPOCH

#: What clocks are corrected by in passing.
TOLERANCE = timedelta(minutes=5)


def set_back(connection: Connection, now: datetime) -> int:
    """Have sources whose last check lies in the future be as if they had been checked now; tells how many.

    Each keeps its distance to the next check and to the end of what its server told it to wait: they come
    neither all at once nor in a year.
    """
    ahead = source.c.last_check > now + TOLERANCE
    values = {"next_check": _moved(source.c.next_check, now), "held_until": _moved(source.c.held_until, now)}
    return connection.execute(update(source).where(ahead).values(**values, last_check=now)).rowcount


def _moved(column: ColumnElement[datetime | None], now: datetime) -> ColumnElement[int]:
    wait = type_coerce(column, BigInteger) - type_coerce(source.c.last_check, BigInteger)
    return wait + (now - EPOCH) // timedelta(microseconds=1)
