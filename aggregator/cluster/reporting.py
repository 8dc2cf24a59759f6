"""What a process tells of itself, in the database: a worker has no server that could be asked."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from aggregator.cluster import jobs
from aggregator.cluster.distribution import Follower
from aggregator.cluster.working import Worker
from aggregator.errors import StoreError
from aggregator.means import Means
from aggregator.metrics import Gauge
from aggregator.obstacles import Obstacles
from aggregator.pausing import paused
from aggregator.store import processes
from aggregator.store.depths import depths
from aggregator.store.engine import Database
from aggregator.store.processes import Process

log = logging.getLogger(__name__)

#: Seconds between two reports: one small row each, and soon enough for who watches.
EVERY = 10.0


def name() -> str:
    """What this process is called."""
    return f"{os.getpid()}@{socket.gethostname()}"


async def report(
    follower: Follower, worker: Worker, obstacles: Obstacles, queues: Sequence[str], stop: asyncio.Event
) -> None:
    """Tell how it goes, every so many seconds until `stop`; what is told while the database is away is lost."""
    database, begun = follower.means.database, follower.means.clock()
    while not stop.is_set():
        try:
            await asyncio.to_thread(_put, database, facts(follower, worker, obstacles, queues, begun))
        except StoreError as error:
            log.debug("%s", error)  # who works tells of it
        await paused(stop, EVERY)
    with suppress(StoreError):
        await asyncio.to_thread(_gone, database)


def facts(follower: Follower, worker: Worker, obstacles: Obstacles, queues: Sequence[str], begun: datetime) -> Process:
    wrong = dict.fromkeys(filter(None, (follower.problem, *obstacles.messages)))
    return Process(
        name=name(),
        queues=",".join(queues),
        begun=begun,
        seen=follower.means.clock(),
        checking=worker.checking,
        done=worker.done,
        failed=worker.failed,
        memory=_memory(),
        version=follower.version,
        problem="; ".join(wrong) or None,
    )


def _memory() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return None
    return pages * os.sysconf("SC_PAGESIZE")


def _put(database: Database, told: Process) -> None:
    with database.write(beside=True) as connection:
        processes.put(connection, told)


def _gone(database: Database) -> None:
    with database.write(beside=True) as connection:
        processes.gone(connection, name())


def overview(means: Means) -> dict[str, Gauge]:
    """For Prometheus: what any process can tell of the whole cluster."""
    now = means.clock()
    with means.database.read() as connection:
        found = depths(connection, now)
        queue = jobs.queued(connection)
        told = processes.present(connection, now)
    return {
        **found,
        **gauges(told, now),
        "jobs_waiting": ("Jobs of checks that wait, of the whole cluster.", float(queue.waiting)),
        "jobs_running": ("Jobs of checks under way, of the whole cluster.", float(queue.running)),
    }


def gauges(told: Sequence[Process], now: datetime) -> dict[str, Gauge]:
    """For Prometheus, by the name of the process."""
    return {
        "process_silent_seconds": (
            "Since a process of the cluster last reported.",
            {one.name: max((now - one.seen).total_seconds(), 0.0) for one in told},
        ),
        "process_checks_running": ("Checks in hand.", {one.name: one.checking for one in told}),
        "process_jobs_total": ("Jobs done.", {one.name: one.done for one in told}),
        "process_jobs_failed_total": ("Attempts of jobs that failed.", {one.name: one.failed for one in told}),
        "process_memory_bytes": ("Resident memory.", {one.name: one.memory for one in told if one.memory}),
        "process_configuration": ("Version of the configuration in force.", {one.name: one.version for one in told}),
        "process_problem": (
            "1 where something keeps it from its work.",
            {one.name: float(one.problem is not None) for one in told},
        ),
    }
