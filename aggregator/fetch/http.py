"""Fetch documents over HTTP: the only part that knows aiohttp's client.

Requests are conditional, redirects are followed by hand, and every answer is bounded in size and
time. What an answer means is decided in `answers`, what an exception means in `faults`, who may
be told what in `trip`, and when a host may be asked in `manners`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from aggregator.config.schema import Network, Source
from aggregator.fetch import answers, faults, guard, headers
from aggregator.fetch.addresses import shown
from aggregator.fetch.answers import Answer
from aggregator.fetch.guard import host_name
from aggregator.fetch.inflate import TooLarge, inflate
from aggregator.fetch.manners import Manners, Memory
from aggregator.fetch.trip import Trip, begin, moved, redirect
from aggregator.model import Failed, Fetched, NotModified, Validators

#: Bytes; long cookies and content policies are common, and aiohttp's 8190 refuses them.
HEADER_FIELD = 32768
HEADER_COUNT = 256
#: Bytes of an error page that are looked at.
ERROR_PAGE = 262144
#: Seconds. A sweep over all sources asks for each host's address once.
DNS_LIFE = 300
DNS_NAMES = 10_000
#: Seconds that a connection is kept for the next request. A sweep over thousands of hosts leaves
#: one behind at each, and there are processes that may have no more than 1,024 open.
KEEP_ALIVE = 2.0


class HttpFetcher:
    """Fetches over HTTP; made once, for it keeps connections, and closed as a context manager.

    `user_agent` is sent where neither the source nor `network` has one. `resolver` tells the
    addresses of names, the system's by default; `memory` shares what hosts asked for with other
    processes. Must be entered and used in one event loop.
    """

    def __init__(
        self,
        network: Network,
        user_agent: str,
        *,
        resolver: AbstractResolver | None = None,
        memory: Memory | None = None,
    ) -> None:
        self._network = network
        self._agent = network.user_agent or user_agent
        self._allowed = guard.allowed(network.allow)
        self._resolver = resolver
        self._memory = memory
        #: Which address, without its query, gave the validators of an address that is asked. Not
        #: known after a restart; then the redirects are taken for the same as before.
        self._gave: dict[str, str] = {}
        #: Somebody out there answered since a request last failed as all do without network.
        self._online = False

    async def __aenter__(self) -> Self:
        network = self._network
        self._manners = Manners(network.concurrency, network.per_host, network.spacing, memory=self._memory)
        self._guarded = self._session(guard.guarded(self._allowed.networks))
        # Connections are shared within a session, and a connection that is open is not guarded any
        # more: what may be private has a session of its own.
        self._open = self._session(None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._guarded.close()
        await self._open.close()

    def _session(self, factory: guard.Factory | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,
            ttl_dns_cache=DNS_LIFE,
            dns_cache_max_size=DNS_NAMES,
            keepalive_timeout=KEEP_ALIVE,
            resolver=self._resolver,
            socket_factory=factory,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_field_size=HEADER_FIELD,
            max_headers=HEADER_COUNT,
        )

    async def fetch(
        self, source: Source, url: str, validators: Validators, now: datetime
    ) -> Fetched | NotModified | Failed:
        """Fetch `url` on behalf of `source`, unless it is as `validators` say. Raises nothing foreign.

        `source` brings headers, login and limits; `url` need not be its own. `now` is what dates
        in headers and the waits of hosts are compared with.
        """
        timeout = (source.timeout or self._network.timeout).total_seconds()
        try:
            trip = begin(source, url, validators, now, timeout)
        except ValueError as error:
            return faults.failed(error, faults.Asked(shown(url), "", timeout, timeout))
        try:
            answer = await self._follow(trip)
        except faults.FOREIGN as error:
            return self._failed(error, trip)
        came = answers.judge(answer, trip.sent, now, page=source.page is not None)
        if isinstance(came, Failed):
            return came
        if validators.etag or validators.last_modified:
            self._gave[str(trip.start)] = _place(trip.url)
        to = moved(trip)
        return replace(came, moved=to) if to else came

    def _failed(self, error: BaseException, trip: Trip) -> Failed:
        shared = trip.source.proxy is None and self._network.proxy is not None
        host = host_name(trip.url)
        asked = faults.Asked(shown(str(trip.url)), host, trip.timeout, trip.whole, self._online, shared)
        if faults.no_network(error):
            self._online = False
        return faults.failed(error, asked)

    async def _follow(self, trip: Trip) -> Answer:
        """The first answer that is no redirect."""
        while True:
            answer = await self._hop(trip)
            location = answer.headers.get("Location")
            if answer.status not in answers.REDIRECTS or location is None:
                return answer
            redirect(trip, answer.status, location)

    async def _hop(self, trip: Trip) -> Answer:
        """One request, in its place among all, and within the time that is left."""
        clock = asyncio.get_running_loop().time
        host, came = host_name(trip.url), clock()
        async with self._manners.at(host, trip.now, trip.patience):
            start = clock()
            trip.patience -= start - came
            async with asyncio.timeout(trip.left):
                answer = await self._request(trip)
                await self._heed(trip, host, answer)
            trip.left -= clock() - start
        return answer

    async def _request(self, trip: Trip) -> Answer:
        source = trip.source
        proxy = source.proxy or self._network.proxy
        private = self._opened(trip)
        if proxy and not private:
            await guard.check_target(host_name(trip.url), self._allowed.networks)
        # A proxy is named by the person who runs this; where it stands is theirs to choose.
        session = self._open if proxy or private else self._guarded
        trip.sent = self._validators(trip)
        limits = aiohttp.ClientTimeout(total=None, connect=trip.timeout, sock_read=trip.timeout)
        async with session.get(
            trip.url,
            headers=headers.for_request(source, self._agent, trip.sent, trip.login, trusted=trip.trusted),
            allow_redirects=False,
            proxy=proxy,
            ssl=source.tls_verify,
            timeout=limits,
        ) as response:
            body = await _body(response, self._network.max_bytes, trip.timeout)
            return Answer(str(trip.url), response.status, response.headers, body)

    def _opened(self, trip: Trip) -> bool:
        """Whether the host is trusted by name; names are looked up only when they are dialled."""
        return trip.private or host_name(trip.url) in self._allowed.names

    def _validators(self, trip: Trip) -> Validators:
        """Those of the trip for the address that gave them; any other would compare them with its own."""
        giver = self._gave.get(str(trip.start))
        return trip.validators if giver in (None, _place(trip.url)) else Validators(digest=trip.validators.digest)

    async def _heed(self, trip: Trip, host: str, answer: Answer) -> None:
        """Remember what the answer tells of its host, unless that is one which the config opened."""
        if self._opened(trip):
            return
        if answer.status == 429:
            if not await guard.lies_in(host, self._allowed.networks):
                self._manners.refused(host, trip.now, headers.retry_after(answer.headers, trip.now))
        elif answer.status < 400:
            self._manners.answered(host, trip.now)
        # An address that needs no name server tells nothing about the network beyond it.
        self._online = self._online or not guard.is_address(host)


def _place(url: URL) -> str:
    """An address without its query, in which redirects may sign anew each time."""
    return str(url).partition("?")[0]


async def _body(response: aiohttp.ClientResponse, limit: int, timeout: float) -> bytes:
    """The whole body, unpacked, where it is the document; of an error page what can be had of it."""
    codings = ", ".join(response.headers.getall("Content-Encoding", ()))
    if response.status in answers.BODIES:
        return inflate(await _raw(response, limit), codings, limit)
    if response.status in answers.BODILESS:
        return b""
    # The page only helps to say what is wrong; nothing that goes wrong with it may hide the status.
    with suppress(*faults.FOREIGN):
        async with asyncio.timeout(timeout):
            return inflate(await _raw(response, ERROR_PAGE), codings, ERROR_PAGE)
    return b""


async def _raw(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if (response.content_length or 0) > limit:
        raise TooLarge(limit)
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > limit:
            raise TooLarge(limit)
    return bytes(raw)
