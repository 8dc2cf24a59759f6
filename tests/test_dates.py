"""Dates as feeds and files write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.parse.dates import Claimed, moment, parse_date

SHANGHAI = "Asia/Shanghai"
#: 10:30 on 5 January 2026 in Shanghai.
MORNING = datetime(2026, 1, 5, 2, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 4, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 05 Jan 2026 10:30:00 +0800",
        "Mon, 5 Jan 2026 10:30 +0800",
        "Fri, 05 Jan 2026 10:30:00 +0800",
        "Mon,05 Jan 2026 10:30:00 +08:00",
        "05 Jan 26 10:30 +8",
        "Thu, 05 Jan 126 10:30:00 +0800",
        "Mon, 05 Jan 2026 02:30:00 GMT",
        "Mon, 05 Jan 2026 02:30:00Z",
        "Mon, 05 Jan 2026 02:30:00 UT",
        "Mon, 05 Jan 2026 02:30:00 -0000",
        "Sun, 04 Jan 2026 21:30:00 EST",
        "Monday, 05-Jan-2026 10:30:00 GMT+8",
        "lun., 05 janv. 2026 10:30:00 +0800",
        "Mo, 5. Januar 2026 03:30 CET",
        "2026-01-05T10:30:00+08:00",
        "2026-01-05T10:30:00.000+0800",
        "2026-01-05T02:30Z",
        "2026-01-05 10:30:00 +0800 CST",
        "2026-01-05T10:30:00+08:00[Asia/Shanghai]",
        "20260105T023000Z",
        "Mon Jan 05 2026 10:30:00 GMT+0800 (中国标准时间)",
        "Mon Jan 05 10:30:00 CST 2026",
        "1767580200",
        "1767580200000",
        "1767580200000000",
        "1767580200.0",
        "  2026-01-05T02:30:00 Z\n",
        "2026\N{MINUS SIGN}01-05T10:30:00+08:00",
    ],
)
def test_with_zone(text: str) -> None:
    assert parse_date(text, SHANGHAI) == Claimed(MORNING, zoned=True, timed=True)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05 10:30:00",
        "2026-01-05T10:30",
        "2026/1/5 10:30",
        "2026.01.05 10:30:00.0",
        "20260105103000",
        "2026年1月5日 10:30",
        "2026年1月5日10时30分00秒",
        "2026年01月05日 星期一 上午10:30",
        "2026-01-05 (周一) 10:30",
        "２０２６年１月５日　１０：３０",
        "2026년 1월 5일 오전 10:30",
        "Mon Jan  5 10:30:00 2026",
        "January 5, 2026 10:30 am",
        "Mon, 05 Jan 2026 10:30:00",
        "Mon, 05 Jan 2026 10:30:00 XYZ",
        "Mon, 05 Jan 2026 10:30:00 +2500",
    ],
)
def test_without_zone_it_is_the_local_one(text: str) -> None:
    assert parse_date(text, SHANGHAI) == Claimed(MORNING, zoned=False, timed=True)


@pytest.mark.parametrize(
    "text", ["2026-01-05", "2026-1-5", "20260105", "2026年1月5日", "5 Jan 2026", "Jan 5, 2026", "5. Januar 2026"]
)
def test_day_alone_is_its_midnight(text: str) -> None:
    assert parse_date(text, SHANGHAI) == Claimed(MIDNIGHT, zoned=False, timed=False)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("上午12:05", 0), ("凌晨0:05", 0), ("中午12:05", 12), ("下午3:05", 15), ("晚上11:05", 23), ("下午15:05", 15)],
)
def test_half_of_the_day(text: str, hour: int) -> None:
    claimed = parse_date(f"2026年1月5日 {text}", "UTC")
    assert claimed is not None
    assert claimed.moment == datetime(2026, 1, 5, hour, 5, tzinfo=UTC)


def test_cst_is_american_where_the_local_zone_does_not_use_it() -> None:
    claimed = parse_date("Mon, 05 Jan 2026 10:30:00 CST", "Europe/Berlin")
    assert claimed is not None
    assert claimed.moment == datetime(2026, 1, 5, 16, 30, tzinfo=UTC)


def test_parts_that_are_given_are_kept_and_others_are_first() -> None:
    fine, month = parse_date("2026-01-05T10:30:00.123456789Z", "UTC"), parse_date("2026-01", "UTC")
    assert fine is not None
    assert month is not None
    assert (fine.moment.microsecond, month.moment) == (123456, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-04T24:00:00Z", datetime(2026, 1, 5, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
    ],
)
def test_ends_of_days(text: str, moment: datetime) -> None:
    claimed = parse_date(text, "UTC")
    assert claimed is not None
    assert claimed.moment == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "Invalid Date",
        "0",
        "2026",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59-08:00",
        "2026-13-01",
        "2026-02-30",
        "Mon, 35 Jan 2026 10:00:00 GMT",
        "5 Foo 2026",
        "2026-01-05T25:00:00Z",
        "2026-01-05T10:61:00Z",
        "2026-01-05T24:01:00Z",
        "01/05/2026",
        "1月5日 10:30",
        "3小时前",
        "yesterday",
        "10:30",
        "2026-01-05 or so",
        "1" * 500,
        "2026-01-05T10:30:00Z (" + "x" * 200 + ")",
        "2026-01-05" + " " * 5000 + "x",
    ],
)
def test_what_names_no_moment(text: str) -> None:
    assert parse_date(text, SHANGHAI) is None


def test_unknown_zone_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="time zone"):
        parse_date("2026-01-05", "Nowhere/City")


offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1000, 1, 3), datetime(9999, 12, 29), timezones=offsets)  # noqa: DTZ001  zones come apart


@given(moments)
def test_iso_dates_come_back(moment: datetime) -> None:
    assert parse_date(moment.isoformat(), "UTC") == Claimed(moment.astimezone(UTC), zoned=True, timed=True)


@given(moments.map(lambda moment: moment.replace(microsecond=0)))
def test_mail_dates_come_back(moment: datetime) -> None:
    assert parse_date(format_datetime(moment), "UTC") == Claimed(moment.astimezone(UTC), zoned=True, timed=True)


@given(st.text(alphabet="0123456789-/:.,+ TZGMTJanmonpm年月日时分下午", max_size=40))
def test_any_text_is_a_moment_in_utc_or_none(text: str) -> None:
    claimed = parse_date(text, SHANGHAI)
    assert claimed is None or claimed.moment.tzinfo is UTC


@given(st.text(max_size=60), st.sampled_from(["UTC", SHANGHAI, "America/New_York"]))
def test_reading_twice_is_reading_once(text: str, zone: str) -> None:
    claimed = parse_date(text, zone)
    assert claimed is None or parse_date(claimed.moment.isoformat(), zone) == Claimed(claimed.moment, True, True)


digits = st.integers(0, 99).map("{:02}".format)
clocks = st.tuples(digits, digits, digits).map(":".join)


@given(
    digits,
    st.sampled_from(["Jan", "Feb", "Mai", "May", "Sep", "Dec", "Foo"]),
    st.integers(0, 9999).map("{:04}".format),
    clocks,
    st.sampled_from(["GMT", "+0000", "-0000", "+0800", "-0330", "+0575", "+2359", "+2400", "-9999"]),
    st.sampled_from(["UTC", SHANGHAI, "Europe/London"]),
)
def test_the_short_way_reads_mail_dates_as_the_long_one(
    day: str, month: str, year: str, clock: str, offset: str, zone: str
) -> None:
    """A second blank is as good as one, but not what the short way is for."""
    text = f"Wed, {day} {month} {year} {clock} {offset}"
    assert parse_date(text, zone) == parse_date(text.replace(" ", "  "), zone)


@given(
    st.tuples(st.integers(0, 9999).map("{:04}".format), digits, digits).map("-".join),
    clocks,
    st.sampled_from(["", ".5", ".123", ".123456", ".1234567"]),
    st.sampled_from(["Z", "+00:00", "-00:00", "+08:00", "-03:30", "+05:75", "+23:59", "+24:00", "-99:99"]),
    st.sampled_from(["UTC", SHANGHAI, "Europe/London"]),
)
def test_the_short_way_reads_iso_dates_as_the_long_one(
    day: str, clock: str, fraction: str, offset: str, zone: str
) -> None:
    text = f"{day}T{clock}{fraction}{offset}"
    assert parse_date(text, zone) == parse_date(f" {text}", zone)


@given(
    st.sampled_from(
        [
            "Mon, 05 Jan 2026 10:30:00 GMT",
            "Mon, 05 Jan 2026 10:30:00 +0800",
            "2026-01-05T10:30:00Z",
            "2026-01-05T10:30:00+08:00",
        ]
    ),
    st.integers(0, 31),
    st.integers(0, 1),
    st.text("0123456789:+-., TZGMTJan\t/é２", max_size=2),
)
def test_the_short_way_reads_damaged_dates_as_the_long_one(text: str, place: int, cut: int, put: str) -> None:
    """It has its own idea of what may stand between digits, which must not be a wider one."""
    damaged = text[:place] + put + text[place + cut :]
    assert parse_date(damaged, SHANGHAI) == parse_date(f" {damaged}", SHANGHAI)
    claimed = parse_date(damaged, SHANGHAI)
    assert moment(damaged, SHANGHAI) == (claimed.moment if claimed else None)
