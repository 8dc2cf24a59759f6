"""What publishing costs: `python -m benchmarks.publishing [feeds] [runs] [most categories]`.

CPU milliseconds and statements, medians of so many runs, with Atom, archives and pages: the first publication of
that many feeds (`benchmarks.corpus`), each a feed of ours again; a round for one new entry, and for one in each of a
hundred feeds; and a round for one new entry as the number of categories grows, without pages and with them. All that
in one process; then the first publication once more, in one and with workers: seconds by the clock, and of each process
CPU seconds and megabytes. The network is played, and nothing but publishing is counted.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import event

from aggregator import pipeline
from aggregator.config.schema import Source
from aggregator.means import Means
from aggregator.model import Document, Fetched, Validators, digest
from aggregator.store import sources
from aggregator.workers import Workers
from benchmarks import corpus
from benchmarks.workers import megabytes, used
from tests.world import PlayedNetwork, World, item, rss

#: CPU milliseconds, statements.
Cost = tuple[float, float]

SEVERAL = 100
HAN = [chr(code) for code in range(0x4E00, 0x6000)]


def main(count: int = 300, runs: int = 5, most: int = 10**4) -> None:
    found: dict[str, list[Cost]] = {}
    for _ in range(runs):
        with installation(pages=True) as world:
            for title, cost in of_feeds(world, count):
                found.setdefault(title, []).append(cost)
    print(f"{count} feeds, medians of {runs}; each row for one of its feeds")
    report(found)
    print(f"\none new entry, medians of {runs}")
    for pages in (False, True):
        for number in (10, 10**2, 10**3, 10**4):
            if number <= most:
                with installation(pages=pages) as world:
                    title = f"{number:,} categories{', pages' if pages else ''}"
                    report({title: list(of_categories(world, number, runs))})
    print(f"\nfirst publication of {count} feeds: workers, seconds; CPU seconds and megabytes, the main process first")
    for most in (0, Workers().most):
        subprocess.run([sys.executable, "-m", "benchmarks.publishing", "beside", str(count), str(most)], check=True)


def report(found: dict[str, list[Cost]]) -> None:
    for title, costs in found.items():
        cpu, statements = (statistics.median(column) for column in zip(*costs, strict=True))
        print(f"{title:28}{cpu:10.2f} ms{statements:9.1f} statements", flush=True)


@contextmanager
def installation(*, pages: bool) -> Iterator[Played]:
    with tempfile.TemporaryDirectory() as folder:
        world = Played(Path(folder))
        world.config["output"] = {"formats": ["atom"], "pages": pages}
        yield world


class Bodies(PlayedNetwork):
    """Answers in bytes, of whatever encoding."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[str, bytes] = {}

    async def fetch(self, source: Source, url: str, validators: Validators, now: datetime) -> Fetched:
        body = self.bodies[url]
        return Fetched(Document(body, url=url, digest=digest(body)), Validators())


class Played(World):
    """A world with such a network."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.network: Bodies = Bodies()


def offered(world: Played, count: int) -> list[str]:
    """So many feeds of the corpus as sources; returns their addresses, which are their names."""
    urls = []
    for name, data in corpus.feeds(corpus.SAMPLES, count):
        urls.append(f"https://{name}.example/feed")
        world.network.bodies[urls[-1]] = data
        world.source(urls[-1], url=urls[-1])
    return urls


def of_feeds(world: Played, count: int) -> Iterator[tuple[str, Cost]]:
    urls = offered(world, count)
    with world.writing() as means:
        check(means, urls)
        cpu, statements = publishing(means)
        yield "first publication", (cpu / count, statements / count)
        for title, changed in (("one new entry", 1), (f"one in each of {SEVERAL}", min(SEVERAL, count))):
            world.clock.forward(minutes=30)
            for number in range(changed):
                world.network.bodies[urls[number]] = one(f"{title} {number}")
            check(means, urls[:changed])
            cpu, statements = publishing(means)
            yield title, (cpu / changed, statements / changed)


def beside(count: int, most: int) -> None:
    """The first publication with so many workers."""
    with installation(pages=True) as world, closing(Workers(most)) as workers:
        urls = offered(world, count)
        first_publication(world, urls, workers)


def first_publication(world: Played, urls: list[str], workers: Workers) -> None:
    with world.writing() as means:
        check(means, urls)
        before, begun = used(os.getpid()), time.perf_counter()
        pipeline.publish(replace(means, workers=workers), restore=False)
        wall = time.perf_counter() - begun
        costs = [f"{used(os.getpid()) - before:6.2f} s {megabytes(os.getpid()):4.0f} MB"]
        costs += [f"{used(pid):6.2f} s {megabytes(pid):4.0f} MB" for pid in workers.pids]
    print(f"{workers.most} {wall:8.2f} s   {', '.join(costs)}")


def of_categories(world: Played, count: int, runs: int) -> Iterator[Cost]:
    """The first round is not counted: it fills caches."""
    world.source("Blog", url="https://example.com/feed", category="own")
    with world.writing() as means:
        for start in range(0, count, 500):
            shown = [one(str(number), number) for number in range(start, min(start + 500, count))]
            answer(world, shown)
            check(means, ["Blog"])
        publishing(means)
        for run in range(runs + 1):
            world.clock.forward(minutes=30)
            # Beside what it showed before: else it would be taken for a feed that broke down.
            answer(world, [one(f"new {run}", run), *shown])
            check(means, ["Blog"])
            cost = publishing(means)
            if run:
                yield cost


def one(name: str, category: int | None = None) -> bytes:
    """A feed of one article."""
    luck = random.Random(name)
    body = "".join(f"<p>{''.join(luck.choices(HAN, k=60))}。</p>" for _ in range(20))
    written = item(f"n{luck.getrandbits(60)}", title=f"文章 {name}", body=body)
    within = "" if category is None else f"<category>栏目{category}</category>"
    return rss(written.replace("</item>", f"{within}</item>")).encode()


def answer(world: Played, feeds: list[bytes]) -> None:
    items = b"".join(feed[feed.index(b"<item>") : feed.index(b"</channel>")] for feed in feeds)
    world.network.bodies["https://example.com/feed"] = rss("ITEMS").encode().replace(b"ITEMS", items)


def check(means: Means, names: Sequence[str]) -> None:
    with means.database.read() as connection:
        states = sources.by_name(connection, names)
    for state in states:
        asyncio.run(pipeline.check(means, state))
    pipeline.group(means)


def publishing(means: Means) -> Cost:
    here = replace(means, workers=Workers(0))
    with counted(means) as statements:
        begun = time.process_time()
        pipeline.publish(here, restore=False)
        return (time.process_time() - begun) * 1000, statements()


@contextmanager
def counted(means: Means) -> Iterator[Callable[[], int]]:
    asked: list[None] = []

    def note(*_: object) -> None:
        asked.append(None)

    event.listen(means.database.engine, "before_cursor_execute", note)
    yield lambda: len(asked)
    event.remove(means.database.engine, "before_cursor_execute", note)


if __name__ == "__main__":
    if sys.argv[1:2] == ["beside"]:
        beside(*map(int, sys.argv[2:4]))
    else:
        main(*map(int, sys.argv[1:4]))
