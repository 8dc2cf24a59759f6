"""Steps of publishing taken by other processes: what they hand back is written down by this one.

Each job names a round by its mark. A worker keeps what it read and made for the round that it was asked for last,
and of the database nothing between two jobs.
"""

from __future__ import annotations

import logging
import pickle
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial

from aggregator import steps
from aggregator.means import Means
from aggregator.rounds import News, Round
from aggregator.steps import Done, Job
from aggregator.workers import ENOUGH, WorkerError, Workers

log = logging.getLogger(__name__)

#: What a job weighs beside documents that are to be read: some 0.3 s.
WEIGHT = ENOUGH // 2

#: What came of a job, and what there is to tell of it; None where there is nothing to tell besides.
Answer = tuple[list[Done], News | None]


def helps(means: Means) -> bool:
    """Whether workers can publish: with one processor they would only cost."""
    return means.twin is not None and means.workers.most > 1


def take(this: Round, jobs: Sequence[Job], workers: Workers, note: Callable[[Job, list[Done]], None]) -> None:
    """Have the jobs done, and note each, in their order; begins no more once the process is to stop.

    Raises StoreError as a step does. Nobody is at work on any of them afterwards.
    """
    means, left = this.means, deque(jobs)
    asked: deque[tuple[Job, Future[Answer]]] = deque()
    twin, mark = pickle.dumps(means.twin), secrets.token_hex(8)
    try:
        while left or asked:
            # Enough for each worker to have the next one at hand, and for the pool to see what there is to do.
            while left and len(asked) < 2 * workers.most + 1 and not means.stopping.is_set():
                job = left.popleft()
                there, here = partial(_take, twin, mark, this.trusting, job), partial(_take_here, this, job)
                asked.append((job, workers.call(there, here, WEIGHT)))
            if not asked:
                return
            job, answer = asked.popleft()
            note(job, _heard(this, job, answer))
    finally:
        for _, answer in asked:
            answer.cancel()
        # A file that one of them still writes would come after what the next round puts there.
        wait(answer for _, answer in asked)


def _heard(this: Round, job: Job, answer: Future[Answer]) -> list[Done]:
    try:
        done, news = answer.result()
    except WorkerError as error:
        log.warning("a process that publishes failed, and this one does its work: %s", error)
        this.repeating = True
        try:
            return steps.take(this, job)
        finally:
            this.repeating = False
    if news:
        this.take_over(news)
    return done


def _take_here(this: Round, job: Job) -> Answer:
    return steps.take(this, job), None


# --- In the worker -------------------------------------------------------------------------


@dataclass(slots=True)
class _Held:
    """What a worker keeps from one job to the next."""

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


def _take(twin: bytes, mark: str, trusting: bool, job: Job) -> Answer:
    """As `steps.take`, for the round `mark` of the means that `twin` makes (`Means.twin`, pickled)."""
    this = _held.of(twin, mark, trusting=trusting)
    try:
        return steps.take(this, job), this.hand_over()
    finally:
        this.means.database.close()  # who waits for work keeps no file open that somebody may replace
