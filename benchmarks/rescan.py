"""A folder of many files in which nothing, or one file, changed: `python -m benchmarks.rescan [files]`.

The files are small ones, and the database is told that it knows them: reading all of them once is measured by
`benchmarks.articles`. Median of five checks of the folder, seconds by the clock and of the processor.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from aggregator import pipeline
from aggregator.means import Means
from aggregator.model import FileState, Outcome
from aggregator.store import files, sources
from tests.world import World

RUNS = 5
#: Files of a folder.
TOGETHER = 500
TEXT = "---\ntitle: 札记{0}\nauthor: 晨报\n---\n{0}年前的今天，镇上下了一场雪，渡船第{1}次停在对岸。\n"


def main(count: int = 200_000) -> None:
    with tempfile.TemporaryDirectory() as name:
        world = World(Path(name))
        world.source("Notes", path="articles")
        root = Path(name) / "articles"
        lay_out(root, count, world.clock.now.timestamp() - 3600)
        with world.writing() as means:
            know(means, root)
            print(f"{count:,} files, median of {RUNS}")
            report("none changed", [check(means, Outcome.UNCHANGED) for _ in range(RUNS)])
            found = []
            for number in range(RUNS):
                world.article("0/0.md", TEXT.format(number, 10**6 + number))
                world.clock.forward(minutes=5)
                found.append(check(means, Outcome.OK))
            report("one changed", found)


def lay_out(root: Path, count: int, moment: float) -> None:
    for number in range(count):
        file = root / str(number // TOGETHER) / f"{number}.md"
        if number % TOGETHER == 0:
            file.parent.mkdir(parents=True)
        file.write_text(TEXT.format(number, number * 7919), encoding="utf-8")
        os.utime(file, (moment, moment))


def know(means: Means, root: Path) -> None:
    """As after a check that read them all."""
    states = []
    for file in root.rglob("*.md"):
        stat = file.stat()
        states.append(FileState(str(file.relative_to(root)), stat.st_size, stat.st_mtime_ns))
    with means.database.write() as connection:
        (state,) = sources.by_name(connection, ["Notes"])
        for start in range(0, len(states), TOGETHER):
            some = states[start : start + TOGETHER]
            digests = {one.path: b"0" * 16 for one in some}
            files.save(connection, state.id, some, digests=digests, entries={}, refused={}, now=means.clock())


def check(means: Means, expected: Outcome) -> tuple[float, float]:
    with means.database.read() as connection:
        (state,) = sources.by_name(connection, ["Notes"])
    wall, cpu = time.perf_counter(), time.process_time()
    result = asyncio.run(pipeline.check(means, state))
    spent = time.perf_counter() - wall, time.process_time() - cpu
    if result.outcome is not expected:
        sys.exit(f"{result.outcome} instead of {expected}: {result.message}")
    return spent


def report(title: str, spent: list[tuple[float, float]]) -> None:
    wall, cpu = (statistics.median(column) for column in zip(*spent, strict=True))
    print(f"{title:14}{wall:8.2f} s{cpu:8.2f} s of the processor")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
