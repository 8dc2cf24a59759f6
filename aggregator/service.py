"""The service: checks what is due as it falls due, and publishes what that changed, until it is told to stop.

When a source is due is a column in the database. APScheduler fires a tick twice a second
and remembers nothing; a restart therefore repeats no request and forgets no source.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from time import monotonic

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from aggregator import health, heap, indexing, noticing, pipeline, pushing, signals, systemd, turns, upkeep
from aggregator.errors import ConfigError, StoreError
from aggregator.means import Means
from aggregator.metrics import Metrics
from aggregator.model import SourceState
from aggregator.obstacles import Obstacles
from aggregator.pausing import paused
from aggregator.pulse import Pulse
from aggregator.store import documents, sources, stories
from aggregator.store.depths import depths
from aggregator.upkeep import Upkeep

log = logging.getLogger(__name__)

#: Seconds between looks at what is due; an interval of a second is kept to a second and a half.
TICK = 0.5

#: Seconds that work in hand is given when the service is told to stop.
GRACE = 8.0

#: Most of the time that goes into the search index while sources are being checked.
SHARE = 0.25

#: Kinds of work that may be in trouble for a while, each on its own.
DUE, CHECK, PUBLISH, PUSH, INDEX, RELOAD, UPKEEP = "due", "check", "publish", "push", "index", "reload", "upkeep"


class Service:
    """Checks what is due, as it falls due, and publishes what that changed, until it is told to stop."""

    def __init__(self, means: Means, config_file: Path, rebuild: Callable[[Means], Means]) -> None:
        self.means = means
        self.metrics = Metrics(self._waiting)
        #: Why the config file is not in force, for people; None while it is.
        self.problem: str | None = None
        self._config_file = config_file
        #: Makes new means by the file as it is now; raises ConfigError.
        self._rebuild = rebuild
        self._fetchers = AsyncExitStack()
        self._checking: dict[str, asyncio.Task[None]] = {}
        #: Tells the hub; publishing does not wait for it.
        self._pushing: asyncio.Task[None] | None = None
        #: Sources to check at once, for their folders changed.
        self._wanted: set[str] = set()
        self._changed = asyncio.Event()
        #: Stories may wait for the search index.
        self._grouped = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._stop = asyncio.Event()
        self._failure: StoreError | None = None
        #: What keeps parts of the work from being done for the time being.
        self._obstacles = Obstacles(monotonic)
        self._pulse = Pulse(self.metrics)
        self._ticking = self._tending = False
        self._upkeep = Upkeep(lambda: self.means, self._stop, self._changed)

    def heed_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reloads. Before anybody is told that the service is there."""
        signals.heed(self.stop, self._reload_wanted.set)

    async def run(self) -> None:
        """Work until `stop`, also while a disk is full or the database locked; raises what no waiting mends."""
        # Two of a kind: one that waits for a lock is not worth a warning for every time that it is due meanwhile.
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 2}
        )
        scheduler.add_job(self._tick, "interval", seconds=TICK, next_run_time=self.means.clock())
        scheduler.add_job(self._look_after, "interval", seconds=upkeep.EVERY, next_run_time=self.means.clock())
        scheduler.add_job(heap.give_back, "interval", seconds=heap.EVERY)
        self._changed.set()  # what a crash left unpublished is published now
        self._wanted = set(self._folders().values())  # nobody watched while we were away
        async with self._fetchers:
            self._fetchers.callback(self.means.workers.close)
            await self._fetchers.enter_async_context(self.means.fetcher)
            work = (self._publish(), self._watch(), self._watch_config(), self._reload(), self._index())
            background = [asyncio.create_task(one) for one in (*work, self._pulse.beat(self._stop))]
            scheduler.start()
            systemd.notify("READY=1")
            await self._stop.wait()
            systemd.notify("STOPPING=1")
            scheduler.pause()
            await self._wind_up(background)
            scheduler.shutdown(wait=False)  # not earlier: it would cancel a tick that is starting checks
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """Begin no more work; what is in hand is finished."""
        self.means.stopping.set()
        self._stop.set()
        self._changed.set()
        self._grouped.set()
        self._reload_wanted.set()

    async def _wind_up(self, background: list[asyncio.Task[None]]) -> None:
        tasks = [*self._checking.values(), *background]
        _, late = await asyncio.wait(tasks, timeout=GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _tick(self) -> None:
        """Start a check of everything that is due and not being checked."""
        if self._stop.is_set() or self._ticking:
            return
        self._ticking = True
        try:
            if not any(map(self._obstacles.waits, (DUE, CHECK))):
                await self._start()
        except StoreError as error:
            self._fail(DUE, error)
        finally:
            self._ticking = False
            self._pulse.tick()

    async def _start(self) -> None:
        states = await asyncio.to_thread(self._due)
        self._obstacles.over(DUE)
        for state in states:
            self._checking[state.name] = asyncio.create_task(self._check(state))
        if not self._checking and await asyncio.to_thread(self._behind):  # checks publish when they end
            self._changed.set()

    def _behind(self) -> bool:
        """Whether there is something to group or to publish: a command beside us may have written."""
        with self.means.database.read() as connection:
            return bool(stories.ungrouped(connection, 1)) or documents.behind(connection)

    def _due(self) -> list[SourceState]:
        means, now = self.means, self.means.clock()
        in_hand = set(self._checking)
        wanted = {name for name in self._wanted if name not in in_hand}
        full = len(in_hand) >= means.config.network.concurrency
        with means.database.read() as connection:
            # All of them, for those that are due for longest may be of one slow host.
            states = [] if full else sources.due(connection, now, len(means.sources))
            free = [state for state in states if state.name in means.sources and state.name not in in_hand]
            states = turns.in_turn(means, free, in_hand)
            asked = sources.by_name(connection, wanted & means.sources.keys())
            states += [state for state in asked if state not in states]
        if states:
            with means.database.write(beside=True) as connection:
                turns.claim(connection, means, states, now)
        self._wanted -= wanted
        return states

    async def _check(self, state: SourceState) -> None:
        begun = monotonic()
        try:
            result = await pipeline.check(self.means, state)
            turns.report(result)
            self.metrics.checked(result, monotonic() - begun)
            self._obstacles.over(CHECK)
        except StoreError as error:
            self._fail(CHECK, error)
            self._wanted.add(state.name)  # at once when that is over: it is claimed for longer
        finally:
            del self._checking[state.name]
            self._changed.set()

    async def _publish(self) -> None:
        """Group and publish after checks; all that ended meanwhile goes out in one round.

        Only the first round looks at every file: what somebody deletes or alters later is restored at
        the next start, so that a round costs what changed and not what is stored.
        """
        publish = partial(pipeline.publish, restore=True)
        while True:
            await self._changed.wait()
            self._changed.clear()
            begun = monotonic()
            try:
                await asyncio.to_thread(pipeline.group, self.means)
                written = await asyncio.to_thread(publish, self.means)
            except StoreError as error:
                self._fail(PUBLISH, error)
                if self._stop.is_set():
                    return
                await self._pause(PUBLISH)
                self._changed.set()
                continue
            self._obstacles.over(PUBLISH)
            publish = partial(pipeline.publish, restore=False)
            self.metrics.published(len(written), monotonic() - begun)
            self._grouped.set()
            if written:
                log.info("published", extra={"files": len(written)})
            if self._pushing is None or self._pushing.done():  # what a slow hub keeps waiting goes with the next round
                self._pushing = asyncio.create_task(self._push())
            if self._stop.is_set() and not self._checking:
                return

    async def _push(self) -> None:
        try:
            await pushing.push(self.means)
            self._obstacles.over(PUSH)
        except StoreError as error:
            self._fail(PUSH, error)
            await self._pause(PUSH)
            self._changed.set()  # the next round tells the hub

    async def _index(self) -> None:
        """Bring the search index up to date, step by step, after everything else."""
        while not self._stop.is_set():
            await self._grouped.wait()
            self._grouped.clear()
            try:
                moved = await self._index_all()
            except StoreError as error:
                self._fail(INDEX, error)
                await self._pause(INDEX)
                self._grouped.set()
                continue
            self._obstacles.over(INDEX)
            if moved:
                self._changed.set()  # feeds of saved searches

    async def _index_all(self) -> int:
        """Step by step until nothing is pending; tells how many stories moved between saved searches."""
        moved = 0
        while not self._stop.is_set():
            begun = monotonic()
            done = await asyncio.to_thread(indexing.step, self.means)
            if not done.stories:
                return moved + done.moved
            moved += done.moved
            if self._checking:
                await asyncio.sleep((monotonic() - begun) * (1 / SHARE - 1))
        return moved

    async def _reload(self) -> None:
        """Put an edited configuration in force; an invalid one changes nothing and is told of."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            if self._stop.is_set():
                return
            try:
                await self._put_in_force(await asyncio.to_thread(self._rebuild, self.means))
            except ConfigError as error:
                await self._misconfigured(error)
            except StoreError as error:
                self._fail(RELOAD, error)
                await self._pause(RELOAD)
                self._reload_wanted.set()
            else:
                self._obstacles.over(RELOAD)

    async def _misconfigured(self, error: ConfigError) -> None:
        """Say so wherever people look; where the database cannot be written, in the log and in /healthz."""
        self.problem = str(error)
        log.error("the configuration stays as it was: %s", error)
        try:
            await asyncio.to_thread(health.misconfigured, self.means, self.problem)
        except StoreError as trouble:
            log.warning("the health feed does not tell: %s", trouble)
        self._changed.set()

    async def _put_in_force(self, means: Means) -> None:
        """Checks in hand go on by the means they began with; their fetcher is closed at the end."""
        if means.fetcher is not self.means.fetcher:
            await self._fetchers.enter_async_context(means.fetcher)
        self.means, self.problem = means, None
        self._changed.set()
        log.info("the configuration was read again", extra={"sources": len(means.sources)})

    async def _watch_config(self) -> None:
        async for _ in noticing.edits(self._config_file, self._stop):
            self._reload_wanted.set()

    async def _watch(self) -> None:
        """Have folders checked as soon as something happens in them."""
        async for names in noticing.touched(self._folders, self._stop):
            self._wanted |= names

    def _folders(self) -> dict[Path, str]:
        return noticing.folders(self.means.sources.values())

    @property
    def alive(self) -> bool:
        return self._pulse.alive

    def _waiting(self) -> dict[str, tuple[str, float]]:
        with self.means.database.read() as connection:
            found = depths(connection, self.means.clock())
        return {**found, "checks_running": ("Checks under way.", float(len(self._checking)))}

    async def _look_after(self) -> None:
        """Purge and the like; what fails is tried again until it is done."""
        if self._tending:
            return
        self._tending = True
        while not (await self._tended() or self._stop.is_set()):
            await self._pause(UPKEEP)
        self._tending = False

    async def _tended(self) -> bool:
        try:
            await self._upkeep.work()
        except StoreError as error:
            self._fail(UPKEEP, error)
            return False
        self._obstacles.over(UPKEEP)
        return True

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong although it works, for people: the configuration first."""
        return (*((self.problem,) if self.problem else ()), *self._obstacles.messages)

    async def _pause(self, work: str) -> None:
        await paused(self._stop, self._obstacles.waits(work))

    def _fail(self, work: str, error: StoreError) -> None:
        """What passes is waited for; of a damaged database nothing good can be written."""
        if error.lasting:
            self._failure = self._failure or error
            self.stop()
        else:
            self._obstacles.met(work, error)
