"""How long commands take before they do anything: `--help` and `check`, over an empty interpreter.

    python -m benchmarks.start [runs]

Each in a process of its own, in turn; the median counts. `check` is of a configuration with a folder and a feed.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

#: By its name: the command, and milliseconds that are to be stayed under, over an empty interpreter where it says so.
COMMANDS = {
    "an empty interpreter": (["-c", "pass"], None),
    "aggregator --help": (["-m", "aggregator", "--help"], "150 over the empty interpreter"),
    "aggregator check": (["-m", "aggregator", "check"], "500"),
}


def main(runs: int = 9) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        configure(folder)
        taken: dict[str, list[float]] = {title: [] for title in COMMANDS}
        for _ in range(runs + 1):  # the first fills the caches
            for title, (arguments, _wanted) in COMMANDS.items():
                taken[title].append(milliseconds(arguments, folder))
    empty = statistics.median(taken["an empty interpreter"][1:])
    print(f"median of {runs}, milliseconds")
    for title, (_, wanted) in COMMANDS.items():
        median = statistics.median(taken[title][1:])
        limit = f"   wanted: under {wanted}" if wanted else ""
        print(f"{title:22} {median:7.0f}   {median - empty:+7.0f}{limit}")


def configure(folder: Path) -> None:
    (folder / "articles").mkdir()
    sources = [{"name": "Folder", "path": "./articles"}, {"name": "Feed", "url": "https://feed.example/"}]
    config = {"site": {"url": "https://news.example/", "tag": "news.example,2026", "title": "News"}, "sources": sources}
    (folder / "config.yaml").write_text(json.dumps(config))


def milliseconds(arguments: list[str], folder: Path) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=True)
    return (time.perf_counter() - begun) * 1000


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
