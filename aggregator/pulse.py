"""How a service shows that it is alive: to its manager, to its metrics, and to whoever asks."""

from __future__ import annotations

import asyncio

from aggregator import systemd
from aggregator.metrics import Metrics
from aggregator.pausing import paused

#: Seconds between signs of life.
BEAT = 1.0

#: Seconds without a tick after which the service counts as stuck; longer than SQLite waits for a lock.
STUCK = 60.0


class Pulse:
    """Made in the service's event loop, or used there only."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        #: When the last tick ended, by the event loop's clock.
        self._ticked = 0.0

    def tick(self) -> None:
        """What the service is for was done, or found to be in trouble that it waits for."""
        self._ticked = asyncio.get_running_loop().time()

    @property
    def alive(self) -> bool:
        """Whether sources are still looked after: a tick that hangs shows in nothing else."""
        return asyncio.get_running_loop().time() - self._ticked < STUCK

    async def beat(self, stop: asyncio.Event) -> None:
        """Each second: how late the event loop is, and a sign of life while sources are looked after."""
        loop, every = asyncio.get_running_loop(), min(BEAT, systemd.watchdog() or BEAT)
        self.tick()
        while not stop.is_set():
            due = loop.time() + every
            await paused(stop, every)
            self._metrics.late(max(loop.time() - due, 0.0))
            if self.alive:
                systemd.notify("WATCHDOG=1")
