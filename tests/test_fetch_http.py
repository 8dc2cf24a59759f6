"""Fetching from a server that is really there: what is asked, what comes, and with what manners."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import brotli
import pytest
import zstandard

from aggregator.model import Fetched, NotModified, Outcome, Validators
from tests.fetching import FEED, body, failure, feed_server, fetch, fetch_all, network, source
from tests.played import Request, Server, reply, reset


@pytest.fixture
def server() -> Iterator[Server]:
    with feed_server() as played:
        yield played


# --- what is asked, and what is kept ---------------------------------------------------------


def test_a_document_comes_with_all_that_is_known_of_it(server: Server) -> None:
    server.scripts["/feed"] = reply(
        FEED,
        headers={
            "Content-Type": 'Application/RSS+XML; charset="GB2312"',
            "ETag": 'W/"a b"',
            "Last-Modified": "yesterday, or so",
            "Cache-Control": "public, max-age=600",
        },
    )
    came = fetch(server.url("/feed?page=1"))

    assert isinstance(came, Fetched)
    assert came.document.body == FEED
    assert came.document.url == server.url("/feed?page=1")
    assert (came.document.media_type, came.document.charset) == ("application/rss+xml", "gb2312")
    assert came.validators == Validators('W/"a b"', "yesterday, or so", came.document.digest)
    assert len(came.document.digest) == 16
    assert came.wait == 600


def test_the_first_request_is_unconditional_and_says_who_asks(server: Server) -> None:
    fetch(server.url("/feed"))

    [request] = server.requests
    assert request.headers["user-agent"] == "aggregator/test"
    assert request.headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert (
        not {"if-none-match", "if-modified-since", "a-im", "cookie", "authorization", "referer"}
        & request.headers.keys()
    )


@pytest.mark.parametrize(
    ("settings", "keys", "agent"),
    [
        ({}, {}, "aggregator/test"),
        ({"user_agent": "ours"}, {}, "ours"),
        ({"user_agent": "ours"}, {"user_agent": "its"}, "its"),
    ],
)
def test_the_user_agent_nearest_to_the_source_is_sent(
    server: Server, settings: dict[str, Any], keys: dict[str, Any], agent: str
) -> None:
    fetch(server.url("/feed"), network(**settings), **keys)
    assert server.requests[0].headers["user-agent"] == agent


def test_validators_are_echoed_as_they_came_and_a_304_may_bring_new_ones(server: Server) -> None:
    known = Validators('"odd \u00e9"', "not even a date", b"0" * 16)
    server.scripts["/feed"] = reply(status=304, headers={"ETag": '"new"', "Cache-Control": "max-age=60"})

    came = fetch(server.url("/feed"), known=known)

    assert came == NotModified(Validators('"new"', "not even a date", b"0" * 16), wait=60)
    assert server.requests[0].headers["if-none-match"].encode("latin-1").decode() == '"odd \u00e9"'
    assert server.requests[0].headers["if-modified-since"] == "not even a date"


def test_the_same_body_is_no_news_where_a_server_has_no_validators(server: Server) -> None:
    first = fetch(server.url("/feed"))
    assert isinstance(first, Fetched)

    assert isinstance(fetch(server.url("/feed"), known=first.validators), NotModified)
    server.scripts["/feed"] = reply(FEED + b"\n")
    assert isinstance(fetch(server.url("/feed"), known=first.validators), Fetched)


@pytest.mark.parametrize("etag", ['"a"', 'W/"a"', "unquoted", "W/'x'", '"', '""', '"a", "b"', "a" * 2048])
def test_an_etag_is_echoed_as_odd_as_it_came(server: Server, etag: str) -> None:
    server.scripts["/feed"] = reply(FEED, headers={"ETag": etag})
    first = fetch(server.url("/feed"))
    assert isinstance(first, Fetched)

    fetch(server.url("/feed"), known=first.validators)
    assert server.requests[1].headers["if-none-match"] == etag
    assert "if-modified-since" not in server.requests[1].headers


@pytest.mark.parametrize("etag", ["", "*", '"a", *', "a" * 2049])
def test_an_etag_that_would_do_harm_is_not_echoed(server: Server, etag: str) -> None:
    server.scripts["/feed"] = reply(FEED, headers={"ETag": etag, "Last-Modified": "Sun, 01 Mar 2026 12:00:00 GMT"})
    first = fetch(server.url("/feed"))
    assert isinstance(first, Fetched)

    fetch(server.url("/feed"), known=first.validators)
    assert "if-none-match" not in server.requests[1].headers
    assert server.requests[1].headers["if-modified-since"] == "Sun, 01 Mar 2026 12:00:00 GMT"


def test_the_new_entries_alone_are_asked_for_where_there_is_an_etag(server: Server) -> None:
    for known in (Validators(), Validators(None, "a date", b"0" * 16), Validators('"old"')):
        fetch(server.url("/feed"), known=known)
    assert [request.headers.get("a-im") for request in server.requests] == [None, None, "feed"]


@pytest.mark.parametrize("used", ["feed", " Feed "])
def test_a_226_brings_the_new_entries_and_its_digest_is_not_the_feeds(server: Server, used: str) -> None:
    server.scripts["/feed"] = reply(FEED, 226, {"IM": used, "ETag": '"new"'})
    came = fetch(server.url("/feed"), known=Validators('"old"', None, b"0" * 16))

    assert body(came) == FEED
    assert isinstance(came, Fetched)
    assert came.validators == Validators('"new"', None, None)


@pytest.mark.parametrize("used", ["", "vcdiff", "feed, gzip"])
def test_a_226_that_was_not_asked_for_is_no_feed(server: Server, used: str) -> None:
    server.scripts["/feed"] = reply(FEED, 226, {"IM": used} if used else {})
    failure(fetch(server.url("/feed"), known=Validators('"old"')), Outcome.HTTP_ERROR)
    server.scripts["/feed"] = reply(FEED, 226, {"IM": "feed"})
    failure(fetch(server.url("/feed")), Outcome.HTTP_ERROR)


def test_a_304_that_nobody_asked_for_is_no_success(server: Server) -> None:
    server.scripts["/feed"] = reply(status=304)
    failure(fetch(server.url("/feed"), known=Validators(digest=b"0" * 16)), Outcome.HTTP_ERROR)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(FEED, mtime=0)),
        ("deflate", zlib.compress(FEED)),
        ("br", brotli.compress(FEED)),
        ("zstd", zstandard.compress(FEED)),
    ],
)
def test_packed_bodies_are_unpacked_and_known_by_what_is_in_them(server: Server, coding: str, packed: bytes) -> None:
    server.scripts["/packed"] = reply(packed, headers={"Content-Encoding": coding})
    plain, unpacked = fetch(server.url("/feed")), fetch(server.url("/packed"))

    assert body(unpacked) == FEED
    assert isinstance(plain, Fetched)
    assert isinstance(unpacked, Fetched)
    assert plain.document.digest == unpacked.document.digest


@pytest.mark.parametrize(
    "target",
    ["/a%7eb?u=%2fx&v=a+b", "/%e4%b8%ad", "/a;b=c?x=[1]", "/%C0%AF"],
)
def test_the_quoting_of_an_address_is_left_alone(server: Server, target: str) -> None:
    server.scripts[target.partition("?")[0]] = reply(FEED)
    assert body(fetch(server.url(target))) == FEED
    assert server.requests[0].target == target


def test_an_address_that_is_not_ascii_is_quoted(server: Server) -> None:
    fetch(server.url("/中文?q=文"))
    assert server.requests[0].target == "/%E4%B8%AD%E6%96%87?q=%E6%96%87"


# --- what a source brings along --------------------------------------------------------------


def test_a_source_has_its_own_headers_cookies_and_login(server: Server) -> None:
    fetch(
        server.url("/feed"),
        headers={"X-Key": "k", "accept": "text/xml"},
        cookies={"a": "1", "b": 'quote"d'},
        auth={"username": "用户", "password": "p:w"},
    )
    sent = server.requests[0].headers
    assert (sent["x-key"], sent["accept"], sent["cookie"]) == ("k", "text/xml", 'a=1; b=quote"d')
    assert sent["authorization"] == "Basic 55So5oi3OnA6dw=="


def test_a_login_in_the_address_is_used_and_does_not_stay_in_it(server: Server) -> None:
    came = fetch(server.url("/feed").replace("//", "//user:p%40ss@"))

    assert server.requests[0].headers["authorization"] == "Basic dXNlcjpwQHNz"
    assert isinstance(came, Fetched)
    assert came.document.url == server.url("/feed")


def test_a_proxy_is_asked_for_the_whole_address(server: Server) -> None:
    server.scripts["http://feeds.invalid/feed"] = reply(FEED)
    came = fetch("http://feeds.invalid/feed", proxy=server.url("").replace("//", "//me:secret@"))

    assert body(came) == FEED
    assert server.requests[0].target == "http://feeds.invalid/feed"
    assert server.requests[0].headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"


def test_a_proxy_is_not_a_way_to_private_addresses(server: Server) -> None:
    came = fetch("http://127.0.0.1:9/feed", network(allow=[], proxy=server.url("")))
    failure(came, Outcome.REFUSED_ADDRESS)
    assert not server.requests


def test_a_proxy_that_is_not_there_is_an_outcome() -> None:
    came = fetch("http://feeds.invalid/feed", proxy="http://127.0.0.1:1")
    assert "proxy" in failure(came, Outcome.UNREACHABLE).message


def test_certificates_are_verified_unless_the_source_says_otherwise() -> None:
    with Server({"/feed": reply(FEED)}, tls=True) as server:
        refused, taken, again = fetch_all(
            source(server.url("/feed")), source(server.url("/feed"), tls_verify=False), source(server.url("/feed"))
        )
    assert "tls_verify" in failure(refused, Outcome.UNREACHABLE).remedy
    assert body(taken) == FEED
    failure(again, Outcome.UNREACHABLE)  # not over the connection that was opened for the other


# --- manners ---------------------------------------------------------------------------------


async def slow(request: Request, writer: asyncio.StreamWriter) -> bytes:
    await asyncio.sleep(0.05)
    return reply(FEED)


def test_a_host_is_asked_no_more_at_once_than_it_may_be(server: Server) -> None:
    server.scripts["/feed"], server.together = slow, 2
    came = fetch_all(*[source(server.url("/feed"))] * 12, settings=network(per_host=2), at_once=True)

    assert [body(each) for each in came] == [FEED] * 12
    assert server.busiest == 2


def test_no_more_run_at_once_than_may_in_all() -> None:
    hosts = [f"127.0.0.{number}" for number in range(1, 9)]
    with Server({"/feed": slow}, host="0.0.0.0", together=3) as everywhere:
        urls = [everywhere.url("/feed", host) for host in hosts]
        came = fetch_all(*map(source, urls), settings=network(concurrency=3), at_once=True)

        assert [body(each) for each in came] == [FEED] * 8
        assert everywhere.busiest == 3


def test_waiting_for_a_place_counts_against_no_timeout(server: Server) -> None:
    async def very_slow(request: Request, writer: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep(1.4)
        return reply(FEED)

    server.scripts["/slow"] = very_slow
    # The second waits for 1.4 seconds, and has 1.2 for itself.
    both = source(server.url("/slow")), source(server.url("/feed"), timeout="300ms")
    came = fetch_all(*both, settings=network(per_host=1), at_once=True)
    assert [type(each) for each in came] == [Fetched] * 2


def test_one_connection_carries_many_requests(server: Server) -> None:
    fetch_all(*[source(server.url("/feed"))] * 5)
    assert (len(server.requests), server.connections) == (5, 1)


def test_a_kept_connection_that_the_server_closed_is_asked_again_at_once(server: Server) -> None:
    server.scripts["/feed"] = [reply(FEED), reset, reply(FEED)]
    first, second = fetch_all(*[source(server.url("/feed"))] * 2)

    assert (body(first), body(second)) == (FEED, FEED)
    assert [request.connection for request in server.requests] == [0, 0, 1]
