"""Article files prepared in a second: `python -m benchmarks.articles [posts]`.

Prints the median of five runs, in seconds of processor time on one core, over posts of about 5 KB as generators
write them (YAML on top, Chinese paragraphs with pictures and links in HTML, or Markdown), none like another:
parsing alone, and all pure work from the bytes to keys and signature. Then, once, what the first check of a folder of
them takes until they are grouped, documents read in workers: seconds by the clock, and of the processor in
this process and in the workers. Indexing and publishing come on top.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from aggregator import app, pipeline
from aggregator.clean import Rules
from aggregator.config.load import load
from aggregator.config.schema import Source
from aggregator.means import Means
from aggregator.model import Document
from aggregator.parse import parse
from aggregator.prepare import Recipe, prepare
from aggregator.store import sources

RUNS = 5
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = Source(name="posts", path="posts")
RECIPE = Recipe(SOURCE, "Asia/Shanghai", Rules("posts", "folder", timezone="Asia/Shanghai"))
#: Paragraphs of a post, and characters of a paragraph: about 5 KB together.
PARAGRAPHS, CHARACTERS = 12, 120
#: Of a folder: categories, and those who write.
SECTIONS, AUTHORS = 40, 150


def main(count: int) -> None:
    for kind, write in (("HTML", _generated), ("Markdown", _written)):
        posts = [_post(number, write) for number in range(count)]
        size = sum(len(post.body) for post in posts) / count
        print(f"{count} posts in {kind} of {size / 1000:.1f} KB, median of {RUNS} runs")
        _report("parse", posts, lambda post: parse(post, SOURCE, "Asia/Shanghai"))
        _report("prepare", posts, lambda post: prepare(post, RECIPE, NOW))
        _first_check(posts)


def _first_check(posts: Sequence[Document]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for post in posts:
            file = folder / "posts" / (post.path or "")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(post.body)
        site = {"title": "Bench", "url": "https://bench.example/", "tag": "bench.example,2026"}
        (folder / "config.yaml").write_text(
            json.dumps({"site": site, "sources": [SOURCE.model_dump(include={"name", "path"})]})
        )
        means = app.build(load(folder / "config.yaml", {}))
        with app.writing(means):
            time.sleep(2)  # files that were written just now are left alone
            _stage("check", len(posts), lambda: _check(means))
            _stage("group", len(posts), lambda: pipeline.group(means))


def _check(means: Means) -> None:
    with means.database.read() as connection:
        [state] = sources.by_name(connection, [SOURCE.name])
    asyncio.run(pipeline.check(means, state))
    means.workers.close()


def _stage(name: str, count: int, run: Callable[[], object]) -> None:
    """Wall seconds, and those of the processor in this process and in those that it waited for."""
    own, others, begin = time.process_time(), _of_children(), time.perf_counter()
    run()
    wall, own, others = time.perf_counter() - begin, time.process_time() - own, _of_children() - others
    print(
        f"{name:12}{count / (own + others):8.0f} files/s of processor time; {wall:.2f} s, {own:.2f} s here, {others:.2f} s in workers"
    )


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _post(number: int, write: Callable[[random.Random], str]) -> Document:
    chance = random.Random(number)
    section, author = (_words(random.Random(-number % few), 4) for few in (SECTIONS, AUTHORS))
    top = (
        f"---\ntitle: {_words(chance, 20)}\ncategories:\n    - 新媒体\n    - {section}\nauthor: {author}\n"
        f"comments: false\ndate: 2025-{chance.randint(1, 12):02}-11 09:30:{number % 60:02}\n"
        f"thumbnail: https://pictures.example/{number}.jpg\n---\n\n"
    )
    return Document(f"{top}{write(chance)}\n".encode(), path=f"新媒体/{number}.md")


def _generated(chance: random.Random) -> str:
    return f"<div>\n{''.join(_html(chance) for _ in range(PARAGRAPHS))}\n</div>"


def _written(chance: random.Random) -> str:
    return "\n\n".join(_markdown(chance) for _ in range(PARAGRAPHS))


def _words(chance: random.Random, length: int) -> str:
    return "".join(map(chr, chance.choices(range(0x4E00, 0x9000), k=length)))


def _html(chance: random.Random) -> str:
    link = f'<a href="https://news.example/{chance.randrange(10**6)}?utm_source=rss">{_words(chance, 6)}</a>'
    picture = f'<img src="https://pictures.example/{chance.randrange(10**6)}.jpg" width="600">'
    return f"<p>{_words(chance, CHARACTERS)}，{link}。{picture if chance.random() < 0.2 else ''}</p>"


def _markdown(chance: random.Random) -> str:
    link = f"[{_words(chance, 6)}](https://news.example/{chance.randrange(10**6)})"
    return f"{_words(chance, CHARACTERS)}，**{_words(chance, 5)}**，{link}。"


def _report(name: str, posts: Sequence[Document], run: Callable[[Document], object]) -> None:
    rate = len(posts) / statistics.median(_seconds(posts, run) for _ in range(RUNS))
    print(f"{name:12}{rate:8.0f} files/s {1000 / rate:8.3f} ms a file")


def _seconds(posts: Sequence[Document], run: Callable[[Document], object]) -> float:
    begin = time.process_time()
    for post in posts:
        run(post)
    return time.process_time() - begin


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
