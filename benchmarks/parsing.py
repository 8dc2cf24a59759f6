"""Megabytes of feeds parsed in a second: `python -m benchmarks.parsing [folder of feeds]`.

Prints the median of five runs, in seconds of processor time on one core, over every feed in the folder (default: the
samples beside the project where they are, else the feeds among the test data), as a ratio to feedparser
with its defaults; then what fastfeedparser, where it is installed, does not find of what we find, by kind of feed.
"""

from __future__ import annotations

import io
import re
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import feedparser
from lxml import etree

from aggregator.config.schema import Source
from aggregator.model import Document, Failed, ParsedEntry, ParsedFeed
from aggregator.parse import charset, feed, parse, tree

ROOT = Path(__file__).parent.parent
FOLDERS = (ROOT.parent / "shared/samples/feeds", ROOT / "tests/data/feeds")
RUNS = 5
SOURCE = Source(name="benchmark", url="https://example.org/feed")


def main(folder: Path) -> None:
    bodies = [file.read_bytes() for file in sorted(folder.glob("*.xml"))]
    fast = [body for body in bodies if _is_fast(body)]
    print(
        f"{len(bodies)} feeds of {_megabytes(bodies):.1f} MB, {len(fast)} of them read at once; median of {RUNS} runs"
    )
    base = _speed(bodies, _feedparser)
    base_fast = _speed(fast, _feedparser)
    print(f"{'':44}{'MB/s':>8}{'feeds/s':>9}  against feedparser")
    _report("feedparser, defaults", bodies, base, base)
    _report("feedparser, no sanitizer, no resolver", bodies, _speed(bodies, _bare_feedparser), base)
    _report("ours, all, with what falls back", bodies, _speed(bodies, _ours), base)
    _report("ours, what is well-formed and in UTF-8", fast, _speed(fast, _ours), base_fast)
    _report("the tree alone, as we make it", fast, _speed(fast, tree.read), base_fast)
    _report("the tree alone, by lxml", fast, _speed(fast, etree.fromstring), base_fast)
    if find_spec("fastfeedparser"):
        _compare(bodies, base)


def _is_fast(body: bytes) -> bool:
    data = charset.undisputed(body, None)
    return data is not None and feed.read(data, SOURCE.url, "UTC") is not None


def _ours(body: bytes) -> ParsedFeed | Failed:
    return parse(Document(body, url=SOURCE.url), SOURCE, "UTC")


def _feedparser(body: bytes) -> object:
    return feedparser.parse(io.BytesIO(body))


def _bare_feedparser(body: bytes) -> object:
    return feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)


def _megabytes(bodies: Iterable[bytes]) -> float:
    return sum(map(len, bodies)) / 1e6


def _speed(bodies: Sequence[bytes], run: Callable[[bytes], object]) -> float:
    """Megabytes in a second."""
    return _megabytes(bodies) / statistics.median(_seconds(bodies, run) for _ in range(RUNS))


def _seconds(bodies: Sequence[bytes], run: Callable[[bytes], object]) -> float:
    begin = time.process_time()
    for body in bodies:
        run(body)
    return time.process_time() - begin


def _report(name: str, bodies: Sequence[bytes], speed: float, base: float) -> None:
    feeds = speed / _megabytes(bodies) * len(bodies)
    print(f"{name:44}{speed:8.1f}{feeds:9.0f}  {speed / base:.1f}")


# --- what fastfeedparser loses -------------------------------------------------------------


def _compare(bodies: Sequence[bytes], base: float) -> None:
    fastfeedparser = import_module("fastfeedparser")
    read = [body for body in bodies if _other(fastfeedparser.parse, body) is not None]
    _report("fastfeedparser", read, _speed(read, fastfeedparser.parse), base)
    lost: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for body in bodies:
        ours, other = _ours(body), _other(fastfeedparser.parse, body)
        if not isinstance(ours, Failed):
            lost[_kind(body)].update(feeds=1, entries=len(ours.entries))
            lost[_kind(body)].update(_lost(ours.entries, other.entries if other else []))
    print(f"fastfeedparser refuses {len(bodies) - len(read)} feeds; of what we find it does not have:")
    for kind, counts in sorted(lost.items()):
        feeds, entries = counts.pop("feeds"), counts.pop("entries")
        found = ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "nothing"
        print(f"  {kind}, {feeds} feeds, {entries} entries: {found}")


def _kind(body: bytes) -> str:
    """Atom, RSS or RDF, and whether it is read at once or falls back."""
    start = re.search(rb"<(?:\w+:)?(feed|rss|rdf)\b", body, re.IGNORECASE)
    name = {"feed": "Atom", "rss": "RSS", "rdf": "RDF"}[start[1].decode().lower()] if start else "other"
    return name if _is_fast(body) else f"{name}, broken or of another charset"


def _other(run: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return run(body)
    except ValueError:
        return None


def _lost(ours: Sequence[ParsedEntry], others: Sequence[Any]) -> Iterable[str]:
    """Names of fields, one for each entry that lacks it; of entries found by both, in the order of the document."""
    yield from ["whole entries"] * max(0, len(ours) - len(others))
    for entry, other in zip(ours, others, strict=False):
        theirs = {
            name: other.get(name) for name in ("title", "link", "id", "published", "author", "tags", "enclosures")
        }
        has = {
            "title": entry.title,
            "link": entry.url,
            "id": entry.id,
            "published": entry.published,
            "author": entry.authors,
            "tags": entry.terms,
            "enclosures": entry.enclosures,
        }
        yield from (name for name, held in has.items() if held and not theirs[name])
        text = entry.content or entry.summary
        length = max((len(one.get("value") or "") for one in other.get("content") or ()), default=0)
        length = max(length, len(other.get("description") or other.get("summary") or ""))
        if text and length < len(text.value) * 0.9:
            yield "content or a tenth of it"


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else next(folder for folder in FOLDERS if folder.is_dir()))
