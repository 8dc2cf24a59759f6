"""Durations and sizes as people write them, and the checks of values that pydantic lacks.

What is wrong is raised as ValueError with a sentence that says what was expected; `load` adds
what was found, and where.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import regex

if TYPE_CHECKING:
    from apscheduler.triggers.cron import CronTrigger

SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}

#: No pattern of a person may hold up a check for longer.
PATTERN_SECONDS = 0.1

#: Longer times overflow dates, and are a slip of the pen.
LONGEST = timedelta(days=36_500)
LARGEST = 2**50

_PART = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*([a-z]+)")
_COMPARISON = re.compile(r"\s*([<>])\s*(\S.*?)\s*")
_NUMBER = re.compile(r"[0-9]{1,9}")
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)\s*([a-z]*)")


def duration(text: str) -> timedelta:
    """`90s`, `30m`, `1h30m`, `7d`; a bare number is refused, for nobody can tell its unit."""
    compact = text.strip().lower()
    parts = _PART.findall(compact)
    if not parts or _PART.sub("", compact).strip():
        raise ValueError("expected a duration such as 30s, 15m, 2h or 7d")
    unknown = [unit for _, unit in parts if unit not in SECONDS]
    if unknown:
        raise ValueError(f"unknown unit {unknown[0]!r}: expected s, m, h, d or w, as in 15m")
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if seconds > LONGEST.total_seconds():
        raise ValueError("expected a duration of at most a hundred years")
    return timedelta(seconds=seconds)


def duration_text(value: timedelta) -> str:
    """As `duration` reads it, in the largest unit that needs no fraction: `30m`, `36h`, `7d`."""
    for unit in ("d", "h", "m", "s"):
        whole, rest = divmod(value, timedelta(seconds=SECONDS[unit]))
        # People say 24h, and only then 2d.
        if value and not rest and (unit != "d" or whole > 1):
            return f"{whole}{unit}"
    return f"{value.total_seconds():g}s"


def size(text: str) -> int:
    """Bytes of `16MB`, `512KiB` or `1000000`."""
    match = _SIZE.fullmatch(text.strip().lower())
    if not match or match[2] not in BYTES:
        raise ValueError("expected a size such as 500KB, 16MB or 1GiB")
    if (found := float(match[1]) * BYTES[match[2]]) > LARGEST:
        raise ValueError("expected a size of at most a pebibyte")
    return int(found)


def size_text(value: int) -> str:
    """As `size` reads it: `16MB`, `1500KB`."""
    for unit in ("GB", "MB", "KB"):
        if value and value % BYTES[unit.lower()] == 0:
            return f"{value // BYTES[unit.lower()]}{unit}"
    return str(value)


def age(text: str) -> tuple[str, timedelta]:
    """`> 7d`, `< 2h`: the sign and the duration. Raises ValueError for what is neither."""
    match = _COMPARISON.fullmatch(text)
    if not match:
        raise ValueError("expected an age such as > 7d or < 2h")
    return match[1], duration(match[2])


def length(text: str) -> tuple[str, int]:
    """`< 200`, `> 5000`: the sign and the number of characters. Raises ValueError for what is neither."""
    match = _COMPARISON.fullmatch(text)
    if not match or not _NUMBER.fullmatch(match[2]):
        raise ValueError("expected a number of characters such as < 200 or > 5000")
    return match[1], int(match[2])


@lru_cache(maxsize=1024)
def replacement(pattern_text: str, new: str) -> str:
    """`new` as it is given to the pattern's `sub`. Raises ValueError where it names a group that is not there.

    The `regex` module looks only once something matched, which may be a year later.
    """
    found = pattern(pattern_text)
    # A pattern of the same groups that matches at once.
    names = {number: name for name, number in found.groupindex.items()}
    groups = "".join(f"(?P<{names[n]}>)" if n in names else "()" for n in range(1, found.groups + 1))
    try:
        regex.sub(groups, new, "", count=1)
    except (regex.error, IndexError) as error:
        raise ValueError(f"invalid replacement: {error}") from error
    return new


@lru_cache(maxsize=1024)
def pattern(text: str) -> regex.Pattern[str]:
    """Compiled as config.yaml means it: searched, case ignored. Raises ValueError when invalid.

    Give `timeout=PATTERN_SECONDS` wherever it is used.
    """
    try:
        return regex.compile(text, regex.IGNORECASE)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError(f"invalid pattern: {error}") from error


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}: {_nearest_zone(name)}") from error


def cron(text: str, timezone: str) -> CronTrigger:
    """A crontab line of five fields as APScheduler understands it.

    Raises ValueError for what is no crontab line, or never comes. Unlike APScheduler's own
    reading, a number for the day of the week is crontab's (0 and 7 are Sunday). Unlike crontab,
    a line with both a day of the month and a day of the week means the days that are both.
    """
    from apscheduler.triggers.cron import CronTrigger  # 150 ms that no other command should pay

    fields = text.lower().split()
    if len(fields) != 5:
        raise ValueError('expected five fields, such as "0 7 * * *" (minute hour day month weekday)')
    fields[4] = ",".join(map(_weekdays, fields[4].split(",")))
    try:
        trigger = CronTrigger.from_crontab(" ".join(fields), timezone=zone(timezone))
    except ValueError as error:
        said = str(error).removeprefix("Error validating expression ")
        raise ValueError(f'expected a crontab line such as "0 7 * * *": {said}') from error
    if trigger.get_next_fire_time(None, datetime(2000, 1, 1, tzinfo=UTC)) is None:
        raise ValueError("this time never comes: expected a day that the month has")
    return trigger


_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS = re.compile(rf"(?:(\*)|([0-7]|{'|'.join(_WEEKDAYS)})(?:-([0-7]|{'|'.join(_WEEKDAYS)}))?)(?:/([1-7]))?")


def _weekdays(part: str) -> str:
    """One item of crontab's last field as names; what it does not understand is left as it is.

    Ranges are written out, for APScheduler's week begins on Monday and refuses `sun-thu`.
    """
    match = _DAYS.fullmatch(part)
    if not match or part == "*":
        return part
    every, first, last, step = match.groups()
    start = 0 if every else _day(first)
    end = 6 if every else _day(last) if last else 6 if step else start
    # fri-sun, 5-7: the week goes on behind Saturday.
    end += 7 if end < start else 0
    return ",".join(_WEEKDAYS[day % 7] for day in range(start, end + 1, int(step or 1)))


def _day(text: str) -> int:
    return int(text) if text.isdigit() else _WEEKDAYS.index(text)


def _nearest_zone(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, [*available_timezones(), *_MEANT_ZONES], 1, 0.6)
    return f"did you mean {_MEANT_ZONES.get(near[0], near[0])}?" if near else "expected a name such as Asia/Shanghai"


#: What people write for zones that are named after another city.
_MEANT_ZONES = {"Asia/Beijing": "Asia/Shanghai", "Beijing": "Asia/Shanghai", "China": "Asia/Shanghai"}
