"""Manners towards hosts: how many requests run at once, and what follows when a host says 429.

What is known of a host is kept while this process runs and no longer: a restart asks anew, and
what a source itself is told to wait is stored with the source. Several processes that ask the same
hosts share what they know by a `Memory`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

#: How long a 429 without Retry-After is heeded: doubled each time until the host answers again.
UNNAMED = timedelta(minutes=5)
UNNAMED_AT_MOST = timedelta(hours=1)
#: No wish of a host slows all of its sources for longer.
HEEDED_AT_MOST = timedelta(days=1)


class Held(Exception):  # noqa: N818 - names what happened
    """The host asked us to wait, and is not asked for that many `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"{seconds:.0f} s")
        self.seconds = seconds


class NoPlace(Exception):  # noqa: N818 - as above
    """All places at the host were taken for as long as one waits for them."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a host that said 429 asked for."""

    until: datetime | None
    refusals: int
    unnamed: int
    #: Seconds since the last request to it ended.
    ago: float = 0.0


class Memory(Protocol):
    """Where processes tell each other what hosts asked for."""

    async def recall(self, name: str) -> Known | None:
        """What somebody kept of a host; None where there is nothing to heed."""
        ...

    async def keep(self, name: str, known: Known) -> None:
        """Have the others know; without `until` there is nothing to heed any more."""
        ...


@dataclass(slots=True)
class _Host:
    #: Who is first in line waits for a place, the others for who is first: first come, first served.
    line: asyncio.Lock = field(default_factory=asyncio.Lock)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    #: Requests under way, and those together with who waits in line.
    busy: int = 0
    wanted: int = 0
    #: Spaced until then, in the time of `now`; None where the host never said 429.
    until: datetime | None = None
    #: 429s since the host last answered otherwise, or since `until` passed.
    refusals: int = 0
    #: 429s without Retry-After since the host last answered otherwise.
    unnamed: int = 0
    #: When the last request ended, in the loop's time.
    ended: float = 0.0

    def spaced(self, now: datetime) -> bool:
        return self.until is not None and now < self.until

    def learn(self, known: Known | None, clock: float) -> None:
        known = known or Known(None, 0, 0)
        self.until, self.refusals, self.unnamed = known.until, known.refusals, known.unnamed
        self.ended = max(self.ended, clock - known.ago)


class Manners:
    """Places for requests at hosts, by the name of the host.

    A name is the key, not its address: thousands of sites share the addresses of one CDN, and
    that is what bears the load. After a 429 a host is asked by one request at a time, `spacing`
    seconds apart, until the time it named has passed; a second 429 before any other answer
    holds it: it is not asked at all until then.

    With a `memory` a host that nobody here is asking is recalled before it is asked, and what it
    says is kept before its place is given back to the caller. How many requests are under way in
    other processes is not known to it.
    """

    def __init__(
        self,
        overall: int,
        per_host: int,
        spacing: timedelta,
        *,
        memory: Memory | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._overall = asyncio.Semaphore(overall)
        self._per_host = per_host
        self._spacing = spacing.total_seconds()
        self._memory = memory
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def at(self, name: str, now: datetime, patience: float) -> AsyncIterator[None]:
        """Hold one place at that host, and one of all.

        Raises Held where the host is not to be asked at `now`, and NoPlace after `patience`
        seconds without a place.
        """
        host = self._hosts.setdefault(name, _Host())
        host.wanted += 1
        try:
            if self._memory and host.wanted == 1:
                async with host.line:  # whoever comes meanwhile waits there
                    host.learn(await self._memory.recall(name), asyncio.get_running_loop().time())
            await self._enter(host, now, patience)
            troubled = host.until is not None
            try:
                yield
            finally:
                self._overall.release()
                self._leave(host)
                if self._memory and (troubled or host.until is not None):
                    await self._memory.keep(name, Known(host.until, host.refusals, host.unnamed))
        finally:
            host.wanted -= 1
            if not host.wanted and host.until is None:
                self._hosts.pop(name, None)

    async def _enter(self, host: _Host, now: datetime, patience: float) -> None:
        _heed(host, now)
        if host.wanted == 1 and not host.spaced(now) and not self._overall.locked():
            await self._overall.acquire()  # at once, as nearly always
            host.busy += 1
            return
        try:
            async with asyncio.timeout(patience):
                await self._queue(host, now)
        except TimeoutError:
            raise NoPlace from None

    async def _queue(self, host: _Host, now: datetime) -> None:
        # The host's place first: who waits for a slow host must not keep others from theirs.
        async with host.line:
            while host.busy >= (1 if host.spaced(now) else self._per_host):
                host.left.clear()
                await host.left.wait()
            _heed(host, now)
            if host.spaced(now):
                await self._pause(host)
            host.busy += 1
        try:
            await self._overall.acquire()
        except asyncio.CancelledError:
            self._leave(host)
            raise

    async def _pause(self, host: _Host) -> None:
        pause = host.ended + self._spacing - asyncio.get_running_loop().time()
        if pause > 0:
            await self._sleep(pause)

    def _leave(self, host: _Host) -> None:
        host.busy -= 1
        host.ended = asyncio.get_running_loop().time()
        host.left.set()

    def refused(self, name: str, now: datetime, seconds: float) -> None:
        """The host said 429, with the seconds of its Retry-After or 0."""
        host = self._hosts.setdefault(name, _Host())
        if not host.spaced(now):
            host.refusals = 0
        host.refusals += 1
        wait = timedelta(seconds=seconds)
        if not wait:
            wait = min(UNNAMED * 2 ** min(host.unnamed, 8), UNNAMED_AT_MOST)
            host.unnamed += 1
        host.until = max(host.until or now, now + min(wait, HEEDED_AT_MOST))

    def answered(self, name: str, now: datetime) -> None:
        """The host answered a request: it is held no more. Until its time has passed it stays spaced."""
        host = self._hosts.get(name)
        if host is not None and host.until is not None:
            host.refusals = host.unnamed = 0
            if not host.spaced(now):
                host.until = None


def _heed(host: _Host, now: datetime) -> None:
    """Raise Held where the host said 429 again and its time has not passed."""
    if host.until is not None and host.refusals > 1 and now < host.until:
        raise Held((host.until - now).total_seconds())
