"""Months in the life of subscribers: whoever polls when they like ends with everything that was published, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from aggregator import pipeline, withdraw
from aggregator.store.types import EPOCH
from tests.subscriber import Subscriber
from tests.world import World, item, rss

FEED = "https://blog.example/feed"

#: What the feed of a category holds: a busy day brings more.
ENTRIES = 4


@dataclass
class Blog:
    """A publisher who writes at odd hours, dates some of it wrongly, rewrites some, and shows the last twelve."""

    world: World
    random: Random
    texts: dict[int, tuple[str, str, str]] = field(default_factory=dict)

    def write(self) -> None:
        for _ in range(self.random.choice((0, 0, 1, 1, 2, 5, 14))):
            number = len(self.texts)
            late = timedelta(days=self.random.choice((0, 0, 0, 0, 40)))
            date = (self.world.clock.now - late).strftime("%d %b %Y %H:%M:%S GMT")
            self.texts[number] = (f"Report {number}", f"<p>The report of the day has number {number}.</p>", date)

    def rewrite(self) -> None:
        shown = list(self.texts)[-12:]
        if shown and self.random.random() < 0.3:
            number = self.random.choice(shown)
            _, _, date = self.texts[number]
            again = self.random.randrange(10_000, 99_999)
            text = f"<p>Of the report of the day {number} there is another version, which is {again}.</p>"
            self.texts[number] = (f"Report {number}, version {again}", text, date)

    def show(self) -> None:
        last = list(self.texts.items())[-12:]
        self.world.network.answers[FEED] = rss(
            *(item(number, title=title, body=body, date=date) for number, (title, body, date) in reversed(last))
        )


def withdraw_one(world: World, random: Random) -> None:
    """Also what was sealed long ago."""
    entries = world.rows("SELECT id FROM entry WHERE withdrawn IS NULL ORDER BY id")
    if not entries:
        return
    with world.writing() as means:
        with means.database.write() as connection:
            withdraw.article(connection, means, random.choice(entries)[0])
        pipeline.group(means)
        pipeline.publish(means)


def published(world: World) -> dict[str, tuple[str, str]]:
    query = (
        "SELECT story.uuid, story.updated, entry.title FROM story JOIN entry ON entry.id = story.lead_id "
        "WHERE story.merged_into IS NULL"
    )
    return {
        f"tag:news.example.org,2026:{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}": (
            (EPOCH + timedelta(microseconds=updated)).isoformat(),
            title,
        )
        for uuid, updated, title in world.rows(query)
    }


def live(world: World, days: int, asleep: range, seed: int) -> None:
    """So many days, on some of which one of the subscribers is away."""
    random = Random(seed)
    world.config["output"] = {"entries": ENTRIES, "formats": ["atom"], "pages": False}
    world.source("Blog", url=FEED, category="技术")
    blog = Blog(world, random)
    root: Path = world.folder / "public"
    steady, sleeper = (Subscriber(root, "feeds/技术.atom") for _ in range(2))
    for day in range(days):
        for hours in (random.uniform(1, 12), random.uniform(1, 12)):
            world.clock.forward(hours=hours)
            blog.write()
            blog.rewrite()
            blog.show()
            world.once()
            if random.random() < 0.1:
                withdraw_one(world, random)
            if random.random() < 0.4:
                steady.poll()
            if random.random() < 0.4 and day not in asleep:
                sleeper.poll()
    newcomer = Subscriber(root, "feeds/技术.atom")
    expected = published(world)
    assert len(expected) > 5 * ENTRIES
    for one in (steady, sleeper, newcomer):
        one.poll()
        assert one.entries == expected
        assert set(one.announced.values()) == {1}


def test_a_week_of_which_one_subscriber_sleeps_three_days(world: World) -> None:
    live(world, days=8, asleep=range(2, 5), seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", [2, 3])
def test_ninety_days_of_which_one_subscriber_sleeps_thirty(world: World, seed: int) -> None:
    live(world, days=90, asleep=range(30, 60), seed=seed)
