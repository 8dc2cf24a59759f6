"""Searching stored articles: `python -m benchmarks.searching [articles] [postgresql]`.

Fills a SQLite database, or one on a PostgreSQL server of its own, with that many made-up Chinese articles of 5 KB (100,000 by default: words of one to
four characters from a vocabulary of 40,000, as frequent as words are, and with subjects of their own), indexes them as
the service does, and asks. Beside it, over the same texts, what peers do: a search with LIKE, and FTS5 with
its trigram tokenizer. Prints sizes, rates, times, and how many of the articles that hold a word are found.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import insert, text

from aggregator import app, indexing, searching
from aggregator.config.schema import Config
from aggregator.dedupe import words
from aggregator.means import Means
from aggregator.model import Asked, Entry, ParsedEntry
from aggregator.model import Text as Written
from aggregator.store import search, tables
from aggregator.store.depths import depths
from aggregator.store.search import Narrow
from aggregator.store.types import packed
from tests import postgres

CHARACTERS = 1_700
START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 1_000
#: Peers are measured over so many of the articles: their ways take too long, or too much room, for all.
PEERS = 10_000


class Writer:
    """Makes up articles, the same in each run."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(1)
        common = self._random.permutation([chr(code) for code in range(0x4E00, 0x9000)])[:3500]
        weights = 1 / np.arange(1, 3501) ** 0.9
        sizes = self._random.choice([1, 2, 2, 2, 2, 3, 4], size=40_000)
        self.words = ["".join(self._random.choice(common, size=n, p=weights / weights.sum())) for n in sizes]
        ranks = 1 / np.arange(1, len(self.words) + 1)
        self._often = ranks / ranks.sum()

    def article(self) -> str:
        """Every fourth word is one of its subject."""
        subject = self._random.integers(0, len(self.words), size=30)
        chosen = self._random.choice(len(self.words), size=900, p=self._often)
        own = self._random.random(900) < 0.25
        chosen[own] = subject[(self._random.random(own.sum()) ** 2 * 30).astype(int)]
        words = (self.words[index] + ("，" if place % 12 == 11 else "") for place, index in enumerate(chosen))
        return "".join(words)[:CHARACTERS]


def main(total: int, *, server: bool) -> None:
    writer = Writer()
    with tempfile.TemporaryDirectory() as folder, postgres.database() if server else nullcontext() as url:
        means = _means(url or f"sqlite:///{Path(folder) / 'search.db'}")
        sample = _fill(means, writer, total)
        stored = _size(means)
        seconds, longest = _index(means, PEERS)
        peers = _peers(means, writer, sample, Path(folder))
        more, other = _index(means, total)
        seconds, longest = seconds + more, max(longest, other)
        print(f"articles                         {total:,} of {CHARACTERS:,} characters")
        _settle(means)
        print(f"database an article, no index    {stored / total:,.0f} bytes")
        print(f"search index an article          {(_size(means) - stored) / total:,.0f} bytes")
        print(f"indexing                         {total / seconds:,.0f} articles/s")
        print(f"longest step, reading included   {longest * 1000:.0f} ms")
        _ask(means, writer)
        print(peers)
        means.database.close()


def _means(url: str) -> Means:
    site = {"title": "t", "url": "https://example.org/", "tag": "example.org,2026"}
    config = Config.model_validate({"site": site, "database": url})
    means = replace(app.build(config), clock=lambda: START)
    means.database.upgrade()
    with means.database.write() as connection:
        connection.execute(insert(tables.source).values(id=1, name="s", kind="feed", location="x", configured=True))
        for number, slug in ((1, "all"), (2, "half"), (3, "few")):
            connection.execute(
                insert(tables.category).values(
                    id=number,
                    key=bytes([number]) * 16,
                    path=[slug],
                    slug=slug,
                    title=slug,
                    uuid=UUID(int=number),
                    created=START,
                )
            )
    return means


def _fill(means: Means, writer: Writer, total: int) -> list[str]:
    sample: list[str] = []
    for first in range(1, total + 1, BATCH):
        texts = [writer.article() for _ in range(first, min(first + BATCH, total + 1))]
        sample += texts[: PEERS - len(sample)]
        with means.database.write() as connection:
            numbered = list(enumerate(texts, first))
            connection.execute(insert(tables.entry), [_entry(number, body) for number, body in numbered])
            connection.execute(insert(tables.story), [_story(number) for number, _ in numbered])
            connection.execute(
                insert(tables.story_entry), [{"entry_id": number, "story_id": number} for number, _ in numbered]
            )
            connection.execute(
                insert(tables.story_category),
                [
                    {"category_id": category, "story_id": number, "updated": _moment(number)}
                    for number, _ in numbered
                    for category in (1, *((2,) if number % 2 else ()), *(() if number % 500 else (3,)))
                ],
            )
    return sample


def _moment(number: int) -> datetime:
    return START + timedelta(minutes=5 * number)


def _entry(number: int, body: str) -> dict[str, Any]:
    moment = _moment(number)
    html = "".join(f"<p>{part}</p>" for part in body.split("，"))
    made = Entry(body[:20], html, body, body[:100], "p", None, (), None, None, None, (("c",),), ())
    original, cleaned = packed(ParsedEntry(title=Written(body[:20]), content=Written(html, "html")), made)
    return {
        "id": number,
        "source_id": 1,
        "publisher": "p",
        "uuid": UUID(int=number),
        "title": body[:20],
        "published": moment,
        "first_seen": moment,
        "updated": moment,
        "last_seen": moment,
        "fingerprint": number.to_bytes(16, "big"),
        "grouped": True,
        "original": original,
        "cleaned": cleaned,
        "learning": 2,
    }


