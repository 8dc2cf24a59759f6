"""A whole installation in a temporary folder, with the network and the clock played."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import feedparser
from sqlalchemy import text

from aggregator import app, pipeline, replay, runner
from aggregator.config.load import load
from aggregator.config.schema import Source
from aggregator.means import Means
from aggregator.model import Document, Failed, Fetched, NotModified, Result, Validators
from aggregator.replay import Replayed
from aggregator.store.engine import Database

SITE = {"title": "试刊", "url": "https://news.example.org/", "tag": "news.example.org,2026", "language": "zh"}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class PlayedNetwork:
    """Answers by address; keeps what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, str | Failed | Fetched] = {}
        self.asked: list[tuple[str, Validators]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def fetch(
        self, source: Source, url: str, validators: Validators, now: datetime
    ) -> Fetched | NotModified | Failed:
        self.asked.append((url, validators))
        answer = self.answers[url]
        if not isinstance(answer, str):
            return answer
        body = answer.encode()
        digest = blake2b(body, digest_size=16).digest()
        if digest == validators.digest:
            return NotModified(validators)
        return Fetched(Document(body, url=url, digest=digest), Validators(digest=digest))


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        database = Database(f"sqlite:///{file}")
        database.upgrade()
        database.close()
        return file.read_bytes()


class World:
    """The installation; `config` is written before each `open`."""

    def __init__(self, folder: Path, databases: Iterator[str] | None = None) -> None:
        self.folder = folder
        self.clock = Clock()
        self.network = PlayedNetwork()
        self.config: dict[str, Any] = {"site": SITE, "sources": []}
        self._database: Database | None = None
        self._others: list[World] = []
        #: Of PostgreSQL, a fresh one for each installation; where there are none each has a SQLite file of its own.
        self._databases = databases
        if databases is not None:
            self.config["database"] = next(databases)

    def another(self, folder: Path) -> World:
        """A second installation, on a database of the same kind."""
        folder.mkdir(exist_ok=True)
        made = World(folder, self._databases)
        self._others.append(made)
        return made

    def close(self) -> None:
        """End the connections, of the other installations too."""
        for other in self._others:
            other.close()
        if self._database:
            self._database.close()

    @property
    def indexed(self) -> str:
        """The table that has a row for each story in the search index."""
        return "story_fts_number" if self._databases is None else "story_fts"

    def source(self, name: str, **keys: Any) -> None:
        self.config["sources"].append({"name": name, **keys})

    def article(self, path: str, text: str, age: float = 60.0) -> Path:
        """Write an article file that has been left alone for `age` seconds by the played clock."""
        target = self.folder / "articles" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        moment = self.clock.now.timestamp() - age
        os.utime(target, (moment, moment))
        return target

    def open(self) -> Means:
        file = self.folder / "config.yaml"
        file.write_text(json.dumps(self.config, ensure_ascii=False), encoding="utf-8")
        means = app.build(load(file, {}), fetcher=self.network, clock=self.clock)
        # One engine for all: it keeps the statements that it compiled, most of the time of a small check.
        self._database = self._database or means.database
        return replace(means, database=self._database)

    @contextmanager
    def writing(self) -> Iterator[Means]:
        """As a command that writes has it; the first finds the schema as the migrations make it, made once for all tests."""
        means = self.open()
        target = means.database.sqlite_file
        if target is not None and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_migrated())
        with app.writing(means):
            yield means

    def once(self, **how: Any) -> dict[str, Result]:
        """One `once --all`, as the command does it."""
        how = how or {"everything": True}
        with self.writing() as means:
            results = asyncio.run(runner.once(means, **how))
        return {result.source: result for result in results}

    def publish(self, **how: Any) -> list[str]:
        with self.writing() as means:
            pipeline.group(means)
            return pipeline.publish(means, **how)

    def replay(self) -> Replayed:
        """One `replay`, as the command does it."""
        with self.writing() as means:
            done = replay.replay(means)
            pipeline.group(means)
            pipeline.publish(means)
        return done

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What a person's own query of the database gives, spelt as SQLite does."""
        means = self.open()
        with means.database.read() as connection:
            rows = [tuple(map(_spelt, row)) for row in connection.execute(text(query))]
        means.database.close()
        return rows

    def feed(self, slug: str = "all") -> Any:
        """A published feed as a reader sees it; well-formed, or the test fails."""
        parsed = feedparser.parse(str(self.folder / "public" / "feeds" / f"{slug}.atom"))
        assert not parsed.bozo, parsed.bozo_exception
        return parsed

    def titles(self, slug: str = "all") -> list[str]:
        return [entry.title for entry in self.feed(slug).entries]

    def published(self) -> Mapping[str, bytes]:
        """Every file of the output with its bytes."""
        root = self.folder / "public"
        return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def _spelt(value: Any) -> Any:
    """PostgreSQL has types of its own for some."""
    match value:
        case UUID():
            return value.hex
        case date():
            return value.isoformat()
        case bool():
            return int(value)
    return value


def article(
    title: str, body: str, *, date: str = "Sun, 01 Mar 2026 08:00:00 GMT", author: str = "晨报", **keys: str
) -> str:
    """An article file as the seeds' generator writes them."""
    more = "".join(f"{key}: {value}\n" for key, value in keys.items())
    return (
        f"\n---\ntitle: '{title}'\ncategories: \n - 新媒体\n - {author}\n - 最新\n"
        f"author: {author}\ncomments: false\ndate: {date}\nthumbnail: ''\n{more}---\n\n<div>   \n{body}\n</div>\n            "
    )


def rss(*items: str, title: str = "Example") -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{title}</title><link>https://example.com/</link><description>d</description>{''.join(items)}</channel></rss>"
    )


def item(number: int | str, *, title: str = "", body: str = "", guid: str = "", link: str = "", date: str = "") -> str:
    link = link or f"https://example.com/{number}"
    stamp = date or "Sun, 01 Mar 2026 08:00:00 GMT"
    return (
        f"<item><title>{title or f'Item {number}'}</title><link>{link}</link>"
        f'<guid isPermaLink="false">{guid or f"id-{number}"}</guid><pubDate>{stamp}</pubDate>'
        f"<description><![CDATA[{body or f'<p>The body of item {number} says something of its own.</p>'}]]></description></item>"
    )
