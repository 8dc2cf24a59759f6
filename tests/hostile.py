"""Hostile and odd answers, a table: what a server does, and what the status of the source then says.

A case is a source of its own whose address is answered by `script` (the languages of
`tests.played`), `to` (a redirect) or `body` (a correct answer). In `url`, `to`, `body` and `more`
`{plain}`, `{other}`, `{trap}` and the like stand for the ports of the servers that
tests/test_hostile_fetch.py starts: `{trap}` is on 127.0.0.66, which is not allowed. What is wrong
with the document itself stands in tests/hostile_documents.py.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import brotli
import zstandard

from aggregator.model import Outcome
from tests.played import Raw, Request, Speak, dripping, endless, hang_up, reply, reset, silent
from tests.world import item, rss

#: Bytes; what the installation takes of one answer.
MAX_BYTES = 2_000_000
#: The time of sources that are slow on purpose; four times that for a whole answer.
SHORT = "400ms"
SECRET = "s3cret"


@dataclass(frozen=True)
class Case:
    #: Also the source's name, and with hyphens for blanks the path that it asks for.
    name: str
    outcome: Outcome
    #: What its message must say; None where there is none.
    says: str | None
    script: Any = None
    to: str | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    #: Keys of the source besides name and address.
    more: Mapping[str, Any] = field(default_factory=dict)
    #: The titles of the entries that it brings.
    titles: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return "/" + self.name.replace(" ", "-")


FEED = rss(item(1, title="One")).encode()
ONE = ("One",)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n"
SLOW = {"timeout": SHORT}
BEGUN = b"<rss><channel>"


def headed(*fields: str, body: bytes = FEED) -> Raw:
    """An answer of 200 with these header fields, as they are."""
    return Raw(HEAD + "".join(f"{line}\r\n" for line in fields).encode("latin-1") + b"\r\n" + body)


def packed(body: bytes, coding: str) -> bytes:
    return reply(body, headers={"Content-Encoding": coding})


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(body) + packer.flush()


def bomb(pack: Any, megabytes: int = 32) -> Speak:
    """So much of nothing, packed when it is asked for."""

    async def speak(request: Request, writer: asyncio.StreamWriter) -> bytes:
        coding, body = await asyncio.to_thread(lambda: pack(bytes(megabytes * 1_000_000)))
        return packed(body, coding)

    return speak


def cut_off(data: bytes) -> Speak:
    """Send so much, then reset the connection."""

    async def speak(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.3)  # what is still on its way when the reset comes is thrown away
        await reset(request, writer)

    return speak


def status(code: int, **fields: str) -> bytes:
    return reply(b"a few words", code, {name.replace("_", "-"): value for name, value in fields.items()})


TIME = [
    Case("silence", Outcome.UNREACHABLE, "silent for 0.4 s", silent(), more=SLOW),
    Case("head that drips", Outcome.UNREACHABLE, "within 1.6 s", dripping(HEAD + b"X: ", pause=0.05), more=SLOW),
    Case("head of fields without end", Outcome.HTTP_ERROR, "too large a header", endless(HEAD, b"A: b\r\n" * 500)),
    Case("body that drips", Outcome.UNREACHABLE, "within 1.6 s", dripping(HEAD + b"\r\n", pause=0.05), more=SLOW),
    Case("body that stops", Outcome.UNREACHABLE, "silent for 0.4 s", silent(HEAD + b"\r\n" + FEED), more=SLOW),
    Case("flood of 100 Continue", Outcome.UNREACHABLE, "within 1.6 s",
         dripping(b"", drop=b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02), more=SLOW),
]  # fmt: skip

SIZE = [
    Case("body without end", Outcome.TOO_LARGE, "2,000,000 bytes", endless(HEAD + b"\r\n" + BEGUN)),
    Case("length of ten terabytes", Outcome.TOO_LARGE, "max_bytes", endless(HEAD + b"Content-Length: 9999999999999\r\n\r\n")),
    Case("chunks without end", Outcome.TOO_LARGE, "max_bytes",
         endless(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"ffff\r\n" + bytes(65535) + b"\r\n")),
    Case("header field of 100 KB", Outcome.HTTP_ERROR, "too large a header", headed("X: " + "x" * 100_000)),
    Case("header field of 20 KB", Outcome.OK, None, headed("X: " + "x" * 20_000), titles=ONE),
    Case("status line without end", Outcome.HTTP_ERROR, "too large a header", endless(b"HTTP/1.1 200 ", b"O" * 65536)),
    Case("gzip bomb", Outcome.TOO_LARGE, "max_bytes", bomb(lambda body: ("gzip", gzip.compress(body, 1)))),
    Case("nested gzip bomb", Outcome.TOO_LARGE, "max_bytes",
         bomb(lambda body: ("gzip, gzip", gzip.compress(gzip.compress(body, 1), 1)))),
    Case("gzip packed six times", Outcome.HTTP_ERROR, "6 times over", packed(FEED, ", ".join(["gzip"] * 6))),
    Case("deflate bomb", Outcome.TOO_LARGE, "max_bytes", bomb(lambda body: ("deflate", zlib.compress(body, 1)))),
    Case("brotli bomb", Outcome.TOO_LARGE, "max_bytes", bomb(lambda body: ("br", brotli.compress(body, quality=1)))),
    Case("zstd bomb", Outcome.TOO_LARGE, "max_bytes", bomb(lambda body: ("zstd", zstandard.compress(body)))),
    Case("gzip file that is a bomb", Outcome.TOO_LARGE, "max_bytes", bomb(lambda body: ("", gzip.compress(body, 1)))),
    Case("error page without end", Outcome.HTTP_ERROR, "500", endless(b"HTTP/1.1 500 Broken\r\n\r\n")),
]  # fmt: skip

PACKED = [
    Case("gzip", Outcome.OK, None, packed(gzip.compress(FEED), "gzip"), titles=ONE),
    Case("brotli", Outcome.OK, None, packed(brotli.compress(FEED), "br"), titles=ONE),
    Case("zstd", Outcome.OK, None, packed(zstandard.compress(FEED), "zstd"), titles=ONE),
    Case("deflate", Outcome.OK, None, packed(zlib.compress(FEED), "deflate"), titles=ONE),
    Case("deflate without its frame", Outcome.OK, None, packed(raw_deflate(FEED), "deflate"), titles=ONE),
    Case("gzip that is cut short", Outcome.HTTP_ERROR, "ends too early", packed(gzip.compress(FEED)[:-20], "gzip")),
    Case("gzip that is corrupt", Outcome.HTTP_ERROR, "corrupt", packed(gzip.compress(FEED)[:30] + b"x" * 300, "gzip")),
    Case("brotli that is cut short", Outcome.HTTP_ERROR, "ends too early", packed(brotli.compress(FEED)[:-20], "br")),
    Case("zstd that is cut short", Outcome.HTTP_ERROR, "ends too early", packed(zstandard.compress(FEED)[:-20], "zstd")),
    Case("brotli that is garbage", Outcome.HTTP_ERROR, "cannot be unpacked", packed(b"garbage" * 9, "br")),
    Case("gzip with garbage after it", Outcome.OK, None, packed(gzip.compress(FEED) + b"\0\0more", "gzip"), titles=ONE),
    Case("plain that says gzip", Outcome.OK, None, packed(FEED, "gzip"), titles=ONE),
    Case("coding of no name", Outcome.HTTP_ERROR, "not asked for", packed(FEED, "rot13")),
    Case("gzip file as a feed", Outcome.OK, None, reply(gzip.compress(FEED)), titles=ONE),
]  # fmt: skip

FRAMING = [
    Case("length too short", Outcome.HTTP_ERROR, "no valid HTTP", headed(f"Content-Length: {len(FEED) - 20}")),
    Case("length too long", Outcome.HTTP_ERROR, "broke off", headed(f"Content-Length: {len(FEED) + 20}")),
    Case("length below nothing", Outcome.HTTP_ERROR, "no valid HTTP", headed("Content-Length: -5")),
    Case("length that is a word", Outcome.HTTP_ERROR, "no valid HTTP", headed("Content-Length: much")),
    Case("two lengths", Outcome.HTTP_ERROR, "no valid HTTP", headed("Content-Length: 5", "Content-Length: 500")),
    Case("length and chunks", Outcome.HTTP_ERROR, "no valid HTTP", headed("Content-Length: 5", "Transfer-Encoding: chunked")),
    Case("chunks of garbage", Outcome.HTTP_ERROR, "no valid HTTP",
         headed("Transfer-Encoding: chunked", body=b"zz\r\nnot a chunk\r\n")),
    Case("chunk size that overflows", Outcome.HTTP_ERROR, "no valid HTTP",
         headed("Transfer-Encoding: chunked", body=b"f" * 20 + b"\r\n" + FEED)),
    Case("chunks that stop", Outcome.HTTP_ERROR, "broke off",
         headed("Transfer-Encoding: chunked", body=b"10\r\n" + FEED[:16] + b"\r\n")),
    Case("chunk sizes with a comment", Outcome.OK, None,
         headed("Transfer-Encoding: chunked", body=b"%x;a=b\r\n%s\r\n0\r\n\r\n" % (len(FEED), FEED)), titles=ONE),
    Case("garbage after the body", Outcome.OK, None,
         Raw(reply(FEED) + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfool"), titles=ONE),
    Case("no length at all", Outcome.OK, None, headed(), titles=ONE),
    Case("reset at once", Outcome.UNREACHABLE, "closed the connection", reset),
    Case("reset in the middle", Outcome.HTTP_ERROR, "broke off", cut_off(HEAD + b"Content-Length: 9999\r\n\r\n" + BEGUN)),
    Case("close before the status", Outcome.UNREACHABLE, "closed the connection", hang_up),
    Case("status line that is garbage", Outcome.HTTP_ERROR, "no valid HTTP", Raw(b"\x00\xff\xfe\r\n\r\n")),
    Case("status line of another protocol", Outcome.HTTP_ERROR, "no valid HTTP", Raw(b"ICY 200 OK\r\n\r\n" + FEED)),
    Case("HTTP 0.9", Outcome.HTTP_ERROR, "no valid HTTP", Raw(FEED)),
    Case("HTTP 1.0", Outcome.OK, None, Raw(b"HTTP/1.0 200 OK\r\n\r\n" + FEED), titles=ONE),
    Case("HTTP 2", Outcome.HTTP_ERROR, "no valid HTTP", Raw(b"\0\0\x12\4\0\0\0\0\0" + bytes(18))),
    Case("SSH", Outcome.HTTP_ERROR, "no valid HTTP", Raw(b"SSH-2.0-OpenSSH_9.6\r\n")),
    Case("header name that is garbage", Outcome.HTTP_ERROR, "no valid HTTP", headed("Sp ace: x")),
    Case("header value of other bytes", Outcome.OK, None, headed("X-Title: \xd0\xc2\xce\xc5"), titles=ONE),
]  # fmt: skip

STATUS = [
    Case("status 000", Outcome.HTTP_ERROR, "", Raw(b"HTTP/1.1 000 Zero\r\n\r\n" + FEED)),
    Case("status 99", Outcome.HTTP_ERROR, "no valid HTTP", Raw(b"HTTP/1.1 99 Low\r\n\r\n" + FEED)),
    Case("status 999", Outcome.HTTP_ERROR, "999", Raw(b"HTTP/1.1 999 Request denied\r\n\r\n")),
    Case("status 103 first", Outcome.OK, None,
         Raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + reply(FEED)), titles=ONE),
    Case("status 204", Outcome.HTTP_ERROR, "204 No Content", Raw(b"HTTP/1.1 204 No Content\r\n\r\n")),
    Case("status 204 with a body", Outcome.HTTP_ERROR, "no valid HTTP", reply(FEED, 204)),
    Case("status 226 unasked", Outcome.HTTP_ERROR, "226", reply(FEED, 226)),
    Case("status 205", Outcome.HTTP_ERROR, "205 Reset Content", status(205)),
    Case("status 206", Outcome.HTTP_ERROR, "206 Partial Content", reply(FEED, 206, {"Content-Range": "bytes 0-9/99"})),
    Case("status 300", Outcome.HTTP_ERROR, "300", status(300)),
    Case("status 304 unasked", Outcome.HTTP_ERROR, "not asked for changes", Raw(b"HTTP/1.1 304 Not Modified\r\n\r\n")),
    Case("status 304 with a body", Outcome.HTTP_ERROR, "no valid HTTP", reply(FEED, 304)),
    Case("status 401", Outcome.HTTP_ERROR, "auth", status(401, WWW_Authenticate="Basic realm=x")),
    Case("status 402", Outcome.HTTP_ERROR, "402", status(402)),
    Case("status 403", Outcome.HTTP_ERROR, "does not let us", status(403)),
    Case("status 404", Outcome.HTTP_ERROR, "nothing at this address", status(404)),
    Case("status 407", Outcome.HTTP_ERROR, "proxy", status(407)),
    Case("status 410", Outcome.GONE, "gone for good", status(410)),
    Case("status 418", Outcome.HTTP_ERROR, "418", status(418)),
    Case("status 451", Outcome.HTTP_ERROR, "legal reasons", status(451)),
    Case("status 429", Outcome.RATE_LIMITED, "asked too often", status(429)),
    Case("status 429 with seconds", Outcome.RATE_LIMITED, "asked too often", status(429, Retry_After="7200")),
    Case("status 429 with a date", Outcome.RATE_LIMITED, "asked too often",
         status(429, Retry_After="Fri, 01 Jan 2100 00:00:00 GMT")),
    Case("status 429 with garbage", Outcome.RATE_LIMITED, "asked too often", status(429, Retry_After="soon")),
    Case("status 429 with less than nothing", Outcome.RATE_LIMITED, "asked too often", status(429, Retry_After="-60")),
    Case("status 429 for ever", Outcome.RATE_LIMITED, "asked too often", status(429, Retry_After="9" * 400)),
    Case("status 500", Outcome.HTTP_ERROR, "has a fault", status(500)),
    Case("status 502", Outcome.HTTP_ERROR, "has a fault", status(502)),
    Case("status 503", Outcome.HTTP_ERROR, "overloaded", status(503, Retry_After="3600")),
    Case("status 530", Outcome.HTTP_ERROR, "530", status(530)),
]  # fmt: skip

_UNHEARD = Outcome.UNREACHABLE, "no address that can be asked"
_REFUSED = Outcome.REFUSED_ADDRESS, "private address"
#: How 127.0.0.66 can be written, and whether it is then dialled (and refused), or no address at all.
DISGUISES = {
    "decimal": ("2130706498", *_UNHEARD),
    "octal": ("0177.0.0.0102", *_UNHEARD),
    "hexadecimal": ("0x7f.0.0.0x42", *_REFUSED),
    "short": ("127.66", *_UNHEARD),
    "trailing dot": ("127.0.0.66.", *_UNHEARD),
    "mapped": ("[::ffff:127.0.0.66]", *_REFUSED),
    "mapped in hexadecimal": ("[::ffff:7f00:42]", *_REFUSED),
    "compatible": ("[::127.0.0.66]", *_REFUSED),
    "translated": ("[64:ff9b::127.0.0.66]", *_REFUSED),
    "percent": ("127.0.0.%36%36", Outcome.UNREACHABLE, "is not known"),
    "full width": ("①②⑦.0.0.⑥⑥", *_REFUSED),
}

REDIRECTS = [
    Case("redirect", Outcome.OK, None, to="/good/0", titles=("Good 0",)),
    Case("redirect without an aim", Outcome.HTTP_ERROR, "does not say where", status(301)),
    Case("redirect to nothing", Outcome.HTTP_ERROR, "redirect", to=""),
    Case("redirect to itself", Outcome.HTTP_ERROR, "circle", to="/redirect-to-itself"),
    Case("redirect in a circle", Outcome.HTTP_ERROR, "circle", to="/redirect-in-a-circle?again"),
    Case("redirect without end", Outcome.HTTP_ERROR, "10 times", to="/chain/0"),
    Case("redirect to a file", Outcome.HTTP_ERROR, "no http", to="file:///etc/passwd"),
    Case("redirect to ftp", Outcome.HTTP_ERROR, "no http", to="ftp://127.0.0.1/feed"),
    Case("redirect to data", Outcome.HTTP_ERROR, "no http", to="data:text/xml,<rss/>"),
    Case("redirect to a script", Outcome.HTTP_ERROR, "no http", to="javascript:alert(1)"),
    Case("redirect to a port too high", Outcome.HTTP_ERROR, "no http", to="http://127.0.0.1:99999/"),
    Case("redirect to port 0", Outcome.HTTP_ERROR, "no http", to="http://127.0.0.1:0/"),
    Case("redirect with blanks", Outcome.OK, None, to=" /with blanks ", titles=ONE),
    Case("redirect in Chinese", Outcome.OK, None, to="/新闻?q=中", titles=ONE),
    Case("redirect in GBK", Outcome.OK, None, Raw(b"HTTP/1.1 302 Found\r\nLocation: /\xd6\xd0\r\n\r\n"), titles=ONE),
    Case("redirect with a line break", Outcome.HTTP_ERROR, "404",
         Raw(b"HTTP/1.1 302 Found\r\nLocation: /good/0\r\n /more\r\n\r\n")),
    Case("redirect with a carriage return", Outcome.HTTP_ERROR, "no valid HTTP",
         Raw(b"HTTP/1.1 302 Found\r\nLocation: /good/0\rX-Evil: 1\r\n\r\n")),
    Case("redirect past a user", Outcome.REFUSED_ADDRESS, "private", to="http://127.0.0.1:{plain}@127.0.0.66:{trap}/"),
    Case("redirect with a user", Outcome.OK, None, to="http://good@127.0.0.1:{plain}/good/0", titles=("Good 0",)),
    Case("redirect with a backslash", Outcome.OK, None, to="http://127.0.0.66:{trap}\\@127.0.0.1:{plain}/good/0",
         titles=("Good 0",)),
    Case("redirect to a private address", Outcome.REFUSED_ADDRESS, "127.0.0.66", to="http://127.0.0.66:{trap}/"),
    Case("redirect to metadata", Outcome.REFUSED_ADDRESS, "169.254.169.254", to="http://169.254.169.254/latest/"),
    Case("redirect to metadata in hexadecimal", Outcome.REFUSED_ADDRESS, "169.254", to="http://0xa9.0xfe.0xa9.0xfe/latest/"),
    Case("redirect to metadata in IPv6", Outcome.REFUSED_ADDRESS, "private", to="http://[::ffff:169.254.169.254]/latest/"),
    Case("redirect to IPv6 metadata", Outcome.REFUSED_ADDRESS, "fd00:ec2::254", to="http://[fd00:ec2::254]/latest/"),
    *(
        Case(f"redirect to {way}", outcome, says, to=f"http://{host}:{{trap}}/")
        for way, (host, outcome, says) in DISGUISES.items()
    ),
    Case("redirect to nowhere", Outcome.REFUSED_ADDRESS, "0.0.0.0", to="http://0.0.0.0:{plain}/good/0"),
    Case("redirect to a broadcast", Outcome.REFUSED_ADDRESS, "private", to="http://255.255.255.255/"),
    Case("redirect to multicast", Outcome.REFUSED_ADDRESS, "private", to="http://224.0.0.1/"),
]  # fmt: skip

SECRETS = {
    "headers": {"X-Key": SECRET},
    "cookies": {"sid": SECRET},
    "auth": {"username": "me", "password": SECRET},
}

CREDENTIALS = [
    Case("secrets to another host", Outcome.OK, None, to="http://127.0.0.1:{other}/told", more=SECRETS, titles=ONE),
    Case("secrets to plain HTTP", Outcome.HTTP_ERROR, "https to http", url="https://127.0.0.1:{secure}/to-plain", more=SECRETS),
    Case("secrets in the address", Outcome.OK, None, reply(FEED),
         url=f"http://me:{SECRET}@127.0.0.1:{{plain}}/secrets-in-the-address", titles=ONE),
    Case("secrets in a failing address", Outcome.HTTP_ERROR, "404",
         url=f"http://me:{SECRET}@127.0.0.1:{{plain}}/nothing"),
    Case("secrets in a redirect", Outcome.HTTP_ERROR, "404", to=f"http://me:{SECRET}@127.0.0.1:{{plain}}/none?key={SECRET}"),
]  # fmt: skip

TLS = [
    Case("TLS", Outcome.OK, None, url="https://localhost:{secure}/feed", titles=ONE),
    Case("TLS expired", Outcome.UNREACHABLE, "expired", url="https://localhost:{expired}/feed"),
    Case("TLS self-signed", Outcome.UNREACHABLE, "self-signed", url="https://localhost:{unknown}/feed"),
    Case("TLS for another host", Outcome.UNREACHABLE, "another host", url="https://localhost:{elsewhere}/feed"),
    Case("TLS of old", Outcome.UNREACHABLE, "no connection", url="https://localhost:{aged}/feed"),
    Case("TLS that breaks off", Outcome.UNREACHABLE, "no TLS", url="https://localhost:{alarmed}/feed"),
    Case("TLS not verified", Outcome.OK, None, url="https://localhost:{expired}/feed", more={"tls_verify": False}, titles=ONE),
    Case("TLS on a plain port", Outcome.UNREACHABLE, "no TLS", url="https://127.0.0.1:{greeter}/feed"),
    Case("plain on a TLS port", Outcome.UNREACHABLE, "closed the connection", url="http://localhost:{secure}/feed"),
]  # fmt: skip

#: What the name server says to the first look-up, to the second, and so on.
ZONE: dict[str, list[list[str]]] = {
    "localhost": [["127.0.0.1"]],
    "good.test": [["127.0.0.1"]],
    "xn--efvy88h.test": [["127.0.0.1"]],
    "private.test": [["127.0.0.66"]],
    "mixed.test": [["127.0.0.66", "127.0.0.1"]],
    "rebound.test": [["127.0.0.1"], ["127.0.0.66"]],
    "pinned.test": [["127.0.0.1"], ["127.0.0.66"]],
    "nothing.test": [[]],
}

NAMES = [
    Case("name", Outcome.OK, None, url="http://good.test:{plain}/good/0", titles=("Good 0",)),
    Case("name in Chinese", Outcome.OK, None, url="http://新闻.test:{plain}/good/0", titles=("Good 0",)),
    Case("name that does not exist", Outcome.UNREACHABLE, "is not known", url="http://nowhere.test:{plain}/"),
    Case("name without an address", Outcome.UNREACHABLE, "is not known", url="http://nothing.test:{plain}/"),
    Case("name of 64 letters", Outcome.UNREACHABLE, "", url=f"http://{'x' * 64}.test:{{plain}}/"),
    Case("name of a private address", Outcome.REFUSED_ADDRESS, "127.0.0.66", url="http://private.test:{trap}/"),
    Case("name of two addresses", Outcome.OK, None, url="http://mixed.test:{plain}/good/0", titles=("Good 0",)),
    Case("name that moves later", Outcome.OK, None, url="http://rebound.test:{plain}/good/0", titles=("Good 0",)),
    Case("name that moves meanwhile", Outcome.OK, None, url="http://pinned.test:{plain}/pinned", titles=ONE),
    Case("IPv6", Outcome.OK, None, url="http://[::1]:{six}/feed", titles=ONE),
    Case("port 0", Outcome.UNREACHABLE, "cannot be asked", url="http://127.0.0.1:0/"),
    Case("port that is closed", Outcome.UNREACHABLE, "refused", url="http://127.0.0.1:{closed}/"),
    Case("port that is a word", Outcome.UNREACHABLE, "cannot be asked", url="http://127.0.0.1:http/"),
    Case("path in Chinese", Outcome.OK, None, url="http://127.0.0.1:{plain}/新闻?q=中", titles=ONE),
    Case("address itself private", Outcome.REFUSED_ADDRESS, "allow_private", url="http://127.0.0.66:{trap}/"),
    Case("address in disguise", Outcome.REFUSED_ADDRESS, "allow_private", url="http://[::ffff:127.0.0.66]:{trap}/"),
]  # fmt: skip

PROXIES = [
    Case("proxy", Outcome.OK, None, url="http://far.test/feed", more={"proxy": "http://127.0.0.1:{proxy}"}, titles=ONE),
    Case("proxy that is down", Outcome.UNREACHABLE, "proxy", url="http://far.test/feed",
         more={"proxy": f"http://me:{SECRET}@127.0.0.1:{{closed}}"}),
    Case("proxy that wants a password", Outcome.HTTP_ERROR, "the proxy wants", url="http://far.test/locked",
         more={"proxy": "http://127.0.0.1:{proxy}"}),
    Case("proxy that refuses a tunnel", Outcome.UNREACHABLE, "proxy refuses", url="https://far.test/feed",
         more={"proxy": "http://127.0.0.1:{proxy}"}),
    Case("proxy to a private address", Outcome.REFUSED_ADDRESS, "127.0.0.66", url="http://private.test:{trap}/",
         more={"proxy": "http://127.0.0.1:{proxy}"}),
]  # fmt: skip

CASES = [*TIME, *SIZE, *PACKED, *FRAMING, *STATUS, *REDIRECTS, *CREDENTIALS, *TLS, *NAMES, *PROXIES]
