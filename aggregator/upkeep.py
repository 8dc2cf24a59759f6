"""What a service does beside its work, to run for years: purging, and following a clock that was set back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from aggregator import retention
from aggregator.means import Means
from aggregator.store import clocks

log = logging.getLogger(__name__)

#: Seconds between looks at whether something is to be done.
EVERY = 600

#: Most of the time that it takes from everything else.
SHARE = 0.25


class Upkeep:
    """Looks every few minutes, works once a day, in steps that leave room for checks in between."""

    def __init__(self, means: Callable[[], Means], stop: asyncio.Event, changed: asyncio.Event) -> None:
        self._means = means
        self._stop = stop
        #: Set where something is to be published.
        self._changed = changed

    async def work(self) -> None:
        """Do what is due; raises StoreError where it cannot be done now."""
        await asyncio.to_thread(self._follow_clock)
        if await asyncio.to_thread(retention.due, self._means()) and await self._purge():
            self._changed.set()

    def _follow_clock(self) -> None:
        means = self._means()
        with means.database.write(beside=True) as connection:
            moved = clocks.set_back(connection, means.clock())
        if moved:
            log.warning("the clock was set back", extra={"sources": moved})

    async def _purge(self) -> int:
        steps, purged = retention.steps(self._means()), 0
        while not self._stop.is_set():
            begun = monotonic()
            done = await asyncio.to_thread(next, steps, None)
            if done is None:
                break
            purged += done
            await asyncio.sleep((monotonic() - begun) * (1 / SHARE - 1))
        return purged
