"""Processes die, the database restarts, the network is cut: what comes out is what an undisturbed `once` makes."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.e2e.cluster import DatabaseServer, Member, Network, database_server, members
from tests.e2e.service import command, configure, eventually
from tests.played import Server, reply
from tests.world import item, rss

pytestmark = [pytest.mark.soak, pytest.mark.postgres]
if postgres.MISSING:
    pytestmark.append(pytest.mark.skip(postgres.MISSING))

MINUTES = float(os.environ.get("CLUSTER_MINUTES", "2"))

#: Seconds without a way to the database.
CUT = min(30.0, MINUTES * 10)

FEEDS = 24

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


def sources(port: int) -> list[dict[str, object]]:
    """Each of a host of its own, two of one host at the end."""
    return [
        {
            "name": f"报{number}",
            "url": f"http://127.0.0.{min(number, FEEDS - 2) + 1}:{port}/{number}",
            "allow_private": True,
            "interval": "1s",
            "category": f"类{number % 4}",
        }
        for number in range(FEEDS)
    ]


def show(played: Server, number: int) -> None:
    played.scripts.update({f"/{feed}": reply(edition(feed, number)) for feed in range(FEEDS)})


def feeds(folder: Path) -> dict[str, bytes]:
    root = folder / "public"
    return {
        str(file.relative_to(root)): file.read_bytes() for kind in ("feeds", "s") for file in (root / kind).rglob("*.*")
    }


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
            wanted = feeds(reference)
            eventually(lambda: rows(server.url("news"), "SELECT count(*) FROM entry") == [(FEEDS * EDITIONS * ITEMS,)])
            eventually(lambda: feeds(installation) == wanted)
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
