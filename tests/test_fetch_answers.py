"""What answers and exceptions come to, and what headers and addresses say."""

from __future__ import annotations

import errno
import socket
import ssl
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import BadStatusLine, LineTooLong, TransferEncodingError
from multidict import CIMultiDict
from yarl import URL

from aggregator.config.schema import Source
from aggregator.fetch import faults, headers, walls
from aggregator.fetch.addresses import as_url, credentials, joined, same_site, shown
from aggregator.fetch.answers import Answer, judge
from aggregator.fetch.guard import Refused
from aggregator.fetch.inflate import Damaged, TooLarge
from aggregator.fetch.manners import Held, NoPlace
from aggregator.fetch.trip import BadRedirect
from aggregator.model import Failed, Fetched, Outcome, Validators

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ASKED = faults.Asked("http://blog.example/feed", "blog.example", 20, 80)

# --- exceptions ------------------------------------------------------------------------------


#: Nothing that we ask of aiohttp raises these: web sockets, forms, and what only its subclasses are.
NEVER = [
    "BadContentDispositionHeader", "BadContentDispositionParam", "ClientError", "EofStream", "LookupError",
    "WSHandshakeError", "WSMessageTypeError", "WebSocketError",
]  # fmt: skip


def of_the_client() -> set[type[BaseException]]:
    """Every exception class of aiohttp but those of its server, in whichever of its modules."""
    modules = [name for name in sys.modules if name.startswith("aiohttp") and not name.startswith("aiohttp.web")]
    named = [value for name in modules for value in vars(sys.modules[name]).values() if isinstance(value, type)]
    roots = [value for value in named if issubclass(value, BaseException)]
    return {kind for kind in set().union(*map(below, roots)) if kind.__module__.startswith("aiohttp")}


def below(kind: type[BaseException]) -> set[type[BaseException]]:
    return {kind}.union(*(below(each) for each in kind.__subclasses__()))


def unmapped(kinds: set[type[BaseException]]) -> list[str]:
    """The classes that would leave `fetch`, or would be told of as a fault of ours."""
    return sorted(k.__name__ for k in kinds if not issubclass(k, faults.FOREIGN) or faults.rule_for(k) is None)


def test_every_exception_of_the_client_has_a_rule() -> None:
    known = of_the_client()
    assert {aiohttp.ClientError, aiohttp.SocketTimeoutError, HttpProcessingError, LineTooLong} <= known
    assert unmapped(known) == NEVER, "say in faults.RULES what these come to"


@pytest.mark.parametrize("above", [aiohttp.ClientError, Exception])
def test_a_class_that_no_rule_knows_would_be_noticed(above: type[Exception]) -> None:
    new = type("Unheard", (above,), {"__module__": "planted"})
    assert unmapped({new}) == ["Unheard"]
    assert new in below(above)
    came = faults.failed(new("http://blog.example/?key=secret"), ASKED)
    assert came.outcome is Outcome.INTERNAL
    assert "secret" not in came.message


def connector(kind: Any, cause: OSError) -> aiohttp.ClientConnectorError:
    key: Any = URL("http://blog.example")
    error: aiohttp.ClientConnectorError = kind(key, cause)
    return error


RAISED: dict[str, tuple[BaseException, Outcome, str]] = {
    "DNS": (connector(aiohttp.ClientConnectorDNSError, OSError(-2, "unknown")), Outcome.UNREACHABLE, "not known"),
    "refused connection": (
        connector(aiohttp.ClientConnectorError, ConnectionRefusedError(errno.ECONNREFUSED, "x")), Outcome.UNREACHABLE, "connection refused",
    ),
    "several addresses": (connector(aiohttp.ClientConnectorError, OSError("Multiple: ?key=secret")), Outcome.UNREACHABLE, "No connection"),
    "private address": (connector(aiohttp.ClientConnectorError, Refused("10.0.0.1")), Outcome.REFUSED_ADDRESS, "10.0.0.1"),
    "certificate": (connector(aiohttp.ClientConnectorCertificateError, OSError(1, "x")), Outcome.UNREACHABLE, "certificate"),
    "TLS": (connector(aiohttp.ClientConnectorSSLError, ssl.SSLError(1, "x")), Outcome.UNREACHABLE, "TLS"),
    "proxy": (connector(aiohttp.ClientProxyConnectionError, OSError(1, "x")), Outcome.UNREACHABLE, "proxy"),
    "no connection in time": (aiohttp.ConnectionTimeoutError("?key=secret"), Outcome.UNREACHABLE, "within 20 s"),
    "silence": (aiohttp.SocketTimeoutError("?key=secret"), Outcome.UNREACHABLE, "silent for 20 s"),
    "too slow": (TimeoutError(), Outcome.UNREACHABLE, "80 s"),
    "disconnected": (aiohttp.ServerDisconnectedError(), Outcome.UNREACHABLE, "closed"),
    "reset": (aiohttp.ClientOSError(errno.ECONNRESET, "x"), Outcome.UNREACHABLE, "closed"),
    "body": (aiohttp.ClientPayloadError("?key=secret"), Outcome.HTTP_ERROR, "broke off"),
    "status line": (BadStatusLine("secret"), Outcome.HTTP_ERROR, "no valid HTTP"),
    "header": (LineTooLong(b"secret"), Outcome.HTTP_ERROR, "large"),
    "chunk": (TransferEncodingError("secret"), Outcome.HTTP_ERROR, "broke off"),
    "address": (aiohttp.InvalidURL("http://x/?key=secret"), Outcome.UNREACHABLE, "no address"),
    "value": (UnicodeError("secret"), Outcome.UNREACHABLE, "not valid"),
    "system": (OSError(errno.EMFILE, "secret"), Outcome.UNREACHABLE, "too many open files"),
    "held": (Held(90), Outcome.RATE_LIMITED, "another 90 s"),
    "no place": (NoPlace(), Outcome.RATE_LIMITED, "Not asked"),
}  # fmt: skip


