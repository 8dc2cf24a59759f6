"""What a process does with jobs. Any number of processes may do it; none of them keeps anything that is not stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TypeVar

from procrastinate.exceptions import ConnectorException
from psycopg import OperationalError

from aggregator import indexing, pipeline, publish, publishing, pushing, restoring, turns
from aggregator.cluster import jobs
from aggregator.cluster.distribution import Follower
from aggregator.cluster.jobs import FEEDS, FOLDERS, PUBLISH, Task
from aggregator.errors import StoreError
from aggregator.means import Fetcher, Means
from aggregator.metrics import Metrics
from aggregator.model import SourceState
from aggregator.obstacles import Obstacles
from aggregator.pausing import paused
from aggregator.store import claims

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: Jobs at once besides checks, each queue on its own: checks of slow hosts keep nobody from publishing.
BESIDE = {FEEDS: 2, FOLDERS: 2, PUBLISH: 2}

#: Seconds that jobs in hand are given when the process is to end.
GRACE = 6.0

#: Seconds between looks for jobs; one that waits for another's lock is told by nobody when that ended.
LOOK = 1.0

#: Seconds between attempts to reach a database that is away.
PAUSE = 1.0

#: Seconds after which a file that nobody finished writing is taken for a dead process's.
ABANDONED = 3600.0


@dataclass(frozen=True, slots=True)
class Beats:
    """How a process tells that it lives, and when the leader takes it for dead; in seconds."""

    every: float = 5.0
    stalled: float = 20.0


USUAL = Beats()


async def in_thread(function: Callable[..., Answer], *arguments: object) -> Answer:
    """As `asyncio.to_thread`; but a job that is cancelled ends when its thread does, and not before.

    Else it would go on unseen, beside the one who does the job again.
    """
    work = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        if failure := work.exception():
            log.warning("what was broken off failed: %s", failure)
        raise


def _held(means: Means, sources: Sequence[int], claim: datetime) -> list[SourceState]:
    with means.database.read() as connection:
        return claims.held(connection, sources, claim)


class Worker:
    """Does the jobs of some queues, until it is told to stop; a database that is away is waited for."""

    def __init__(self, follower: Follower, metrics: Metrics, obstacles: Obstacles, beats: Beats = USUAL) -> None:
        self._follower = follower
        self._metrics = metrics
        self._obstacles = obstacles
        self._beats = beats
        self._fetchers = AsyncExitStack()
        self._entered: set[Fetcher] = set()
        self._entering = asyncio.Lock()
        self.queue = jobs.make_app(follower.means.database.url, self._tasks())
        #: Checks in hand; jobs that were done, and attempts that failed.
        self.checking = self.done = self.failed = 0

    async def run(self, queues: Collection[str], concurrency: int, stop: asyncio.Event) -> None:
        """Work until `stop`; `concurrency` is of checks."""
        try:
            await self.queue.open_async()
            async with self._fetchers:
                lanes = [self._lane(queue, BESIDE.get(queue, concurrency), stop) for queue in queues]
                await asyncio.gather(*lanes)
        finally:
            await self.queue.close_async()

    def _tasks(self) -> Mapping[str, Task]:
        work: dict[str, Task] = {
            "check": self._check,
            "group": self._group,
            "index": self._index,
            "feed": self._feed,
            "site": self._site,
            "push": self._push,
            "restore": self._restore,
        }
        return {name: self._watched(name, task) for name, task in work.items()}

    def _watched(self, name: str, task: Task) -> Task:
        """Whatever a job fails of is told once, with what it was to do."""

        async def watched(**arguments: object) -> None:
            try:
                await task(**arguments)
            except jobs.StoppedError:
                raise
            except StoreError as error:
                self.failed += 1
                self._obstacles.met(name, error, shared=True)
                raise
            except Exception:  # it is tried again, and of that Procrastinate tells nobody
                self.failed += 1
                log.exception("a job failed", extra={"job": name, **arguments})
                raise
            self.done += 1
            self._obstacles.over(name)

        return watched

    async def _lane(self, queue: str, concurrency: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                # Asked for by itself: what follows ends when all ends, and nothing of it says that it goes well.
                await self.queue.check_connection_async()
                self._obstacles.over(queue)
                await self._take(queue, concurrency, stop)
            except (ConnectorException, OperationalError) as error:
                if jobs.buried(error):
                    log.info("was taken for dead while nobody heard of it, begins anew", extra={"queue": queue})
                else:
                    self._obstacles.met(queue, jobs.unreachable(error, self._follower.means.database.url))
            await paused(stop, PAUSE)

    async def _take(self, queue: str, concurrency: int, stop: asyncio.Event) -> None:
        """Do jobs of a queue until `stop`, or until the database is lost."""
        work = asyncio.create_task(
            self.queue.run_worker_async(
                queues=[queue],
                name=queue,
                concurrency=concurrency,
                fetch_job_polling_interval=LOOK,
                abort_job_polling_interval=60.0,  # nobody ever asks for it
                shutdown_graceful_timeout=GRACE,
                delete_jobs="successful",
                install_signal_handlers=False,
                update_heartbeat_interval=self._beats.every,
                stalled_worker_timeout=self._beats.stalled,
            )
        )
        told = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            work.cancel()
        with suppress(asyncio.CancelledError):
            await work

    async def _means(self) -> Means:
        """The means in force, ready to ask the network. Fetchers of older ones serve jobs in hand; all end together."""
        means = self._follower.means
        async with self._entering:
            if means.fetcher not in self._entered:
                await self._fetchers.enter_async_context(means.fetcher)
                self._entered.add(means.fetcher)
        return means

    async def _check(self, sources: Sequence[int], until: int, version: int) -> None:
        """Visit those of the sources that nobody has visited since they were claimed.

        Where that comes to no end the job is done again, by whoever is free: what it has done it need not repeat,
        and until then it is the job that holds the claims, not this process.
        """
        await self._follower.upto(version)
        means = await self._means()
        states = await in_thread(_held, means, sources, jobs.moment(until))
        unknown = [state.name for state in states if state.name not in means.sources]
        line = asyncio.Semaphore(turns.IN_LINE * means.config.network.per_host)
        known = [state for state in states if state.name in means.sources]
        found = await asyncio.gather(*(self._visit(means, state, line) for state in known), return_exceptions=True)
        for failure in filter(None, found):
            raise failure
        if unknown:
            names, version = ", ".join(unknown), self._follower.version
            raise StoreError(
                f"not in the configuration of this process, version {version}: {names} "
                f"({self._follower.problem or 'left to a process that has a newer one'})"
            )

    async def _visit(self, means: Means, state: SourceState, line: asyncio.Semaphore) -> None:
        async with line:
            if means.stopping.is_set():
                raise jobs.StoppedError
            begun = monotonic()
            self.checking += 1
            try:
                result = await pipeline.check(means, state)
            finally:
                self.checking -= 1
        turns.report(result)
        self._metrics.checked(result, monotonic() - begun)

    async def _group(self) -> None:
        await in_thread(self._group_all, self._follower.means)

    @staticmethod
    def _group_all(means: Means) -> None:
        pipeline.group(means)
        with means.database.write(beside=True) as connection:  # at once: the leader would see it a moment later
            jobs.defer_behind(connection, means)

    async def _index(self) -> None:
        await in_thread(indexing.index, self._follower.means)

    async def _feed(self, category: int) -> None:
        await self._publish(publishing.publish_feed, category)

    async def _site(self) -> None:
        await self._publish(publishing.publish_site)

    async def _publish(self, work: Callable[..., list[str]], *what: int) -> None:
        means, begun = self._follower.means, monotonic()
        written = await in_thread(work, means, *what)
        await in_thread(pushing.note, means, written)
        self._metrics.published(len(written), monotonic() - begun)

    async def _push(self) -> None:
        await pushing.push(self._follower.means)

    async def _restore(self) -> None:
        """What a dead process left, and what somebody deleted or altered while nobody looked."""
        means = self._follower.means
        await in_thread(publish.sweep, means.root, ABANDONED)
        await in_thread(restoring.restore, means)
