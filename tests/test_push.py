"""Telling a hub what changed: what is told, what is kept when the hub fails, and that nothing waits for it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from aggregator import pushing
from aggregator.publish import push
from tests.e2e.service import configure, eventually, running
from tests.played import Request, Server, reply, reset
from tests.world import World, article, item, rss

BASE = "https://news.example.org/feeds/"
FORMS = [f"{BASE}all.{kind}" for kind in ("atom", "rss", "json")]


@pytest.fixture
def world(world: World) -> World:
    world.source("甲", url="https://a.example/feed", category="科技")
    world.network.answers["https://a.example/feed"] = rss(item(1))
    return world


def heard(server: Server) -> list[list[str]]:
    """The feeds of each request."""
    return [
        [value for name, value in parse_qsl(request.body.decode()) if name == "hub.url"] for request in server.requests
    ]


def hub(world: World, server: Server) -> None:
    world.config["output"] = {"hub": server.url("/hub"), "archive": False}


def more(world: World, number: int) -> None:
    world.clock.forward(minutes=30)
    world.network.answers["https://a.example/feed"] = rss(*map(item, range(1, number + 1)))


def told(world: World) -> list[str]:
    return [message for (message,) in world.rows("SELECT message FROM event WHERE kind = 'push' ORDER BY id")]


def test_a_hub_is_told_of_every_feed_that_was_written_and_of_nothing_else(world: World):
    with Server({"/hub": reply(status=204)}) as server:
        hub(world, server)
        world.once()
        (feeds,) = heard(server)
        assert set(FORMS) <= set(feeds)
        assert f"{BASE}%E7%A7%91%E6%8A%80.atom" in feeds
        assert all(feed.rpartition(".")[2] in ("atom", "rss", "json") for feed in feeds)
        request = server.requests[0]
        assert (request.method, request.headers["content-type"]) == ("POST", "application/x-www-form-urlencoded")
        assert request.body.startswith(b"hub.mode=publish&hub.url=https")
        assert request.headers["user-agent"].startswith("aggregator/")
        world.once()
        assert len(server.requests) == 1
    assert told(world) == []


def test_without_a_hub_nothing_is_noted(world: World):
    world.once()
    assert world.rows("SELECT value FROM setting WHERE key = 'push'") == []


@pytest.mark.parametrize(
    "answer", [reply(status=500), reply(status=429), reply(status=302, headers={"Location": "/x"}), reset]
)
def test_what_a_hub_did_not_take_is_told_later_and_publishing_goes_on(world: World, answer: object):
    with Server({"/hub": [answer, reply(status=202)]}) as server:
        hub(world, server)
        assert world.once()["甲"].message is None
        assert world.titles() == ["Item 1"]
        (event,) = told(world)
        assert event.startswith("the hub 127.0.0.1 ")
        world.clock.forward(seconds=59)
        world.once()
        assert len(server.requests) == 1, "a hub that failed is left alone for a minute"
        world.clock.forward(seconds=2)
        world.once()
        first, second = heard(server)
        assert first == second
        world.clock.forward(hours=2)
        world.once()
        assert len(server.requests) == 2
    assert len(told(world)) == 1


def test_what_is_written_meanwhile_is_told_with_it_each_feed_once(world: World):
    with Server({"/hub": [reply(status=503), reply()]}) as server:
        hub(world, server)
        world.once()
        more(world, 2)
        world.source("乙", url="https://b.example/feed", category="体育")
        world.network.answers["https://b.example/feed"] = rss(item(9, link="https://b.example/9"), title="b")
        world.once()
        first, second = heard(server)
        assert set(first) < set(second)
        assert len(second) == len(set(second))


def test_a_hub_that_stays_away_is_asked_ever_less_often_and_no_later_than_after_an_hour(world: World):
    with Server({"/hub": reply(status=500)}) as server:
        hub(world, server)
        waits = []
        world.once()
        for _ in range(9):
            asked, minutes = len(server.requests), 0
            while len(server.requests) == asked:
                world.clock.forward(minutes=1)
                minutes += 1
                with world.writing() as means:
                    asyncio.run(pushing.push(means))
            waits.append(minutes)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_clock_that_was_set_back_keeps_no_hub_waiting(world: World):
    with Server({"/hub": [reply(status=500), reply()]}) as server:
        hub(world, server)
        world.once()
        world.clock.forward(days=-30)
        world.once()
        assert len(server.requests) == 2


def test_the_service_tells_the_hub_by_itself(tmp_path: Path):
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_text(article("第一篇", "<p>东湖二期管网完成切换。</p>"), encoding="utf-8")
    with Server({"/hub": reply(status=204)}) as server:
        configure(tmp_path, [{"name": "文章", "path": "articles"}], output={"hub": server.url("/hub")})
        with running(tmp_path):
            eventually(lambda: any(FORMS[0] in feeds for feeds in heard(server)))


def announce(server: Server, feeds: list[str], **how: float) -> tuple[list[str], str | None]:
    return asyncio.run(push.announce(server.url("/hub?key=secret"), feeds, agent="a", timeout=how.get("timeout", 5.0)))


def test_many_feeds_go_in_batches_and_what_was_taken_before_a_failure_counts():
    feeds = [f"{BASE}{number}.atom" for number in range(push.BATCH * 2 + 1)]
    with Server({"/hub": [reply(), reply(), reply(status=500)]}) as server:
        taken, refusal = announce(server, feeds)
        assert [len(one) for one in heard(server)] == [push.BATCH, push.BATCH, 1]
    assert taken == feeds[: push.BATCH * 2]
    assert refusal == "the hub 127.0.0.1 answered 500"


def test_a_hub_that_says_nothing_is_given_up():
    async def silent(request: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    with Server({"/hub": silent}) as server:
        taken, refusal = announce(server, [FORMS[0]], timeout=0.2)
    assert taken == []
    assert refusal is not None
    assert "secret" not in refusal


def test_no_more_is_kept_than_a_bound():
    known = [str(number) for number in range(pushing.MOST)]
    assert pushing._newest(known, ["new", "7"])[-2:] == (str(pushing.MOST - 1), "new")
    assert len(pushing._newest(known, ["new"])) == pushing.MOST
