"""What keeps a service from working for a while: a full disk, a locked database, a folder that is read-only.

Such things pass, or somebody mends them; a service that is to run for years waits for that. Nothing
is lost meanwhile, for what could not be stored is asked for again and what could not be published is behind.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from aggregator.errors import StoreError

log = logging.getLogger(__name__)

#: Seconds until the first new attempt; doubled with each further failure, up to the longest.
FIRST, LONGEST = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class _Obstacle:
    message: str
    pause: float
    #: By the clock, when the next attempt is due; and when it is forgotten, for somebody else made that: maybe never.
    until: float
    forgotten: float


class Obstacles:
    """What fails at the moment, by the kind of work."""

    def __init__(self, clock: Callable[[], float]) -> None:
        #: Seconds; never set back.
        self._clock = clock
        self._open: dict[str, _Obstacle] = {}

    def met(self, work: str, error: StoreError, *, shared: bool = False) -> None:
        """This work failed; the log is told once of each message, however often it is met.

        What is `shared` is tried again by whoever is free: he will know, and here it is forgotten after a while.
        """
        before = self._standing().get(work)
        if before is None or before.message != str(error):
            log.error("%s; it is tried again until it works", error, extra={"work": work})
        if before is not None and self.waits(work):
            return  # of several that were under way when it began
        pause = min(before.pause * 2, LONGEST) if before else FIRST
        until = self._clock() + pause
        self._open[work] = _Obstacle(str(error), pause, until, until + LONGEST if shared else math.inf)

    def over(self, work: str) -> None:
        """This work was done."""
        if self._open.pop(work, None) is not None:
            log.info("works again", extra={"work": work})

    def waits(self, work: str) -> float:
        """Seconds until the work is to be tried again; 0 where nothing speaks against it."""
        obstacle = self._open.get(work)
        return max(obstacle.until - self._clock(), 0.0) if obstacle else 0.0

    @property
    def messages(self) -> tuple[str, ...]:
        """What is wrong now, for people; each once."""
        return tuple(dict.fromkeys(obstacle.message for obstacle in self._standing().values()))

    def _standing(self) -> dict[str, _Obstacle]:
        now = self._clock()
        return {work: obstacle for work, obstacle in self._open.items() if now < obstacle.forgotten}
