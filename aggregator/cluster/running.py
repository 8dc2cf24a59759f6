"""The process of `aggregator run` where several work together: stands by or leads, and publishes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from time import monotonic
from typing import Any

from aggregator import app, health, noticing, signals, systemd, upkeep
from aggregator.cluster import distribution, jobs, reporting
from aggregator.cluster.distribution import Follower, means_for
from aggregator.cluster.leader import Leader
from aggregator.cluster.working import USUAL, Beats, Worker
from aggregator.config.schema import Config
from aggregator.errors import ConfigError, StoreError
from aggregator.means import Means
from aggregator.metrics import Gauge, Metrics
from aggregator.obstacles import Obstacles
from aggregator.pausing import paused
from aggregator.pulse import Pulse
from aggregator.store.engine import Database
from aggregator.store.lock import CLUSTER
from aggregator.upkeep import Upkeep

log = logging.getLogger(__name__)

#: Checks at once in this process, which has the clock to keep and the output to write; workers do more.
CONCURRENCY = 8

#: Seconds between looks for a configuration that another process distributed.
FOLLOW = 2.0

#: Seconds that are left for the end, whatever the database does.
LAST = 9.0


class Cluster:
    """One `run` of several. To the web it is what `service.Service` is."""

    def __init__(
        self, config: Config, config_file: Path, *, environ: Mapping[str, str] = os.environ, beats: Beats = USUAL
    ) -> None:
        self._file = config_file
        self._environ = environ
        self.metrics = Metrics(self._waiting)
        self._pulse = Pulse(self.metrics)
        self._obstacles = Obstacles(monotonic)
        self._follower = Follower(means_for(config, Database(config.database)), environ=environ)
        self._worker = Worker(self._follower, self.metrics, self._obstacles, beats)
        self._leader = Leader(self._follower, self._worker.queue, self._obstacles, beats, self)
        #: To write, together with all other processes of the cluster, while no command does it alone.
        self._right = ExitStack()
        #: Why the config file is not in force, for people; None while it is.
        self._problem: str | None = None
        self._reload_wanted = asyncio.Event()
        self._changed = asyncio.Event()
        self._stop = asyncio.Event()

    @property
    def means(self) -> Means:
        return self._follower.means

    @property
    def alive(self) -> bool:
        return self._pulse.alive

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong although it works, for people: the configuration first."""
        wrong = dict.fromkeys(filter(None, (self._problem, self._follower.problem)))
        return (*wrong, *self._obstacles.messages)

    def heed_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP has the file read. Before anybody is told that the service is there."""
        signals.heed(self.stop, self._reload_wanted.set)

    def stop(self) -> None:
        """Begin no more work; what is in hand is finished, or left to others."""
        self.means.stopping.set()
        self._stop.set()

    async def run(self) -> None:
        """Work until `stop`, also while the database is away."""
        with closing(self.means.database), self._right:
            if not await self._upgraded():
                return
            work = [
                self._worker.run(jobs.QUEUES, CONCURRENCY, self._stop),
                self._leader.run(self._stop, self._pulse.tick),
                self._follower.follow(self._stop, FOLLOW),
                reporting.report(self._follower, self._worker, self._obstacles, jobs.QUEUES, self._stop),
                self._pulse.beat(self._stop),
            ]
            log.info("works", extra={"queues": ",".join(jobs.QUEUES), "concurrency": CONCURRENCY})
            systemd.notify("READY=1")
            await together(work, self._stop)

    async def _upgraded(self) -> bool:
        """Bring the schema up to date, whoever of all processes comes first; tells whether there is work to do then."""
        while not self._stop.is_set():
            try:
                await asyncio.to_thread(self._enter)
            except StoreError as error:
                if error.lasting:
                    raise
                self._obstacles.met("start", error)
                await paused(self._stop, self._obstacles.waits("start"))
            else:
                self._obstacles.over("start")
                return True
        return False

    def _enter(self) -> None:
        database = self.means.database
        self._right.enter_context(database.only_writer(CLUSTER))
        database.upgrade()

    async def begin(self) -> None:
        """Of a term: what is stored follows the configuration, and the configuration the file."""
        await self._put_in_force(anew=False)

    def duties(self, over: asyncio.Event) -> Sequence[Coroutine[Any, Any, None]]:
        """Of a term: what only one of all processes does, beside keeping the clock."""
        return self._reload(), self._edits(over), self._watch(over), self._look_after(over)

    async def _put_in_force(self, *, anew: bool) -> None:
        """Distribute what stands in the file, if it is valid; bring what is stored in line with what is in force."""
        try:
            await asyncio.to_thread(distribution.distribute, self.means, self._file, self._environ, anew=anew)
            self._problem = None
        except ConfigError as error:
            self._problem = str(error)
            log.error("the configuration stays as it was: %s", error)
        await self._follower.refresh()
        await asyncio.to_thread(app.settle, self.means)
        if self._problem:
            await asyncio.to_thread(health.misconfigured, self.means, self._problem)
        for name in ("group", "index"):  # what is to be learned, and saved searches, may be new
            self._leader.want(name)

    async def _reload(self) -> None:
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            try:
                await self._put_in_force(anew=True)
            except StoreError as error:
                self._obstacles.met("reload", error)
                await paused(self._stop, self._obstacles.waits("reload"))
                self._reload_wanted.set()
            else:
                self._obstacles.over("reload")

    async def _edits(self, over: asyncio.Event) -> None:
        async for _ in noticing.edits(self._file, over):  # which sets the event that it is given when it is cancelled
            self._reload_wanted.set()

    async def _watch(self, over: asyncio.Event) -> None:
        """Have folders checked as soon as something happens in them."""
        async for names in noticing.touched(lambda: noticing.folders(self.means.sources.values()), over):
            self._leader.touched |= names

    async def _look_after(self, over: asyncio.Event) -> None:
        """Purge and the like; what fails is tried again until it is done."""
        work = Upkeep(lambda: self.means, over, self._changed)
        while True:
            try:
                await work.work()
            except StoreError as error:
                self._obstacles.met("upkeep", error)
                await asyncio.sleep(self._obstacles.waits("upkeep"))
            else:
                self._obstacles.over("upkeep")
                await asyncio.sleep(upkeep.EVERY)

    def _waiting(self) -> dict[str, Gauge]:
        return {
            **reporting.overview(self.means),
            "checks_running": ("Checks under way in this process.", float(self._worker.checking)),
            "leader": ("1 for the process that keeps the clock.", float(self._leader.leads)),
        }


async def together(work: Sequence[Coroutine[Any, Any, None]], stop: asyncio.Event) -> None:
    """Do all of this until `stop`, and then for a while; what fails ends the rest, and is raised."""
    tasks = [asyncio.create_task(one) for one in work]
    told = asyncio.create_task(stop.wait())
    await asyncio.wait({told, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    systemd.notify("STOPPING=1")
    stop.set()
    done, late = await asyncio.wait({told, *tasks}, timeout=LAST)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        task.result()
