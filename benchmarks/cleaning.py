"""Megabytes of HTML cleaned in a second: `python -m benchmarks.cleaning [folder of feeds]`.

Prints the median of five runs, in seconds of processor time, over the bodies of all entries in the folder (default: the samples
beside the project where they are, else the feeds among the test data), on one core: `clean()` with everything
that it does, its HTML part alone, and what other projects clean with. Those two do less: neither makes lazy pictures
real, nor takes trackers out, nor tells paragraphs.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bs4 import BeautifulSoup
from feedparser.sanitizer import _sanitize_html as sanitize_html  # it has no public name

from aggregator.clean import Rules, clean
from aggregator.clean.html import clean_html
from aggregator.clean.urls import Links
from aggregator.config.schema import Source
from aggregator.model import Document, Failed, ParsedEntry, ParsedFeed
from aggregator.parse import parse

ROOT = Path(__file__).parent.parent
FOLDERS = (ROOT.parent / "shared/samples/feeds", ROOT / "tests/data")
RUNS = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LINKS = Links("https://example.org/")

Pair = tuple[ParsedFeed, ParsedEntry]


def main(folder: Path) -> None:
    pairs = _entries(folder)
    bodies = [body for _, entry in pairs if (body := _body(entry))]
    size = sum(len(body.encode()) for body in bodies) / 1e6
    print(f"{len(pairs)} entries, {size:.2f} MB of HTML, median of {RUNS} runs")
    rules = Rules("benchmark", "feed")
    _report("clean(), whole", size, lambda: [clean(entry, feed, None, rules, NOW) for feed, entry in pairs])
    _report("clean_html", size, lambda: [clean_html(body, LINKS) for body in bodies])
    _report("feedparser's sanitizer", size, lambda: [sanitize_html(body, "utf-8", "text/html") for body in bodies])
    _report("BeautifulSoup round trip", size, lambda: [str(BeautifulSoup(body, "html.parser")) for body in bodies])


def _entries(folder: Path) -> list[Pair]:
    pairs: list[Pair] = []
    source = Source(name="benchmark", url="https://example.org/feed")
    for file in sorted(folder.rglob("*.xml")):
        feed = parse(Document(file.read_bytes(), url="https://example.org/feed"), source, "UTC")
        if not isinstance(feed, Failed):
            pairs.extend((feed, entry) for entry in feed.entries)
    return pairs


def _body(entry: ParsedEntry) -> str | None:
    """What `clean` would take: the content, else the summary."""
    return next((one.value for one in (entry.content, entry.summary) if one and one.value.strip()), None)


def _report(name: str, size: float, run: Callable[[], object]) -> None:
    run()
    print(f"{name:26}{size / statistics.median(_seconds(run) for _ in range(RUNS)):8.1f} MB/s")


def _seconds(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else next(folder for folder in FOLDERS if folder.is_dir()))
