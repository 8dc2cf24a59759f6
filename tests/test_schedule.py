"""When a source is checked next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.config.schema import Schedule, Source
from aggregator.model import Outcome
from aggregator.schedule import next_check

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def source(**keys: Any) -> Source:
    return Source.model_validate({"name": "blog", "url": "https://blog.example/feed", **keys})


def pause(
    a_source: Source, outcome: Outcome = Outcome.OK, failures: int = 0, wait: float = 0.0, **schedule: Any
) -> timedelta:
    """Time from now to the next check."""
    moment = next_check(
        a_source, Schedule.model_validate(schedule), now=NOW, outcome=outcome, failures=failures, wait=wait
    )
    assert moment is not None
    return moment - NOW


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.UNCHANGED])
@pytest.mark.parametrize("interval", ["1s", "15m", "7d"])
def test_an_interval_is_kept_exactly_when_all_is_well(outcome: Outcome, interval: str) -> None:
    a_source = source(interval=interval)
    assert pause(a_source, outcome, failures=3) == a_source.interval


def test_without_an_interval_the_general_one_holds() -> None:
    assert pause(source(), interval="20m") == 20 * MINUTE


def test_a_source_that_is_gone_is_not_checked_again() -> None:
    assert next_check(source(), Schedule(), now=NOW, outcome=Outcome.GONE, wait=5) is None


@pytest.mark.parametrize(
    ("wait", "expected"), [(60, 30 * MINUTE), (7200, 2 * HOUR), (-5, 30 * MINUTE), (1e30, 24 * HOUR)]
)
@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.UNCHANGED])
def test_a_wish_lengthens_up_to_the_ceiling_and_never_shortens(
    outcome: Outcome, wait: float, expected: timedelta
) -> None:
    assert pause(source(), outcome, wait=wait) == expected


def test_an_interval_longer_than_the_ceiling_is_kept() -> None:
    assert pause(source(interval="7d"), wait=10**9) == timedelta(days=7)
    assert pause(source(interval="7d"), Outcome.UNREACHABLE, failures=4) == timedelta(days=7)


BAD = sorted(set(Outcome) - {Outcome.OK, Outcome.UNCHANGED, Outcome.GONE})


@pytest.mark.parametrize("outcome", BAD)
def test_failures_back_off_by_doubling(outcome: Outcome) -> None:
    pauses = [pause(source(interval="10m"), outcome, failures) for failures in range(1, 7)]

    for count, each in enumerate(pauses, start=1):
        full = 10 * MINUTE * 2**count
        assert 0.9 * full <= each <= full


@pytest.mark.parametrize("failures", [30, 1000, 10**9])
def test_back_off_ends_at_the_ceiling_but_checks_never_stop(failures: int) -> None:
    assert 0.9 * 24 * HOUR <= pause(source(), Outcome.UNREACHABLE, failures) <= 24 * HOUR
    assert pause(source(interval="2000d"), Outcome.UNREACHABLE, failures) == timedelta(days=2000)


def test_back_off_never_falls_below_the_interval() -> None:
    assert pause(source(interval="20h"), Outcome.UNREACHABLE, 1, max="21h") >= 20 * HOUR


def test_sources_that_failed_together_come_back_apart_and_each_at_the_same_time_again() -> None:
    names = [f"blog {number}" for number in range(20)]
    pauses = [pause(source(name=name), Outcome.UNREACHABLE, 3) for name in names]

    assert len(set(pauses)) == len(names)
    assert pauses == [pause(source(name=name), Outcome.UNREACHABLE, 3) for name in names]


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, Outcome.HTTP_ERROR, Outcome.BOT_WALL])
def test_retry_after_is_waited_for_in_full(outcome: Outcome) -> None:
    assert pause(source(), outcome, 1, wait=5 * 3600) == 5 * HOUR
    assert pause(source(), outcome, 1, wait=10**12) == 24 * HOUR


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fire(
    line: str, now: str, zone: str = "Asia/Shanghai", outcome: Outcome = Outcome.OK, failures: int = 0, wait: float = 0
) -> datetime | None:
    return next_check(
        source(cron=line, timezone=zone), Schedule(), now=at(now), outcome=outcome, failures=failures, wait=wait
    )


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
    moment = next_check(source(cron="0 7 * * *"), Schedule(), now=NOW, outcome=Outcome.OK, timezone="America/New_York")
    assert moment == at("2026-03-02 12:00")


def test_no_time_of_a_cron_line_is_missed_because_an_answer_stays_fresh() -> None:
    assert fire("0 7 * * *", "2026-03-01 23:00:05", wait=86400) == at("2026-03-02 23:00")


def test_a_daily_check_that_fails_comes_the_next_day_however_often_it_failed() -> None:
    for failures in (1, 5, 100):
        assert fire("0 7 * * *", "2026-03-01 23:02", outcome=Outcome.UNREACHABLE, failures=failures) == at(
            "2026-03-02 23:00"
        )


def test_a_frequent_cron_line_backs_off_by_passing_over_times() -> None:
    assert fire("*/10 * * * *", "2026-03-01 12:01", outcome=Outcome.UNREACHABLE, failures=1) == at("2026-03-01 13:00")
    assert fire("*/10 * * * *", "2026-03-01 12:01", outcome=Outcome.UNREACHABLE, failures=2) == at("2026-03-01 13:50")


def test_a_cron_line_waits_for_retry_after() -> None:
    assert fire("0 * * * *", "2026-03-01 12:00:05", outcome=Outcome.RATE_LIMITED, failures=1, wait=4 * 3600) == at(
        "2026-03-01 17:00"
    )


def test_an_hour_that_the_clocks_skip_is_made_up_for() -> None:
    assert fire("30 2 * * *", "2026-03-28 12:00", zone="Europe/Berlin") == at("2026-03-29 01:30")
