"""How many requests run at once, in all and to one host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Slots:
    """Places for requests. Waiting for one is no part of a request, so it counts against no timeout."""

    def __init__(self, overall: int, per_host: int) -> None:
        self._overall = asyncio.Semaphore(overall)
        self._per_host = per_host
        # Weak: a host's semaphore lives while somebody holds it or waits for it.
        self._hosts: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def at(self, host: str) -> AsyncIterator[None]:
        """Hold one place at that host, and one of all."""
        # The host's first: who waits for a slow host must not keep others from theirs.
        async with self._hosts.setdefault(host, asyncio.Semaphore(self._per_host)), self._overall:
            yield
