"""Fetching at scale: `python -m benchmarks.fetching [sources]`.

That many sources (5,000 by default), ten on each of many loopback addresses, are due at once.
They are asked with `HttpFetcher` under the limits of the default configuration, and beside it by a
bare loop over aiohttp with as many requests at once, in turns: first every answer has a body, then
each is a 304. The server, a process of its own, counts how many requests each of its addresses
has to answer at once. No answer may fail, and no limit be exceeded.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

import aiohttp

from aggregator.config.schema import Network, Source
from aggregator.fetch.http import HttpFetcher
from aggregator.model import Fetched, NotModified, Validators

ON_EACH_HOST = 10
ROUNDS = 3
#: Seconds that the server takes for an answer.
PAUSE = 0.005
SOURCES: dict[str, Source] = {}
ETAG = '"an-etag"'
ITEM = "<item><title>第 {0} 条新闻</title><link>http://news.example/{0}</link><description>{1}</description></item>"


def main(total: int) -> None:
    with subprocess.Popen([sys.executable, "-m", "benchmarks.fetching", "serve"], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        try:
            asyncio.run(_compare(_urls(total, port), port))
        finally:
            server.terminate()


def _urls(total: int, port: int) -> list[str]:
    """Mixed, as a schedule mixes them, so that some of one host come together."""
    addresses = [f"127.{1 + n // 62500}.{n // 250 % 250}.{1 + n % 250}" for n in range(-(-total // ON_EACH_HOST))]
    urls = [f"http://{address}:{port}/{path}" for path in range(ON_EACH_HOST) for address in addresses][:total]
    random.Random(7).shuffle(urls)
    return urls


@dataclass(frozen=True)
class Ran:
    rate: float
    #: Milliseconds for each request.
    processor: float
    #: Most requests at once that one address had to answer.
    busiest: int


async def _compare(urls: list[str], port: int) -> None:
    SOURCES.update((url, Source.model_validate({"name": "a source", "url": url})) for url in urls)
    for title, known in (("bodies", Validators()), ("304", Validators(etag=ETAG))):
        ran: dict[str, list[Ran]] = {"aiohttp": [], "HttpFetcher": []}
        for _ in range(ROUNDS):
            for name, work in (("aiohttp", _bare), ("HttpFetcher", _ours)):
                ran[name].append(await _measure(work, urls, known, port))
        for name, runs in ran.items():
            rate, processor = median(run.rate for run in runs), median(run.processor for run in runs)
            busiest = max(run.busiest for run in runs)
            print(
                f"{title:7} {name:12} {rate:6,.0f} requests/s {processor:5.2f} ms of CPU each {busiest} at once a host"
            )
        assert max(run.busiest for run in ran["HttpFetcher"]) <= Network().per_host
        ratio = median(run.rate for run in ran["HttpFetcher"]) / median(run.rate for run in ran["aiohttp"])
        print(f"{title:7} {ratio:.2f} of the rate of the bare loop")
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


Work = Callable[[list[str], Validators], Awaitable[int]]


async def _measure(work: Work, urls: list[str], known: Validators, port: int) -> Ran:
    await _told(port)
    wall, processor = time.perf_counter(), time.process_time()
    good = await work(urls, known)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    told = await _told(port)
    assert good == told["requests"] == len(urls), (good, told)
    return Ran(len(urls) / wall, processor / len(urls) * 1000, told["busiest"])


async def _told(port: int) -> dict[str, Any]:
    """What the server counted since it was last asked."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/told") as response:
        told: dict[str, Any] = json.loads(await response.read())
        return told


async def _ours(urls: list[str], known: Validators) -> int:
    network = Network(allow=("127.0.0.0/8",))
    room = asyncio.Semaphore(network.concurrency)
    now = datetime.now(UTC)
    wanted = NotModified if known.etag else Fetched

    async def one(url: str) -> bool:
        async with room:
            return isinstance(await fetcher.fetch(SOURCES[url], url, known, now), wanted)

    async with HttpFetcher(network, "aggregator/benchmark") as fetcher:
        return sum(await asyncio.gather(*map(one, urls)))


async def _bare(urls: list[str], known: Validators) -> int:
    sent = {"If-None-Match": known.etag} if known.etag else {}
    room = asyncio.Semaphore(Network().concurrency)
    connector = aiohttp.TCPConnector(limit=0)

    async def one(url: str) -> bool:
        async with room, session.get(url, headers=sent) as response:
            return bool(await response.read()) or response.status == 304

    async with aiohttp.ClientSession(connector=connector) as session:
        return sum(await asyncio.gather(*map(one, urls)))


# --- the server ------------------------------------------------------------------------------


class Counts:
    """How busy each address is, and was at most."""

    def __init__(self) -> None:
        self.busy: Counter[str] = Counter()
        self.busiest = self.requests = 0

    def begin(self, address: str) -> None:
        self.requests += 1
        self.busy[address] += 1
        self.busiest = max(self.busiest, self.busy[address])

    def told(self) -> bytes:
        said = json.dumps({"requests": self.requests, "busiest": self.busiest}).encode()
        self.busiest = self.requests = 0
        return said


class Speaker(asyncio.Protocol):
    """One connection of the server: it does as little as it can, for it shares the machine."""

    def __init__(self, counts: Counts, document: bytes) -> None:
        self.counts, self.document = counts, document

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.address: str = transport.get_extra_info("sockname")[0]
        self.head = b""

    def data_received(self, data: bytes) -> None:
        self.head += data
        if not self.head.endswith(b"\r\n\r\n"):
            return
        head, self.head = self.head.lower(), b""
        if head.startswith(b"get /told "):
            self.transport.write(_reply(b"200 OK", self.counts.told()))
            return
        self.counts.begin(self.address)
        same = b"if-none-match" in head
        asyncio.get_running_loop().call_later(PAUSE, self._answer, same)

    def _answer(self, same: bool) -> None:
        self.counts.busy[self.address] -= 1
        self.transport.write(_reply(b"304 Not Modified", b"") if same else self.document)


def _reply(status: bytes, body: bytes, more: bytes = b"") -> bytes:
    length = b"" if status.startswith(b"304") else b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 %s\r\n%sETag: %s\r\n%s\r\n%s" % (status, length, ETAG.encode(), more, body)


async def _serve() -> None:
    items = "".join(ITEM.format(number, "新闻的正文，" * 150) for number in range(15))
    feed = f"<rss version='2.0'><channel><title>新闻</title>{items}</channel></rss>".encode()
    fields = b"Content-Type: application/rss+xml; charset=utf-8\r\nContent-Encoding: gzip\r\n"
    document = _reply(b"200 OK", gzip.compress(feed, mtime=0), fields)
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Speaker(counts, document), "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(_serve())
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
