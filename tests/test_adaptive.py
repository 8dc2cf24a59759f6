"""How often a source is checked that does not say so itself: by what it brought, and when that was first seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.schema import Schedule, Source
from aggregator.model import Failed, Outcome
from aggregator.schedule import ARRIVALS, Ended, adapted, arrived, next_check, usual
from tests.days import live
from tests.world import World, item, rss

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FEED = "https://blog.example/feed"


def every(gap: timedelta, times: int = ARRIVALS) -> tuple[datetime, ...]:
    """Arrivals at equal distances, the last of them now."""
    return tuple(NOW - gap * number for number in reversed(range(times)))


def after(start: datetime, gaps: list[timedelta]) -> tuple[datetime, ...]:
    """Arrivals that far from each other."""
    return tuple(start + sum(gaps[:number], timedelta()) for number in range(len(gaps) + 1))


def interval(arrivals: tuple[datetime, ...], silence: timedelta = timedelta(), **schedule: Any) -> timedelta:
    return adapted(Schedule.model_validate(schedule), arrivals, NOW + silence)


# --- the rule ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "expected"),
    [
        (MINUTE, 5 * MINUTE),  # `min`
        (5 * MINUTE, 5 * MINUTE),
        (20 * MINUTE, 10 * MINUTE),
        (HOUR, 30 * MINUTE),
        (2 * HOUR, HOUR),
        (10 * HOUR, HOUR),
        (DAY, 84 * MINUTE),
        (7 * DAY, 224 * MINUTE),
        (90 * DAY, 13 * HOUR),
        (900 * DAY, DAY),  # `max`
    ],
)
def test_the_interval_follows_the_gap_between_arrivals(gap: timedelta, expected: timedelta) -> None:
    assert abs(interval(every(gap)) - expected) < expected * 0.05


def test_one_night_or_one_burst_changes_little() -> None:
    usual_gap = interval(every(20 * MINUTE))
    night = [20 * MINUTE, 20 * MINUTE, 9 * HOUR, 20 * MINUTE, 20 * MINUTE]
    burst = [20 * MINUTE, timedelta(seconds=5), timedelta(seconds=9), 20 * MINUTE, 20 * MINUTE]
    for gaps in (night, burst):
        assert interval(after(NOW - sum(gaps, timedelta()), gaps)) == usual_gap


def test_it_grows_with_silence_and_is_back_with_the_first_word() -> None:
    lively = every(10 * MINUTE)
    asleep = [interval(lively, silence=timedelta(hours=hours)) for hours in (0, 1, 3, 8, 100, 10_000)]
    assert asleep == sorted(asleep)
    assert asleep[0] < 8 * MINUTE
    assert asleep[3] == HOUR
    assert asleep[-1] > 15 * HOUR
    awake = arrived(lively, NOW + 8 * HOUR)
    assert adapted(Schedule(), awake, NOW + 8 * HOUR) < 8 * MINUTE


def test_a_back_catalogue_is_one_arrival_and_says_nothing_of_how_often() -> None:
    assert interval((NOW,)) == HOUR
    assert interval((NOW,), silence=20 * MINUTE) == HOUR
    assert interval((NOW - DAY, NOW)) == HOUR, "one gap may be an accident"


def test_where_a_person_chose_an_interval_it_is_the_one_to_begin_with() -> None:
    assert interval((NOW,), interval="10m") == 10 * MINUTE
    assert interval((), interval="45m") == 45 * MINUTE
    assert interval((NOW,), interval="2s") == timedelta(seconds=2)


def test_a_higher_min_is_milder_to_everybody() -> None:
    for gap in (HOUR, DAY, 7 * DAY):
        assert interval(every(gap), min="1h") > interval(every(gap))
    assert interval(every(HOUR), interval="10m", min="1h") == HOUR


@given(
    gaps=st.lists(st.timedeltas(timedelta(), timedelta(days=4000)), max_size=ARRIVALS - 1),
    silence=st.timedeltas(timedelta(), timedelta(days=4000)),
)
def test_it_lies_between_min_and_max_whatever_came(gaps: list[timedelta], silence: timedelta) -> None:
    arrivals = after(datetime(1990, 1, 1, tzinfo=UTC), gaps)
    found = adapted(Schedule(), arrivals, arrivals[-1] + silence)
    assert 5 * MINUTE <= found <= DAY
    assert found == adapted(Schedule(), arrivals, arrivals[-1] + silence)


def test_a_clock_that_was_set_back_does_no_harm() -> None:
    assert interval(every(HOUR), silence=-3 * DAY) == 30 * MINUTE
    assert interval(tuple(reversed(every(HOUR)))) == HOUR


def test_only_the_last_arrivals_are_remembered() -> None:
    arrivals: tuple[datetime, ...] = ()
    for number in range(20):
        arrivals = arrived(arrivals, NOW + number * DAY)
    assert arrivals == tuple(NOW + number * DAY for number in range(14, 20))


# --- for whom it holds ---------------------------------------------------------------------


def a_source(**keys: Any) -> Source:
    return Source.model_validate({"name": "blog", **(keys or {"url": FEED})})


def test_an_interval_of_its_own_a_folder_and_a_refusal_are_not_adapted() -> None:
    lively = every(10 * MINUTE)
    assert usual(a_source(url=FEED, interval="3h"), Schedule(), lively, NOW) == 3 * HOUR
    assert usual(a_source(path="articles"), Schedule(), lively, NOW) == 30 * MINUTE
    assert usual(a_source(), Schedule(adaptive=False), lively, NOW) == 30 * MINUTE
    assert usual(a_source(), Schedule(), lively, NOW) < 8 * MINUTE


def test_sources_that_were_added_together_come_apart() -> None:
    intervals = {usual(a_source(name=f"blog {n}", url=FEED), Schedule(), (NOW,), NOW) for n in range(20)}
    assert len(intervals) == 20
    assert HOUR <= min(intervals) < max(intervals) <= 1.1 * HOUR


def test_failures_back_off_from_the_adapted_interval() -> None:
    lively = next_check(a_source(), Schedule(), Ended(failures=1, arrivals=every(10 * MINUTE)), now=NOW)
    quiet = next_check(a_source(), Schedule(), Ended(failures=1, arrivals=every(7 * DAY)), now=NOW)
    assert lively is not None
    assert quiet is not None
    assert lively - NOW < 20 * MINUTE
    assert quiet - NOW > 6 * HOUR


# --- in an installation --------------------------------------------------------------------


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED)
    return world


def gap_after(world: World) -> timedelta:
    """From the last check to the next."""
    ((last, following),) = world.rows("SELECT last_check, next_check FROM source")
    return timedelta(microseconds=following - last)


def test_a_feed_that_is_lively_is_found_out_and_one_that_falls_silent_too(blog: World) -> None:
    items = [item(number) for number in range(50)]
    blog.network.answers[FEED] = rss(*items)
    live(blog, minutes=1)
    assert gap_after(blog) >= HOUR

    for number in range(30):
        items.append(item(f"news {number}", date="Sun, 01 Mar 2020 08:00:00 GMT"))  # its dates do not matter
        blog.network.answers[FEED] = rss(*items)
        live(blog, minutes=20)
    assert gap_after(blog) < 15 * MINUTE

    live(blog, days=2)
    assert gap_after(blog) >= HOUR


def test_edits_are_no_arrivals(blog: World) -> None:
    for number in range(5):
        blog.network.answers[FEED] = rss(item(1, body=f"<p>Version {number} of the one article that there is.</p>"))
        live(blog, hours=3)
    assert len(blog.network.asked) > 5
    assert gap_after(blog) >= HOUR
    assert blog.rows("SELECT length(arrivals) FROM source") == [(8,)]


def test_failures_are_no_silence_that_is_forgotten(blog: World) -> None:
    blog.network.answers[FEED] = rss(item(1))
    live(blog, minutes=1)
    blog.network.answers[FEED] = Failed(Outcome.UNREACHABLE, "no answer", "wait")
    live(blog, days=1)
    assert blog.rows("SELECT failures > 2, length(arrivals) FROM source") == [(1, 8)]


def test_a_day_of_a_lively_feed_costs_few_requests_and_loses_nothing(blog: World) -> None:
    """Three in the morning, every half hour, then nothing until the next day."""
    asked: list[int] = []
    items: list[str] = []
    for day in range(3):
        blog.network.asked.clear()
        for half_hour in range(48):
            if 16 <= half_hour < 36:
                items.append(item(f"{day}-{half_hour}"))
            blog.network.answers[FEED] = rss(*items)
            live(blog, minutes=30)
        asked.append(len(blog.network.asked))
    assert blog.rows("SELECT count(*) FROM entry") == [(60,)]
    assert asked[-1] < 96
    assert all(later <= earlier * 3 for earlier, later in pairwise(asked))
