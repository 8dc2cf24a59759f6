"""When a source is checked next. Pure: what is due is a query on the column that this fills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import pairwise

from aggregator.config import units
from aggregator.config.schema import Schedule, Source

#: Whoever checks a source writes `now + CLAIM` before the request, so that neither a second worker
#: nor a restart repeats it; longer than any fetch may take.
CLAIM = timedelta(minutes=10)

#: The next try where nothing that we asked could be reached: that is no fault of a source.
RETRY = timedelta(minutes=5)

#: A server's Retry-After is kept for longer than `schedule.max`, but a slip of it is no farewell.
LONGEST_HOLD = timedelta(days=7)

#: Nobody is asked more often without reason: a person's word, or a feed that has news more often.
HOUR = timedelta(hours=1)

#: Arrivals that are remembered, for the middle one of five gaps: one night, or one burst, moves it little.
ARRIVALS = 6

#: Back-off is shortened, and an adapted interval lengthened, by up to this part, so that sources
#: that failed or were added together come apart.
_SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Ended:
    """How a check ended, as far as the next one depends on it."""

    #: Checks in a row that failed, this one included; 0 when all is well.
    failures: int = 0
    #: The feed is gone for good.
    gone: bool = False
    #: Nothing could be reached at all: it says nothing of this source.
    everybody: bool = False
    #: Seconds that the server asks us to wait after a failure (Retry-After).
    hold: float = 0.0
    #: Seconds that the server or the feed wishes to be left alone: freshness, ttl, sy:updatePeriod.
    wish: float = 0.0
    #: Hours (UTC) and days (0 is Monday) in which the feed asks not to be checked.
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    #: When checks brought new entries: the last few, oldest first.
    arrivals: tuple[datetime, ...] = ()


def next_check(
    source: Source, schedule: Schedule, ended: Ended, *, now: datetime, timezone: str = "UTC"
) -> datetime | None:
    """The earliest time of the next check, or None for a source that is gone.

    Wishes may lengthen the time, never shorten it, and never beyond `schedule.max` or the source's
    own interval; only Retry-After may, up to `LONGEST_HOLD`. `timezone` is of a cron line where
    the source names none. When all is well an interval that a person gave is kept exactly.
    """
    if ended.gone:
        return None
    hold = held(ended.hold)
    interval = usual(source, schedule, ended.arrivals, now)
    ceiling = max(schedule.max, interval)
    if ended.everybody:
        pause = min(interval, RETRY * (1 + _part(source.name)))
    elif source.cron:
        return _next_fire(source, now, max(_cron_pause(schedule, ended), hold), timezone)
    else:
        pause = max(_pause(source.name, interval, ceiling, ended), min(_seconds(ended.wish), ceiling))
    return max(_unskipped(now + pause, now + ceiling, ended), now + hold)


def held(seconds: float) -> timedelta:
    """How long a server that asked for so many seconds (Retry-After) is left alone."""
    return min(_seconds(seconds), LONGEST_HOLD)


def usual(source: Source, schedule: Schedule, arrivals: Sequence[datetime], now: datetime) -> timedelta:
    """The time between checks when all is well and nobody has a wish.

    What the source says itself holds. Folders are watched, and bother nobody: theirs is the
    general one. All others adapt, unless `schedule.adaptive` is off.
    """
    if source.interval or source.kind == "folder" or not schedule.adaptive:
        return source.interval or schedule.interval
    longer = 1 + _SPREAD * _part(source.name)
    return min(adapted(schedule, arrivals, now) * longer, max(schedule.max, schedule.interval))


def adapted(schedule: Schedule, arrivals: Sequence[datetime], now: datetime) -> timedelta:
    """The time between checks of a source that brought something at these times, oldest first.

    An arrival is a check that brought entries never seen before, however many: a back catalogue, or
    a morning's batch, is one. Where requests and lateness of entries are both to be few, the best
    interval grows as the square root of the gap between arrivals: here the geometric mean of
    the gap and `schedule.min`, so that who raises `min` is milder to all. Nobody is asked more often
    than hourly, though, who does not bring news more often than every two hours, and then twice per gap.

    The gap is the middle one of the last five, or half of the silence since the last arrival where
    that is longer: the interval grows while a source is asleep, and is back with its first word.
    Before two gaps are known it is `schedule.interval` at least; an hour, where nobody chose that.
    """
    floor = _floor(schedule)
    gaps = sorted(later - earlier for earlier, later in pairwise(arrivals))
    silence = now - arrivals[-1] if arrivals else timedelta()
    known = len(gaps) > 1
    nothing = timedelta()  # the least, also where the clock was set back between two arrivals
    gap = max(nothing, gaps[len(gaps) // 2] if known else nothing, silence / 2)
    geometric = timedelta(seconds=(floor.total_seconds() * gap.total_seconds()) ** 0.5)
    pause = max(floor, geometric, min(gap / 2, HOUR), nothing if known else _first(schedule))
    return min(pause, max(schedule.max, schedule.interval))


def arrived(arrivals: Sequence[datetime], now: datetime) -> tuple[datetime, ...]:
    """The arrivals to remember, after one more."""
    return (*arrivals, now)[-ARRIVALS:]


def _floor(schedule: Schedule) -> timedelta:
    """`min`; where only an interval shorter than its default was chosen, that."""
    return schedule.min if "min" in schedule.model_fields_set else min(schedule.min, schedule.interval)


def _first(schedule: Schedule) -> timedelta:
    chosen = "interval" in schedule.model_fields_set
    return schedule.interval if chosen else max(schedule.interval, HOUR)


def _pause(name: str, interval: timedelta, ceiling: timedelta, ended: Ended) -> timedelta:
    if not ended.failures:
        return interval
    shortened = 1 - _SPREAD * _part(f"{name}\0{ended.failures}")
    return max(_backoff(interval, ceiling, ended.failures) * shortened, interval)


def _cron_pause(schedule: Schedule, ended: Ended) -> timedelta:
    """How long to pass over the times of a cron line: not at all when all is well.

    How long an answer stays fresh is no reason to miss a time that a person named, for a daily
    check would come every other day; only failures are.
    """
    if not ended.failures:
        return timedelta()
    # Always the short end: a day after a failed daily check is a little after its next time.
    return _backoff(schedule.interval, schedule.max, ended.failures) * (1 - _SPREAD)


def _backoff(interval: timedelta, ceiling: timedelta, failures: int) -> timedelta:
    """Twice as long with each failure, up to the ceiling."""
    # Compared by division: a long interval doubled often enough is more than a timedelta can hold.
    factor = 1 << min(failures, 64)
    return ceiling if ceiling / interval <= factor else interval * factor


def _part(text: str) -> float:
    """From 0 to 1, the same on every machine and after every restart."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32


def _seconds(wish: float) -> timedelta:
    """A wish as a time: nothing for a negative one, a year for more than that."""
    return timedelta(seconds=min(max(wish, 0.0), 366 * 86400.0))


def _unskipped(moment: datetime, latest: datetime, ended: Ended) -> datetime:
    """The moment, or the beginning of the first hour after it that the feed does not ask to skip.

    `latest` all the same where that would be later (a feed can slow us down, not send us away).
    All hours, or all days, are what nobody means and are passed over.
    """
    hours = set(ended.skip_hours) if len(set(ended.skip_hours)) < 24 else set()
    days = set(ended.skip_days) if len(set(ended.skip_days)) < 7 else set()
    while moment < latest and (moment.hour in hours or moment.weekday() in days):
        moment = moment.replace(minute=0, second=0, microsecond=0) + HOUR
    return min(moment, latest)


def _next_fire(source: Source, now: datetime, pause: timedelta, timezone: str) -> datetime:
    trigger = units.cron(source.cron or "", source.timezone or timezone)
    # The trigger's answer may be the very moment it is asked about; the check of that one is over.
    fire: datetime = trigger.get_next_fire_time(None, now + pause + timedelta(microseconds=1))
    return fire.astimezone(UTC)
