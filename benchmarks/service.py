"""A service with many feeds: what it holds in memory, and how soon a new entry is published.

    python -m benchmarks.service [sources] [changes] [folder]

That many feeds of fifty Chinese entries each, all different, lie behind a local server. A service checks them all
for the first time; a line every while tells what has been stored and what the processes hold in memory. Once nothing
is left to do, one entry is added to one feed, again and again; counted is from the moment at which its changed feed
was sent until the entry stands in that feed's category and in `all`. Feeds are made in `folder`, and found there next time.
"""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks import prose
from benchmarks.feed_server import HOSTS, serving

#: Entries of a feed.
SHOWN = 50
#: Seconds between lines, and after which something has gone wrong.
EVERY, PATIENCE = 20.0, 60.0
WORK = (
    "SELECT (SELECT max(seq) FROM sqlite_sequence WHERE name = 'entry'),"
    " (SELECT count(*) FROM source WHERE last_check IS NULL)"
    " + (SELECT count(*) FROM entry WHERE NOT grouped AND NOT held)"
    " + (SELECT count(*) FROM category WHERE changed > published)"
    " + (SELECT count(*) FROM story WHERE changed > searched)"
)


def main(count: int = 2000, changes: int = 9, feeds: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        served = lay_out(Path(feeds) if feeds else folder / "feeds", count)
        with serving(served) as port:
            configure(folder, count, port)
            with (folder / "log").open("w") as log:
                command = [sys.executable, "-m", "aggregator", "run"]
                service = subprocess.Popen(command, cwd=folder, stderr=log, stdout=log)
                try:
                    first(folder, service.pid, count)
                    taken = [change(folder, served / "f0", number) for number in range(changes)]
                    tell(folder, service.pid, 0.0)
                finally:
                    service.send_signal(signal.SIGTERM)
                    service.wait(timeout=20)
    if taken:
        print(
            f"one new entry, from the answer to the published feeds: median {statistics.median(taken):.2f} s,", end=" "
        )
        print(f"most {max(taken):.2f} s")


def lay_out(folder: Path, count: int) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        file = folder / f"f{number}"
        if not file.exists() or number == 0:
            file.write_text(prose.feed(f"feed{number}", range(number * SHOWN, (number + 1) * SHOWN)))
    return folder


def configure(folder: Path, count: int, port: int) -> None:
    addresses = [f"http://{HOSTS[number % len(HOSTS)]}:{port}/f{number}" for number in range(count)]
    often = {"interval": "1s"}
    config = {
        "site": {"title": "Bench", "url": "https://bench.example/", "tag": "bench.example,2026"},
        "network": {"allow": ["127.0.0.0/8"]},
        "server": {"port": 0},
        "sources": [
            {"name": f"feed {n}", "url": url, "interval": "1d", "category": f"第{n % 40}类"} | (often if n == 0 else {})
            for n, url in enumerate(addresses)
        ],
    }
    (folder / "config.yaml").write_text(json.dumps(config, ensure_ascii=False))


def first(folder: Path, pid: int, count: int) -> None:
    """Until every source was checked and everything that came of it is published and indexed."""
    begun = told = time.monotonic()
    most: dict[str, float] = {}
    while True:
        time.sleep(1)
        now = memory(pid)
        most = {kind: max(most.get(kind, 0.0), size) for kind, size in now.items()} | {
            kind: size for kind, size in most.items() if kind not in now
        }
        entries, left = work(folder)
        if time.monotonic() - told > EVERY or (entries and not left):
            told = time.monotonic()
            tell(folder, pid, told - begun)
        if entries >= count * SHOWN and not left:
            break
    print("most: " + ", ".join(f"{kind} {size:.0f} MB" for kind, size in most.items()))


def tell(folder: Path, pid: int, seconds: float) -> None:
    entries, left = work(folder)
    held = ", ".join(f"{kind} {size:.0f} MB" for kind, size in memory(pid).items())
    print(f"{seconds:6.0f} s {entries:9,} entries {left:9,} to do   {held}", flush=True)


def work(folder: Path) -> tuple[int, int]:
    """Entries that were stored, and how much is left to do."""
    found = next(iter((folder / "data").glob("*.db")), None)
    if found is None:
        return 0, 1
    with closing(sqlite3.connect(f"file:{found}?mode=ro", uri=True, timeout=30)) as database:
        try:
            entries, left = database.execute(WORK).fetchone()
        except sqlite3.OperationalError:  # it is being made
            return 0, 1
    return entries or 0, left


def memory(pid: int) -> dict[str, float]:
    """Megabytes resident in the main process, and in the largest of its workers."""
    found = {"main": resident(pid)}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found["worker"] = max(found.get("worker", 0.0), resident(int(child)))
    return found


def resident(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    held = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(held[1]) / 1024 if held else 0.0


def change(folder: Path, feed: Path, number: int) -> float:
    """Seconds from the answer with the new entry to the feeds that show it."""
    text = feed.read_text()
    new = prose.item("feed0", 10**8 + time.time_ns() % 10**8, 3600)
    title = re.search(r"<title>(.*?)</title>", new)
    feed.write_text(text.replace("<item>", f"{new}<item>", 1))
    shown = [folder / "public" / "feeds" / f"{slug}.atom" for slug in ("all", "第0类")]
    begun = time.monotonic()
    while not all(title and title[1] in file.read_text() for file in shown):
        if time.monotonic() - begun > PATIENCE:
            sys.exit(f"entry {number} was not published")
        time.sleep(0.01)
    # The server notes there when it sent the file.
    return time.time() - feed.stat().st_atime


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:3]] + [2000, 9][len(sys.argv[1:3]) :]
    main(numbers[0], numbers[1], *sys.argv[3:4])