@pytest.mark.parametrize(("error", "outcome", "words"), RAISED.values(), ids=RAISED.keys())
def test_exceptions_are_put_in_words_without_their_own(error: BaseException, outcome: Outcome, words: str) -> None:
    came = faults.failed(error, ASKED)
    assert came.outcome is outcome
    assert words in came.message
    assert came.remedy
    assert "secret" not in came.message + came.remedy


GAVE_UP, UNKNOWN = socket.gaierror(socket.EAI_AGAIN, "x"), socket.gaierror(socket.EAI_NONAME, "x")
MIXED = OSError("Multiple exceptions: [Errno 101] ('2001:db8::1', 443), [Errno 99] ('2001:db8::2', 443)")
PARTLY = OSError("Multiple exceptions: [Errno 101] ('2001:db8::1', 443), [Errno 111] ('192.0.2.1', 443)")
EVERYBODY: list[BaseException] = [
    connector(aiohttp.ClientConnectorDNSError, GAVE_UP),
    connector(aiohttp.ClientConnectorError, OSError(errno.ENETUNREACH, "x")),
    connector(aiohttp.ClientConnectorError, MIXED),
]
ONE_HOST: list[BaseException] = [
    connector(aiohttp.ClientConnectorDNSError, UNKNOWN),
    connector(aiohttp.ClientConnectorError, ConnectionRefusedError(errno.ECONNREFUSED, "x")),
    connector(aiohttp.ClientConnectorError, OSError(errno.EHOSTUNREACH, "x")),
    connector(aiohttp.ClientConnectorError, PARTLY),
    connector(aiohttp.ClientConnectorError, Refused("10.0.0.1")),
    connector(aiohttp.ClientConnectorSSLError, ssl.SSLError(1, "x")),
    connector(aiohttp.ClientConnectorCertificateError, OSError(1, "x")),
    aiohttp.ConnectionTimeoutError(), aiohttp.SocketTimeoutError(), aiohttp.ServerDisconnectedError(), TimeoutError(),
    Held(1), NoPlace(),
]  # fmt: skip
ONE_ADDRESS = [aiohttp.ClientPayloadError(), TooLarge(1), Damaged("x"), BadRedirect("x"), ValueError()]


def test_a_failure_says_whom_it_concerns() -> None:
    assert {faults.failed(error, ASKED).scope for error in EVERYBODY} == {"everybody"}
    assert {faults.failed(error, ASKED).scope for error in ONE_HOST} == {"host"}
    assert {faults.failed(error, ASKED).scope for error in ONE_ADDRESS} == {"url"}


def test_who_was_not_asked_is_told_when_to_come_again() -> None:
    assert faults.failed(Held(90), ASKED).wait == 90
    assert faults.failed(NoPlace(), ASKED).wait == faults.COME_AGAIN


def test_what_looks_like_a_dead_network_concerns_one_host_while_others_answer() -> None:
    assert all(map(faults.no_network, EVERYBODY))
    assert not any(map(faults.no_network, ONE_HOST))
    online = replace(ASKED, online=True)
    assert {faults.failed(error, online).scope for error in EVERYBODY} == {"host"}


def test_a_machine_that_has_no_more_to_give_concerns_everybody() -> None:
    assert faults.failed(OSError(errno.EMFILE, "x"), replace(ASKED, online=True)).scope == "everybody"


