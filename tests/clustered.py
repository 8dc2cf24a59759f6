"""An installation of several processes, played in one: means and workers as each of them would have, one database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import text

from aggregator import app
from aggregator.cluster import distribution
from aggregator.cluster.distribution import Follower
from aggregator.cluster.leader import tick
from aggregator.cluster.working import Beats, Worker
from aggregator.config.load import load
from aggregator.means import Means
from aggregator.metrics import Metrics
from aggregator.obstacles import Obstacles
from aggregator.store.configurations import newest
from aggregator.store.engine import Database
from aggregator.store.leadership import Leadership
from tests.world import SITE, Clock, PlayedNetwork

#: A process is taken for dead after a second.
QUICK = Beats(0.2, 1.0)

#: Seconds after which what should happen at once has not happened.
PATIENCE = 60.0


class Cluster:
    """Several processes of one installation, and the network that all of them ask."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.clock, self.network = Clock(), PlayedNetwork()
        self.config: dict[str, Any] = {"site": SITE, "sources": [], "engine": "procrastinate", "database": url}
        self._open: list[Database] = []
        #: For a person's own queries.
        self._own: Database | None = None

    @property
    def file(self) -> Path:
        return self.folder / "config.yaml"

    def source(self, name: str, **keys: Any) -> None:
        self.config["sources"].append({"name": name, **keys})

    def write(self) -> None:
        self.file.write_text(json.dumps(self.config, ensure_ascii=False), encoding="utf-8")

    def database(self) -> Database:
        """With connections of its own, as another process has them."""
        database = Database(self.url)
        self._open.append(database)
        return database

    def distribute(self, **environ: str) -> Means:
        """What the leader does with its file; returns its means."""
        self.write()
        means = distribution.means_for(load(self.file, environ), self.database(), self.clock)
        distribution.distribute(means, self.file, environ, anew=True)
        app.settle(means)
        return replace(means, make_fetcher=lambda: self.network)

    def follower(self, **environ: str) -> Follower:
        """What a process has that knows the database only."""
        database = self.database()
        with database.read() as connection:
            stored = newest(connection)
        assert stored
        config = distribution.configuration(self.url, stored, environ)
        means = distribution.means_for(config, database, self.clock)
        return Follower(replace(means, make_fetcher=lambda: self.network), stored.version, environ)

    def worker(self, follower: Follower | None = None, beats: Beats = QUICK) -> Worker:
        return Worker(follower or self.follower(), Metrics(dict), Obstacles(monotonic), beats)

    def tick(self, means: Means, **how: Any) -> None:
        """One look of a leader that leads for this moment only."""
        leadership = Leadership.win(means.database)
        assert leadership
        try:
            tick(leadership, means, 1, **how)
        finally:
            leadership.resign()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        self._own = self._own or self.database()
        with self._own.write(beside=True) as connection:
            result = connection.execute(text(query))
            return [tuple(row) for row in result] if result.returns_rows else []

    def jobs(self, columns: str = "task_name, lock") -> list[tuple[Any, ...]]:
        """What waits or runs."""
        return self.rows(f"SELECT {columns} FROM procrastinate_jobs WHERE status IN ('todo', 'doing') ORDER BY id")

    def close(self) -> None:
        for database in self._open:
            database.close()


async def work(worker: Worker, queues: Collection[str], cluster: Cluster, concurrency: int = 4) -> None:
    """Have it work until nothing waits or runs in these queues."""
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(queues, concurrency, stop))
    names = ", ".join(f"'{one}'" for one in queues)
    query = f"SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND queue_name IN ({names})"
    end = monotonic() + PATIENCE
    while (await asyncio.to_thread(cluster.rows, query))[0][0]:
        assert monotonic() < end, "it does not come to an end"
        await asyncio.sleep(0.02)
    stop.set()
    await running


@contextmanager
def opened(folder: Path, url: str) -> Iterator[Cluster]:
    cluster = Cluster(folder, url)
    try:
        yield cluster
    finally:
        cluster.close()
