"""Values as people write them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("250ms", 0.25),
        ("90 s", 90),
        ("30m", 1800),
        ("30min", 1800),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("7d", 604800),
        ("2W", 1209600),
        (" 1h 5s ", 3605),
        ("0s", 0),
    ],
)
def test_a_duration(text: str, seconds: float) -> None:
    assert units.duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "30", "1:30", "m", "h5", "-5m", "5 apples", "1h30", "9999999w", "9" * 400 + "s"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        units.duration(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(minutes=30), "30m"),
        (timedelta(days=1), "24h"),
        (timedelta(hours=36), "36h"),
        (timedelta(days=30), "30d"),
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "90s"),
        (timedelta(milliseconds=250), "0.25s"),
    ],
)
def test_a_duration_is_written_as_it_is_read(value: timedelta, text: str) -> None:
    assert units.duration_text(value) == text
    assert units.duration(text) == value


@given(st.integers(0, 10**9))
def test_every_whole_duration_comes_back(seconds: int) -> None:
    value = timedelta(seconds=seconds)
    assert units.duration(units.duration_text(value)) == value


@pytest.mark.parametrize(
    ("text", "count"),
    [("1000000", 10**6), ("16MB", 16_000_000), ("512 KiB", 524_288), ("1.5gb", 1_500_000_000), ("7b", 7)],
)
def test_a_size(text: str, count: int) -> None:
    assert units.size(text) == count


@pytest.mark.parametrize("text", ["", "MB", "16 bananas", "-1MB", "9" * 400, "999999999GB"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="expected a size"):
        units.size(text)


@given(st.integers(0, 10**15))
def test_every_size_comes_back(count: int) -> None:
    assert units.size(units.size_text(count)) == count


def test_a_pattern_is_searched_and_ignores_case() -> None:
    assert units.pattern("python|蟒").search("Learn PYTHON")


@pytest.mark.parametrize("text", ["(", "[", "(?P<x", "*a"])
def test_an_invalid_pattern_says_why(text: str) -> None:
    with pytest.raises(ValueError, match=r"invalid pattern: .+"):
        units.pattern(text)


def test_a_zone() -> None:
    assert units.zone("Asia/Shanghai").utcoffset(datetime(2026, 1, 1)) == timedelta(hours=8)  # noqa: DTZ001 a local time


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Asia/Shangai", "did you mean Asia/Shanghai?"),
        ("Mars", "such as Asia/Shanghai"),
        ("", "such as"),
        ("../etc/passwd", "unknown time zone"),
        ("Asia", "unknown time zone"),
    ],
)
def test_an_unknown_zone_names_the_nearest(name: str, said: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone") as caught:
        units.zone(name)
    assert said in str(caught.value)


SUNDAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("0 7 * * *", [1, 2, 3]),
        ("0 7 * * 0", [1, 8, 15]),
        ("0 7 * * 7", [1, 8, 15]),
        ("0 7 * * 1-5", [2, 3, 4]),
        ("0 7 * * 0-4", [1, 2, 3]),
        ("0 7 * * sun-tue", [1, 2, 3]),
        ("0 7 * * 5-7", [1, 6, 7]),
        ("0 7 * * FRI", [6, 13, 20]),
        ("0 7 * * */2", [1, 3, 5]),
        ("0 7 * * 1,3", [2, 4, 9]),
        ("0 7 15 3 *", [15]),
    ],
)
def test_a_crontab_line_means_what_crontab_means(line: str, days: list[int]) -> None:
    trigger, at, found = units.cron(line, "UTC"), SUNDAY, []
    for _ in days:
        at = trigger.get_next_fire_time(None, at)
        found.append(at.day)
        at += timedelta(seconds=1)
    assert found == days


def test_a_crontab_line_is_in_the_zone() -> None:
    first = units.cron("0 7 * * *", "Asia/Shanghai").get_next_fire_time(None, SUNDAY)
    assert first.astimezone(UTC) == datetime(2026, 3, 1, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "five fields"),
        ("@daily", "five fields"),
        ("0 7 * *", "five fields"),
        ("0 0 7 * * *", "five fields"),
        ("0 25 * * *", "23"),
        ("x 7 * * *", "minute"),
        ("0 7 * * 8", "crontab"),
        ("0 7 31 2 *", "never comes"),
    ],
)
def test_no_crontab_line(line: str, said: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        units.cron(line, "UTC")
    assert said in str(caught.value)