def _story(number: int) -> dict[str, Any]:
    moment = _moment(number)
    return {"id": number, "uuid": UUID(int=number), "lead_id": number, "published": moment, "updated": moment}


def _index(means: Means, most: int) -> tuple[float, float]:
    """Index so many articles as the service does; the seconds for all of it, and of the longest step."""
    begun, longest, done = time.perf_counter(), 0.0, 0
    before = begun
    while done < most and (step := indexing.step(means).stories):
        now = time.perf_counter()
        longest, before, done = max(longest, now - before), now, done + step
    return time.perf_counter() - begun, longest


def _ask(means: Means, writer: Writer) -> None:
    longer = [word for word in writer.words if len(word) > 1]
    four = [word for word in writer.words if len(word) == 4]
    asked = {
        "a common word": [Asked(word) for word in longer[:5]],
        "two common words": [Asked(f"{one} {two}") for one, two in zip(longer[:5], longer[5:10], strict=True)],
        "a common word, large category": [Asked(word, category="half") for word in longer[:5]],
        "a common word, rare category": [Asked(word, category="few") for word in longer[:5]],
        "a common word of long ago": [Asked(word, until=START.date() + timedelta(days=20)) for word in longer[:5]],
        "a rare word": [Asked(word) for word in longer[8000:8020]],
        "a word of four": [Asked(word) for word in four[200:220]],
        "without a common word": [Asked(f"{one} -{longer[0]}") for one in longer[20:25]],
        "one character": [Asked(word) for word in writer.words[:60] if len(word) == 1],
        "best match of a common word": [Asked(word, best=True) for word in longer[:5]],
        "page 50 of a common word": [Asked(word, first=980) for word in longer[:5]],
        "no such word": [Asked("龘龘")],
    }
    print(f"\n{'asked, with the first page shown':34} median   worst   found")
    for name, questions in asked.items():
        times, counts = [], []
        for question in questions:
            begun = time.perf_counter()
            answer = searching.answer(means, question)
            times.append(time.perf_counter() - begun)
            counts.append(answer.count)
        print(
            f"{name:34} {statistics.median(times) * 1000:5.0f} ms {max(times) * 1000:5.0f} ms  {statistics.median(counts):,.0f}"
        )


def _peers(means: Means, writer: Writer, sample: list[str], folder: Path) -> str:
    """Recall and time of words of two and of four characters, over the articles that are indexed by now."""
    twos = [word for word in writer.words[100:4000] if len(word) == 2][:20]
    fours = [word for word in writer.words[100:4000] if len(word) == 4][:20]
    plain = sqlite3.connect(folder / "peers.db")
    plain.execute("CREATE TABLE article (body TEXT)")
    plain.executemany("INSERT INTO article VALUES (?)", [(body,) for body in sample])
    begun = time.perf_counter()
    plain.execute(
        "CREATE VIRTUAL TABLE three USING fts5(body, tokenize='trigram', content='article', content_rowid='rowid')"
    )
    plain.execute("INSERT INTO three (three) VALUES ('rebuild')")
    plain.commit()
    rate = len(sample) / (time.perf_counter() - begun)

    def ours(word: str) -> set[int]:
        with means.database.read() as connection:
            wanted = words.wanted(words.parse(word))
            return set(search.candidates(connection, wanted, Narrow(), search.ALL).ids)

    def like(word: str) -> set[int]:
        return {row[0] for row in plain.execute("SELECT rowid FROM article WHERE body LIKE ?", (f"%{word}%",))}

    def trigram(word: str) -> set[int]:
        return {row[0] for row in plain.execute("SELECT rowid FROM three WHERE three MATCH ?", (f'"{word}"',))}

    ways: dict[str, Callable[[str], set[int]]] = {"ours": ours, "LIKE": like, "FTS5 trigram": trigram}
    lines = [
        f"\nall that hold a word, of {len(sample):,} articles (trigrams were indexed at {rate:,.0f} articles/s)",
        f"{'':14} {'2 characters: recall':>22} {'median':>10} {'4 characters: recall':>22} {'median':>10}",
    ]
    for name, way in ways.items():
        figures = [figure for asked in (twos, fours) for figure in _measured(way, asked, sample)]
        lines.append(f"{name:14} {figures[0]:>22.1%} {figures[1]:>7.1f} ms {figures[2]:>22.1%} {figures[3]:>7.1f} ms")
    return "\n".join(lines)


def _measured(way: Callable[[str], set[int]], asked: list[str], sample: list[str]) -> Iterator[float]:
    """Part of the articles that hold the words which it finds, and its median time in ms."""
    times, right, all_ = [], 0, 0
    for word in asked:
        holding = {number for number, body in enumerate(sample, 1) if word in body}
        begun = time.perf_counter()
        found = way(word)
        times.append(time.perf_counter() - begun)
        right, all_ = right + len(found & holding), all_ + len(holding)
    yield right / all_
    yield statistics.median(times) * 1000


def _settle(means: Means) -> None:
    """As a server does by itself once it has time, and SQLite in its upkeep."""
    for _ in means.database.tidy():
        pass
    if means.database.engine.dialect.name == "postgresql":
        with means.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _size(means: Means) -> int:
    with means.database.read() as connection:
        return int(depths(connection, START)["database_bytes"][1])


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    main(numbers[0] if numbers else 100_000, server="postgresql" in sys.argv)
