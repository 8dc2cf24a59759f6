"""From the change of one article to the published feed, in an installation with many publishers.

    python -m benchmarks.latency [publishers] [changes]

A folder of article files, as many publishers as wanted with three articles each, is taken in and published; then a
service runs over it, one file is added again and again, and the file of the feed `all` is looked at until the
article is in it. What the watcher waits for a file to be finished is part of it.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ARTICLES = 3
TEXT = "河面结冰之前木匠修好渡船孩子堆起沙袋老人说准备已经做了许多年"
#: Seconds after which something has gone wrong.
PATIENCE = 60.0


def main(publishers: int = 500, changes: int = 9) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(publishers * ARTICLES):
            write(folder, number, number % publishers)
        configure(folder)
        begun = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "aggregator", "once", "--all"], cwd=folder, check=True, capture_output=True
        )
        print(f"{publishers} publishers, {publishers * ARTICLES} articles, first: {time.perf_counter() - begun:.1f} s")
        taken = beside_a_service(folder, publishers, changes)
    print(f"one new article, seen in feeds/all.atom: median {statistics.median(taken):.2f} s, most {max(taken):.2f} s")


def beside_a_service(folder: Path, publishers: int, changes: int) -> list[float]:
    with (folder / "log").open("w") as log:
        service = subprocess.Popen([sys.executable, "-m", "aggregator", "run"], cwd=folder, stderr=log, stdout=log)
        try:
            time.sleep(8)  # the first round looks at every file
            return [one(folder, publishers * ARTICLES + number, number) for number in range(changes)]
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(timeout=15)


def one(folder: Path, number: int, publisher: int) -> float:
    begun = time.perf_counter()
    title = write(folder, number, publisher)
    feed = folder / "public" / "feeds" / "all.atom"
    while title not in feed.read_text(encoding="utf-8"):
        if time.perf_counter() - begun > PATIENCE:
            sys.exit("the article was not published; see the log")
        time.sleep(0.01)
    return time.perf_counter() - begun


def write(folder: Path, number: int, publisher: int) -> str:
    """An article of its own words; left alone for a minute, as files are whose writer has ended."""
    words = "".join(chr(0x4E00 + (number * 7919 + place * 104729) % 20000) for place in range(300))
    title = f"第{number}号札记{words[:6]}"
    file = folder / "articles" / f"{number % 50}" / f"{number}.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        f"---\ntitle: {title}\nauthor: 出版者{publisher}\ncategories:\n - 第{number % 20}类\n---\n{TEXT}{words}\n",
        encoding="utf-8",
    )
    left = time.time() - 60
    os.utime(file, (left, left))
    return title


def configure(folder: Path) -> None:
    config = {
        "site": {"title": "Bench", "url": "https://bench.example/", "tag": "bench.example,2026"},
        "server": {"port": 0},
        "output": {"formats": ["atom"]},
        "sources": [{"name": "Articles", "path": "./articles"}],
    }
    (folder / "config.yaml").write_text(json.dumps(config, ensure_ascii=False))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
