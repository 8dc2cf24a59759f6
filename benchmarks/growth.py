"""What a check costs as the database grows: `python -m benchmarks.growth [most entries]`.

Three tables: by entries stored, by sources, by categories. A row is a database of that size, in which
one source is asked again and again: with nothing new, then with one new entry each time. Times are
medians in milliseconds, each stage for itself. The network is played; what is stored is copied row by
row from a feed that was really read, with keys, digests and bands of its own for each copy.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from aggregator import indexing, pipeline
from aggregator.means import Means
from aggregator.store import sources
from tests.world import World, item, rss

URL = "https://example.com/feed"
ROUNDS = 15
#: Entries of the feed that is asked, and of each source that is made up.
SHOWN = 30

#: Copies of entries 1 to :held. What must be distinct is: it hashes well and so lies anywhere in its index.
COPIES = (
    "INSERT INTO entry SELECT id + :by, 1 + (id + :by) / 30 % :sources, publisher, randomblob(16), url, title, published,"
    " published_claimed, first_seen, updated + :by * 1000, last_seen, randomblob(16), randomblob(16), randomblob(16),"
    " bands, changes, grouped, held, dropped, withdrawn, original, cleaned, shown, blocks, learning"
    " FROM entry WHERE id <= :held",
    "INSERT INTO entry_alias SELECT 1 + (entry_id + :by) / 30 % :sources, kind, randomblob(16), text, entry_id + :by"
    " FROM entry_alias WHERE entry_id <= :held",
    "INSERT INTO signature_band SELECT random(), entry_id + :by FROM signature_band WHERE entry_id <= :held",
    "INSERT INTO block_entry SELECT random(), entry_id + :by FROM block_entry WHERE entry_id <= :held",
    "INSERT INTO entry_category SELECT entry_id + :by, category_id FROM entry_category WHERE entry_id <= :held",
    "INSERT INTO story SELECT id + :by, randomblob(16), lead_id + :by, published, updated + :by * 1000, NULL,"
    " changed, shown, changed FROM story WHERE id <= :held",
    "INSERT INTO story_entry SELECT entry_id + :by, story_id + :by FROM story_entry WHERE entry_id <= :held",
    "INSERT INTO story_category SELECT category_id, story_id + :by, updated + :by * 1000, position + :by, archive,"
    " place + :by FROM story_category WHERE story_id <= :held",
    "INSERT INTO event SELECT id + :by, at, source, path, entry_id + :by, kind, message FROM event WHERE id <= :held",
)
SOURCE = (
    "INSERT INTO source (name, kind, location, configured, next_check)"
    " VALUES ('made ' || :n, 'feed', 'https://example.com/' || :n, 1, :later)"
)


def main(most: int) -> None:
    print(f"{'':22}" + "".join(f"{name:>11}" for name in ("unchanged", "one new", "group", "index", "publish", "due")))
    for count in (10**power for power in range(3, 8)):
        if count <= most:
            row(f"{count:,} entries", entries=count)
    for count in (10**2, 10**3, 10**4, 10**5):
        row(f"{count:,} sources", sources=count)
    for count in (10, 10**2, 10**3, 10**4):
        row(f"{count:,} categories", categories=count)


def row(title: str, *, entries: int = 1000, sources: int = 100, categories: int = 10) -> None:
    """Make a database of that size, work in it, print what that took."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.config["output"] = {"formats": ["atom"], "pages": False}
        world.source("Blog", url=URL, category="own")
        world.network.answers[URL] = feed(range(SHOWN), categories)
        with world.writing() as means:
            once(means)
            grow(means, entries, sources)
            spread(world, means, categories)
            found = measured(world, means, categories)
    print(f"{title:22}" + "".join(f"{value:11.2f}" for value in found), flush=True)


def feed(numbers: range, categories: int) -> str:
    return rss(*(article(number, number % categories) for number in numbers))


def article(number: int, category: int) -> str:
    body = "".join(f"<p>{chr(0x4E00 + (number * 31 + at * 7) % 20000) * 2}{TEXT}{number * at}</p>" for at in range(20))
    return item(number, body=body).replace("</item>", f"<category>栏目{category}</category></item>")


TEXT = "去年冬天河面结冰之前，镇上的木匠们照例修好了渡船，孩子们在岸边堆起沙袋，老人说这样的准备已经做了许多年。"


def once(means: Means) -> None:
    state = _state(means)
    asyncio.run(pipeline.check(means, state))
    pipeline.group(means)
    indexing.index(means)
    pipeline.publish(means, restore=False)


def grow(means: Means, entries: int, made: int) -> None:
    """Copies of what is there, the copies copied in turn; their sources are due in a day."""
    later = int((means.clock() + timedelta(days=1)).timestamp()) * 10**6
    with means.database.write() as connection:
        connection.execute(text(SOURCE), [{"n": number, "later": later} for number in range(1, made)])
        held = SHOWN
        while held < entries:
            for statement in COPIES:
                connection.execute(text(statement), {"by": held, "held": min(held, entries - held), "sources": made})
            held += min(held, entries - held)
        _recount(connection)


def _recount(connection: Connection) -> None:
    connection.execute(
        text(
            "UPDATE category SET stories = (SELECT count(*) FROM story_category WHERE category_id = category.id),"
            " positions = (SELECT max(position) FROM story_category WHERE category_id = category.id),"
            " places = (SELECT max(place) FROM story_category WHERE category_id = category.id)"
        )
    )


def spread(world: World, means: Means, categories: int) -> None:
    """Have every category by an entry, a few hundred at a time."""
    for start in range(SHOWN, categories, 500):
        world.network.answers[URL] = feed(range(start, min(start + 500, categories)), categories)
        once(means)


def measured(world: World, means: Means, categories: int) -> list[float]:
    times: list[list[float]] = [[] for _ in range(6)]
    for number in range(10**6, 10**6 + ROUNDS):
        world.clock.forward(minutes=30)
        world.network.answers[URL] = feed(range(number, number + SHOWN), categories)
        state = _state(means)
        steps: tuple[Callable[[], object], ...] = (
            lambda: asyncio.run(pipeline.check(means, _state(means))),
            lambda state=state: asyncio.run(pipeline.check(means, state)),  # type: ignore[misc]  # mypy infers no default
            lambda: pipeline.group(means),
            lambda: indexing.index(means),
            lambda: pipeline.publish(means, restore=False),
            lambda: _due(means),
        )
        steps[1](), steps[2](), steps[3](), steps[4]()
        for place, step in enumerate(steps):
            began = time.perf_counter()
            if place == 1:
                world.network.answers[URL] = feed(range(number + 1, number + SHOWN + 1), categories)
            step()
            times[place].append((time.perf_counter() - began) * 1000)
    return [statistics.median(column) for column in times]


def _due(means: Means) -> None:
    with means.database.read() as connection:
        sources.due(connection, means.clock(), 64)


def _state(means: Means) -> sources.SourceState:
    with means.database.read() as connection:
        (state,) = sources.by_name(connection, ["Blog"])
    return state


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10**5)
