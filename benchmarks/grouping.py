"""Grouping at scale: `python -m benchmarks.grouping [articles]`.

Writes that many article files (100,000 by default) of several publishers, one in five a changed
copy of another, lets the whole pipeline ingest, group and publish them, and compares the stories
with the truth. Then everything is checked again, which must change nothing.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from sqlalchemy import text

from aggregator import app, runner
from aggregator.config.load import load
from aggregator.means import Means
from tests.labelled import DUPLICATES, NOON, Piece, piece

COPIES = 0.2
PUBLISHERS = 40
#: Common characters for the part of each article that no other shares.
HAN = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"


def main(total: int) -> None:
    luck = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        truth = _write(root / "articles", total, luck)
        means = app.build(load(_config(root), {}))
        with app.writing(means):
            first = _once(means)
            stories = _stories(means)
        _report(truth, stories)
        print(f"ingest, group, publish   {total / first:,.0f} articles/s ({first:.0f} s)")
        before = _published(root)
        means = app.build(load(root / "config.yaml", {}))
        with app.writing(means):
            again = _once(means)
        same = "no byte changed" if _published(root) == before else "THE OUTPUT CHANGED"
        print(f"checked again            {again:.1f} s, {same}")


def _config(root: Path) -> Path:
    site = {"title": "bench", "url": "https://bench.example/", "tag": "bench.example,2026"}
    config = {"site": site, "sources": [{"name": "articles", "path": "articles"}]}
    (root / "config.yaml").write_text(json.dumps(config))
    return root / "config.yaml"


def _write(folder: Path, total: int, luck: random.Random) -> dict[str, int]:
    """The files, and which article each one is."""
    folder.mkdir()
    truth = {}
    for number, (article, made) in enumerate(_articles(total, luck)):
        path = f"{number % 1000:03}/{number}.md"
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(_file(made), encoding="utf-8")
        truth[path] = article
    return truth


def _articles(total: int, luck: random.Random) -> Iterator[tuple[int, Piece]]:
    kinds = sorted(set(DUPLICATES) - {"paragraph dropped", "caption with a number"})
    made = article = 0
    while made < total:
        one = _own(piece(luck, "zh", luck.randint(3, 16)), luck)
        one = replace(one, publisher=f"社{luck.randrange(PUBLISHERS)}", hours=luck.uniform(-300, 300))
        yield article, one
        made += 1
        while made < total and luck.random() < COPIES:
            other = f"社{luck.randrange(PUBLISHERS)}"
            if other == one.publisher:
                continue
            copy = DUPLICATES[luck.choice(kinds)](one, luck)
            yield article, replace(copy, publisher=other, hours=one.hours + luck.uniform(0, 40))
            made += 1
        article += 1


def _own(one: Piece, luck: random.Random) -> Piece:
    """With a sentence in each paragraph that nobody else has."""
    lines = [line + "".join(luck.choices(HAN, k=luck.randint(20, 50))) + "。" for line in one.lines]
    return replace(one, lines=tuple(lines))


def _file(one: Piece) -> str:
    from datetime import timedelta
    from email.utils import format_datetime

    date = format_datetime(NOON + timedelta(hours=one.hours), usegmt=True)
    title = json.dumps(one.title, ensure_ascii=False)
    body = "".join(f"<p>{line}</p>" for line in one.lines)
    return f"---\ntitle: {title}\nauthor: {one.publisher}\ncategories: [新闻]\ndate: {date}\n---\n<div>{body}</div>\n"


def _once(means: Means) -> float:
    began = time.perf_counter()
    asyncio.run(runner.once(means, everything=True))
    return time.perf_counter() - began


def _stories(means: Means) -> dict[str, int]:
    query = text("SELECT f.path, s.story_id FROM file f JOIN story_entry s ON s.entry_id = f.entry_id")
    with means.database.read() as connection:
        return {row.path: row.story_id for row in connection.execute(query)}


def _published(root: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in (root / "public/feeds").rglob("*") if file.is_file()}


def _report(truth: dict[str, int], stories: dict[str, int]) -> None:
    wanted, found = _pairs(truth), _pairs(stories)
    right = len(wanted & found)
    print(f"articles                 {len(truth):,}, {len(set(truth.values())):,} different")
    print(f"pairs                    {len(wanted):,} true, {len(found):,} found")
    print(f"precision, recall        {right / max(len(found), 1):.4f}, {right / max(len(wanted), 1):.4f}")
    sizes = Counter(Counter(stories.values()).values())
    print(f"stories by size          {dict(sorted(sizes.items()))}")


def _pairs(groups: dict[str, int]) -> set[tuple[str, str]]:
    members: dict[int, list[str]] = {}
    for path, group in groups.items():
        members.setdefault(group, []).append(path)
    return {pair for paths in members.values() for pair in combinations(sorted(paths), 2)}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
