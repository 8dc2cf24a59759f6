"""A first check of many feeds by one worker and by two, beside the engine that needs no others.

    python -m benchmarks.cluster [feeds] [part of a core for each worker ...]

Feeds come from a local server (`benchmarks.corpus`, `benchmarks.feed_server`). The process that keeps the clock
publishes, and leaves the checks to the workers, so that it is those that are compared. All of them, PostgreSQL and
the feed server share this machine; what each has of its processors is printed, and what the machine would allow.
With a part of a core given, each worker gets that much and no more: so the rest of the machine is in nobody's way,
as where workers have machines of their own. The embedded engine does everything in one run, starting up and
publishing included: with few feeds that is most of it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.end_to_end import lay_out
from benchmarks.feed_server import HOSTS, serving
from benchmarks.processes import Postgres, busy, cpu, limited, postgres, unlimited

CLOCK = (
    "from aggregator.cluster import jobs; jobs.QUEUES = ('publish',); from aggregator.cli import main; main(['run'])"
)
WORKER = [sys.executable, "-m", "aggregator", "worker", "--concurrency", "20"]

#: Seconds after which something is broken.
PATIENCE = 1800.0


@dataclass
class Cost:
    """Of one arrangement: seconds until all was checked, until all was published, and of processors."""

    checked: float
    published: float
    cpu: dict[str, float]
    #: Of the processors, by processes that have nothing to do with it.
    others: float


def main(count: int = 300, *parts: float) -> None:
    print(f"{count} feeds on {len(HOSTS)} hosts, {os.cpu_count()} processors")
    memory = Path("/dev/shm")
    folder = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=folder) as name, postgres(folder) as server:
        place = Path(name)
        addresses = lay_out(place / "feeds", count)
        with serving(place / "feeds") as port:
            urls = [address.format(port) for address in addresses]
            feeds = _pid_of(port)
            for title, url in (("SQLite", "sqlite:///data.db"), ("PostgreSQL", server.url("embedded"))):
                server.fresh("embedded")
                report(f"embedded, {title}", embedded(place / f"e-{title}", urls, url, server, feeds), count)
            for part in (None, *parts):
                costs = [cluster(place, urls, server, feeds, workers, part) for workers in (1, 2)]
                of = "" if part is None else f" of {part:g} core"
                for workers, cost in zip((1, 2), costs, strict=True):
                    report(f"{workers} worker{'s'[: workers - 1]}{of}", cost, count)
                compare(*costs, part)


def _pid_of(port: int) -> int:
    """The feed server is our only child that listens; it is told by its command."""
    own = str(os.getpid())
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
            if parent == own and b"feed_server" in (path / "cmdline").read_bytes():
                return int(path.name)
        except OSError:
            continue
    raise RuntimeError(f"nobody listens on {port}")


def configure(folder: Path, urls: list[str], database: str, engine: str) -> None:
    folder.mkdir()
    config = {
        "site": {"title": "Bench", "url": "https://bench.example/", "tag": "bench.example,2026"},
        "database": database,
        "engine": engine,
        "server": {"port": 0},
        "network": {"allow": ["127.0.0.0/8"], "per_host": 8, "spacing": "0s"},
        "output": {"formats": ["atom"]},
        "schedule": {"interval": "12h"},
        "sources": [{"name": f"feed {number}", "url": url} for number, url in enumerate(urls)],
    }
    (folder / "config.yaml").write_text(json.dumps(config))


def embedded(folder: Path, urls: list[str], database: str, server: Postgres, feeds: int) -> Cost:
    configure(folder, urls, database, "embedded")
    before, begun, machine = {"PostgreSQL": server.seconds(), "feeds": cpu(feeds)}, time.perf_counter(), busy()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "aggregator", "once", "--all"], cwd=folder, stdout=subprocess.DEVNULL, check=True
    )
    wall, now = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    own = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    after = {"PostgreSQL": server.seconds(), "feeds": cpu(feeds)}
    spent = {"once": own} | {name: after[name] - before[name] for name in before}
    return Cost(wall, wall, spent, busy() - machine - sum(spent.values()))


def cluster(place: Path, urls: list[str], server: Postgres, feeds: int, workers: int, part: float | None) -> Cost:
    folder = place / f"c-{workers}-{part}"
    server.fresh("cluster")
    configure(folder, urls, server.url("cluster"), "procrastinate")
    subprocess.run(
        [sys.executable, "-m", "aggregator", "db", "upgrade"], cwd=folder, stdout=subprocess.DEVNULL, check=True
    )
    with server.connect("cluster") as connection:

        def count(query: str) -> int:
            return int(str(connection.execute(query.encode()).fetchone()[0]))  # type: ignore[index]  # one row

        connection.execute(b"UPDATE source SET next_check = 9000000000000000")
        with running(folder, workers) as (clock, crew):
            expect(lambda: count("SELECT count(*) FROM procrastinate_workers") >= 1 + 2 * workers)
            expect(lambda: count(BEHIND) == 0)
            if part is not None and not all(limited(pid, part) for pid in crew):
                raise SystemExit("no part of a core can be given here: that needs control groups, and root")
            before = _spent(server, clock, crew, feeds)
            begun, machine = time.perf_counter(), busy()
            connection.execute(b"UPDATE source SET next_check = 0")
            expect(lambda: count("SELECT count(*) FROM source WHERE last_check IS NULL") == 0)
            checked, after, machine = time.perf_counter() - begun, _spent(server, clock, crew, feeds), busy() - machine
            expect(lambda: count(BEHIND) == 0)
            published = time.perf_counter() - begun
        unlimited(crew)
    spent = {name: after[name] - before[name] for name in before}
    return Cost(checked, published, spent, machine - sum(spent.values()))


#: What is still to be done after checks, but for the search index.
BEHIND = """SELECT (SELECT count(*) FROM entry WHERE NOT grouped AND NOT held)
    + (SELECT count(*) FROM category WHERE changed > published) + (SELECT count(*) FROM story WHERE changed > shown)"""


def _spent(server: Postgres, clock: int, crew: list[int], feeds: int) -> dict[str, float]:
    own = {"workers": sum(map(cpu, crew)), "clock": cpu(clock)}
    return own | {"PostgreSQL": server.seconds(), "feeds": cpu(feeds)}


@contextmanager
def running(folder: Path, workers: int) -> Iterator[tuple[int, list[int]]]:
    """The process that keeps the clock, and the workers, by their numbers."""
    with (folder / "log.txt").open("w") as log:
        commands = [[sys.executable, "-c", CLOCK], *([WORKER] * workers)]
        started = [subprocess.Popen(one, cwd=folder, stdout=log, stderr=log) for one in commands]
        try:
            yield started[0].pid, [one.pid for one in started[1:]]
        finally:
            for one in started:
                one.terminate()
            for one in started:
                one.wait()


def expect(happened: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > end:
            raise SystemExit("it does not come to an end")
        time.sleep(0.05)


def report(title: str, cost: Cost, count: int) -> None:
    spent = ", ".join(f"{name} {seconds / count * 1000:.1f}" for name, seconds in cost.cpu.items())
    shares = ", ".join(f"{name} {seconds / cost.checked * 100:.0f} %" for name, seconds in cost.cpu.items())
    print(f"{title:24} {count / cost.checked:7.1f} checks/s, all published after {cost.published:.1f} s")
    print(f"{'':24} CPU ms a check: {spent}; of a processor: {shares}, others {cost.others / cost.checked * 100:.0f} %")


def compare(one: Cost, two: Cost, part: float | None) -> None:
    """The ratio; where nobody is held back, with the most that this machine's processors allow."""
    most = (os.cpu_count() or 1) / sum(two.cpu.values()) * two.cpu["workers"]
    bound = f"; the processors here allow {most:.2f}" if part is None else ""
    print(f"{'':24} two workers to one: {one.checked / two.checked:.2f}{bound}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 300, *(float(part) for part in sys.argv[2:]))