def test_the_proxy_of_all_concerns_everybody_and_that_of_one_source_only_it() -> None:
    down = connector(aiohttp.ClientProxyConnectionError, OSError(1, "x"))
    assert faults.failed(down, ASKED).scope == "url"
    assert faults.failed(down, replace(ASKED, shared_proxy=True)).scope == "everybody"


def test_the_addresses_of_a_local_proxy_have_a_remedy_of_their_own() -> None:
    assert "198.18.0.0/15" in faults.failed(Refused("198.18.0.9"), ASKED).remedy


# --- headers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({}, 0),
        ({"Cache-Control": "max-age=600"}, 600),
        ({"Cache-Control": 'private, Max-Age="600"'}, 600),
        ({"Cache-Control": "s-maxage=600"}, 0),
        ({"Cache-Control": "max-age=600", "Age": "200"}, 400),
        ({"Cache-Control": "max-age=600", "Age": "900"}, 0),
        ({"Cache-Control": "max-age=600", "Age": "old"}, 600),
        ({"Cache-Control": "no-cache, max-age=600"}, 0),
        ({"Cache-Control": "max-age=600, no-store"}, 0),
        ({"Cache-Control": "max-age=" + "9" * 5000}, headers.LONGEST_WAIT),
        ({"Cache-Control": "max-age=-1"}, 0),
        ({"Expires": "Sun, 01 Mar 2026 12:05:00 GMT"}, 300),
        ({"Expires": "Sun, 01 Mar 2026 11:05:00 GMT"}, 0),
        ({"Expires": "Sun, 01 Mar 2020 12:05:00 GMT", "Date": "Sun, 01 Mar 2020 12:00:00 GMT"}, 300),
        ({"Expires": "0"}, 0),
        ({"Expires": "Thu, 99 Foo 99999 99:99:99 GMT"}, 0),
        ({"Cache-Control": "max-age=60", "Expires": "Sun, 01 Mar 2026 12:05:00 GMT"}, 60),
    ],
)
def test_how_long_an_answer_stays_fresh(fields: dict[str, str], seconds: float) -> None:
    assert headers.freshness(CIMultiDict(fields), NOW) == seconds


def test_all_of_several_cache_control_headers_count() -> None:
    fields = CIMultiDict([("Cache-Control", "public"), ("Cache-Control", "max-age=60")])
    assert headers.freshness(fields, NOW) == 60


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120), (" 5 ", 5), ("9" * 5000, headers.LONGEST_WAIT), ("-5", 0), ("1.5", 0), ("١٢", 0), ("", 0),
        ("Sun, 01 Mar 2026 13:00:00 GMT", 3600), ("Sun, 01 Mar 2026 14:00:00 +0200", 0), ("Sunday, 01-Mar-26 13:00:00 GMT", 3600),
    ],
)  # fmt: skip
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float) -> None:
    assert headers.retry_after(CIMultiDict({"Retry-After": value}), NOW) == seconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text/xml", ("text/xml", None)),
        ("Text/XML ; Charset = GBK", ("text/xml", "gbk")),
        ("text/xml; charset='utf-8'; x=y", ("text/xml", "utf-8")),
        ("text/xml;charset=", ("text/xml", None)),
        ("", (None, None)),
        ("; charset=utf-8", (None, "utf-8")),
    ],
)
def test_the_content_type_is_taken_apart(value: str, expected: tuple[str | None, str | None]) -> None:
    assert headers.content_type(CIMultiDict({"Content-Type": value})) == expected


def test_validators_that_cannot_be_stored_are_left_out() -> None:
    fields = CIMultiDict({"ETag": '"\udce4"', "Last-Modified": ""})
    assert headers.validators(fields, b"d") == Validators(None, None, b"d")


def test_a_page_is_asked_for_as_a_page() -> None:
    page = Source.model_validate({"name": "p", "page": "https://p.example/", "select": {"item": "article"}})
    sent = headers.for_request(page, "agent", Validators('"a"'), None, trusted=True)
    assert sent["Accept"].startswith("text/html")
    assert "A-IM" not in sent


# --- addresses -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://u:p@H.example:8080/a?b#c", "http://h.example:8080/a?b"),
        (" https://h.example ", "https://h.example/"),
        ("https://例子.cn/a b?q=文&x=%2f", "https://xn--fsqu00a.cn/a%20b?q=%E6%96%87&x=%2f"),
        ("http://[2001:db8::1]:81/", "http://[2001:db8::1]:81/"),
        ("HTTP://h.example/%zz", "http://h.example/%zz"),
    ],
)
def test_an_address_is_made_fit_to_be_sent(text: str, url: str) -> None:
    assert str(as_url(text)) == url


