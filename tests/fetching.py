"""What the tests of fetching share: a server with one feed, and fetchers in an event loop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.config.schema import Network, Source
from aggregator.fetch.http import HttpFetcher
from aggregator.model import Failed, Fetched, NotModified, Outcome, Validators
from tests.played import Server, reply

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FEED = b"<?xml version='1.0'?><rss><channel><title>\xe6\x96\xb0\xe9\x97\xbb</title></channel></rss>"
Came = Fetched | NotModified | Failed


def feed_server() -> Server:
    """Has one feed, at /feed."""
    return Server({"/feed": reply(FEED, headers={"Content-Type": "application/rss+xml"})})


def network(**keys: Any) -> Network:
    return Network.model_validate({"allow": ["127.0.0.0/8"], "timeout": "5s", **keys})


def source(url: str, **keys: Any) -> Source:
    return Source.model_validate({"name": "blog", "url": url, **keys})


def fetch_all(
    *sources: Source, settings: Network | None = None, known: Validators | None = None, at_once: bool = False
) -> list[Came]:
    """Fetch one source after the other, or all at once, with one fetcher."""

    async def run() -> list[Came]:
        async with HttpFetcher(settings or network(), "aggregator/test") as fetcher:
            calls = [fetcher.fetch(each, each.url or "", known or Validators(), NOW) for each in sources]
            return list(await asyncio.gather(*calls)) if at_once else [await call for call in calls]

    return asyncio.run(run())


def fetch(url: str, settings: Network | None = None, known: Validators | None = None, **keys: Any) -> Came:
    return fetch_all(source(url, **keys), settings=settings, known=known)[0]


def ask_in_turn(settings: Network, *steps: tuple[str, float]) -> list[Came]:
    """Fetch each address at its time, in seconds after NOW, with one fetcher."""

    async def run() -> list[Came]:
        async with HttpFetcher(settings, "aggregator/test") as fetcher:
            return [
                await fetcher.fetch(source(url), url, Validators(), NOW + timedelta(seconds=late))
                for url, late in steps
            ]

    return asyncio.run(run())


def body(came: Came) -> bytes:
    assert isinstance(came, Fetched), came
    return came.document.body


def failure(came: Came, outcome: Outcome) -> Failed:
    """The failure, after a look at what every failure owes to people."""
    assert isinstance(came, Failed), came
    assert came.outcome is outcome, came
    assert came.message
    assert came.remedy
    assert "secret" not in came.message + came.remedy
    return came
