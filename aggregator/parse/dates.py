"""Reads dates as feeds and article files write them. Needs no clock, so it never invents a part.

A text that does not name year and month is no date here: "3 hours ago" and "1月5日" can only
be read with the time of writing. What is smaller than the parts given is zero.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from aggregator.config import units

#: No date is longer; bounds the work on hostile input.
LONGEST = 120


@dataclass(frozen=True, slots=True)
class Claimed:
    """A moment that a text claims."""

    #: Aware UTC.
    moment: datetime
    #: The text itself names the zone; otherwise it was read in the zone handed in.
    zoned: bool
    #: The text has a time of day; otherwise `moment` is midnight.
    timed: bool


def parse_date(text: str, timezone: str) -> Claimed | None:
    """The moment that a text names, or None where it names none that exists.

    Understands RFC 822, ISO 8601 (calendar dates), their sloppy variants, `Jan 5, 2026`, asctime,
    `2026年1月5日 下午3:30`, and Unix times in seconds, milliseconds or microseconds. A date without
    a zone is taken in `timezone` (an IANA name; ValueError if there is none of that name). Day and
    month in numbers before the year (`01/05/2026`) are refused: nobody can tell which is which.
    """
    if usual := _usual(text):
        return Claimed(usual, zoned=True, timed=True)
    if len(text) > LONGEST:
        return None
    text = _plain(text)
    local = units.zone(timezone)
    for shape, read in _SHAPES:
        if match := shape.fullmatch(text):
            try:
                return read(match, local)
            except (ValueError, OverflowError):
                return None
    return None


def moment(text: str, timezone: str) -> datetime | None:
    """The moment alone, as `parse_date` finds it: what feeds are read with, most dates of which are of two shapes."""
    if usual := _usual(text):
        return usual
    claimed = parse_date(text, timezone)
    return claimed.moment if claimed else None


def _usual(text: str) -> datetime | None:
    """The date where it is written as RFC 822 or RFC 3339 have it, in a thirtieth of the time that the shapes take.

    Only what stands between the digits is looked at here: `fromisoformat` refuses what are none, but takes any
    sign before a fraction or a zone. Whatever is odd about such a date is left to `_SHAPES`.
    """
    try:
        # Mon, 05 Jan 2026 10:30:00 GMT
        if text[16:26:3] == " :: " and text[:5] in _WEEKDAYS:
            zone = "Z" if text[26:] == "GMT" else text[26:]
            if zone != "Z" and not (len(zone) == 5 and zone[0] in "+-" and zone[1:].isdecimal()):
                return None
            text = f"{text[12:16]}{_DAYS[text[5:12]]}{text[17:25]}{zone}"
        # 2026-01-05T10:30:00Z
        elif text[4:17:3] != "--T::" or not ((len(text) == 20 and text[19] == "Z") or _ISO8601.fullmatch(text)):
            return None
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, LookupError):
        return None


_ISO8601 = re.compile(r"[-0-9]{10}T[:0-9]{8}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
#: Weekdays as RFC 822 has them; any other spelling is left to `_SHAPES`, as it is for months.
_WEEKDAYS = frozenset({"Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "})
_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: The days of a year from one way of writing to the other: `05 Jan ` is `-01-05T`.
_DAYS = {
    f"{day:02} {name} ": f"-{month:02}-{day:02}T"
    for month, name in enumerate(_MONTH_NAMES, start=1)
    for day in range(1, 32)
}


def _plain(text: str) -> str:
    """Full-width digits and signs as ASCII, blanks single."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-")
    return " ".join(text.split())


