"""Keeping the pipeline going: one round of checks for `once`, and the service for `run`.

When a source is due is a column in the database. APScheduler fires a tick twice a second
and remembers nothing; a restart therefore repeats no request and forgets no source.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from sqlalchemy import Connection
from watchfiles import awatch

from aggregator import pipeline, schedule
from aggregator.errors import ConfigError, StoreError
from aggregator.means import Means
from aggregator.model import Result, SourceState
from aggregator.store import sources

log = logging.getLogger(__name__)

#: Seconds between looks at what is due; an interval of a second is kept to a second and a half.
TICK = 0.5

#: Seconds that work in hand is given when the service is told to stop.
GRACE = 8.0

#: Milliseconds after which the watcher looks for folders that came or went.
LOOK_AGAIN = 5000

#: Tells of each check that ended, for progress.
Told = Callable[[Result], None]


async def once(
    means: Means, *, everything: bool = False, names: Sequence[str] = (), told: Told = lambda _: None
) -> list[Result]:
    """Check the sources that are due (or all, or the named) once, then group and publish."""
    async with means.fetcher:
        results = await _check_all(means, _chosen(means, everything=everything, names=names), told)
    await asyncio.to_thread(pipeline.group, means)
    await asyncio.to_thread(pipeline.publish, means)
    return results


def _chosen(means: Means, *, everything: bool, names: Sequence[str]) -> list[SourceState]:
    """The states of what is to be checked, claimed before the first request goes out."""
    now = means.clock()
    with means.database.write() as connection:
        if names:
            states = sources.by_name(connection, [name for name in names if means.sources[name].enabled])
        elif everything:
            states = sources.checkable(connection, now)
        else:
            states = sources.due(connection, now, len(means.sources))
        _claim(connection, means, states, now)
    return states


def _claim(connection: Connection, means: Means, states: Sequence[SourceState], now: datetime) -> None:
    """Put off what is about to be asked over the network: should this process die, nobody asks again at once.

    A folder bothers nobody: a scan that was cut off goes on with the next start.
    """
    asked = [state.id for state in states if means.sources[state.name].kind != "folder"]
    sources.claim(connection, asked, now + schedule.CLAIM)


async def _check_all(means: Means, states: Sequence[SourceState], told: Told) -> list[Result]:
    room = asyncio.Semaphore(means.config.network.concurrency)

    async def one(state: SourceState) -> Result:
        async with room:
            result = await pipeline.check(means, state)
        report(result)
        told(result)
        return result

    return list(await asyncio.gather(*(one(state) for state in states)))


def report(result: Result) -> None:
    """One line for each check."""
    tally = result.tally
    level = logging.INFO if result.message is None else logging.WARNING
    facts = {"source": result.source, "new": tally.new, "changed": tally.changed, "refused": tally.refused}
    log.log(level, "%s", result.message or result.outcome, extra=facts)


class Service:
    """Checks what is due, as it falls due, and publishes what that changed, until it is told to stop."""

    def __init__(self, means: Means, config_file: Path, rebuild: Callable[[Means], Means]) -> None:
        self.means = means
        #: Why the config file is not in force, for people; None while it is.
        self.problem: str | None = None
        self._config_file = config_file
        #: Makes new means by the file as it is now; raises ConfigError.
        self._rebuild = rebuild
        self._fetchers = AsyncExitStack()
        self._checking: dict[str, asyncio.Task[None]] = {}
        #: Sources to check at once, for their folders changed.
        self._wanted: set[str] = set()
        self._changed = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._stop = asyncio.Event()
        self._failure: StoreError | None = None

    def heed_signals(self) -> None:
        """SIGTERM and SIGINT stop, SIGHUP reloads. Before anybody is told that the service is there."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)

    async def run(self) -> None:
        """Work until `stop`; raises what made work impossible, such as a full disk."""
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        )
        scheduler.add_job(self._tick, "interval", seconds=TICK, next_run_time=self.means.clock())
        self._changed.set()  # what a crash left unpublished is published now
        self._wanted = set(self._folders().values())  # nobody watched while we were away
        async with self._fetchers:
            await self._fetchers.enter_async_context(self.means.fetcher)
            work = (self._publish(), self._watch(), self._watch_config(), self._reload())
            background = [asyncio.create_task(one) for one in work]
            scheduler.start()
            await self._stop.wait()
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
        self._reload_wanted.set()

    async def _wind_up(self, background: list[asyncio.Task[None]]) -> None:
        tasks = [*self._checking.values(), *background]
        _, late = await asyncio.wait(tasks, timeout=GRACE)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _tick(self) -> None:
        """Start a check of everything that is due and not being checked."""
        if self._stop.is_set():
            return
        try:
            states = await asyncio.to_thread(self._due)
        except StoreError as error:
            self._fail(error)
            return
        for state in states:
            self._checking[state.name] = asyncio.create_task(self._check(state))

    def _due(self) -> list[SourceState]:
        means, now = self.means, self.means.clock()
        room = means.config.network.concurrency - len(self._checking)
        wanted = {name for name in self._wanted if name not in self._checking}
        with means.database.read() as connection:
            states = sources.due(connection, now, max(room, 0))
            states += [state for state in sources.by_name(connection, wanted) if state not in states]
        states = [state for state in states if state.name in means.sources and state.name not in self._checking]
        if states:
            with means.database.write() as connection:
                _claim(connection, means, states, now)
        self._wanted -= wanted
        return states

    async def _check(self, state: SourceState) -> None:
        try:
            report(await pipeline.check(self.means, state))
        except StoreError as error:
            self._fail(error)
        finally:
            del self._checking[state.name]
            self._changed.set()

    async def _publish(self) -> None:
        """Group and publish after checks; all that ended meanwhile goes out in one round."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await asyncio.to_thread(pipeline.group, self.means)
                written = await asyncio.to_thread(pipeline.publish, self.means)
            except StoreError as error:
                self._fail(error)
                return
            if written:
                log.info("published", extra={"files": len(written)})
            if self._stop.is_set() and not self._checking:
                return

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
                self.problem = str(error)
                log.error("the configuration stays as it was: %s", error)
            except StoreError as error:
                self._fail(error)

    async def _put_in_force(self, means: Means) -> None:
        """Checks in hand go on by the means they began with; their fetcher is closed at the end."""
        if means.fetcher is not self.means.fetcher:
            await self._fetchers.enter_async_context(means.fetcher)
        self.means, self.problem = means, None
        self._changed.set()
        log.info("the configuration was read again", extra={"sources": len(means.sources)})

    async def _watch_config(self) -> None:
        """Its folder is watched, for editors replace the file; equal contents are no edit."""
        file = self._config_file.resolve()
        known = _contents(file)
        async for _ in awatch(file.parent, recursive=False, stop_event=self._stop, debounce=300):
            now = _contents(file)
            if now and now != known:
                known = now
                self._reload_wanted.set()

    async def _watch(self) -> None:
        """Have folders checked as soon as something happens in them; the schedule stays the truth."""
        while not self._stop.is_set():
            folders = self._folders()
            try:
                await self._watch_these(folders)
            except OSError as error:
                log.warning("folders cannot be watched, they are scanned on schedule: %s", error)
                return

    async def _watch_these(self, folders: dict[Path, str]) -> None:
        if not folders:
            await asyncio.wait([asyncio.create_task(self._stop.wait())], timeout=LOOK_AGAIN / 1000)
            return
        changes = awatch(
            *folders,
            stop_event=self._stop,
            watch_filter=None,
            debounce=500,
            rust_timeout=LOOK_AGAIN,
            yield_on_timeout=True,
        )
        async for seen in changes:
            touched = [Path(path) for _, path in seen]
            self._wanted |= {name for folder, name in folders.items() if any(p.is_relative_to(folder) for p in touched)}
            if self._folders() != folders:
                return

    def _folders(self) -> dict[Path, str]:
        configured = self.means.sources.values()
        return {Path(s.path): s.name for s in configured if s.path and s.enabled and Path(s.path).is_dir()}

    def _fail(self, error: StoreError) -> None:
        self._failure = self._failure or error
        self.stop()


def _contents(file: Path) -> bytes:
    """Nothing while an editor has the file away; it is looked at again when it is back."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
