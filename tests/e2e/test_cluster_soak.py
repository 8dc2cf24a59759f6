"""Processes die, the database restarts, the network is cut: what comes out is what an undisturbed `once` makes."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.e2e.cluster import DatabaseServer, Member, Network, database_server, members
from tests.e2e.service import command, configure, eventually
from tests.played import Request, Server, Speak, reply
from tests.world import item, rss

pytestmark = [pytest.mark.soak, pytest.mark.postgres]
if postgres.MISSING:
    pytestmark.append(pytest.mark.skip(postgres.MISSING))

MINUTES = float(os.environ.get("CLUSTER_MINUTES", "2"))

#: Seconds without a way to the database.
CUT = min(30.0, MINUTES * 10)

#: Seconds after the last disturbance within which all is well again, on a machine that others keep busy as well.
CALM = 180.0

FEEDS = 24

#: Seconds without one in the test that is about this alone: the minute of which `docs/operations.md` speaks.
MINUTE = 60.0

#: Seconds between checks in that test: six fall due in the minute.
INTERVAL = 10

#: Requests that may go to one host at once (`network.per_host`).
PER_HOST = 2

#: Documents that each feed shows one after the other, and items of each.
EDITIONS, ITEMS = 6, 5


@pytest.fixture
def server() -> Iterator[DatabaseServer]:
    with database_server() as server:
        yield server


def edition(feed: int, number: int) -> bytes:
    """The items of all editions so far: whoever sees the last has seen all."""
    items = [
        item(
            f"{feed}-{one}-{nth}",
            title=f"第{feed}报第{one}期第{nth}篇",
            body=f"<p>{f'这是第{feed}家报纸第{one}期的第{nth}篇，说的是{feed * 7919 + one * 104729 + nth * 1299709}号事情。' * 3}</p>",
            date=f"Sun, 01 Mar 2026 {one:02d}:{nth:02d}:{feed:02d} GMT",
        )
        for one in range(number + 1)
        for nth in range(ITEMS)
    ]
    return rss(*items, title=f"报{feed}").encode()


def sources(port: int, shared: int = 2, interval: int = 1) -> list[dict[str, object]]:
    """Each of a host of its own, so many of one host at the end."""
    return [
        {
            "name": f"报{number}",
            "url": f"http://127.0.0.{min(number, FEEDS - shared) + 1}:{port}/{number}",
            "allow_private": True,
            "interval": f"{interval}s",
            "category": f"类{number % 4}",
        }
        for number in range(FEEDS)
    ]


def show(played: Server, number: int) -> None:
    played.scripts.update({f"/{feed}": reply(edition(feed, number)) for feed in range(FEEDS)})


def feeds(folder: Path) -> dict[str, bytes]:
    """All but those that somebody is just writing."""
    root = folder / "public"
    files = (file for kind in ("feeds", "s") for file in (root / kind).rglob("[!.]*.*"))
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute(query.encode()).fetchall()


def test_whatever_happens_the_outcome_is_that_of_one_undisturbed_run(server: DatabaseServer, tmp_path: Path) -> None:
    server.create("news")
    network = Network(server.socket)
    played = Server(host="0.0.0.0")
    # As far as it is told from first sight, an entry looks the same whenever it is seen: dates come from the documents.
    output = {"entries": 1000}
    reference, installation = tmp_path / "reference", tmp_path / "cluster"
    for folder in (reference, installation):
        folder.mkdir()
    with played:
        show(played, EDITIONS - 1)
        configure(reference, sources(played.port), output=output)
        assert command(reference, "once").returncode == 0
        show(played, 0)
        configure(
            installation, sources(played.port), output=output, database=network.url("news"), engine="procrastinate"
        )
        runs = [Member(installation, f"run{n}.txt", "run") for n in range(2)]
        workers = [Member(tmp_path, f"worker{n}.txt", "worker", "checks,feeds", network.url("news")) for n in range(3)]
        with members(*runs, *workers):
            killed = disturb(played, server, network, [*runs, *workers])
            wanted, all_of_them = feeds(reference), [(FEEDS * EDITIONS * ITEMS,)]
            eventually(lambda: rows(server.url("news"), "SELECT count(*) FROM entry") == all_of_them, CALM)
            eventually(lambda: feeds(installation) == wanted, CALM)
            # Who was started last may be ready last, and until then a signal ends it as it ends any program.
            eventually(lambda: all(one.works for one in (*runs, *workers)), CALM)
            codes = [one.stop() for one in (*runs, *workers)]
    assert codes == [0] * 5
    assert killed > MINUTES * 5
    assert rows(server.url("news"), "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == [(0,)]
    assert [line for one in (*runs, *workers) for line in one.log.read_text().splitlines() if "Traceback" in line] == []
    network.close()


def disturb(played: Server, server: DatabaseServer, network: Network, everybody: list[Member]) -> int:
    """Kill one after the other, restart the database, cut the network; a new edition every now and then.

    Tells how many processes were killed at work.
    """
    begun, chance, killed = time.monotonic(), random.Random(9), 0
    planned: list[tuple[float, Callable[[], None]]] = [
        (part / EDITIONS, partial(show, played, part)) for part in range(1, EDITIONS)
    ]
    planned += [(0.35, server.restart), (0.6, network.cut), (0.6 + CUT / (MINUTES * 60), network.mend)]
    planned.sort(key=lambda one: one[0])
    while planned or time.monotonic() - begun < MINUTES * 60:
        time.sleep(chance.uniform(0.5, 3.0))
        while planned and planned[0][0] * MINUTES * 60 < time.monotonic() - begun:
            planned.pop(0)[1]()
        if working := [one for one in everybody if one.works]:
            one = chance.choice(working)
            one.kill()
            killed += 1
            time.sleep(chance.uniform(0.0, 2.0))
            one.start()
    return killed


@dataclass
class Ledger:
    """When which feed was asked for, and how many requests each host had at once."""

    times: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    most: Counter[str] = field(default_factory=Counter)
    _busy: Counter[str] = field(default_factory=Counter)

    def answering(self, body: bytes) -> Speak:
        async def speak(request: Request, writer: asyncio.StreamWriter) -> bytes:
            host = request.headers["host"]
            self.times[request.path].append(time.monotonic())
            self._busy[host] += 1
            self.most[host] = max(self.most[host], self._busy[host])
            await asyncio.sleep(0.05)  # so that those who come at once are seen to
            self._busy[host] -= 1
            return reply(body)

        return speak

    def between(self, begun: float, ended: float) -> dict[str, list[float]]:
        return {path: [one for one in times if begun <= one < ended] for path, times in self.times.items()}


@pytest.mark.parametrize("lose", [Network.cut, Network.fall_silent])
def test_after_a_minute_without_a_way_to_the_database_nobody_is_hammered(
    server: DatabaseServer, tmp_path: Path, lose: Callable[[Network], None]
) -> None:
    """Ten feeds of one host among them. Times are only bounded from below: a busy machine makes them longer."""
    server.create("news")
    network, played, ledger = Network(server.socket), Server(host="0.0.0.0"), Ledger()

    def show_all(number: int) -> None:
        played.scripts.update({f"/{feed}": ledger.answering(edition(feed, number)) for feed in range(FEEDS)})

    reference, installation = tmp_path / "reference", tmp_path / "cluster"
    how: dict[str, Any] = {"output": {"entries": 1000}, "network": {"per_host": PER_HOST}}
    with played:
        listed = sources(played.port, 10, INTERVAL)
        for folder in (reference, installation):
            folder.mkdir()
        show_all(1)
        configure(reference, listed, **how)
        assert command(reference, "once").returncode == 0
        ledger.times.clear()
        show_all(0)
        configure(installation, listed, database=network.url("news"), engine="procrastinate", **how)
        run = Member(installation, "run.txt", "run", BEATS="usual")
        url = network.url("news")
        workers = [Member(tmp_path, f"worker{n}.txt", "worker", "checks,feeds", url, BEATS="usual") for n in range(2)]
        with members(run, *workers):
            eventually(lambda: all(one.works for one in (run, *workers)), 60)
            eventually(lambda: rows(server.url("news"), "SELECT count(*) FROM entry") == [(FEEDS * ITEMS,)], 60)
            lost = time.monotonic()
            lose(network)
            show_all(1)
            time.sleep(MINUTE)
            network.mend()
            mended = time.monotonic()
            eventually(lambda: rows(server.url("news"), "SELECT count(*) FROM entry") == [(FEEDS * ITEMS * 2,)], CALM)
            wanted = feeds(reference)
            eventually(lambda: feeds(installation) == wanted, CALM)
            # Nothing is in the way of anybody any more, as each tells.
            well = "SELECT count(*) FROM process WHERE problem IS NULL"
            eventually(lambda: rows(server.url("news"), well) == [(3,)], CALM)
            time.sleep(2 * INTERVAL)  # whoever would ask for all that was missed would by now
            codes = [one.stop() for one in (run, *workers)]
    assert codes == [0] * 3
    assert "Traceback" not in "".join(one.log.read_text() for one in (run, *workers))
    assert rows(server.url("news"), "SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed'") == [(0,)]
    # What was in hand when it was lost, and nothing else, for nobody could claim anything.
    assert max(map(len, ledger.between(lost, mended).values())) <= 1
    after = ledger.between(mended, time.monotonic())
    assert len([path for path, times in after.items() if times]) == FEEDS
    assert [(path, gap) for path, times in after.items() for gap in gaps(times) if gap < INTERVAL * 0.9] == []
    assert max(ledger.most.values()) <= PER_HOST
    network.close()


def gaps(times: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times)]
