"""A large round is published by processes beside this one: with the same result, and whatever becomes of them."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TypeVar

import pytest

from aggregator import beside, pipeline, steps
from aggregator.errors import StoreError
from aggregator.means import Means
from aggregator.rounds import Made, Round
from aggregator.steps import Done, Item, Stint
from aggregator.store import documents
from aggregator.workers import Workers
from tests.e2e.service import eventually
from tests.test_publishing_parts import behind, bring
from tests.test_workers import children
from tests.world import World, article, item, rss

T = TypeVar("T")

FEED = "https://blog.example/feed"
#: Enough for archives and feeds of which other processes write some.
ARTICLES, FEEDS = 130, 45


def busy(world: World) -> World:
    """Many feeds, archives, numbered pages, and an article without an address."""
    world.config["output"] = {"entries": 5}
    world.source("Blog", url=FEED, category="own")
    world.source("文章", path="articles")
    shown = [
        item(number, date=f"Sun, 01 Mar 2026 0{number // 60}:{number % 60:02d}:00 GMT").replace(
            "</item>", f"<category>栏目{number % FEEDS}</category></item>"
        )
        for number in range(ARTICLES)
    ]
    world.network.answers[FEED] = rss(*shown)
    world.article("a.md", article("东湖二期", "<p>东湖二期管网完成切换。</p>"))
    return world


class Noting(Workers):
    """Tells what they were asked to do."""

    def __init__(self) -> None:
        super().__init__(2, enough=1)
        self.stints: list[Stint] = []

    def call(self, work: Callable[[], T], here: Callable[[], T], weight: int) -> Future[T]:
        if isinstance(here, partial) and here.func is beside._take_here:
            self.stints.append(here.args[1])
        return super().call(work, here, weight)


@pytest.fixture(scope="module")
def crew() -> Iterator[Noting]:
    """For all of these tests: a worker takes a second to start."""
    with closing(Noting()) as workers:
        yield workers


def helped(means: Means, workers: Noting) -> Means:
    """With workers that are there already."""
    for _ in range(2):
        workers.call(os.getpid, os.getpid, 2)
    eventually(lambda: len(workers.pids) == 2)
    workers.stints.clear()
    return replace(means, workers=workers)


def rows(world: World) -> list[tuple[object, ...]]:
    """What is known of each document, but when its file was written."""
    return world.rows(
        "SELECT document.path, digest, size, category.slug, story.uuid, archive, page FROM document "
        "LEFT JOIN category ON category.id = category_id LEFT JOIN story ON story.id = story_id ORDER BY document.path"
    )


def test_a_large_round_gives_the_same_whoever_takes_its_steps(world: World, crew: Noting, tmp_path: Path) -> None:
    found = []
    for name in ("here", "beside"):
        one = busy(world.another(tmp_path / name))
        with one.writing() as means:
            more = helped(means, crew)
            bring(one, means)
            written = pipeline.publish(more if name == "beside" else replace(means, workers=Workers(0)))
            assert not behind(means)
            steps_taken = {step for stint in crew.stints for step, _ in stint}
            assert steps_taken == ({steps.archives, steps.numbered_pages, steps.newest} if name == "beside" else set())
        found.append((sorted(written), dict(one.published()), rows(one), one.rows("SELECT count(*) FROM event")))
    assert found[0] == found[1]


def test_articles_own_pages_are_written_beside_too(world: World, crew: Noting) -> None:
    world.source("文章", path="articles")
    for number in range(3):
        world.article(f"{number}.md", article(f"第 {number} 篇", f"<p>东湖二期供水切换完成，{number}</p>"))
    world.once()
    before = world.published()
    with world.writing() as means:
        more = helped(means, crew)
        with means.database.write() as connection:
            documents.outdate_all(connection)
            stories = documents.dirty_stories(connection, 3)
        pages = [path for path in before if path.startswith("e/")]
        for path in pages:
            (means.root / path).unlink()
        this, noted = Round(more, trusting=False), list[Done]()
        beside.take(
            this, [[(steps.entry_pages, [one])] for one in stories], more.workers, lambda _, done: noted.extend(done)
        )
    assert [done.settled for done in noted] == [[one] for one in stories]
    assert sorted(row["path"] for done in noted for row in done.rows) == sorted(this.written) == sorted(pages) != []
    assert world.published() == before


def test_a_small_round_starts_no_process(world: World) -> None:
    before = children(os.getpid())
    world.source("Blog", url=FEED, category="own")
    world.network.answers[FEED] = rss(item(1))
    with world.writing() as means, closing(Workers(2, enough=1)) as workers:
        bring(world, means)
        assert pipeline.publish(replace(means, workers=workers))
        assert children(os.getpid()) == before


def test_where_a_worker_is_killed_its_work_is_done_all_the_same(world: World, tmp_path: Path) -> None:
    one = busy(world.another(tmp_path / "undisturbed"))
    one.once()
    busy(world)
    over = Event()
    with world.writing() as means, closing(Noting()) as workers:
        more = helped(means, workers)
        bring(world, means)
        killing = Thread(target=_kill, args=(more.workers, over))
        killing.start()
        try:
            written = pipeline.publish(more)
        finally:
            over.set()
            killing.join()
        assert not behind(means)
    assert sorted(written) == sorted(set(written) | set(one.published()))
    assert world.published() == one.published()


def _kill(workers: Workers, over: Event) -> None:
    """Whoever is there, again and again."""
    while not over.wait(0.05):
        for pid in workers.pids:
            os.kill(pid, signal.SIGKILL)


def test_what_keeps_files_from_being_written_is_raised_here(world: World, crew: Noting) -> None:
    busy(world)
    with world.writing() as means:
        more = helped(means, crew)
        bring(world, means)
        means.root.mkdir(parents=True, exist_ok=True)
        (means.root / "feeds").write_text("in the way")
        with pytest.raises(StoreError, match="a folder belongs"):
            pipeline.publish(more)
        (means.root / "feeds").unlink()
        assert pipeline.publish(more)
        assert not behind(means)


def test_who_is_to_stop_begins_no_more(world: World, crew: Noting) -> None:
    busy(world)
    with world.writing() as means:
        more = helped(means, crew)
        bring(world, means)
        means.stopping.set()
        pipeline.publish(more)
        assert behind(means)
        means.stopping.clear()
        pipeline.publish(more)
        assert not behind(means)


def faulty(this: Round, items: Sequence[Item]) -> Done:
    """A step whose documents fail their check."""
    assert os.getpid() != items[0][0]
    return Done(this.put([Made(f"feeds/{number}.atom", b"<feed/>") for _, number in items]), items)


def test_what_a_worker_does_not_publish_is_told_here(
    world: World, crew: Noting, caplog: pytest.LogCaptureFixture
) -> None:
    world.once()
    noted = []
    with world.writing() as means, caplog.at_level(logging.ERROR):
        more = helped(means, crew)
        this = Round(more)
        stints = [[(faulty, [(os.getpid(), number)])] for number in range(6)]
        beside.take(this, stints, more.workers, lambda stint, done: noted.append((stint, done)))
        this.tell()
    assert noted == [(stint, [Done([], stint[0][1])]) for stint in stints]
    assert sorted(world.rows("SELECT path FROM event WHERE kind = 'fault'")) == [
        (f"feeds/{number}.atom",) for number in range(6)
    ]
    assert "not published" in caplog.text