_TIME = r"""
    (?P<half> 上午 | 下午 | 晚上 | 凌晨 | 早上 | 中午 | 오전 | 오후 )? \s*
    (?P<hour>\d{1,2}) \s* [:时時點点시] \s* (?P<minute>\d{1,2})
    (?: \s* [:分분] \s* (?P<second>\d{1,2}) (?: [.,:] (?P<fraction>\d{1,9}) )? )? \s* [分秒분초]? \s*
    (?P<noon> [ap]\.?m\.? )?
"""
#: A name or a comment may follow: `+0800 CST`, `GMT+0800 (China Standard Time)`, `+08:00[Asia/Shanghai]`.
_ZONE = r"""
    \s* (?P<zone> (?: [A-Z]{1,5} )? (?: \s* [+-] \d{1,2} (?: :? \d{2} )? )? )
    (?: \s [A-Z]{3,5} )? \s* (?: [(\[] [^)\]]* [)\]] )?
"""
_WEEKDAY = r"(?: [^\W\d_]{1,12} [.,\s]+ )?"
_MONTH_NAME = r"(?P<name> [^\W\d_]{3,12} ) \.?"

_YEAR_FIRST = rf"""
    (?P<year>\d{{4}}) \s* [-/.年년] \s* (?P<month>\d{{1,2}})
    (?: \s* [-/.月월] \s* (?P<day>\d{{1,2}}) \s* [日号號일]? | \s* [月월] )?
    \s* (?: [(]? (?: 星期 | 周 | 週 ) [一二三四五六日天] [)]? )?
    (?: [T,\s]* {_TIME} {_ZONE} )?
"""
_DAY_FIRST = rf"""
    {_WEEKDAY} (?P<day>\d{{1,2}}) (?: st | nd | rd | th | \. )? [\s/-]* {_MONTH_NAME}
    [\s,/-]* (?P<year>\d{{2,4}}) (?: [,\sT-]+ {_TIME} {_ZONE} )?
"""
_MONTH_FIRST = rf"""
    {_WEEKDAY} {_MONTH_NAME} \s* (?P<day>\d{{1,2}}) (?: st | nd | rd | th )? [\s,]+
    (?P<year>\d{{4}}) (?: [,\s]+ (?:at \s)? {_TIME} {_ZONE} )?
"""
_YEAR_LAST = rf"""
    {_WEEKDAY} {_MONTH_NAME} \s* (?P<day>\d{{1,2}}) \s+ {_TIME} {_ZONE} \s+ (?P<year>\d{{4}})
"""
_COMPACT = r"""
    (?P<year>(?:19|20)\d\d) (?P<month>\d\d) (?P<day>\d\d)
    (?: T? (?P<hour>\d\d) (?P<minute>\d\d) (?P<second>\d\d) (?P<zone> Z | [+-]\d\d:?\d\d )? )?
"""
_UNIX = r"(?P<seconds> -?\d{9,10} ) (?: (?P<fine>\d{3}|\d{6}) | \. (?P<fraction>\d{1,9}) )?"


def _read_calendar(match: re.Match[str], local: tzinfo) -> Claimed:
    """Raises ValueError or OverflowError where there is no such day or time."""
    parts = match.groupdict()
    month = int(parts["month"]) if parts.get("month") else _month(parts["name"])
    day = datetime(_year(parts["year"]), month, int(parts.get("day") or 1))  # noqa: DTZ001  the zone follows
    timed = parts.get("hour") is not None
    naive = day + _time_of_day(parts) if timed else day
    zone = _zone(parts.get("zone") or "", naive, local)
    moment = naive.replace(tzinfo=zone or local).astimezone(UTC)
    return Claimed(moment, zoned=zone is not None, timed=timed)


def _read_unix(match: re.Match[str], local: tzinfo) -> Claimed:
    fraction = (match["fine"] or match["fraction"] or "0")[:6].ljust(6, "0")
    moment = datetime.fromtimestamp(int(match["seconds"]), UTC) + timedelta(microseconds=int(fraction))
    return Claimed(moment, zoned=True, timed=True)


def _year(digits: str) -> int:
    """Of two or three digits by RFC 2822 section 4.3 (126 is what `tm_year` was in 2026)."""
    year = int(digits)
    if len(digits) >= 4:
        return year
    return year + 2000 if len(digits) == 2 and year < 50 else year + 1900


