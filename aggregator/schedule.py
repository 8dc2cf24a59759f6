"""When a source is checked next. Pure: what is due is a query on the column that this fills."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from aggregator.config import units
from aggregator.config.schema import Schedule, Source
from aggregator.model import Outcome

#: Whoever checks a source writes `now + CLAIM` before the request, so that neither a second worker
#: nor a restart repeats it; longer than any fetch may take.
CLAIM = timedelta(minutes=10)

GOOD = frozenset({Outcome.OK, Outcome.UNCHANGED})

#: Back-off is shortened by up to this part, so that sources that failed together come back apart.
_SPREAD = 0.1


def next_check(
    source: Source,
    schedule: Schedule,
    *,
    now: datetime,
    outcome: Outcome,
    failures: int = 0,
    wait: float = 0.0,
    timezone: str = "UTC",
) -> datetime | None:
    """The earliest time of the next check, or None for a source that is gone.

    `failures` counts checks in a row that failed, this one included. `wait` is the server's own
    wish in seconds: it may lengthen the time, never shorten it. `timezone` is of a cron line
    where the source names none. When all is well an interval is kept exactly.
    """
    if outcome is Outcome.GONE:
        return None
    good = outcome in GOOD
    if source.cron:
        return _next_fire(source, now, _cron_pause(source, schedule, good, failures, wait), timezone)
    return now + _pause(source, schedule, good, failures, wait)


def _pause(source: Source, schedule: Schedule, good: bool, failures: int, wait: float) -> timedelta:
    interval = source.interval or schedule.interval
    ceiling = max(schedule.max, interval)
    wish = timedelta(seconds=min(max(wait, 0.0), ceiling.total_seconds()))
    if good:
        return max(interval, wish)
    return max(_backoff(interval, ceiling, failures) * _jitter(source.name, failures), interval, wish)


def _cron_pause(source: Source, schedule: Schedule, good: bool, failures: int, wait: float) -> timedelta:
    """How long to pass over the times of a cron line: not at all when all is well.

    How long an answer stays fresh is no reason to miss a time that a person named, for a daily
    check would come every other day; only failures are.
    """
    if good:
        return timedelta()
    wish = timedelta(seconds=min(max(wait, 0.0), schedule.max.total_seconds()))
    # Always the short end: a day after a failed daily check is a little after its next time.
    return max(_backoff(schedule.interval, schedule.max, failures) * (1 - _SPREAD), wish)


def _backoff(interval: timedelta, ceiling: timedelta, failures: int) -> timedelta:
    """Twice as long with each failure, up to the ceiling."""
    # Compared by division: a long interval doubled often enough is more than a timedelta can hold.
    factor = 1 << min(max(failures, 1), 64)
    return ceiling if ceiling / interval <= factor else interval * factor


def _jitter(name: str, failures: int) -> float:
    """A factor a little below one, the same on every machine and after every restart."""
    digest = blake2b(f"{name}\0{failures}".encode(), digest_size=4).digest()
    return 1 - _SPREAD * int.from_bytes(digest, "big") / 2**32


def _next_fire(source: Source, now: datetime, pause: timedelta, timezone: str) -> datetime:
    trigger = units.cron(source.cron or "", source.timezone or timezone)
    # The trigger's answer may be the very moment it is asked about; the check of that one is over.
    fire: datetime = trigger.get_next_fire_time(None, now + pause + timedelta(microseconds=1))
    return fire.astimezone(UTC)
