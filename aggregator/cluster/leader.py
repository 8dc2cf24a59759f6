"""Who keeps the clock: one process, for as long as it has its connection; the others stand by.

Twice a second the leader turns what is due and what is behind into jobs. A claim and the job that carries it are
one transaction, made on the connection that holds the leadership: who has lost that can claim nothing any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Iterable, Sequence
from typing import Any, Protocol

from procrastinate import App
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from sqlalchemy import Connection

from aggregator import schedule, turns
from aggregator.cluster import jobs
from aggregator.cluster.distribution import Follower
from aggregator.cluster.jobs import Batch, Queued
from aggregator.cluster.working import Beats
from aggregator.errors import StoreError
from aggregator.means import Means
from aggregator.obstacles import Obstacles
from aggregator.pausing import paused
from aggregator.store import claims, hosts, processes
from aggregator.store.leadership import Leadership
from aggregator.store.types import Record

log = logging.getLogger(__name__)

#: Seconds between looks at what is due, and at whether the leader is gone.
TICK, STANDBY = 0.5, 1.0

#: Sources of one job: many enough that a job is worth its rows, few enough that it ends within its claim.
BATCH = 20

#: Checks that wait at most: so many for each that runs, and at least that many. The rest stays due, so that after
#: an outage the sources come one after the other and a worker that is added has something to do at once.
AHEAD, LEAST = 4, 200

#: Seconds between looks for jobs of processes that died, and between deleting what failed long ago.
MEND, TIDY = 3.0, 3600.0

#: How often a job is done again whose process died: its sources are then due when their claim ends.
LIVES = 3

#: Hours that a job which failed is kept, for people.
KEPT = 48

#: The kind of work that is in trouble while there is no leading.
LEAD = "lead"


class Term(Protocol):
    """What a process does for as long as it leads, beside keeping the clock."""

    async def begin(self) -> None:
        """Before anything else; raises StoreError where that fails, and then another may lead."""
        ...

    def duties(self, over: asyncio.Event) -> Sequence[Coroutine[Any, Any, None]]:
        """What goes on meanwhile; once it is `over` it is cancelled."""
        ...


class Leader:
    """Leads whenever nobody else does, until it is told to stop."""

    def __init__(self, follower: Follower, queue: App, obstacles: Obstacles, beats: Beats, term: Term) -> None:
        self._follower = follower
        #: An open app of Procrastinate, for what only its own connections can do.
        self._queue = queue
        self._obstacles = obstacles
        self._beats = beats
        self._term = term
        #: Folders that are to be scanned as soon as nobody scans them.
        self.touched: set[str] = set()
        #: What is to be done once.
        self._once: dict[str, Job] = {}
        self.leads = False

    def want(self, name: str) -> None:
        """Have a job done beside what shows by itself to be behind."""
        self._once[name] = jobs.first(name)

    async def run(self, stop: asyncio.Event, ticked: Callable[[], None]) -> None:
        """Lead or stand by, until `stop`; calls `ticked` each time round."""
        while not stop.is_set():
            try:
                leadership = await asyncio.to_thread(Leadership.win, self._follower.means.database)
                if leadership:
                    await self._lead(leadership, stop, ticked)
                self._obstacles.over(LEAD)
            except StoreError as error:
                self._obstacles.met(LEAD, error)
            ticked()
            await paused(stop, STANDBY)

    async def _lead(self, leadership: Leadership, stop: asyncio.Event, ticked: Callable[[], None]) -> None:
        duties: list[asyncio.Task[None]] = []
        over = asyncio.Event()
        try:
            await self._term.begin()
            self._begin()
            duties = [asyncio.create_task(duty) for duty in (*self._term.duties(over), self._mend(), self._tidy())]
            while not stop.is_set():
                await self._tick(leadership)
                ticked()
                await paused(stop, TICK)
        finally:
            self.leads = False
            over.set()
            for duty in duties:
                duty.cancel()
            await asyncio.gather(*duties, return_exceptions=True)
            await asyncio.to_thread(leadership.resign)
            log.info("leads no more")

    def _begin(self) -> None:
        log.info("leads")
        self.leads = True
        self._obstacles.over(LEAD)
        self.want("restore")
        # Nobody watched while nobody led.
        self.touched |= {source.name for source in self._follower.means.sources.values() if source.path}

    async def _tick(self, leadership: Leadership) -> None:
        """Make jobs of what is due and of what is behind; raises StoreError, after which it leads no more."""
        wanted, once = frozenset(self.touched), dict(self._once)
        done = await asyncio.to_thread(
            tick, leadership, self._follower.means, self._follower.version, wanted, once.values()
        )
        self.touched -= done
        for name in once:
            self._once.pop(name, None)

    async def _mend(self) -> None:
        """Have what processes that died had in hand done again."""
        manager, limit = self._queue.job_manager, self._beats.stalled
        # After a time without a database nobody's heart was heard, and most are alive.
        await asyncio.sleep(limit)
        while True:
            await asyncio.sleep(min(MEND, limit))
            try:
                await manager.prune_stalled_workers(limit)
                for job in await manager.get_stalled_jobs(seconds_since_heartbeat=limit):
                    await self._again(job)
            except (ConnectorException, StoreError) as error:
                log.debug("%s", error)  # the clock, which stands still meanwhile, tells of it

    async def _again(self, job: Job) -> None:
        manager, told = self._queue.job_manager, {"job": job.call_string}
        if names := await asyncio.to_thread(_names, self._follower.means, job):
            told["sources"] = ", ".join(names)
        if job.attempts >= LIVES:
            log.error(
                "processes die of it: it is left until it is due again; disable the source and report it", extra=told
            )
            await manager.finish_job(job, Status.FAILED, delete_job=False)
            return
        log.warning("its process died, it is done again", extra=told)
        try:
            await manager.retry_job(job)
        except UniqueViolation:  # the same waits already
            await manager.finish_job(job, Status.FAILED, delete_job=True)

    async def _tidy(self) -> None:
        while True:
            try:
                await self._queue.job_manager.delete_old_jobs(KEPT, include_failed=True, include_aborted=True)
                await asyncio.to_thread(_forget, self._follower.means)
            except (ConnectorException, StoreError) as error:
                log.debug("%s", error)
            await asyncio.sleep(TIDY)


def _names(means: Means, job: Job) -> list[str]:
    """Of the sources that it checks, for people; none of another job."""
    if job.task_name != "check":
        return []
    with means.database.read() as connection:
        return claims.names(connection, jobs.sources_of(job))


def _forget(means: Means) -> None:
    with means.database.write(beside=True) as connection:
        hosts.forget(connection, means.clock())
        processes.forget(connection, means.clock())


def tick(
    leadership: Leadership, means: Means, version: int, touched: Collection[str] = (), more: Iterable[Job] = ()
) -> set[str]:
    """One look at what is due and what is behind; tells which of the touched folders were made due."""
    with leadership.transaction() as connection:
        before = jobs.defer_behind(connection, means, *more)
        free = {name for name in touched if jobs.folder_lock(name) not in before.locks}
        if free:
            claims.hurry(connection, sorted(free), means.clock())
        _claim(connection, means, version, before)
    return free


def _claim(connection: Connection, means: Means, version: int, before: Queued) -> None:
    """Jobs for what is due, as many as there is room for; what finds none stays due.

    A host of which a job waits or runs gets no second one: whatever falls due there meanwhile goes with the next.
    """
    room = max(AHEAD * before.running, LEAST) - before.waiting
    now = means.clock()
    if room <= 0:
        return
    until = now + schedule.CLAIM
    batches = gathered(claims.due(connection, now), means, before.locks, room)
    made = jobs.defer(connection, [jobs.check(batch, until, version) for batch in batches])
    claims.claim(connection, [one for job in made for one in jobs.sources_of(job)], now, until)


def gathered(rows: Iterable[Record], means: Means, busy: Collection[str], room: int) -> list[Batch]:
    """Sources that are due, in batches of one host each, for hosts that are not busy."""
    found: dict[str, Batch] = {}
    for row in rows:
        source = means.sources.get(row.name)
        if source is None:
            continue
        files = source.kind == "folder"
        lock = jobs.folder_lock(row.name) if files else jobs.host_lock(turns.host(means, row.name))
        if lock in busy:
            continue
        if lock not in found and len(found) == room:
            break
        batch = found.setdefault(lock, Batch(lock, files))
        if len(batch.ids) < BATCH:
            batch.ids.append(row.id)
    return list(found.values())
