"""Bytes of the database for each entry, by table: `python -m benchmarks.size [entries]`.

Two installations: article files of 5 KB, and feeds of fifty entries of 3.6 KB; Chinese, all different. Each is read,
grouped, indexed for search and published, all by the code that does so in a service; then SQLite is asked which
pages belong to whom. `share` is that of the whole file.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from pathlib import Path

from sqlalchemy import create_engine, text

from benchmarks import prose
from tests.world import World

#: Entries of a feed.
SHOWN = 50
#: Tables and indexes that take less than so many bytes an entry are summed up.
LEAST = 20

USED = """
SELECT CASE WHEN name LIKE 'story_fts%' THEN 'story_fts*' ELSE name END AS name,
       sum(pgsize) AS bytes, sum(unused) AS unused
FROM dbstat WHERE aggregate = TRUE GROUP BY 1 ORDER BY 2 DESC
"""


def main(count: int = 3000) -> None:
    for title, lay_out in (("posts of 5 KB in files", files), ("entries of 3.6 KB in feeds", feeds)):
        with tempfile.TemporaryDirectory() as name:
            world = World(Path(name))
            lay_out(world, count)
            world.once()
            print(f"\n{count:,} {title}")
            report(Path(name), count)


def files(world: World, count: int) -> None:
    world.source("Posts", path="articles")
    for number in range(count):
        world.article(f"{number % 100}/{number}.md", prose.post(number))


def feeds(world: World, count: int) -> None:
    for number in range(0, count, SHOWN):
        name = f"feed{number}"
        world.source(name, url=f"https://{name}.example/feed")
        world.network.answers[f"https://{name}.example/feed"] = prose.feed(name, range(number, number + SHOWN))


def report(folder: Path, count: int) -> None:
    (file,) = folder.rglob("*.db")
    engine = create_engine(f"sqlite:///{file}")
    with closing(engine.raw_connection()) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with engine.connect() as connection:
        rows = connection.execute(text(USED)).all()
    engine.dispose()
    whole, rest = file.stat().st_size, 0
    for row in rows:
        if row.bytes / count >= LEAST:
            print(f"{row.name:40}{row.bytes / count:9,.0f}{row.unused / count:9,.0f} unused{row.bytes / whole:7.1%}")
        else:
            rest += row.bytes
    print(f"{'all others':40}{rest / count:9,.0f}")
    print(f"{'the file':40}{whole / count:9,.0f} bytes an entry")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