@pytest.mark.parametrize(
    "text", ["", "/feed", "h.example/feed", "ftp://h.example/", "http://", "http://h:1x/", "http://[::1/"]
)
def test_what_is_no_web_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        as_url(text)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b?x=1", "https://h.example/b?x=1"),
        ("c", "https://h.example/a/c"),
        ("//o.example/d", "https://o.example/d"),
        ("http://me:pw@o.example/", "http://o.example/"),
        ("?page=2", "https://h.example/a/b?page=2"),
    ],
)
def test_a_location_is_read_from_where_it_came(location: str, target: str) -> None:
    assert str(joined(URL("https://h.example/a/b"), location)) == target


def test_messages_show_no_secrets() -> None:
    assert shown("https://me:pw@h.example:81/feed?key=k#f") == "https://h.example:81/feed"
    assert "pw" not in shown("http://me:pw@[::1/feed")


def test_a_login_is_read_from_an_address() -> None:
    assert credentials("https://me:p%3Aw@h.example/") == ("me", "p:w")
    assert credentials("https://token@h.example/") == ("token", "")
    assert credentials("https://h.example/") is None


@pytest.mark.parametrize(
    ("home", "url", "same"),
    [
        ("https://h.example/a", "https://H.example./b", True),
        ("http://h.example/", "https://h.example/", True),
        ("https://h.example/", "http://h.example/", False),
        ("http://h.example:8080/", "https://h.example/", False),
        ("https://h.example/", "https://h.example:444/", False),
        ("https://h.example/", "https://www.h.example/", False),
        ("https://h.example/", "https://h.example.evil.example/", False),
    ],
)
def test_who_may_be_told_the_secrets_of_a_source(home: str, url: str, same: bool) -> None:
    assert same_site(URL(url), URL(home)) is same


# --- walls -----------------------------------------------------------------------------------

HTML = b"<!DOCTYPE html><html><head>"
LOGIN = HTML + "<title>用户登录</title><form><input type=password>".encode()


def came_of(
    status: int, body: bytes, fields: dict[str, str] | None = None, path: str = "/feed", *, page: bool = False
) -> Outcome:
    answer = Answer(f"https://h.example{path}", status, CIMultiDict(fields or {}), body)
    came = judge(answer, Validators(), NOW, page=page)
    if isinstance(came, Failed):
        return came.outcome
    assert isinstance(came, Fetched)
    return Outcome.OK


@pytest.mark.parametrize(
    ("status", "fields", "body", "wall"),
    [
        (403, {"CF-Mitigated": "challenge"}, b"", "Cloudflare"),
        (200, {"cf-mitigated": "challenge"}, b"<rss/>", "Cloudflare"),
        (202, {"x-amzn-waf-action": "challenge"}, b"", "AWS WAF"),
        (403, {}, HTML + b"<title>Attention Required! | Cloudflare</title>", "Cloudflare"),
        (503, {}, HTML + b"<script>window._cf_chl_opt={}</script>", "Cloudflare"),
        (200, {}, b"\xef\xbb\xbf\n" + HTML + b"<script id='anubis_challenge'>", "Anubis"),
        (521, {}, b"<script>document.cookie='__jsl_clearance_s='</script>", "加速乐"),
        (200, {}, b"<?xml version='1.0'?><!-- x --><html><title>Sina Visitor System", "Sina Visitor System"),
        (404, {}, HTML + b"<script>window._cf_chl_opt={}</script>", None),
        (200, {}, b"<rss><script>window._cf_chl_opt={}</script></rss>", None),
        (200, {}, HTML + b"<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'>", None),
        (403, {"Server": "cloudflare"}, HTML + b"<title>Forbidden</title>", None),
    ],
)
def test_walls_are_known_by_what_only_they_say(
    status: int, fields: dict[str, str], body: bytes, wall: str | None
) -> None:
    assert walls.bot_wall(status, CIMultiDict(fields), body) == wall


@pytest.mark.parametrize(
    ("body", "path", "outcome"),
    [
        (LOGIN, "/feed", Outcome.BOT_WALL),
        (HTML + b"<title>Sign in - Corp</title><input name='p' type='password'>", "/feed", Outcome.BOT_WALL),
        (HTML + b"<title>Corp</title><input type='password'>", "/sso/login?next=/feed", Outcome.BOT_WALL),
        (HTML + b"<title>Home</title><input type='password'>", "/", Outcome.OK),
        (HTML + b"<title>Login</title>", "/feed", Outcome.OK),
        (b"<rss><title>Login</title><input type='password'></rss>", "/login", Outcome.OK),
    ],
)
def test_a_login_page_is_no_feed(body: bytes, path: str, outcome: Outcome) -> None:
    assert came_of(200, body, path=path) is outcome


def test_a_web_page_may_have_a_login_form() -> None:
    assert came_of(200, LOGIN, page=True) is Outcome.OK
