"""Which of the publisher's dates can be believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Before there was a web there was no web article; the day after the epoch takes in every zone's zero.
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
#: Clocks of publishers are wrong by zones; further ahead is an announcement or a mistake.
MOST_AHEAD = timedelta(days=1)


def plausible(claimed: datetime | None, now: datetime) -> datetime | None:
    """The claimed time in UTC, or None where it is missing, impossible, or over a day ahead of `now`."""
    when = as_utc(claimed)
    return when if when is not None and EARLIEST <= when <= now + MOST_AHEAD else None


def as_utc(when: datetime | None) -> datetime | None:
    """The same instant in UTC; None where UTC has no such year, or the time names no zone."""
    if when is None or when.tzinfo is None:
        return None
    try:
        return when.astimezone(UTC)
    except OverflowError:
        return None


def updated_of(claimed: datetime | None, published: datetime | None, now: datetime) -> datetime | None:
    """The plausible time of the last change; None where it would lie before the publication."""
    when = plausible(claimed, now)
    return None if when and published and when < published else when
