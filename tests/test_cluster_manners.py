"""What a host asked one process for, all others heed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aggregator.cluster.manners import SharedManners
from aggregator.fetch.manners import Held, Known, Manners
from aggregator.store import hosts
from tests.clustered import Cluster

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Process:
    """The manners of one process."""

    def __init__(self, cluster: Cluster) -> None:
        self.pauses: list[float] = []
        memory = SharedManners(cluster.database(), cluster.clock)
        self.manners = Manners(8, 2, timedelta(seconds=5), memory=memory, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def ask(self, status: int, now: datetime = NOW, retry_after: float = 0.0) -> None:
        asyncio.run(self._ask(status, now, retry_after))

    async def _ask(self, status: int, now: datetime, retry_after: float) -> None:
        async with self.manners.at("a.example", now, 60.0):
            if status == 429:
                self.manners.refused("a.example", now, retry_after)
            else:
                self.manners.answered("a.example", now)


def test_what_one_is_told_holds_for_the_other(cluster: Cluster) -> None:
    one, other = Process(cluster), Process(cluster)
    one.ask(429, retry_after=60)
    other.ask(429, retry_after=60)
    with pytest.raises(Held):
        one.ask(200)
    with pytest.raises(Held):
        Process(cluster).ask(200)


def test_the_distance_of_requests_is_kept_across_processes(cluster: Cluster) -> None:
    one, other = Process(cluster), Process(cluster)
    one.ask(429, retry_after=60)
    other.ask(200)
    (pause,) = other.pauses
    assert 4.0 < pause <= 5.0


def test_a_host_that_answers_again_is_held_by_nobody(cluster: Cluster) -> None:
    one, other = Process(cluster), Process(cluster)
    one.ask(429, retry_after=60)
    other.ask(200)
    one.ask(200)
    later = NOW + timedelta(minutes=2)
    other.ask(200, now=later)
    assert cluster.rows("SELECT * FROM host") == []
    one.ask(200, now=later)
    assert len(one.pauses) == 1


def test_of_a_host_that_never_asked_for_anything_nothing_is_written(cluster: Cluster) -> None:
    Process(cluster).ask(200)
    assert cluster.rows("SELECT * FROM host") == []


def test_times_without_a_name_grow_across_processes(cluster: Cluster) -> None:
    Process(cluster).ask(429)
    Process(cluster).ask(429, now=NOW + timedelta(minutes=6))
    ((until, unnamed),) = cluster.rows("SELECT until, unnamed FROM host")
    assert unnamed == 2
    memory = SharedManners(cluster.database(), cluster.clock)
    known = asyncio.run(memory.recall("a.example"))
    assert isinstance(known, Known)
    assert known.until == NOW + timedelta(minutes=16)
    assert until > 0


def test_hosts_that_nobody_asks_any_more_are_forgotten(cluster: Cluster) -> None:
    Process(cluster).ask(429, retry_after=60)
    with cluster.database().write(beside=True) as connection:
        hosts.forget(connection, NOW + timedelta(days=1))
    assert len(cluster.rows("SELECT * FROM host")) == 1
    with cluster.database().write(beside=True) as connection:
        hosts.forget(connection, NOW + timedelta(days=3))
    assert cluster.rows("SELECT * FROM host") == []
