"""The manners that Rachel Kroll scores feed readers by, seen in a server's log over days of a played clock.

Each criterion is a test. The server is a real one on the loopback, so are the client and all between.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime

import pytest

from tests.days import Site, live, over_http
from tests.played import Server, redirect, reply
from tests.world import World, item

HOUR = timedelta(hours=1)
SY = 'xmlns:x="http://purl.org/rss/1.0/modules/syndication/"'


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    """A site with three items, subscribed to with nothing but its address."""
    feed = Site(world, [item(number) for number in range(3)])
    over_http(world)
    with Server({"/feed": feed}) as server:
        world.source("Blog", url=server.url("/feed"))
        yield feed
        assert {request.path for request in server.requests} <= {"/feed", "/new"}, "nothing but feeds is asked for"


def unconditional(site: Site) -> int:
    return sum(not {"if-none-match", "if-modified-since"} & request.headers.keys() for request in site.requests)


def test_one_unconditional_request_ever(site: Site, world: World) -> None:
    live(world, days=1)
    site.items.append(item("new"))
    live(world, days=1)
    site.instead = reply(b"out of order", 500)
    live(world, days=1)
    site.instead = None
    live(world, days=2)

    assert len(site.requests) > 20
    assert unconditional(site) == 1
    assert len(world.titles()) == 4


@pytest.mark.parametrize("etag", ['"plain"', 'W/"weak"', "no-quotes", "\"with, comma; and='signs'\"", '"x--gzip"'])
def test_validators_are_echoed_exactly_as_they_came(site: Site, world: World, etag: str) -> None:
    modified = "Sun, 1 Mar 2026 8:00:00 +0000"  # no date as RFC 9110 has it, and not ours to mend
    site.headers = {"ETag": etag, "Last-Modified": modified}
    live(world, hours=12)

    asked = [
        (request.headers.get("if-none-match"), request.headers.get("if-modified-since")) for request in site.requests
    ]
    assert len(asked) > 2
    assert asked == [(None, None), *[(etag, modified)] * (len(asked) - 1)]


def test_a_validator_that_a_304_brings_is_the_one_that_is_echoed_next(site: Site, world: World) -> None:
    site.headers = {"ETag": '"first"'}
    live(world, hours=0)
    site.instead = reply(status=304, headers={"ETag": '"second"'})
    live(world, hours=5)

    assert [request.headers.get("if-none-match") for request in site.requests][:3] == [None, '"first"', '"second"']


def test_a_body_that_was_not_understood_leaves_its_validators_unused(site: Site, world: World) -> None:
    live(world, hours=0)
    site.instead = reply(b"<html><body>maintenance</body></html>", headers={"ETag": '"maintenance"'})
    live(world, hours=6)

    assert len(site.requests) > 1
    assert {request.headers.get("if-none-match") for request in site.requests[1:]} == {site.etag}


def test_nobody_is_asked_more_often_than_hourly_without_a_word_to_do_so(site: Site, world: World) -> None:
    for day in range(4):
        live(world, hours=20)
        site.items.append(item(f"daily {day}"))
        live(world, hours=4)

    assert min(site.gaps) >= HOUR
    assert len(world.titles()) == 7


def test_a_quiet_feed_is_asked_ever_less(site: Site, world: World) -> None:
    live(world, days=10)

    assert len(site.requests) < 24 * 10 * 0.6
    assert site.gaps[-1] > 3 * HOUR


def test_who_says_how_often_is_obeyed(site: Site, world: World) -> None:
    world.config["sources"][0]["interval"] = "20m"
    live(world, hours=2)

    assert site.gaps == [timedelta(minutes=20)] * 6


def test_a_restart_asks_nothing(site: Site, world: World) -> None:
    live(world, minutes=1)
    for _ in range(5):
        live(world, minutes=1)
    assert len(site.requests) == 1


@pytest.mark.parametrize("edit", [{"name": "Journal"}, {"category": "别处"}, {"prefer": 3}])
def test_an_edit_of_the_configuration_asks_nothing(site: Site, world: World, edit: dict[str, object]) -> None:
    live(world, minutes=1)
    world.config["sources"][0] |= edit
    live(world, minutes=10)
    assert len(site.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for(site: Site, world: World, status: int, as_date: bool) -> None:
    wait = timedelta(hours=30)  # longer than `schedule.max`
    said = format_datetime(world.clock.now + wait, usegmt=True) if as_date else str(int(wait.total_seconds()))
    site.instead = reply(b"", status, {"Retry-After": said})
    live(world, hours=29)
    assert len(site.requests) == 1
    live(world, hours=2)
    assert len(site.requests) == 2


def test_retry_after_is_waited_for_by_a_restart_and_an_edit_too(site: Site, world: World) -> None:
    site.instead = reply(b"", 429, {"Retry-After": "36000"})
    live(world, hours=1)
    for enabled in (False, True):
        world.config["sources"][0]["enabled"] = enabled
        live(world, hours=1)
    assert len(site.requests) == 1


@pytest.mark.parametrize("fresh", [{"Cache-Control": "max-age=36000"}, {"Expires": "Sun, 01 Mar 2026 22:00:00 GMT"}])
def test_nothing_is_asked_that_is_still_fresh(site: Site, world: World, fresh: dict[str, str]) -> None:
    site.headers = fresh
    live(world, hours=9, minutes=59)
    assert len(site.requests) == 1
    live(world, hours=2)
    assert len(site.requests) > 1


@pytest.mark.parametrize(
    "head",
    [
        "<ttl>600</ttl>",
        f"<x:updatePeriod {SY}>daily</x:updatePeriod><x:updateFrequency {SY}>2</x:updateFrequency>",
    ],
    ids=["ttl", "sy"],
)
def test_what_the_feed_wishes_holds_also_while_it_only_answers_that_nothing_changed(
    site: Site, world: World, head: str
) -> None:
    site.head = head
    live(world, days=4)

    assert len(site.requests) > 5
    assert min(site.gaps) >= 10 * HOUR


def test_no_request_falls_into_hours_and_days_that_the_feed_skips(site: Site, world: World) -> None:
    night = "".join(f"<hour>{hour}</hour>" for hour in (22, 23, 0, 1, 2, 3, 4, 5))
    site.head = f"<skipHours>{night}</skipHours><skipDays><day>Monday</day></skipDays>"
    world.config["schedule"] = {"max": "2d"}
    live(world, days=9)

    asked = [moment for moment, _ in site.log]
    assert {moment.hour for moment in asked} <= set(range(6, 22))
    assert 0 not in {moment.weekday() for moment in asked}


def test_failures_are_met_with_patience_and_never_with_silence(site: Site, world: World) -> None:
    site.instead = reply(b"", 500)
    live(world, days=10)

    assert site.gaps == sorted(site.gaps) or min(site.gaps[5:]) > 21 * HOUR
    assert 10 < len(site.requests) < 20
    assert max(site.gaps) <= 24 * HOUR


def test_what_is_gone_is_not_asked_again(site: Site, world: World) -> None:
    live(world, hours=2)
    site.instead = reply(b"", 410)
    live(world, hours=3)
    asked = len(site.requests)
    live(world, days=30)
    assert len(site.requests) == asked


def test_the_reader_says_who_it_is(site: Site, world: World) -> None:
    live(world, hours=3)
    agents = {request.headers["user-agent"] for request in site.requests}
    assert len(agents) == 1
    assert agents.pop().startswith("aggregator/")
    assert "+https://news.example.org/" in site.requests[0].headers["user-agent"]


def test_no_cookie_referrer_or_junk_is_sent(site: Site, world: World) -> None:
    site.headers = {"Set-Cookie": "seen=1; Path=/"}
    live(world, days=1)

    assert len(site.requests) > 5
    assert {request.method for request in site.requests} == {"GET"}
    assert {request.target for request in site.requests} == {"/feed"}
    assert not {"cookie", "referer", "pragma", "cache-control"} & {name for r in site.requests for name in r.headers}


def test_a_permanent_redirect_is_followed_for_good(world: World) -> None:
    old, new = Site(world), Site(world, [item(1)])
    over_http(world)
    with Server({"/feed": old, "/new": new}) as server:
        old.instead = redirect(server.url("/new"), 301)
        world.source("Blog", url=server.url("/feed"))
        live(world, days=5)

    assert len(old.requests) == 1
    assert len(new.requests) > 20
    assert unconditional(new) == 1
    assert world.rows("SELECT moved_for_good IS NOT NULL FROM source") == [(1,)]


def test_a_temporary_redirect_is_followed_each_time(world: World) -> None:
    old, new = Site(world), Site(world, [item(1)])
    over_http(world)
    with Server({"/feed": old, "/new": new}) as server:
        old.instead = redirect(server.url("/new"), 302)
        world.source("Blog", url=server.url("/feed"))
        live(world, days=1)

    assert len(old.requests) == len(new.requests) > 5
    assert unconditional(new) == 1
