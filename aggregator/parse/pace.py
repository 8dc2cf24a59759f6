"""How often a feed asks to be checked: `ttl`, the syndication module's `sy:`, `skipHours`, `skipDays`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

#: Elements that stand alone; the other two hold lists.
PACE = ("ttl", "sy:updateperiod", "sy:updatefrequency")

#: Seconds of the periods of RSS 1.0's syndication module.
_PERIODS = {"hourly": 3600, "daily": 86400, "weekly": 604800, "monthly": 2592000, "yearly": 31536000}

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def wait_of(pace: Mapping[str, str]) -> float:
    """Seconds between checks that the feed asks for, by `ttl` (minutes) and `sy:`; the longer one."""
    ttl, frequency = (_positive(pace.get(key)) for key in ("ttl", "sy:updatefrequency"))
    period = _PERIODS.get(pace.get("sy:updateperiod", "").lower(), 0)
    return max(ttl * 60, period / (frequency or 1))


def hours(texts: Iterable[str]) -> tuple[int, ...]:
    """Hours from 0 to 23, UTC; RSS 0.91 counts from 1 and calls midnight 24. Others are left out."""
    numbers = {int(text) for text in texts if re.fullmatch(r"[0-9]{1,2}", text)}
    return tuple(sorted({number % 24 for number in numbers if number <= 24}))


def days(texts: Iterable[str]) -> tuple[int, ...]:
    """Weekdays, 0 for Monday, from their English names."""
    return tuple(sorted({_DAYS.index(text.lower()) for text in texts if text.lower() in _DAYS}))


def listed(text: str, name: str) -> list[str]:
    """What a list such as `skipHours` holds, in a document that is too broken to be a tree."""
    found = re.search(rf"<{name}>(.{{0,2000}}?)</{name}>", text, re.IGNORECASE | re.DOTALL)
    return re.findall(r">\s*(\w{1,20})\s*<", found[1]) if found else []


def _positive(text: str | None) -> float:
    return float(text) if text and re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text) else 0.0