def _month(name: str) -> int:
    """Of an English, German, French, Spanish, Italian, Portuguese or Dutch name. Raises ValueError."""
    folded = unicodedata.normalize("NFD", name.lower())
    plain = "".join(letter for letter in folded if not unicodedata.combining(letter))
    number = _MONTHS.get(plain[:4]) or _MONTHS.get(plain[:3])
    if number is None:
        raise ValueError(f"unknown month {name!r}")
    return number


def _time_of_day(parts: dict[str, str | None]) -> timedelta:
    hour, minute, second = (int(parts[unit] or 0) for unit in ("hour", "minute", "second"))
    # 24:00 ends a day in ISO 8601, second 60 is a leap second in RFC 822.
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and minute + second):
        raise ValueError("no such time of day")
    microsecond = int((parts.get("fraction") or "0")[:6].ljust(6, "0"))
    return timedelta(hours=_by_half_day(hour, parts), minutes=minute, seconds=second, microseconds=microsecond)


def _by_half_day(hour: int, parts: dict[str, str | None]) -> int:
    """15 for 下午3 and for 3 pm; hours above 12 say it all by themselves."""
    half = parts.get("half") or (parts.get("noon") or "")[:1].lower()
    if half in _AFTERNOON and hour < 12:
        return hour + 12
    if half in _MORNING and hour == 12:
        return 0
    return hour


def _zone(text: str, naive: datetime, local: tzinfo) -> tzinfo | None:
    """The zone that a text names; None for no zone and for names that nobody knows.

    A name that is in use in the local zone at that time means the local zone: CST is −6 hours in
    RFC 822, but in a Chinese source it is what Java prints for China Standard Time.
    """
    text = text.replace(" ", "").upper()
    name = text.rstrip("+-:0123456789")
    digits = text[len(name) :].replace(":", "")
    if digits:
        return _offset(digits)
    if name and name == local.tzname(naive):
        return local
    hours = _ZONES.get(name)
    return None if hours is None else timezone(timedelta(hours=hours))


def _offset(digits: str) -> timezone | None:
    """`+8`, `+08`, `+0800`, after `GMT` or alone; None where it is a day or more."""
    sign = -1 if digits[0] == "-" else 1
    number = digits[1:]
    hours, minutes = (number, "0") if len(number) <= 2 else (number[:-2], number[-2:])
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(sign * offset) if offset < timedelta(days=1) else None


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan ene gen",
            "feb fev",
            "mar mrz maa",
            "apr avr abr",
            "may mai mag mei",
            "jun juin giu",
            "jul juil lug",
            "aug ago aou",
            "sep set",
            "oct okt ott out",
            "nov",
            "dec dez dic",
        ),
        start=1,
    )
    for name in names.split()
}

_MORNING = ("a", "上午", "凌晨", "早上", "오전")
_AFTERNOON = ("p", "下午", "晚上", "中午", "오후")

#: Hours east of UTC: RFC 822 section 5.1, and names in use that mean one thing only.
_ZONES = {
    name: hours
    for hours, names in (
        (-8, "PST"),
        (-7, "MST PDT"),
        (-6, "CST MDT"),
        (-5, "EST CDT"),
        (-4, "EDT"),
        (0, "Z UT UTC GMT WET"),
        (1, "CET WEST"),
        (2, "EET CEST"),
        (3, "MSK EEST"),
        (8, "BJT HKT SGT"),
        (9, "JST KST"),
        (10, "AEST"),
        (11, "AEDT"),
        (12, "NZST"),
        (13, "NZDT"),
    )
    for name in names.split()
}

_Read = Callable[[re.Match[str], tzinfo], Claimed]


def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.VERBOSE | re.IGNORECASE)


#: The most frequent first. No text has two of these shapes, so the order decides nothing else.
_SHAPES: tuple[tuple[re.Pattern[str], _Read], ...] = (
    (_shape(_DAY_FIRST), _read_calendar),
    (_shape(_YEAR_FIRST), _read_calendar),
    (_shape(_MONTH_FIRST), _read_calendar),
    (_shape(_YEAR_LAST), _read_calendar),
    (_shape(_COMPACT), _read_calendar),
    (_shape(_UNIX), _read_unix),
)
