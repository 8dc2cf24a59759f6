"""The process of `aggregator worker`: it knows the database, and takes everything else from there."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from time import monotonic

from aggregator import systemd
from aggregator.cluster.distribution import Follower, configuration, means_for
from aggregator.cluster.reporting import report
from aggregator.cluster.running import FOLLOW, together
from aggregator.cluster.working import USUAL, Beats, Worker
from aggregator.errors import StoreError
from aggregator.metrics import Metrics
from aggregator.obstacles import Obstacles
from aggregator.pausing import paused
from aggregator.store import configurations
from aggregator.store.configurations import Stored
from aggregator.store.engine import Database, newest_revision
from aggregator.store.lock import CLUSTER

log = logging.getLogger(__name__)


async def joined(
    url: str,
    queues: Sequence[str],
    concurrency: int,
    stop: asyncio.Event,
    *,
    environ: Mapping[str, str] = os.environ,
    beats: Beats = USUAL,
) -> None:
    """Work for the installation in that database until `stop`.

    Waits for a database that is away, for its schema and for its configuration; raises ConfigError where that
    names what the environment of this process has not.
    """
    database, obstacles = Database(url), Obstacles(monotonic)
    with closing(database), ExitStack() as right:
        stored = await _configured(database, right, obstacles, stop)
        if stored is None:
            return
        means = means_for(configuration(url, stored, environ), database)
        follower = Follower(means, stored.version, environ)
        worker = Worker(follower, Metrics(dict), obstacles, beats)
        log.info("works", extra={"queues": ",".join(queues), "concurrency": concurrency})
        systemd.notify("READY=1")
        work = [
            worker.run(queues, concurrency, stop),
            follower.follow(stop, FOLLOW),
            report(follower, worker, obstacles, queues, stop),
            _stopping(follower, stop),
        ]
        await together(work, stop)


async def _stopping(follower: Follower, stop: asyncio.Event) -> None:
    await stop.wait()
    follower.means.stopping.set()


async def _configured(database: Database, right: ExitStack, obstacles: Obstacles, stop: asyncio.Event) -> Stored | None:
    """The configuration in force, once there is one; None where the process is to end before."""
    told = ""
    while not stop.is_set():
        try:
            stored = await asyncio.to_thread(_stored, database, right)
            obstacles.over("start")
        except StoreError as error:
            if error.lasting:
                raise
            obstacles.met("start", error)
            await paused(stop, obstacles.waits("start"))
            continue
        if isinstance(stored, Stored):
            return stored
        if stored != told:
            log.info(stored)
            told = stored
        await paused(stop, FOLLOW)
    return None


def _stored(database: Database, right: ExitStack) -> Stored | str:
    """The configuration in force, and the right to write beside the others; or what is waited for, for people."""
    revision = database.revision()
    if revision is None or revision < newest_revision():
        return "waiting for `aggregator run` to upgrade the database"
    database.upgrade()  # never changes one that is this new: raises StoreError where it is too new to be worked with
    with database.read() as connection:
        stored = configurations.newest(connection)
    if stored is None:
        return "waiting for `aggregator run` to bring a configuration"
    right.enter_context(database.only_writer(CLUSTER))
    return stored
