"""The whole way from feeds on the network to feeds on the disk, beside peers that do less.

    python -m benchmarks.end_to_end [feeds] [runs] [ours|pages|reader|sfeed ...]

A first check of that many feeds, then one in which nothing changed, then one in which one feed has
one new entry; then a first check where one feed in three carries the articles of another. Feeds come from a
local server over loopback (`benchmarks.corpus`). Ours publishes in Atom, with archives; `pages` has the pages too that are made by default.
lemon24/reader stores and neither cleans for publishing, deduplicates nor publishes; sfeed_update writes text
files. They take part where they are installed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from benchmarks import corpus
from benchmarks.feed_server import HOSTS, serving

#: Wall seconds, CPU seconds of all its processes, megabytes in memory of the largest of them.
Cost = tuple[float, float, float]

READER = """
import sys
from reader import make_reader
reader = make_reader(sys.argv[1], plugins=[])
if sys.argv[2] == "add":
    for line in sys.stdin:
        reader.add_feed(line.strip(), exist_ok=True)
else:
    reader.update_feeds(workers=8, scheduled=False)
"""


#: Of so many feeds one carries what another does, in the last step.
CARRIED = 3


def main(count: int = 2000, runs: int = 1, *who: str) -> None:
    print(f"{count} feeds, median of {runs}; seconds, CPU milliseconds a feed, memory of the largest process")
    programs = {title: prepare for title, prepare in PROGRAMS.items() if (not who or title in who) and available(title)}
    rows: dict[str, dict[str, list[Cost]]] = {title: {} for title in programs}
    steps = ("first check", "unchanged", "one new entry")
    for carried, these in ((0, steps), (CARRIED, ("with copies",))):
        with tempfile.TemporaryDirectory() as name:
            feeds = Path(name) / "feeds"
            addresses = lay_out(feeds, count, carried)
            with serving(feeds) as port:
                for _ in range(runs):
                    for title, prepare in programs.items():
                        once(rows[title], these, Path(name), prepare, [a.format(port) for a in addresses])
    report(rows, count)


def lay_out(feeds: Path, count: int, carried: int = 0) -> list[str]:
    """Write the feeds; returns their addresses with `{}` for the port."""
    feeds.mkdir()
    addresses = []
    for number, (name, data) in enumerate(corpus.feeds(corpus.SAMPLES, count, carried)):
        (feeds / name).write_bytes(data)
        addresses.append(f"http://{HOSTS[number % len(HOSTS)]}:{{}}/{name}")
    return addresses


def available(title: str) -> bool:
    if title == "reader":
        return (
            subprocess.run([reader_python(), "-c", "import reader"], capture_output=True, check=False).returncode == 0
        )
    return title != "sfeed" or shutil.which("sfeed_update") is not None


def reader_python() -> str:
    return os.environ.get("READER_PYTHON", sys.executable)


def once(row: dict[str, list[Cost]], steps: Iterable[str], place: Path, prepare: Prepare, addresses: list[str]) -> None:
    folder = place / "run"
    folder.mkdir()
    check = prepare(folder, addresses)
    for step in steps:
        if step == "one new entry":
            add_entry(place / "feeds" / "021a787a782817fc-0")
        row.setdefault(step, []).append(check())
    shutil.rmtree(folder)


def add_entry(feed: Path) -> None:
    """The first entry once more, under another id and with another text."""
    text = feed.read_text()
    entry = re.search(r"<(item|entry)\b.*?</\1>", text, re.DOTALL)
    assert entry
    feed.write_text(
        text.replace(entry[0], corpus.varied(entry[0].encode(), time.time_ns() % 10**9).decode() + entry[0], 1)
    )


Prepare = Callable[[Path, list[str]], Callable[[], Cost]]


def ours(folder: Path, addresses: list[str], *, pages: bool = False) -> Callable[[], Cost]:
    config = {
        "site": {"title": "Bench", "url": "https://bench.example/", "tag": "bench.example,2026"},
        "network": {"allow": ["127.0.0.0/8"], "per_host": 8},
        "output": {"formats": ["atom"], "pages": pages},
        "sources": [{"name": f"feed {number}", "url": url} for number, url in enumerate(addresses)],
    }
    (folder / "config.yaml").write_text(json.dumps(config))
    return lambda: timed([sys.executable, "-m", "aggregator", "once", "--all"], folder)


def reader(folder: Path, addresses: list[str]) -> Callable[[], Cost]:
    script = [reader_python(), "-c", READER, str(folder / "db.sqlite")]
    subprocess.run([*script, "add"], input="\n".join(addresses), text=True, check=True)
    return lambda: timed([*script, "update"], folder)


def sfeed(folder: Path, addresses: list[str]) -> Callable[[], Cost]:
    lines = "\n".join(f"feed 'f{number}' '{url}'" for number, url in enumerate(addresses))
    (folder / "sfeedrc").write_text(f"sfeedpath='{folder}/feeds'\nmaxjobs=16\nfeeds() {{\n{lines}\n}}\n")
    return lambda: timed(["sfeed_update", str(folder / "sfeedrc")], folder)


PROGRAMS: dict[str, Prepare] = {"ours": ours, "pages": partial(ours, pages=True), "reader": reader, "sfeed": sfeed}


def timed(command: list[str], folder: Path) -> Cost:
    with (folder / "errors.txt").open("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, used = os.wait4(process.pid, 0)  # of this one and those that it waited for
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            print(errors.read()[-2000:], file=sys.stderr)
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def report(rows: dict[str, dict[str, list[Cost]]], count: int) -> None:
    steps = next(iter(rows.values()))
    for step in steps:
        own = statistics.median(cost[0] for cost in rows["ours"][step]) if "ours" in rows else None
        for title, row in rows.items():
            wall, cpu, memory = (statistics.median(cost[part] for cost in row[step]) for part in (0, 1, 2))
            ratio = f"  {wall / own:6.1f} times ours" if own and title != "ours" else ""
            print(f"{step:14} {title:8} {wall:9.2f} s  {cpu / count * 1000:7.2f} ms {memory:5.0f} MB{ratio}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]), *sys.argv[3:])
