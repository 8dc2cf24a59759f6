"""What it costs to keep the clock for very many sources: the leader, the queue, and the database below them.

    python -m benchmarks.leader [sources] [minutes between checks] [seconds] [workers]

The network is played: every source answers "unchanged" after 20 ms. Each falls due at a time of its own, evenly spread,
so that a check's latency is the time from then until its request goes out. What is measured lasts `seconds`, after
as long a time to warm up in, most of which PostgreSQL spends writing whole pages after a checkpoint.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Self

import psycopg
from sqlalchemy import Engine, event

from aggregator.config.schema import Source
from aggregator.model import NotModified, Validators
from benchmarks.cluster import CLOCK
from benchmarks.processes import Postgres, cpu, postgres

#: Sources of one host, and seconds that one takes to answer.
OF_A_HOST, ANSWER = 5, 0.02

#: Seconds until the first source falls due.
AHEAD = 20.0


#: Counters of the server that are compared: transactions, and rows by what was done to them.
COUNTERS = ("xact_commit", "tup_inserted", "tup_updated", "tup_deleted")


def main(count: int = 100_000, minutes: float = 30, seconds: float = 60, workers: int = 1) -> None:
    memory = Path("/dev/shm")
    folder = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=folder) as name, postgres(folder) as server:
        place = Path(name)
        server.fresh("leader")
        prepare(place, server, count, minutes)
        with server.connect("leader") as connection, started(place, server, workers) as (clock, crew):
            start = begin(connection, count, minutes)
            time.sleep(AHEAD + seconds)
            first = Sample.take(server, connection, clock, crew)
            time.sleep(seconds)
            second = Sample.take(server, connection, clock, crew)
            sizes(connection)
            memory_of = {"leader": _megabytes(clock), "worker": _megabytes(crew[0])}
        report(count, minutes, first, second, memory_of)
        latencies(place, first.at, second.at, lambda number: start + number * minutes * 60 / count)


def prepare(place: Path, server: Postgres, count: int, minutes: float) -> None:
    sources = [{"name": f"s{n}", "url": f"https://h{n % (count // OF_A_HOST)}.example/{n}"} for n in range(count)]
    config = {
        "site": {"title": "Bench", "url": "https://bench.example/", "tag": "bench.example,2026"},
        "database": server.url("leader"),
        "engine": "procrastinate",
        "server": {"port": 0},
        "schedule": {"interval": f"{minutes * 60:g}s", "adaptive": False},
        "sources": sources,
    }
    (place / "config.yaml").write_text(json.dumps(config))
    begun = time.perf_counter()
    command = [sys.executable, "-m", "aggregator", "db", "upgrade"]
    subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, check=True)
    size = (place / "config.yaml").stat().st_size / 1e6
    print(
        f"{count:,} sources, a configuration of {size:.1f} MB: read and stored in {time.perf_counter() - begun:.1f} s"
    )
    with server.connect("leader") as connection:
        connection.execute(
            b"UPDATE source SET next_check = 9000000000000000, etag = '\"1\"', last_check = 1, outcome = 'ok'"
        )
        connection.execute(b"VACUUM (FULL, ANALYZE) source")


@contextmanager
def started(place: Path, server: Postgres, workers: int) -> Iterator[tuple[int, list[int]]]:
    """The process that keeps the clock, and played workers; both have read the configuration when they are here."""
    with (place / "log.txt").open("w") as log:
        clock = subprocess.Popen([sys.executable, "-c", CLOCK], cwd=place, stdout=log, stderr=log)
        crew = []
        try:
            with server.connect("leader") as connection:
                _await(connection, "SELECT count(*) FROM configuration", 1, place)
                for number in range(workers):
                    command = [sys.executable, "-m", "benchmarks.leader", "worker", str(place), str(number)]
                    crew.append(subprocess.Popen(command, stdout=log, stderr=log))
                _await(connection, "SELECT count(*) FROM procrastinate_workers", 1 + 2 * workers, place)
            yield clock.pid, [one.pid for one in crew]
        finally:
            for one in (clock, *crew):
                one.terminate()
            for one in (clock, *crew):
                one.wait()


def _await(connection: psycopg.Connection[tuple[object, ...]], query: str, least: int, place: Path) -> None:
    end = time.monotonic() + 600
    while int(str(connection.execute(query.encode()).fetchone()[0])) < least:  # type: ignore[index]  # one row
        if time.monotonic() > end or "Traceback" in (place / "log.txt").read_text():
            raise SystemExit((place / "log.txt").read_text()[-2000:])
        time.sleep(0.2)


def begin(connection: psycopg.Connection[tuple[object, ...]], count: int, minutes: float) -> float:
    """The sources fall due one after the other, from the moment on that is returned."""
    start = time.time() + AHEAD
    connection.execute(
        b"UPDATE source SET next_check = %s + (substr(name, 2)::bigint * %s)::bigint",
        (int(start * 1e6), minutes * 60e6 / count),
    )
    connection.execute(b"VACUUM ANALYZE source")
    return start


@dataclass(frozen=True)
class Sample:
    at: float
    checks: int
    cpu: dict[str, float]
    rows: dict[str, int]
    wal: int

    @classmethod
    def take(
        cls, server: Postgres, connection: psycopg.Connection[tuple[object, ...]], clock: int, crew: list[int]
    ) -> Self:
        query = f"SELECT {', '.join(COUNTERS)}, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint FROM pg_stat_database WHERE datname = current_database()"
        *rows, wal = (int(str(value)) for value in connection.execute(query.encode()).fetchone() or ())
        done = connection.execute(b"SELECT count(*) FROM source_check").fetchone()
        spent = {"leader": cpu(clock), "workers": sum(map(cpu, crew)), "PostgreSQL": server.seconds()}
        return cls(time.time(), int(str(done and done[0])), spent, dict(zip(COUNTERS, rows, strict=True)), wal)


def report(count: int, minutes: float, first: Sample, second: Sample, memory: dict[str, float]) -> None:
    seconds, checks = second.at - first.at, second.checks - first.checks
    print(f"{checks / seconds:.1f} checks/s; {count / minutes / 60:.1f} fall due")
    for name, before in first.cpu.items():
        spent = second.cpu[name] - before
        print(f"{name:12} {spent / seconds * 60:6.2f} CPU seconds a minute, {spent / checks * 1000:6.2f} ms a check")
    for name, before in first.rows.items():
        print(f"{name:12} {(second.rows[name] - before) / checks:6.2f} a check")
    print(f"{'WAL':12} {(second.wal - first.wal) / checks:6.0f} bytes a check")
    print(", ".join(f"{name} holds {megabytes:.0f} MB" for name, megabytes in memory.items()))


def sizes(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    query = b"""SELECT relname, n_live_tup, n_dead_tup, n_tup_upd, n_tup_hot_upd, pg_total_relation_size(relid)
        FROM pg_stat_user_tables WHERE relname IN ('source', 'source_check', 'procrastinate_jobs', 'procrastinate_events')
        ORDER BY 1"""
    for name, live, dead, updates, hot, size in connection.execute(query):
        print(
            f"{name:22} {live:>8} rows, {dead:>8} dead, {updates:>8} updates ({hot} in place), {int(str(size)) / 1e6:7.1f} MB"
        )


def latencies(place: Path, first: float, last: float, due: Callable[[int], float]) -> None:
    """Of requests that went out between the two samples."""
    found: list[float] = []
    for file in place.glob("latency-*.json"):
        told = json.loads(file.read_text())
        found += [at - due(number) for at, number in told["asked"] if first <= at <= last]
        print(f"statements {told['statements'] / max(len(told['asked']), 1):6.2f} a check, beside those of the queue")
    found.sort()
    shown = {share: found[int(len(found) * share)] * 1000 for share in (0.5, 0.9, 0.99)}
    print("latency    " + ", ".join(f"p{share * 100:g} {late:.0f} ms" for share, late in shown.items()))


def _megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Played:
    """A network in which nothing ever changes."""

    def __init__(self) -> None:
        #: When each request went out, and the number of its source.
        self.asked: list[tuple[float, int]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def fetch(self, source: Source, url: str, validators: Validators, now: datetime) -> NotModified:
        self.asked.append((time.time(), int(source.name[1:])))
        await asyncio.sleep(ANSWER)
        return NotModified(validators)


async def work(place: Path, number: str) -> None:
    """A worker as `aggregator worker` is one, with a played network."""
    from aggregator.cluster import distribution
    from aggregator.cluster.running import together
    from aggregator.cluster.working import Worker
    from aggregator.metrics import Metrics
    from aggregator.obstacles import Obstacles
    from aggregator.store import configurations
    from aggregator.store.engine import Database

    url = json.loads((place / "config.yaml").read_text())["database"]
    database = Database(url)
    with database.read() as connection:
        stored = configurations.newest(connection)
    assert stored is not None
    means = distribution.means_for(distribution.configuration(url, stored, os.environ), database)
    network = Played()
    follower = distribution.Follower(replace(means, make_fetcher=lambda: network), stored.version, os.environ)
    stop, statements = asyncio.Event(), [0]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    @event.listens_for(Engine, "before_cursor_execute")
    def count(*_: object) -> None:
        statements[0] += 1

    worker = Worker(follower, Metrics(dict), Obstacles(monotonic))
    await together([worker.run(["checks", "feeds"], 20, stop)], stop)
    told = {"asked": network.asked, "statements": statements[0]}
    (place / f"latency-{number}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        asyncio.run(work(Path(sys.argv[2]), sys.argv[3]))
    else:
        main(*(int(one) for one in sys.argv[1:]))
