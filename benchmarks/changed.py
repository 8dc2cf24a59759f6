"""What a feed costs that was read before: `python -m benchmarks.changed [feeds]`.

Prints milliseconds of processor time a feed, median of five runs, of the sample feeds (`benchmarks.corpus`): read for
the first time; read again with not one entry new; with one new among fifty. All pure work from the bytes
on: parse, recognize, clean, sign.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime

from aggregator.clean import rules_for
from aggregator.config.schema import Config, Site, Source
from aggregator.model import Document, Failed
from aggregator.prepare import NOTHING, Read, Recipe, Titles, prepare
from benchmarks import corpus

RUNS = 5
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SITE = Site(title="Bench", url="https://bench.example/", tag="bench.example,2026")
SOURCE = Source(name="feed", url="https://example.org/feed")
RECIPE = Recipe(SOURCE, "UTC", rules_for(Config(site=SITE), SOURCE))
FIFTY = 50


def main(count: int = 100) -> None:
    documents = [Document(data, url=SOURCE.url) for _, data in corpus.feeds(corpus.SAMPLES, count)]
    pairs = [(one, found) for one in documents if isinstance(found := prepare(one, RECIPE, NOW), Read)]
    entries = sum(len(found.prepared) for _, found in pairs)
    print(f"{len(pairs)} feeds, {entries} entries, median of {RUNS} runs, milliseconds a feed")
    report("first time", [(document, NOTHING) for document, _ in pairs])
    report("nothing new", [(document, titles(found, new=0)) for document, found in pairs])
    report("one new of fifty", [(document, titles(found, new=1)) for document, found in pairs])


def titles(found: Read, new: int) -> Titles:
    """What the store would know of all but `new` in each fifty entries of the document."""
    return {
        one.signature.fingerprint: one.title
        for place, one in enumerate(found.prepared)
        if not new or place % FIFTY or len(found.prepared) < FIFTY // 2
    }


def report(title: str, tasks: list[tuple[Document, Titles]]) -> None:
    spent = statistics.median(seconds(tasks) for _ in range(RUNS))
    print(f"{title:18}{1000 * spent / len(tasks):8.2f}")


def seconds(tasks: list[tuple[Document, Titles]]) -> float:
    begin = time.process_time()
    for document, known in tasks:
        assert not isinstance(prepare(document, RECIPE, NOW, known), Failed)
    return time.process_time() - begin


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
