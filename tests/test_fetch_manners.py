"""Manners towards hosts: places, and what follows when a host says 429."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from aggregator import schedule
from aggregator.fetch import trip
from aggregator.fetch.manners import UNNAMED, UNNAMED_AT_MOST, Held, Manners, NoPlace
from aggregator.model import Outcome, Validators
from tests.fetching import FEED, NOW, ask_in_turn, body, failure, fetch_all, network, source
from tests.played import Server, reply

HOST = "news.example"
LATER = NOW + timedelta(seconds=10)


class Played:
    """Manners without waiting: pauses are noted and over at once."""

    def __init__(self, overall: int = 64, per_host: int = 2) -> None:
        self.pauses: list[float] = []
        self.manners = Manners(overall, per_host, timedelta(hours=1), sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def ask(self, host: str = HOST, seconds: float = 0.0) -> None:
        async with self.manners.at(host, NOW + timedelta(seconds=seconds), 10):
            pass

    async def most_at_once(self, tasks: int, *hosts: str, seconds: float = 0.0) -> int:
        """Of requests of which each lasts for a few turns of the loop."""
        busy: list[int] = [0, 0]

        async def one(host: str) -> None:
            async with self.manners.at(host, NOW + timedelta(seconds=seconds), 10):
                busy[0] += 1
                busy[1] = max(busy)
                for _ in range(5):
                    await asyncio.sleep(0)
                busy[0] -= 1

        await asyncio.gather(*(one(host) for host in hosts for _ in range(tasks)))
        return busy[1]


# --- places ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("per_host", "tasks", "most"), [(1, 5, 1), (2, 9, 2), (9, 3, 3)])
def test_a_host_has_so_many_places_and_no_more(per_host: int, tasks: int, most: int) -> None:
    assert asyncio.run(Played(per_host=per_host).most_at_once(tasks, HOST)) == most


def test_all_hosts_together_have_so_many_places() -> None:
    assert asyncio.run(Played(overall=3).most_at_once(2, "a.example", "b.example", "c.example")) == 3


def test_who_came_first_is_served_first() -> None:
    async def run() -> list[int]:
        manners, order = Played(per_host=2).manners, []

        async def one(number: int) -> None:
            async with manners.at(HOST, NOW, 10):
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*map(one, range(20)))
        return order

    assert asyncio.run(run()) == list(range(20))


def test_who_waits_at_a_slow_host_keeps_no_place_from_others() -> None:
    async def run() -> None:
        played = Played(overall=3, per_host=2)
        async with played.manners.at("slow.example", NOW, 10), played.manners.at("slow.example", NOW, 10):
            waiting = [asyncio.create_task(played.ask("slow.example")) for _ in range(50)]
            await asyncio.sleep(0)
            await asyncio.wait_for(played.ask("other.example"), 10)
            assert not any(task.done() for task in waiting)
        await asyncio.gather(*waiting)

    asyncio.run(run())


def test_waiting_has_an_end_and_leaves_nothing_behind() -> None:
    async def run() -> None:
        played = Played(per_host=1)
        async with played.manners.at(HOST, NOW, 10):
            with pytest.raises(NoPlace):
                async with played.manners.at(HOST, NOW, 0.001):
                    raise AssertionError("there was a place")
        assert await played.most_at_once(3, HOST) == 1

    asyncio.run(run())


def test_a_place_among_all_is_waited_for_no_longer_either() -> None:
    async def run() -> None:
        played = Played(overall=1, per_host=1)
        async with played.manners.at("a.example", NOW, 10):
            with pytest.raises(NoPlace):
                async with played.manners.at("b.example", NOW, 0.001):
                    raise AssertionError("there was a place")
            # Who stays in line keeps what is known of the host: the place given up must be in it.
            staying = asyncio.create_task(played.ask("b.example"))
            with pytest.raises(NoPlace):
                async with played.manners.at("b.example", NOW, 0.001):
                    raise AssertionError("there was a place")
        await asyncio.wait_for(staying, 10)
        assert await played.most_at_once(1, "a.example", "b.example") == 1

    asyncio.run(run())


def test_a_place_is_given_back_whatever_happens() -> None:
    async def run() -> None:
        played = Played(overall=1, per_host=1)
        with pytest.raises(KeyError):
            async with played.manners.at(HOST, NOW, 10):
                raise KeyError
        await asyncio.wait_for(played.ask(), 10)

    asyncio.run(run())


def test_no_fetch_lasts_for_as_long_as_a_check_is_claimed() -> None:
    assert schedule.CLAIM.total_seconds() > trip.WHOLE_AT_MOST + trip.PATIENCE
    settings = source("http://a.example/", timeout="1h")
    began = trip.begin(settings, "http://a.example/", Validators(), NOW, 3600)
    assert began.left == trip.WHOLE_AT_MOST


# --- after a 429 -----------------------------------------------------------------------------


def test_a_host_that_never_said_429_is_not_spaced() -> None:
    played = Played()
    assert asyncio.run(played.most_at_once(4, HOST)) == 2
    assert not played.pauses


def test_after_a_429_a_host_is_asked_one_at_a_time_and_spaced_until_its_time_has_passed() -> None:
    async def run() -> None:
        played = Played()
        async with played.manners.at(HOST, NOW, 10):
            played.manners.refused(HOST, NOW, 60)
        assert await played.most_at_once(4, HOST, seconds=59) == 1
        assert len(played.pauses) == 4
        assert all(3000 < pause <= 3600 for pause in played.pauses)
        assert await played.most_at_once(4, "other.example") == 2

        assert await played.most_at_once(4, HOST, seconds=60) == 2
        assert len(played.pauses) == 4

    asyncio.run(run())


def test_what_was_under_way_counts_when_a_host_becomes_spaced() -> None:
    async def run() -> None:
        played = Played()
        async with played.manners.at(HOST, NOW, 10):
            played.manners.refused(HOST, NOW, 60)
            next_one = asyncio.create_task(played.ask())
            await asyncio.sleep(0)
            assert not next_one.done()
        await next_one

    asyncio.run(run())


def test_a_second_429_in_that_time_holds_the_host_and_an_answer_frees_it() -> None:
    async def run() -> None:
        played = Played()
        played.manners.refused(HOST, NOW, 60)
        await played.ask()
        played.manners.refused(HOST, LATER, 30)
        with pytest.raises(Held) as held:
            await played.ask(seconds=20)
        assert held.value.seconds == 40  # of the longer wish of the two
        await played.ask("other.example", seconds=20)

        played.manners.answered(HOST, LATER)
        assert await played.most_at_once(2, HOST, seconds=20) == 1  # still spaced
        played.manners.refused(HOST, LATER, 30)
        await played.ask(seconds=20)

    asyncio.run(run())


def test_who_waits_in_line_while_the_host_becomes_held_does_not_ask() -> None:
    async def run() -> None:
        played = Played(per_host=1)
        async with played.manners.at(HOST, NOW, 10):
            waiting = asyncio.create_task(played.ask())
            await asyncio.sleep(0)
            played.manners.refused(HOST, NOW, 60)
            played.manners.refused(HOST, NOW, 60)
        with pytest.raises(Held):
            await waiting

    asyncio.run(run())


def test_a_held_host_is_asked_again_when_its_time_has_passed_and_begins_anew() -> None:
    async def run() -> None:
        played = Played()
        played.manners.refused(HOST, NOW, 10)
        played.manners.refused(HOST, NOW, 10)
        await played.ask(seconds=10)
        played.manners.refused(HOST, LATER, 10)
        await played.ask(seconds=11)  # spaced, not held: it is the first one of this time

    asyncio.run(run())


def test_a_429_without_a_time_is_heeded_longer_each_time_up_to_a_ceiling() -> None:
    async def run() -> list[float]:
        played, now, waits = Played(), NOW, []
        for _ in range(6):
            played.manners.refused(HOST, now, 0)
            played.manners.refused(HOST, now, 1)
            with pytest.raises(Held) as held:
                async with played.manners.at(HOST, now, 10):
                    pass
            waits.append(held.value.seconds)
            now += timedelta(seconds=held.value.seconds)
        return waits

    waits = asyncio.run(run())
    assert waits[:3] == [UNNAMED.total_seconds() * factor for factor in (1, 2, 4)]
    assert waits[-1] == UNNAMED_AT_MOST.total_seconds()


def test_an_answer_makes_the_next_429_without_a_time_the_first_again() -> None:
    async def run() -> None:
        played = Played()
        played.manners.refused(HOST, NOW, 0)
        played.manners.answered(HOST, NOW)
        after = NOW + UNNAMED
        played.manners.refused(HOST, after, 0)
        played.manners.refused(HOST, after, 1)
        await played.ask(seconds=2 * UNNAMED.total_seconds())

    asyncio.run(run())


def test_no_host_is_held_for_more_than_a_day() -> None:
    async def run() -> None:
        played = Played()
        played.manners.refused(HOST, NOW, 1e7)
        played.manners.refused(HOST, NOW, 1e7)
        await played.ask(seconds=86400)

    asyncio.run(run())


# --- the same over the network ---------------------------------------------------------------
# Hosts on the loopback have to be opened, and what is opened is not penalised: the public ones
# are played by a proxy.


@pytest.fixture
def proxy() -> Iterator[Server]:
    with Server() as played:
        yield played


def at(path: str, host: str = "feeds.invalid") -> str:
    return f"http://{host}/{path}"


def through(proxy: Server, **keys: Any) -> Any:
    return network(proxy=proxy.url(""), spacing="1ms", **keys)


def test_a_host_that_said_429_twice_is_left_alone_for_as_long_as_it_said(proxy: Server) -> None:
    proxy.scripts[at("a")] = proxy.scripts[at("b")] = reply(b"", 429, {"Retry-After": "120"})
    proxy.scripts[at("c")] = proxy.scripts[at("c", "other.invalid")] = reply(FEED)
    steps = [(at("a"), 0), (at("b"), 10), (at("c"), 20), (at("c", "other.invalid"), 20), (at("c"), 130)]
    first, second, held, other, again = ask_in_turn(through(proxy), *steps)

    assert [failure(each, Outcome.RATE_LIMITED).scope for each in (first, second)] == ["host", "host"]
    left = failure(held, Outcome.RATE_LIMITED)
    assert (left.scope, left.wait) == ("host", 110)
    assert "feeds.invalid answered 429" in left.message
    assert (body(other), body(again)) == (FEED, FEED)
    assert len(proxy.asked(at("c"))) == 1


def test_a_route_that_is_limited_does_not_hold_the_others_of_its_host(proxy: Server) -> None:
    proxy.scripts[at("a")] = reply(b"", 429, {"Retry-After": "120"})
    proxy.scripts[at("b")] = reply(FEED)
    steps = [(at("a"), 0), (at("b"), 1), (at("a"), 2), (at("b"), 3)]
    limited, good, still, fine = ask_in_turn(through(proxy), *steps)

    assert [failure(each, Outcome.RATE_LIMITED).wait for each in (limited, still)] == [120, 120]
    assert [body(good), body(fine)] == [FEED, FEED]


@pytest.mark.parametrize("status", [500, 503, 404])
def test_what_else_goes_wrong_at_an_address_is_nothing_to_its_host(proxy: Server, status: int) -> None:
    proxy.scripts[at("a")] = reply(b"", status, {"Retry-After": "120"})
    proxy.scripts[at("b")] = reply(FEED)
    bad, bad_again, good = ask_in_turn(through(proxy), (at("a"), 0), (at("a"), 1), (at("b"), 2))

    assert {failure(each, Outcome.HTTP_ERROR).scope for each in (bad, bad_again)} == {"url"}
    assert body(good) == FEED


@pytest.mark.parametrize(
    ("settings", "keys", "host"),
    [({"allow": ["127.0.0.1"]}, {}, None), ({"allow": ["localhost"]}, {}, "localhost"), ({"allow": []}, {"allow_private": True}, None)],
)  # fmt: skip
def test_a_host_that_the_config_opened_is_not_penalised(
    settings: dict[str, Any], keys: dict[str, Any], host: str | None
) -> None:
    with Server({"/feed": reply(FEED), "/busy": reply(b"", 429, {"Retry-After": "120"})}) as server:
        asked = [source(server.url(path, host), **keys) for path in ("/busy", "/busy", "/busy", "/feed")]
        *busy, good = fetch_all(*asked, settings=network(**settings))
    assert [failure(each, Outcome.RATE_LIMITED).wait for each in busy] == [120, 120, 120]
    assert body(good) == FEED
