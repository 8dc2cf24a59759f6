"""Fetch documents over HTTP: the only part that knows aiohttp's client.

Requests are conditional, redirects are followed by hand, and every answer is bounded in size and
time. What an answer means is decided in `answers`, what an exception means in `faults`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from aggregator.config.schema import Network, Source
from aggregator.fetch import answers, faults, guard, headers
from aggregator.fetch.addresses import as_url, credentials, joined, same_site, shown
from aggregator.fetch.answers import Answer
from aggregator.fetch.faults import BadRedirect
from aggregator.fetch.guard import host_name
from aggregator.fetch.inflate import TooLarge, inflate
from aggregator.fetch.manners import Slots
from aggregator.model import Failed, Fetched, NotModified, Validators

MAX_REDIRECTS = 10
#: Of a whole answer, times the timeout: what keeps dripping is not silent.
WHOLE = 4
#: Bytes; long cookies and content policies are common, and aiohttp's 8190 refuses them.
HEADER_FIELD = 32768
HEADER_COUNT = 256
#: Bytes of an error page that are looked at.
ERROR_PAGE = 262144
#: Seconds. A sweep over all sources asks for each host's address once.
DNS_LIFE = 300


@dataclass(slots=True)
class _Trip:
    """One fetch under way: the way so far, and the time that is left."""

    source: Source
    home: URL
    login: tuple[str, str] | None
    validators: Validators
    #: Seconds, of connecting and of each silence.
    timeout: float
    url: URL
    #: Seconds, of requests only: waiting for a place is not counted.
    left: float
    #: The target of each redirect.
    hops: list[str] = field(default_factory=list)


class HttpFetcher:
    """Fetches over HTTP; made once, for it keeps connections, and closed as a context manager.

    `user_agent` is sent where neither the source nor `network` has one. Must be entered and used
    in one event loop.
    """

    def __init__(self, network: Network, user_agent: str) -> None:
        self._network = network
        self._agent = network.user_agent or user_agent
        self._allowed = guard.allowed(network.allow)

    async def __aenter__(self) -> Self:
        self._slots = Slots(self._network.concurrency, self._network.per_host)
        factory = guard.guarded(self._allowed.networks)
        self._guarded = _session(aiohttp.TCPConnector(limit=0, ttl_dns_cache=DNS_LIFE, socket_factory=factory))
        # Connections are shared within a session, and a connection that is open is not guarded any
        # more: what may be private has a session of its own.
        self._open = _session(aiohttp.TCPConnector(limit=0, ttl_dns_cache=DNS_LIFE))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._guarded.close()
        await self._open.close()

    async def fetch(
        self, source: Source, url: str, validators: Validators, now: datetime
    ) -> Fetched | NotModified | Failed:
        """Fetch `url` on behalf of `source`, unless it is as `validators` say. Raises nothing foreign.

        `source` brings headers, login and limits; `url` need not be its own. `now` is what dates
        in headers are compared with.
        """
        timeout = (source.timeout or self._network.timeout).total_seconds()
        try:
            home = as_url(url)
            trip = _Trip(source, home, _login(source, url), validators, timeout, home, WHOLE * timeout)
        except ValueError as error:
            return faults.failed(error, faults.Asked(shown(url), "", timeout, WHOLE * timeout))
        try:
            answer = await self._follow(trip)
        except faults.FOREIGN as error:
            asked = faults.Asked(shown(str(trip.url)), host_name(trip.url), timeout, WHOLE * timeout)
            return faults.failed(error, asked)
        return answers.judge(answer, validators, now, page=source.page is not None)

    async def _follow(self, trip: _Trip) -> Answer:
        """The first answer that is no redirect."""
        while True:
            answer = await self._hop(trip)
            if answer.status not in answers.REDIRECTS or "Location" not in answer.headers:
                return answer
            _redirect(trip, answer)

    async def _hop(self, trip: _Trip) -> Answer:
        """One request, in its place among all, and within the time that is left."""
        loop = asyncio.get_running_loop()
        async with self._slots.at(host_name(trip.url)):
            start = loop.time()
            async with asyncio.timeout(trip.left):
                answer = await self._request(trip)
            trip.left -= loop.time() - start
        return answer

    async def _request(self, trip: _Trip) -> Answer:
        source = trip.source
        proxy = source.proxy or self._network.proxy
        private = self._may_be_private(trip)
        if proxy and not private:
            await guard.check_target(host_name(trip.url), self._allowed.networks)
        # A proxy is named by the person who runs this; where it stands is theirs to choose.
        session = self._open if proxy or private else self._guarded
        sent = headers.for_request(
            source, self._agent, trip.validators, trip.login, trusted=same_site(trip.url, trip.home)
        )
        limits = aiohttp.ClientTimeout(total=None, connect=trip.timeout, sock_read=trip.timeout)
        async with session.get(
            trip.url,
            headers=sent,
            allow_redirects=False,
            proxy=proxy,
            ssl=source.tls_verify,
            timeout=limits,
        ) as response:
            body = await _body(response, self._network.max_bytes, trip.timeout)
            return Answer(str(trip.url), response.status, response.headers, body)

    def _may_be_private(self, trip: _Trip) -> bool:
        """Whether the host is trusted by name; names are looked up only when they are dialled."""
        host = host_name(trip.url)
        return host in self._allowed.names or (trip.source.allow_private and host == host_name(trip.home))


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        max_field_size=HEADER_FIELD,
        max_headers=HEADER_COUNT,
    )


def _login(source: Source, url: str) -> tuple[str, str] | None:
    return (source.auth.username, source.auth.password) if source.auth else credentials(url)


def _redirect(trip: _Trip, answer: Answer) -> None:
    """Turn the trip to where the answer points. Raises BadRedirect where it must not go on."""
    try:
        target = joined(trip.url, answer.headers["Location"])
    except ValueError:
        raise BadRedirect("redirects to what is no http or https address") from None
    if trip.url.scheme == "https" and target.scheme == "http" and _has_secrets(trip):
        raise BadRedirect("redirects from https to http, where others could read the login of this source")
    trip.hops.append(str(target))
    if len(trip.hops) > MAX_REDIRECTS:
        raise BadRedirect(f"redirects more than {MAX_REDIRECTS} times")
    # To itself, too: what waits for a cookie that we do not keep would go on for ever.
    if target in {trip.home, *(URL(url, encoded=True) for url in trip.hops[:-1])}:
        raise BadRedirect("redirects in a circle")
    trip.url = target


def _has_secrets(trip: _Trip) -> bool:
    return bool(trip.login or trip.source.cookies or trip.source.headers)


async def _body(response: aiohttp.ClientResponse, limit: int, timeout: float) -> bytes:
    """The whole body, unpacked, where it is the document; of an error page what can be had of it."""
    codings = ", ".join(response.headers.getall("Content-Encoding", ()))
    if response.status in answers.BODIES:
        return inflate(await _raw(response, limit), codings, limit)
    if response.status in answers.REDIRECTS:
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
