"""When a source is checked next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.config.schema import Schedule, Source
from aggregator.schedule import Ended, next_check

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
#: How an interval adapts has tests of its own.
FIXED = {"adaptive": False}


def source(**keys: Any) -> Source:
    return Source.model_validate({"name": "blog", "url": "https://blog.example/feed", **keys})


def pause(a_source: Source, *, now: datetime = NOW, schedule: dict[str, Any] | None = None, **ended: Any) -> timedelta:
    """Time from now to the next check."""
    moment = next_check(a_source, Schedule.model_validate(FIXED | (schedule or {})), Ended(**ended), now=now)
    assert moment is not None
    return moment - now


@pytest.mark.parametrize("interval", ["1s", "15m", "7d"])
def test_an_interval_is_kept_exactly_when_all_is_well(interval: str) -> None:
    a_source = source(interval=interval)
    assert pause(a_source) == a_source.interval
    assert pause(a_source, schedule={"adaptive": True}, arrivals=(NOW - HOUR, NOW)) == a_source.interval


def test_without_an_interval_the_general_one_holds() -> None:
    assert pause(source(), schedule={"interval": "20m"}) == 20 * MINUTE


def test_a_source_that_is_gone_is_not_checked_again() -> None:
    assert next_check(source(), Schedule(), Ended(failures=1, gone=True, hold=5), now=NOW) is None


# --- wishes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "expected"), [(60, 30 * MINUTE), (7200, 2 * HOUR), (-5, 30 * MINUTE), (1e30, 24 * HOUR)]
)
def test_a_wish_lengthens_up_to_the_ceiling_and_never_shortens(wish: float, expected: timedelta) -> None:
    assert pause(source(), wish=wish) == expected


def test_a_wish_holds_after_a_failure_too() -> None:
    assert pause(source(), failures=1, wish=5 * 3600) == 5 * HOUR


def test_an_interval_longer_than_the_ceiling_is_kept() -> None:
    assert pause(source(interval="7d"), wish=10**9) == timedelta(days=7)
    assert pause(source(interval="7d"), failures=4) == timedelta(days=7)


def test_a_check_in_an_hour_that_the_feed_skips_moves_to_the_first_that_it_does_not() -> None:
    night = (*range(6), 22, 23)
    late = at("2026-03-01 21:45")
    assert late + pause(source(), now=late, skip_hours=night) == at("2026-03-02 06:00")
    assert pause(source(), skip_hours=night) == 30 * MINUTE


def test_a_check_on_a_day_that_the_feed_skips_moves_to_the_next_day() -> None:
    saturday = at("2026-03-07 23:50")
    assert saturday + pause(source(), now=saturday, skip_days=(6,), schedule={"max": "48h"}) == at("2026-03-09 00:00")


def test_a_weekend_that_the_feed_skips_ends_with_the_longest_time_between_checks() -> None:
    friday = at("2026-03-06 23:50")
    assert friday + pause(source(), now=friday, skip_days=(5, 6)) == at("2026-03-07 23:50")
    assert friday + pause(source(interval="3h"), now=friday, skip_days=(5, 6), schedule={"max": "7d"}) == at(
        "2026-03-09 00:00"
    )


@pytest.mark.parametrize("nonsense", [{"skip_hours": tuple(range(24))}, {"skip_days": tuple(range(7))}])
def test_who_skips_everything_skips_nothing(nonsense: dict[str, Any]) -> None:
    assert pause(source(), **nonsense) == 30 * MINUTE


# --- failures ------------------------------------------------------------------------------


def test_failures_back_off_by_doubling() -> None:
    pauses = [pause(source(interval="10m"), failures=failures) for failures in range(1, 7)]

    for count, each in enumerate(pauses, start=1):
        full = 10 * MINUTE * 2**count
        assert 0.9 * full <= each <= full


@pytest.mark.parametrize("failures", [30, 1000, 10**9])
def test_back_off_ends_at_the_ceiling_but_checks_never_stop(failures: int) -> None:
    assert 0.9 * 24 * HOUR <= pause(source(), failures=failures) <= 24 * HOUR
    assert pause(source(interval="2000d"), failures=failures) == timedelta(days=2000)


def test_back_off_never_falls_below_the_interval() -> None:
    assert pause(source(interval="20h"), failures=1, schedule={"max": "21h"}) >= 20 * HOUR


def test_sources_that_failed_together_come_back_apart_and_each_at_the_same_time_again() -> None:
    names = [f"blog {number}" for number in range(20)]
    pauses = [pause(source(name=name), failures=3) for name in names]

    assert len(set(pauses)) == len(names)
    assert pauses == [pause(source(name=name), failures=3) for name in names]


def test_retry_after_is_waited_for_in_full_also_beyond_the_longest_time_between_checks() -> None:
    assert pause(source(), failures=1, hold=5 * 3600) == 5 * HOUR
    assert pause(source(), failures=1, hold=3 * 86400) == timedelta(days=3)


def test_a_slip_of_retry_after_is_no_farewell() -> None:
    assert pause(source(), failures=1, hold=10**12) == timedelta(days=7)


def test_a_network_that_is_down_for_everybody_is_tried_again_soon_however_often_the_source_failed_before() -> None:
    for failures in (0, 9):
        assert 5 * MINUTE <= pause(source(interval="12h"), failures=failures, everybody=True) <= 10 * MINUTE
    assert pause(source(interval="20s"), everybody=True) == timedelta(seconds=20)
    assert pause(source(cron="0 7 * * *"), everybody=True) <= 10 * MINUTE


# --- cron ----------------------------------------------------------------------------------


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fire(line: str, now: str, zone: str = "Asia/Shanghai", **ended: Any) -> datetime | None:
    return next_check(source(cron=line, timezone=zone), Schedule(), Ended(**ended), now=at(now))


@pytest.mark.parametrize(
    ("line", "now", "expected"),
    [
        ("0 7 * * *", "2026-03-01 12:00", "2026-03-01 23:00"),
        ("0 7 * * *", "2026-03-01 22:59:59.9", "2026-03-01 23:00"),
        ("0 7 * * *", "2026-03-01 23:00", "2026-03-02 23:00"),
        ("0 7 * * *", "2026-03-01 23:00:03", "2026-03-02 23:00"),
        ("*/30 * * * *", "2026-03-01 12:00", "2026-03-01 12:30"),
        ("0 7 * * 0", "2026-03-02 00:00", "2026-03-07 23:00"),
        ("0 7 * * 7", "2026-03-02 00:00", "2026-03-07 23:00"),
    ],
)
def test_a_cron_line_is_read_in_the_zone_of_the_source(line: str, now: str, expected: str) -> None:
    moment = fire(line, now)
    assert moment == at(expected)
    assert moment is not None
    assert moment.tzinfo is UTC


def test_a_source_without_a_zone_takes_that_of_the_site() -> None:
    moment = next_check(source(cron="0 7 * * *"), Schedule(), Ended(), now=NOW, timezone="America/New_York")
    assert moment == at("2026-03-02 12:00")


def test_no_time_of_a_cron_line_is_missed_because_an_answer_stays_fresh() -> None:
    assert fire("0 7 * * *", "2026-03-01 23:00:05", wish=86400) == at("2026-03-02 23:00")


def test_a_daily_check_that_fails_comes_the_next_day_however_often_it_failed() -> None:
    for failures in (1, 5, 100):
        assert fire("0 7 * * *", "2026-03-01 23:02", failures=failures) == at("2026-03-02 23:00")


def test_a_frequent_cron_line_backs_off_by_passing_over_times() -> None:
    assert fire("*/10 * * * *", "2026-03-01 12:01", failures=1) == at("2026-03-01 13:00")
    assert fire("*/10 * * * *", "2026-03-01 12:01", failures=2) == at("2026-03-01 13:50")


def test_a_cron_line_waits_for_retry_after() -> None:
    assert fire("0 * * * *", "2026-03-01 12:00:05", failures=1, hold=4 * 3600) == at("2026-03-01 17:00")


def test_an_hour_that_the_clocks_skip_is_made_up_for() -> None:
    assert fire("30 2 * * *", "2026-03-28 12:00", zone="Europe/Berlin") == at("2026-03-29 01:30")
