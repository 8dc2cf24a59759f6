"""Many sources of one slow host are due, and a few of others: the others are asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from aggregator import runner, turns
from aggregator.app import utc_now
from aggregator.config.schema import Source
from aggregator.means import Means
from aggregator.model import Failed, Fetched, NotModified, Outcome, Validators
from aggregator.service import Service
from tests.world import PlayedNetwork, World

QUICK = 10


class SlowNetwork(PlayedNetwork):
    """Of one host no request ends before all others have been asked."""

    def __init__(self) -> None:
        super().__init__()
        self.others_asked = asyncio.Event()
        self.busy: Counter[str] = Counter()
        self.busiest: Counter[str] = Counter()

    async def fetch(
        self, source: Source, url: str, validators: Validators, now: datetime
    ) -> Fetched | NotModified | Failed:
        self.asked.append((url, validators))
        host = urlsplit(url).hostname or ""
        self.busy[host] += 1
        self.busiest[host] = max(self.busiest[host], self.busy[host])
        if host != "slow.example":
            if len([url for url, _ in self.asked if "slow" not in url]) == QUICK:
                self.others_asked.set()
        else:
            await self.others_asked.wait()
        await asyncio.sleep(0)
        self.busy[host] -= 1
        return Failed(Outcome.HTTP_ERROR, "played", "none")


@pytest.fixture
def network() -> SlowNetwork:
    return SlowNetwork()


@pytest.fixture
def world(world: World, network: SlowNetwork) -> World:
    world.network = network
    world.clock.now = utc_now()  # the scheduler of the service has a clock of its own
    world.config["network"] = {"concurrency": 8, "per_host": 1}
    for number in range(30):  # first, and so due for longest
        world.source(f"slow {number}", url=f"https://slow.example/{number}")
    for number in range(QUICK):
        world.source(f"quick {number}", url=f"https://quick{number}.example/")
    return world


def test_a_slow_host_does_not_keep_others_from_being_asked_by_once(world: World, network: SlowNetwork) -> None:
    async def run(means: Means) -> None:
        results = await asyncio.wait_for(runner.once(means, everything=True), 30)
        assert len(results) == 30 + QUICK

    with world.writing() as means:
        asyncio.run(run(means))
    assert network.busiest["slow.example"] == turns.IN_LINE


def test_a_slow_host_does_not_keep_others_from_being_asked_by_the_service(world: World, network: SlowNetwork) -> None:
    async def run(means: Means) -> None:
        service = Service(means, world.folder / "config.yaml", lambda same: same)
        running = asyncio.create_task(service.run())
        await asyncio.wait_for(network.others_asked.wait(), 30)
        service.stop()
        await running

    with world.writing() as means:
        asyncio.run(run(means))
    assert network.busiest["slow.example"] == turns.IN_LINE
