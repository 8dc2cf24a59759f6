"""What reading feeds in processes beside the main one costs and saves: `python -m benchmarks.workers [feeds]`.

The same feeds (`benchmarks.corpus`) with as many in hand as the network has by default: all read in one process,
then with one worker. Wall and processor seconds, and megabytes in memory of each process at the end.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from aggregator.clean import rules_for
from aggregator.config.schema import Config, Network, Site, Source
from aggregator.model import Document
from aggregator.prepare import Recipe
from aggregator.workers import Workers
from benchmarks import corpus

SITE = Site(title="Bench", url="https://bench.example/", tag="bench.example,2026")
SOURCE = Source(name="feed", url="https://example.org/feed")
RECIPE = Recipe(SOURCE, "UTC", rules_for(Config(site=SITE), SOURCE))
TICKS = os.sysconf("SC_CLK_TCK")


def main(count: int = 300) -> None:
    print(f"{count} feeds: workers, seconds; of each process CPU seconds and megabytes, the main one first")
    for most in (0, 1):
        subprocess.run([sys.executable, "-m", "benchmarks.workers", str(count), str(most)], check=True)


async def read(count: int, most: int) -> None:
    documents = [Document(data, url=SOURCE.url) for _, data in corpus.feeds(corpus.SAMPLES, count)]
    workers, room = Workers(most), asyncio.Semaphore(Network().concurrency)

    async def one(document: Document) -> None:
        async with room:
            await workers.prepare(document, RECIPE, datetime(2026, 3, 1, tzinfo=UTC))

    before, start = used(os.getpid()), time.perf_counter()
    await asyncio.gather(*map(one, documents))
    wall = time.perf_counter() - start
    costs = [f"{used(os.getpid()) - before:6.2f} s {megabytes(os.getpid()):4.0f} MB"]
    costs += [f"{used(pid):6.2f} s {megabytes(pid):4.0f} MB" for pid in workers.pids]
    workers.close()
    print(f"{most} {wall:8.2f} s   {', '.join(costs)}")


def used(pid: int) -> float:
    """Processor seconds so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(pid: int) -> float:
    """Resident now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    if len(given) == 2:
        asyncio.run(read(*given))
    else:
        main(*given)
