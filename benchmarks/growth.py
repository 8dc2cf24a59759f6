"""What a check costs as the database grows: `python -m benchmarks.growth [entries] [sources] [categories]`, each the most.

Three tables: by entries stored, by sources, by categories. A row is a database of that size, in which
one source is asked again and again: with nothing new, then with one new entry each time. Figures are medians of
processor milliseconds and of statements, each stage for itself; `due` asks for what is due where nothing is,
`idle` is all that a tick of the service asks. The network is played; what is stored is copied row by row
from a feed that was really read, with keys, digests and bands of its own for each copy.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Table, TextClause, text
from sqlalchemy.event import listen

from aggregator import grouping, indexing, learning, pipeline
from aggregator.means import Means
from aggregator.model import SourceState
from aggregator.store import documents, sources, stories
from aggregator.store.tables import (
    block_entry,
    entry,
    entry_alias,
    entry_category,
    event,
    signature_band,
    story,
    story_category,
    story_entry,
)
from tests.world import World, item, rss

URL = "https://example.com/feed"
ROUNDS = 15
#: Entries of the feed that is asked, and of each source that is made up.
SHOWN = 30

#: What a copy has of its own: by table and column. What must be distinct is, and lies anywhere in its index.
UUID, DIGEST, NUMBER = "lower(hex(randomblob(16)))", "randomblob(16)", "random()"
OWNER = "1 + ({0} + :by) / 30 % :sources"
COPIES: dict[Table, dict[str, str]] = {
    entry: {
        "uuid": UUID,
        "updated": "updated + :by * 1000",
        "source_id": OWNER.format("id"),
        **dict.fromkeys(("fingerprint", "text_digest", "link_digest"), DIGEST),
    },
    entry_alias: {"source_id": OWNER.format("entry_id"), "key": DIGEST},
    signature_band: {"band": NUMBER},
    block_entry: {"key": NUMBER},
    entry_category: {},
    story: {"uuid": UUID, "updated": "updated + :by * 1000", "lead_id": "lead_id + :by"},
    story_entry: {"story_id": "story_id + :by"},
    story_category: {"updated": "updated + :by * 1000", **{name: f"{name} + :by" for name in ("position", "place")}},
    event: {"entry_id": "entry_id + :by"},
}
SOURCE = (
    "INSERT INTO source (name, kind, location, configured, next_check)"
    " VALUES ('made ' || :n, 'feed', 'https://example.com/' || :n, 1, :later)"
)


#: Of a feed's document, by default.
ENTRIES = 50
#: What was published long ago lies in archives, which are not written here: at a million that would take half an hour.
_OLD = (
    "FROM story_category AS held JOIN category ON category.id = held.category_id"
    " WHERE held.position BETWEEN 1 AND category.positions - 2 * :entries"
)
_NUMBER = "(held.position - 1) / :entries + 1"
_HELD = "position BETWEEN 1 AND (SELECT positions FROM category WHERE id = category_id) - 2 * :entries"
SEALED = (
    f"INSERT INTO archive (category_id, number, written) SELECT DISTINCT category_id, {_NUMBER}, 1 {_OLD}",
    f"INSERT INTO archive_story (category_id, number, story_id) SELECT category_id, {_NUMBER}, story_id {_OLD}",
    f"UPDATE story_category SET archive = (position - 1) / :entries + 1 WHERE {_HELD}",
)

STAGES = ("unchanged", "one new", "learn", "group", "index", "publish", "due", "idle")

#: Processor milliseconds, and statements.
Cost = tuple[float, int]


def main(most: int = 10**5, sources: int = 10**5, categories: int = 10**4) -> None:
    print(f"{'':20}" + "".join(f"{name:>13}" for name in STAGES))
    for count in (10**power for power in range(3, 8)):
        if count <= most:
            row(f"{count:,} entries", entries=count)
    for count in (10**2, 10**3, 10**4, 10**5):
        if count <= sources:
            row(f"{count:,} sources", sources=count)
    for count in (10, 10**2, 10**3, 10**4):
        if count <= categories:
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
            optimize(means)
            found = measured(world, means, categories)
    print(f"{title:20}" + "".join(f"{spent:8.2f}{asked:5}" for spent, asked in found), flush=True)


def feed(numbers: range, categories: int) -> str:
    return rss(*(article(number, number % categories) for number in numbers))


def article(number: int, category: int) -> str:
    luck = random.Random(number)
    body = "".join(f"<p>{''.join(luck.choices(HAN, k=60))}。</p>" for _ in range(20))
    return item(number, body=body).replace("</item>", f"<category>栏目{category}</category></item>")


HAN = [chr(code) for code in range(0x4E00, 0x6000)]


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
            more = min(held, entries - held)
            for table, own in COPIES.items():
                connection.execute(_copy(table, own), {"by": held, "held": more, "sources": made})
            held += more
        _recount(connection)
        for statement in SEALED:
            connection.execute(text(statement), {"entries": ENTRIES})


def _copy(table: Table, own: dict[str, str]) -> TextClause:
    key = next(name for name in ("story_id", "entry_id", "id") if name in table.c and name not in own)
    columns = {column.name: own.get(column.name, column.name) for column in table.c} | {key: f"{key} + :by"}
    names, values = ", ".join(f'"{name}"' for name in columns), ", ".join(columns.values())
    return text(f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} WHERE {key} <= :held")


def _recount(connection: Connection) -> None:
    connection.execute(
        text(
            "UPDATE category SET stories = (SELECT count(*) FROM story_category WHERE category_id = category.id),"
            " positions = (SELECT max(position) FROM story_category WHERE category_id = category.id),"
            " places = (SELECT max(place) FROM story_category WHERE category_id = category.id)"
        )
    )


def optimize(means: Means) -> None:
    """As the service has it done."""
    for _ in means.database.tidy():
        pass


def spread(world: World, means: Means, categories: int) -> None:
    """Have every category by an entry, a few hundred at a time."""
    for start in range(SHOWN, categories, 500):
        world.network.answers[URL] = feed(range(start, min(start + 500, categories)), categories)
        once(means)


def measured(world: World, means: Means, categories: int) -> list[Cost]:
    """Medians of each stage; the first round is not counted, for it fills caches."""
    statements = Statements(means)
    rounds: list[list[Cost]] = []
    for number in range(10**6, 10**6 + ROUNDS + 1):
        world.clock.forward(minutes=30)
        unchanged = statements.of(partial(visit, means, _state(means)))
        world.network.answers[URL] = feed(range(number, number + SHOWN), categories)
        stages: tuple[Callable[[], object], ...] = (
            partial(visit, means, _state(means)),
            lambda: learning.learn(means),
            lambda: grouping.group(means),
            lambda: indexing.index(means),
            lambda: pipeline.publish(means, restore=False),
            lambda: _due(means),
            lambda: _idle(means),
        )
        rounds.append([unchanged, *map(statements.of, stages)])
    columns = zip(*rounds[1:], strict=True)
    return [
        (statistics.median(ms for ms, _ in column), statistics.median_low(n for _, n in column)) for column in columns
    ]


def visit(means: Means, state: SourceState) -> None:
    asyncio.run(pipeline.check(means, state))


class Statements:
    """Counts what the database is asked."""

    def __init__(self, means: Means) -> None:
        self._count = 0
        listen(means.database.engine, "before_cursor_execute", self._one)

    def _one(self, *_: object) -> None:
        self._count += 1

    def of(self, work: Callable[[], object]) -> Cost:
        before, began = self._count, time.process_time()
        work()
        return (time.process_time() - began) * 1000, self._count - before


def _due(means: Means) -> None:
    with means.database.read() as connection:
        sources.due(connection, means.clock(), 64)


def _idle(means: Means) -> None:
    _due(means)
    with means.database.read() as connection:
        stories.ungrouped(connection, 1)
        documents.behind(connection)


def _state(means: Means) -> SourceState:
    with means.database.read() as connection:
        (state,) = sources.by_name(connection, ["Blog"])
    return state


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
