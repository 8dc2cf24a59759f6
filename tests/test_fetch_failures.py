"""Servers that say no, and servers that say nothing sensible."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import brotli
import pytest
import zstandard

from aggregator.config.schema import Auth
from aggregator.model import Failed, Fetched, Outcome
from tests.fetching import FEED, body, failure, feed_server, fetch, fetch_all, network, source
from tests.played import Raw, Server, dripping, reply, reset, silent


@pytest.fixture
def server() -> Iterator[Server]:
    with feed_server() as played:
        yield played


# --- answers that say no ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, Outcome.HTTP_ERROR), (206, Outcome.HTTP_ERROR), (300, Outcome.HTTP_ERROR), (302, Outcome.HTTP_ERROR),
        (400, Outcome.HTTP_ERROR), (401, Outcome.HTTP_ERROR), (403, Outcome.HTTP_ERROR), (404, Outcome.HTTP_ERROR),
        (410, Outcome.GONE), (418, Outcome.HTTP_ERROR), (429, Outcome.RATE_LIMITED), (451, Outcome.HTTP_ERROR),
        (500, Outcome.HTTP_ERROR), (503, Outcome.HTTP_ERROR), (599, Outcome.HTTP_ERROR),
    ],
)  # fmt: skip
def test_every_status_is_an_outcome(server: Server, status: int, outcome: Outcome) -> None:
    server.scripts["/feed"] = reply(b"" if status == 204 else b"no", status)
    came = failure(fetch(server.url("/feed?key=secret").replace("//", "//me:secret@")), outcome)
    assert str(status) in came.message
    assert server.url("/feed") in came.message


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "wait"),
    [("120", 120), ("Sun, 01 Mar 2026 12:02:00 GMT", 120), ("Sun, 01 Mar 2026 11:00:00 GMT", 0), ("soon", 0)],
)
def test_retry_after_is_read(server: Server, status: int, value: str, wait: float) -> None:
    server.scripts["/feed"] = reply(b"", status, {"Retry-After": value})
    came = fetch(server.url("/feed"))
    assert isinstance(came, Failed)
    assert came.wait == wait


def test_a_challenge_is_named_whatever_its_status(server: Server) -> None:
    page = gzip.compress(b"<!DOCTYPE html><html><head><title>Just a moment...</title>", mtime=0)
    server.scripts["/header"] = reply(b"", 403, {"cf-mitigated": "challenge"})
    server.scripts["/page"] = reply(page, 503, {"Content-Encoding": "gzip", "Retry-After": "30"})
    server.scripts["/feed"] = reply(b"<rss><title>Just a moment...</title></rss>")

    assert "Cloudflare" in failure(fetch(server.url("/header")), Outcome.BOT_WALL).message
    page_came = failure(fetch(server.url("/page")), Outcome.BOT_WALL)
    assert "Cloudflare" in page_came.message
    assert page_came.wait == 30
    assert isinstance(fetch(server.url("/feed")), Fetched)


def test_a_page_that_is_no_wall_is_left_to_parse(server: Server) -> None:
    server.scripts["/feed"] = reply(b"<!DOCTYPE html><title>Home</title>", headers={"Content-Type": "text/html"})
    assert isinstance(fetch(server.url("/feed")), Fetched)


@pytest.mark.parametrize(
    "said",
    [
        reset,
        silent(b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n"),
        Raw(b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\n"),
    ],
)
def test_a_broken_error_page_does_not_hide_the_status(server: Server, said: Any) -> None:
    server.scripts["/feed"] = said
    came = fetch(server.url("/feed"), timeout="200ms")
    assert isinstance(came, Failed)
    assert came.outcome is (Outcome.UNREACHABLE if said is reset else Outcome.HTTP_ERROR)


# --- answers that are broken -----------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\n"
PACKED = gzip.compress(FEED * 20, mtime=0)

BROKEN: dict[str, tuple[Any, Outcome]] = {
    "nothing at all": (Raw(b""), Outcome.UNREACHABLE),
    "a reset": (reset, Outcome.UNREACHABLE),
    "less than Content-Length": (Raw(OK + b"Content-Length: 999\r\n\r\n" + FEED), Outcome.HTTP_ERROR),
    "Content-Length that is no number": (Raw(OK + b"Content-Length: many\r\n\r\n" + FEED), Outcome.HTTP_ERROR),
    "Content-Length below zero": (Raw(OK + b"Content-Length: -5\r\n\r\n" + FEED), Outcome.HTTP_ERROR),
    "two Content-Lengths": (Raw(OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"), Outcome.HTTP_ERROR),
    "chunks cut short": (Raw(OK + b"Transfer-Encoding: chunked\r\n\r\n40\r\nabc"), Outcome.HTTP_ERROR),
    "a chunk without a size": (Raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"), Outcome.HTTP_ERROR),
    "a chunk of endless size": (Raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 99 + b"\r\nabc"), Outcome.HTTP_ERROR),
    "gzip cut short": (reply(PACKED[:-9], headers={"Content-Encoding": "gzip"}), Outcome.HTTP_ERROR),
    "corrupt gzip": (reply(PACKED[:40] + b"x" * 40, headers={"Content-Encoding": "gzip"}), Outcome.HTTP_ERROR),
    "a coding not asked for": (reply(FEED, headers={"Content-Encoding": "compress"}), Outcome.HTTP_ERROR),
    "zstd cut short": (reply(zstandard.compress(FEED)[:-1], headers={"Content-Encoding": "zstd"}), Outcome.HTTP_ERROR),
    "a zstd bomb": (reply(zstandard.compress(bytes(9_000_000)), headers={"Content-Encoding": "zstd"}), Outcome.TOO_LARGE),
    "a gzip bomb": (reply(gzip.compress(bytes(9_000_000)), headers={"Content-Encoding": "gzip"}), Outcome.TOO_LARGE),
    "a brotli bomb": (reply(brotli.compress(bytes(9_000_000)), headers={"Content-Encoding": "br"}), Outcome.TOO_LARGE),
    "a large Content-Length": (Raw(OK + b"Content-Length: 99999999999\r\n\r\n"), Outcome.TOO_LARGE),
    "an endless body": (dripping(OK + b"\r\n", pause=0, drop=b"x" * 65536), Outcome.TOO_LARGE),
    "no HTTP at all": (Raw(b"220 mail.example ESMTP\r\n\r\n"), Outcome.HTTP_ERROR),
    "binary garbage": (Raw(bytes(range(256)) * 8), Outcome.HTTP_ERROR),
    "a bad status": (Raw(b"HTTP/1.1 2000 OK\r\n\r\n"), Outcome.HTTP_ERROR),
    "a header without a colon": (Raw(OK + b"nonsense\r\n\r\n"), Outcome.HTTP_ERROR),
    "one huge header": (Raw(OK + b"X: " + b"y" * 99_999 + b"\r\n\r\n"), Outcome.HTTP_ERROR),
    "a flood of headers": (Raw(OK + b"X: y\r\n" * 9_999 + b"\r\n"), Outcome.HTTP_ERROR),
    "an endless header": (dripping(OK, pause=0, drop=b"X: yyyyyyyyyyyyyyy\r\n" * 99), Outcome.HTTP_ERROR),
}  # fmt: skip


@pytest.mark.parametrize(("said", "outcome"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_answers_are_outcomes(server: Server, said: Any, outcome: Outcome) -> None:
    server.scripts["/feed"] = said
    failure(fetch(server.url("/feed?key=secret"), network(max_bytes="1MB")), outcome)


def test_https_where_the_server_speaks_http_is_an_outcome(server: Server) -> None:
    came = fetch(server.url("/feed").replace("http:", "https:"), timeout="100ms")
    assert "within 0.1 s" in failure(came, Outcome.UNREACHABLE).message


def test_headers_as_large_as_real_ones_are_read(server: Server) -> None:
    fields = {f"X-{number}": "y" * 200 for number in range(150)} | {"Content-Security-Policy": "z" * 20_000}
    server.scripts["/feed"] = reply(FEED, headers=fields)
    assert body(fetch(server.url("/feed"))) == FEED


def test_a_body_that_ends_with_the_connection_is_whole(server: Server) -> None:
    server.scripts["/feed"] = Raw(OK + b"\r\n" + FEED)
    assert body(fetch(server.url("/feed"))) == FEED


@pytest.mark.parametrize("head", [b"", OK, OK + b"Content-Length: 9\r\n\r\n"])
def test_silence_is_waited_for_no_longer_than_the_timeout(server: Server, head: bytes) -> None:
    server.scripts["/feed"] = silent(head)
    assert "silent for 0.1 s" in failure(fetch(server.url("/feed"), timeout="100ms"), Outcome.UNREACHABLE).message


@pytest.mark.parametrize("head", [OK + b"X: ", OK + b"Content-Length: 99999\r\n\r\n"])
def test_what_drips_for_ever_is_given_up_as_a_whole(server: Server, head: bytes) -> None:
    server.scripts["/feed"] = dripping(head, pause=0.02)
    came = failure(fetch(server.url("/feed"), timeout="250ms"), Outcome.UNREACHABLE)
    assert "did not finish" in came.message
    assert "1 s" in came.message


@pytest.mark.parametrize(
    "url",
    [
        "http://known-to-nobody.invalid/feed", "http://127.0.0.1:1/feed", "http://a:99999/", "http://[::1/",
        "ftp://127.0.0.1/feed", "file:///etc/passwd", "http:///feed", "", "http://" + "a" * 70 + ".example/", "http://a..b/",
        "http://a b/", "http://%00/",
    ],
)  # fmt: skip
def test_an_address_that_leads_nowhere_is_an_outcome(url: str) -> None:
    [came] = fetch_all(source("http://127.0.0.1/").model_copy(update={"url": url}))
    failure(came, Outcome.UNREACHABLE)


UNFIT: list[dict[str, Any]] = [
    {"headers": {"X": "secret\nY: z"}},
    {"headers": {"a b": "secret\0"}},
    {"cookies": {"a": "secret\r\nb"}},
    {"auth": Auth(username="a:secret")},
    {"proxy": "socks5://me:secret@127.0.0.1:1"},
    {"proxy": "nonsense"},
]


@pytest.mark.parametrize("keys", UNFIT)
def test_what_no_request_can_carry_is_an_outcome(server: Server, keys: dict[str, Any]) -> None:
    # The configuration refuses most of these; what is stored or made in code need not have passed it.
    [came] = fetch_all(source(server.url("/feed")).model_copy(update=keys))
    failure(came, Outcome.UNREACHABLE)
    assert not server.requests
