"""What processes tell of themselves, and what a person who watches over them is shown of it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from time import monotonic

import pytest

from aggregator.cli.website import Website
from aggregator.cluster import jobs
from aggregator.cluster.distribution import Follower
from aggregator.cluster.reporting import facts, gauges, name, report
from aggregator.cluster.working import Worker
from aggregator.errors import StoreError
from aggregator.metrics import Metrics
from aggregator.obstacles import Obstacles
from aggregator.store import processes
from aggregator.store.processes import Process
from tests.clustered import Cluster, work
from tests.test_web import ask
from tests.world import item, rss

pytestmark = pytest.mark.postgres


def told_by(follower: Follower, worker: Worker, obstacles: Obstacles | None = None) -> Process:
    return facts(follower, worker, obstacles or Obstacles(monotonic), ["checks"], follower.means.clock())


def test_what_a_process_has_done_is_told_and_ends_with_it(cluster: Cluster) -> None:
    cluster.source("f", url="https://f.example/")
    cluster.network.answers["https://f.example/"] = rss(item(1))
    cluster.tick(cluster.distribute())
    follower = cluster.follower()
    worker = cluster.worker(follower)

    async def play() -> list[tuple[object, ...]]:
        stop = asyncio.Event()
        await work(worker, [jobs.CHECKS], cluster)
        reporting = asyncio.create_task(report(follower, worker, Obstacles(monotonic), ["checks", "feeds"], stop))
        query = "SELECT name, queues, checking, done, failed, version, problem, memory > 10000000 FROM process"
        while not (rows := await asyncio.to_thread(cluster.rows, query)):
            await asyncio.sleep(0.02)
        stop.set()
        await reporting
        return rows

    assert asyncio.run(play()) == [(name(), "checks,feeds", 0, 1, 0, 1, None, True)]
    assert cluster.rows("SELECT * FROM process") == []


def test_it_has_the_name_that_its_sessions_have(cluster: Cluster) -> None:
    means = cluster.distribute()
    with means.database.only_writer("cluster"):
        sessions = cluster.rows("SELECT application_name FROM pg_stat_activity WHERE datname = current_database()")
    assert name().startswith(f"{os.getpid()}@")
    assert (f"aggregator cluster {name()}"[:63],) in sessions


def test_attempts_that_fail_are_told_and_what_is_in_the_way(cluster: Cluster) -> None:
    (cluster.folder / "public").write_text("in the way")
    cluster.distribute()
    follower = cluster.follower()
    obstacles = Obstacles(monotonic)
    worker = Worker(follower, Metrics(dict), obstacles)
    task = worker.queue.tasks["site"]
    with pytest.raises(StoreError):
        asyncio.run(task.func())
    told = told_by(follower, worker, obstacles)
    assert (told.done, told.failed) == (0, 1)
    assert "public" in (told.problem or "")


def test_a_configuration_that_cannot_be_in_force_here_is_told(cluster: Cluster) -> None:
    cluster.distribute()
    follower = cluster.follower()
    cluster.source("f", url="https://f.example/", headers={"X-Key": "${KEY}"})
    cluster.distribute(KEY="x")
    asyncio.run(follower.refresh())
    told = told_by(follower, cluster.worker(follower))
    assert told.version == 1
    assert "KEY is not set" in (told.problem or "")


def test_who_falls_silent_is_shown_for_a_while_and_then_forgotten(cluster: Cluster) -> None:
    means = cluster.distribute()
    follower = cluster.follower()
    here = told_by(follower, cluster.worker(follower))
    now = means.clock()
    with means.database.write(beside=True) as connection:
        for ago in (timedelta(), timedelta(minutes=9), timedelta(minutes=11), timedelta(days=2)):
            processes.put(connection, replace(here, name=str(ago), seen=now - ago))
        shown = processes.present(connection, now)
        assert [one.name for one in shown] == ["0:00:00", "0:09:00"]
        processes.forget(connection, now)
    assert cluster.rows("SELECT name FROM process ORDER BY seen DESC") == [("0:00:00",), ("0:09:00",), ("0:11:00",)]
    text = Metrics(lambda: gauges(shown, now)).text().decode()
    assert 'aggregator_process_silent_seconds{process="0:09:00"} 540.0' in text
    assert 'aggregator_process_jobs_total{process="0:00:00"} 0.0' in text
    assert "# TYPE aggregator_process_jobs_failed_total counter" in text


def test_whoever_serves_tells_of_all(cluster: Cluster) -> None:
    means = cluster.distribute()
    follower = cluster.follower()
    with means.database.write(beside=True) as connection:
        processes.put(connection, told_by(follower, cluster.worker(follower)))
    text = ask(Website(lambda: means), "/metrics").body.decode()
    for line in (f'process_jobs_total{{process="{name()}"}} 0.0', "jobs_waiting 0.0", "sources_due 0.0"):
        assert f"\naggregator_{line}\n" in text
    assert "aggregator_leader" not in text


def test_a_system_that_does_not_say_how_much_memory_leaves_that_out(cluster: Cluster) -> None:
    cluster.distribute()
    follower = cluster.follower()
    told = replace(told_by(follower, cluster.worker(follower)), memory=None, problem="a full disk")
    text = Metrics(lambda: gauges([told], told.seen)).text().decode()
    assert f'aggregator_process_problem{{process="{told.name}"}} 1.0' in text
    assert "aggregator_process_memory_bytes{" not in text
