"""What is due is a query on a column: nothing is lost or asked twice, whatever ends the process when."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from aggregator.model import Failed, Fetched, NotModified, Outcome
from aggregator.store import sources
from aggregator.store.tables import source
from tests.days import live
from tests.world import World, item, rss

FEED = "https://blog.example/feed"
OTHER = "https://other.example/feed"


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED, interval="1m")
    world.network.answers[FEED] = rss(item(1))
    return world


class Killed(BaseException):
    """The process ends."""


def die(world: World) -> None:
    """Check what is due; the process ends while its requests are under way."""
    alive = world.network.fetch

    async def fetch(*asked: Any) -> Fetched | NotModified | Failed:
        await alive(*asked)
        raise Killed

    world.network.fetch = fetch  # type: ignore[assignment,method-assign]  # the played network is what dies
    try:
        with pytest.raises(Killed):
            world.once(everything=False)
    finally:
        world.network.fetch = alive  # type: ignore[method-assign]


def test_a_request_that_was_cut_off_is_not_repeated_at_once_and_then_as_it_was(blog: World) -> None:
    live(blog, seconds=10)
    blog.clock.forward(minutes=1)
    die(blog)
    asked = list(blog.network.asked)
    assert len(asked) == 2

    live(blog, minutes=9, seconds=59)
    assert blog.network.asked == asked, "a restart asks nothing that is claimed"
    live(blog, seconds=2)
    assert blog.network.asked == [*asked, asked[-1]]
    assert asked[-1][1].digest is not None


def test_a_first_request_that_was_cut_off_is_the_only_reason_for_a_second_one_without_conditions(blog: World) -> None:
    die(blog)
    live(blog, minutes=12)
    unconditional = [known for _, known in blog.network.asked if known.digest is None]
    assert len(blog.network.asked) > 2
    assert len(unconditional) == 2


def test_what_ended_is_checked_after_its_interval_and_not_before(blog: World) -> None:
    live(blog, minutes=3)
    assert len(blog.network.asked) == 4


def test_a_network_that_is_down_is_held_against_nobody(blog: World) -> None:
    blog.config["sources"][0].pop("interval")
    blog.source("Other", url=OTHER)
    blog.network.answers[OTHER] = rss(item(1))
    live(blog, seconds=1)
    for url in (FEED, OTHER):
        blog.network.answers[url] = Failed(Outcome.UNREACHABLE, "no network", "look at it", scope="everybody")
    blog.network.asked.clear()
    live(blog, days=1)
    assert blog.rows("SELECT DISTINCT failures, outcome, scope FROM source") == [(0, "unreachable", "everybody")]

    for url in (FEED, OTHER):
        blog.network.answers[url] = rss(item(1), item(2))
    live(blog, minutes=10)
    assert blog.rows("SELECT DISTINCT failures, outcome, scope FROM source") == [(0, "ok", None)]


def test_who_is_told_when_to_come_again_comes_then_and_not_later(blog: World) -> None:
    live(blog, seconds=1)
    blog.network.answers[FEED] = Failed(Outcome.RATE_LIMITED, "too often", "wait", wait=600.0, scope="host")
    blog.network.asked.clear()
    live(blog, hours=1)
    assert len(blog.network.asked) == 6
    assert blog.rows("SELECT failures, outcome FROM source") == [(0, "rate-limited")]


def test_who_is_only_told_that_it_was_too_often_backs_off(blog: World) -> None:
    live(blog, seconds=1)
    blog.network.answers[FEED] = Failed(Outcome.RATE_LIMITED, "too often", "wait", scope="host")
    blog.network.asked.clear()
    live(blog, hours=1)
    assert len(blog.network.asked) < 7
    assert blog.rows("SELECT failures > 3 FROM source") == [(1,)]


def test_a_source_that_is_switched_off_during_its_check_stays_off(blog: World) -> None:
    from aggregator import app, pipeline

    with blog.writing() as means:
        with means.database.read() as connection:
            (state,) = sources.by_name(connection, ["Blog"])
        blog.config["sources"][0]["enabled"] = False
        app.settle(blog.open())
        asyncio.run(pipeline.check(means, state))
    assert blog.rows("SELECT disabled, next_check FROM source") == [("config", None)]


def _plan(connection: Connection, statement: str, parameters: Any) -> list[str]:
    cursor = connection.connection.cursor()
    try:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row[3] for row in cursor.fetchall()]
    finally:
        cursor.close()


@pytest.mark.sqlite
def test_what_is_due_is_looked_up_in_an_index_and_never_sorted(blog: World) -> None:
    said: list[tuple[str, Any]] = []
    with blog.writing() as means, means.database.write() as connection:
        rows = [
            {
                "name": f"s{n}",
                "kind": "feed",
                "location": f"https://s{n}.example/",
                "configured": True,
                "next_check": blog.clock.now + timedelta(seconds=n - 50),
            }
            for n in range(2000)
        ]
        connection.execute(insert(source), rows)

        def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
            said.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        due = sources.due(connection, blog.clock.now, 20)
        event.remove(connection, "before_cursor_execute", note)
        ((statement, parameters),) = said
        plan = _plan(connection, statement, parameters)

    assert [state.name for state in due] == [f"s{n}" for n in range(20)]
    assert plan == ["SEARCH source USING INDEX ix_source_next_check (next_check<?)"]
