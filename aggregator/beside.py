"""Steps of publishing taken by other processes: what they hand back is written down by this one.

Each stint names a round by its mark. A worker keeps what it read and made for the round that it was asked for last,
and of the database nothing between two stints.
"""

from __future__ import annotations

import logging
import pickle
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial

from aggregator import steps
from aggregator.means import Means
from aggregator.rounds import News, Round
from aggregator.steps import Done, Stint
from aggregator.workers import ENOUGH, WorkerError, Workers

log = logging.getLogger(__name__)

#: What a stint weighs beside documents that are to be read: some 0.3 s.
WEIGHT = ENOUGH // 2

#: What came of a stint, and what there is to tell of it; None where there is nothing to tell besides.
Answer = tuple[list[Done], News | None]


def helps(means: Means) -> bool:
    """Whether workers can publish: with one processor they would only cost."""
    return means.twin is not None and means.workers.most > 1


def take(this: Round, stints: Sequence[Stint], workers: Workers, note: Callable[[Stint, list[Done]], None]) -> None:
    """Have the stints done, and note each, in their order; begins no more once the process is to stop.

    Raises StoreError as a step does. Nobody is at work on any of them afterwards. What a worker dies of, or fails at,
    is done here.
    """
    means, left = this.means, deque(stints)
    asked: deque[tuple[Stint, Future[Answer]]] = deque()
    twin = pickle.dumps(means.twin)
    try:
        while left or asked:
            # Enough for each worker to have the next one at hand, and for the pool to see what there is to do.
            while left and len(asked) < 2 * workers.most + 1 and not means.stopping.is_set():
                stint = left.popleft()
                there, here = partial(_take, twin, this.mark, this.trusting, stint), partial(_take_here, this, stint)
                asked.append((stint, workers.call(there, here, WEIGHT)))
            if not asked:
                return
            stint, answer = asked.popleft()
            note(stint, _heard(this, stint, answer))
    finally:
        # A file that one of them still writes would come after what the next round puts there.
        wait([answer for _, answer in asked if not answer.cancel()])


def _heard(this: Round, stint: Stint, answer: Future[Answer]) -> list[Done]:
    try:
        done, news = answer.result()
    except WorkerError as error:
        log.warning("a process that publishes failed, and this one does its work: %s", error)
        # Of its own: by now another thread may do what comes next.
        once_more = Round(this.means, this.trusting, repeating=True)
        done, news = steps.take(once_more, stint), once_more.hand_over()
    if news:
        this.take_over(news)
    return done


def _take_here(this: Round, stint: Stint) -> Answer:
    return steps.take(this, stint), None


# --- In the worker -------------------------------------------------------------------------


@dataclass(slots=True)
class _Held:
    """What a worker keeps from one stint to the next."""

    twin: bytes = b""
    mark: str = ""
    round: Round | None = None

    def of(self, twin: bytes, mark: str, *, trusting: bool) -> Round:
        if self.round is None or twin != self.twin:
            self.round = Round(pickle.loads(twin)(), trusting)  # noqa: S301  from the process that started us
        elif mark != self.mark:
            self.round.kept.rest()
            self.round = Round(self.round.means, trusting)
        self.twin, self.mark = twin, mark
        return self.round


_held = _Held()


def _take(twin: bytes, mark: str, trusting: bool, stint: Stint) -> Answer:
    """As `steps.take`, for the round `mark` of the means that `twin` makes (`Means.twin`, pickled)."""
    this = _held.of(twin, mark, trusting=trusting)
    try:
        return steps.take(this, stint), this.hand_over()
    finally:
        this.means.database.close()  # who waits for work keeps no file open that somebody may replace
