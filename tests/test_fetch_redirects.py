"""Where fetching goes and where it does not: redirects, other hosts, private addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from aggregator.fetch.http import HttpFetcher
from aggregator.model import Failed, Fetched, NotModified, Outcome, Validators
from tests.fetching import FEED, NOW, body, failure, feed_server, fetch, fetch_all, network, source
from tests.played import Raw, Request, Server, redirect, reply


@pytest.fixture
def server() -> Iterator[Server]:
    with feed_server() as played:
        yield played


#: What may be dialled by its name, but not by its address.
BY_NAME = ["localhost"]


# --- redirects -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_lead_to_the_document_and_its_address(server: Server, status: int) -> None:
    server.scripts["/old/feed"] = redirect("../feed?x=%2f", status)
    came = fetch(server.url("/old/feed"))

    assert isinstance(came, Fetched)
    assert came.document.url == server.url("/feed?x=%2f")


def test_ten_redirects_are_followed_and_the_eleventh_is_not(server: Server) -> None:
    for number in range(11):
        server.scripts[f"/{number}"] = redirect(f"/{number + 1}")
    server.scripts["/11"] = reply(FEED)

    assert body(fetch(server.url("/1"))) == FEED
    assert "10 times" in failure(fetch(server.url("/0")), Outcome.HTTP_ERROR).message


@pytest.mark.parametrize("way", [["/a"], ["/b", "/a"], ["/b", "/c", "/b"]])
def test_circles_are_noticed_at_once(server: Server, way: list[str]) -> None:
    for start, target in zip(["/a", *way[:-1]], way, strict=True):
        server.scripts[start] = redirect(target)

    assert "circle" in failure(fetch(server.url("/a")), Outcome.HTTP_ERROR).message
    assert len(server.requests) == len(way)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://x.example/feed", "javascript:1", "http://", "http://a:99999/"]
)
def test_redirects_to_what_is_no_web_address_are_not_followed(server: Server, target: str) -> None:
    server.scripts["/a"] = redirect(target)
    failure(fetch(server.url("/a")), Outcome.HTTP_ERROR)


def test_a_location_of_other_bytes_is_sent_as_it_came(server: Server) -> None:
    server.scripts["/a"] = Raw(b"HTTP/1.1 302 Found\r\nLocation: /\xd6\xd0\xce\xc4\r\nContent-Length: 0\r\n\r\n")
    server.scripts["/%D6%D0%CE%C4"] = reply(FEED)
    assert body(fetch(server.url("/a"))) == FEED


SECRETS: dict[str, Any] = {
    "headers": {"X-Key": "secret", "Accept-Language": "zh"},
    "cookies": {"sid": "secret"},
    "auth": {"username": "me", "password": "secret"},
}


def test_no_other_host_is_told_the_secrets_of_a_source(server: Server) -> None:
    with Server({"/feed": reply(FEED)}) as other:
        server.scripts["/a"] = redirect(other.url("/feed", "localhost"))
        came = fetch(server.url("/a"), network(allow=["127.0.0.1", "localhost"]), **SECRETS)
        [told] = other.requests

    assert body(came) == FEED
    assert "secret" in server.requests[0].headers["cookie"]
    assert not {"x-key", "cookie", "authorization"} & told.headers.keys()
    assert told.headers["accept-language"] == "zh"


def test_another_port_is_another_host(server: Server) -> None:
    with Server({"/feed": reply(FEED)}) as other:
        server.scripts["/a"] = redirect(other.url("/feed"))
        fetch(server.url("/a"), **SECRETS)
        assert not {"x-key", "cookie", "authorization"} & other.requests[0].headers.keys()


def test_who_stays_on_the_host_stays_known(server: Server) -> None:
    server.scripts["/a"] = redirect("/feed")
    fetch(server.url("/a"), **SECRETS)
    assert {"x-key", "cookie", "authorization"} <= server.asked("/feed")[0].headers.keys()


def test_secrets_do_not_go_from_https_to_http(server: Server) -> None:
    with Server({"/a": redirect(server.url("/feed"))}, tls=True) as secure:
        came = fetch(secure.url("/a"), tls_verify=False, **SECRETS)
        assert body(fetch(secure.url("/a"), tls_verify=False)) == FEED

    assert "https to http" in failure(came, Outcome.HTTP_ERROR).message
    assert len(server.requests) == 1


def test_secrets_go_to_the_configured_host_only_also_when_another_address_is_asked(server: Server) -> None:
    async def run() -> None:
        mine = source(server.url("/feed"), **SECRETS)
        async with HttpFetcher(network(allow=["127.0.0.1", "localhost"]), "aggregator/test") as fetcher:
            for host in ("localhost", "127.0.0.1"):
                await fetcher.fetch(mine, server.url("/feed", host), Validators(), NOW)

    asyncio.run(run())
    theirs, ours = server.requests
    assert not {"x-key", "cookie", "authorization"} & theirs.headers.keys()
    assert {"x-key", "cookie", "authorization"} <= ours.headers.keys()


# --- moves -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chain", "moved"),
    [
        ([], None), ([301], "/1"), ([308], "/1"), ([301, 308], "/2"), ([301, 302], "/1"), ([302, 301], None),
        ([307], None), ([303], None), ([308, 301, 307, 301], "/2"),
    ],
)  # fmt: skip
def test_the_leading_permanent_redirects_tell_where_a_source_moved(
    server: Server, chain: list[int], moved: str | None
) -> None:
    server.scripts.update({f"/{number}": redirect(f"/{number + 1}", status) for number, status in enumerate(chain)})
    server.scripts[f"/{len(chain)}"] = [reply(FEED), reply(status=304)]
    known = Validators('"a"')
    came, same = fetch(server.url("/0"), known=known), fetch(server.url("/0"), known=known)

    assert isinstance(came, Fetched)
    assert isinstance(same, NotModified)
    assert came.moved == same.moved == (server.url(moved) if moved else None)


def test_a_move_to_another_host_is_told_unless_the_source_has_secrets(server: Server) -> None:
    target = server.url("/feed", "localhost")
    server.scripts |= {"/a": redirect("/b", 301), "/b": redirect(target, 301)}
    for keys, moved in ({}, target), (SECRETS, server.url("/b")):
        came = fetch(server.url("/a"), network(allow=["127.0.0.1", "localhost"]), **keys)
        assert isinstance(came, Fetched)
        assert came.moved == moved


def test_a_move_that_gives_up_tls_is_followed_and_not_told(server: Server) -> None:
    with Server({"/a": redirect(server.url("/feed"), 301)}, tls=True) as secure:
        came = fetch(secure.url("/a"), tls_verify=False)
    assert isinstance(came, Fetched)
    assert came.moved is None


def test_validators_are_for_the_address_that_gave_them(server: Server) -> None:
    server.scripts |= {"/a": [redirect("/old?sig=1"), redirect("/old?sig=2"), redirect("/new")]}
    server.scripts |= {"/old": reply(status=304), "/new": reply(FEED)}
    known = Validators('"of old"', "a date", b"0" * 16)
    asked = source(server.url("/a"))
    first, second, third = fetch_all(asked, asked, asked, known=known)

    assert isinstance(first, NotModified)
    assert isinstance(second, NotModified)
    assert body(third) == FEED
    [unknown] = server.asked("/new")
    assert not {"if-none-match", "if-modified-since", "a-im"} & unknown.headers.keys()
    assert [request.headers.get("if-none-match") for request in server.asked("/old")] == ['"of old"'] * 2


# --- private addresses -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "127.1", "2130706433", "①②⑦.0.0.1", "[::ffff:127.0.0.1]"]
)
def test_private_addresses_are_refused_however_they_are_written(server: Server, host: str) -> None:
    came = fetch(server.url("/feed", host), network(allow=[]))

    assert isinstance(came, Failed)
    assert came.outcome in (Outcome.REFUSED_ADDRESS, Outcome.UNREACHABLE)
    assert not server.requests


def test_the_refusal_names_the_address_and_the_way_out() -> None:
    came = failure(fetch("http://localhost:9/feed", network(allow=[])), Outcome.REFUSED_ADDRESS)
    assert "127.0.0.1" in came.message or "::1" in came.message
    assert "allow_private" in came.remedy
    assert "localhost" in came.remedy


@pytest.mark.parametrize("allow", [["127.0.0.1"], ["127.0.0.0/8"], ["localhost"], ["LOCALHOST"]])
def test_network_allow_opens_names_addresses_and_blocks(server: Server, allow: list[str]) -> None:
    assert body(fetch(server.url("/feed", "localhost"), network(allow=allow))) == FEED


def test_a_name_that_is_allowed_opens_nothing_else_at_its_address(server: Server) -> None:
    by_name, by_address = fetch_all(
        source(server.url("/feed", "localhost")), source(server.url("/feed")), settings=network(allow=BY_NAME)
    )
    assert body(by_name) == FEED
    failure(by_address, Outcome.REFUSED_ADDRESS)


def test_what_is_opened_for_one_source_stays_closed_for_all_others(server: Server) -> None:
    mine, theirs = fetch_all(
        source(server.url("/feed"), allow_private=True), source(server.url("/feed")), settings=network(allow=[])
    )
    assert body(mine) == FEED
    failure(theirs, Outcome.REFUSED_ADDRESS)
    assert len(server.requests) == 1


def test_a_redirect_to_a_private_address_is_refused(server: Server) -> None:
    server.scripts["/a"] = redirect(server.url("/feed"))
    came = fetch(server.url("/a", "localhost"), network(allow=BY_NAME))

    assert "127.0.0.1" in failure(came, Outcome.REFUSED_ADDRESS).message
    assert not server.asked("/feed")


def test_a_private_source_opens_its_own_host_and_no_other(server: Server) -> None:
    server.scripts["/a"] = redirect("/feed")
    server.scripts["/b"] = redirect(server.url("/feed"))
    stays, leaves = (
        fetch(server.url(path, "localhost"), network(allow=[]), allow_private=True) for path in ("/a", "/b")
    )

    assert body(stays) == FEED
    assert "127.0.0.1" in failure(leaves, Outcome.REFUSED_ADDRESS).message


def test_a_private_source_opens_its_own_host_also_when_another_address_is_asked(server: Server) -> None:
    async def run() -> list[Any]:
        mine = source(server.url("/feed", "localhost"), allow_private=True)
        async with HttpFetcher(network(allow=[]), "aggregator/test") as fetcher:
            hosts = ("127.0.0.1", "localhost")
            return [await fetcher.fetch(mine, server.url("/feed", host), Validators(), NOW) for host in hosts]

    theirs, ours = asyncio.run(run())
    failure(theirs, Outcome.REFUSED_ADDRESS)
    assert body(ours) == FEED


def test_all_redirects_together_have_the_time_of_one_answer(server: Server) -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> bytes:
        await asyncio.sleep(0.08)
        return redirect(f"/{int(request.path[1:]) + 1}") if request.path != "/9" else reply(FEED)

    server.scripts.update({f"/{number}": slow for number in range(10)})
    failure(fetch(server.url("/0"), timeout="150ms"), Outcome.UNREACHABLE)
