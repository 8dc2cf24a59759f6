"""What publishing costs: it follows what changed, not what is stored. Counted, never timed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import event, func, select

from aggregator import pipeline
from aggregator.means import Means
from aggregator.store import sources
from aggregator.store.tables import category, story_category
from tests.world import World, item, rss

FEED = "https://blog.example/feed"

#: Virtual machine instructions of SQLite between two counts.
STEPS = 100


@dataclass
class Cost:
    statements: int = 0
    #: Hundreds of instructions: what grows when rows are looked through, whatever the statements are.
    steps: int = 0


@contextmanager
def counted(means: Means) -> Iterator[Cost]:
    cost = Cost()

    def count(*_: object) -> None:
        cost.statements += 1

    def step() -> int:
        cost.steps += 1
        return 0

    def watch(connection: object, *_: object) -> None:
        connection.set_progress_handler(step, STEPS)  # type: ignore[attr-defined]

    event.listen(means.database.engine, "before_cursor_execute", count)
    event.listen(means.database.engine, "checkout", watch)
    try:
        yield cost
    finally:
        event.remove(means.database.engine, "before_cursor_execute", count)
        event.remove(means.database.engine, "checkout", watch)
        means.database.close()


def dated(number: int) -> str:
    day, minute = divmod(number, 1440)
    return item(number, date=f"{day + 1:02d} Feb 2026 {minute // 60:02d}:{minute % 60:02d}:00 GMT")


def bring(means: Means) -> None:
    with means.database.read() as connection:
        [state] = sources.by_name(connection, ["Blog"])
    asyncio.run(pipeline.check(means, state))
    pipeline.group(means)


def one_more_among(folder: Path, stored: int) -> tuple[Cost, list[str]]:
    """What a round of a running service costs that publishes one new entry beside so many."""
    folder.mkdir()
    world = World(folder)
    world.config["output"] = {"entries": 10, "formats": ["atom"]}
    world.source("Blog", url=FEED, category="技术/编程")
    world.network.answers[FEED] = rss(*map(dated, range(stored)))
    world.once()
    with world.writing() as means:
        pipeline.publish(means)
        while True:
            world.network.answers[FEED] = rss(dated(stored))
            bring(means)
            with counted(means) as cost:
                written = pipeline.publish(means, restore=False)
            if not any("/archive/" in path for path in written):
                return cost, written
            stored += 1  # every tenth seals an archive, which is not what is compared


def assert_it_costs_the_same(folder: Path, few: int, many: int) -> None:
    cheap, first = one_more_among(folder / "few", few)
    dear, second = one_more_among(folder / "many", many)
    assert sorted(first) == sorted(second)
    assert dear.statements == cheap.statements
    # A tree that is ten times as long is a level deeper, no more.
    assert dear.steps <= cheap.steps * 1.2


def test_one_entry_costs_the_same_among_a_hundred_and_among_five_hundred(tmp_path: Path) -> None:
    assert_it_costs_the_same(tmp_path, 100, 500)


@pytest.mark.soak
def test_one_entry_costs_the_same_among_a_thousand_and_among_ten_thousand(tmp_path: Path) -> None:
    assert_it_costs_the_same(tmp_path, 1000, 10_000)


def one_more_beside(folder: Path, others: int) -> Cost:
    """What a round of a running service costs that publishes one new entry, with so many other categories."""
    folder.mkdir()
    world = World(folder)
    world.config["output"] = {"entries": 10, "formats": ["atom"], "pages": False}
    world.source("Blog", url=FEED, category="own")
    brought = (item(n).replace("</item>", f"<category>栏目 {n}</category></item>") for n in range(others))
    world.network.answers[FEED] = rss(*brought)
    world.once()
    with world.writing() as means:
        pipeline.publish(means)
        world.network.answers[FEED] = rss(item(others).replace("</item>", "<category>栏目 0</category></item>"))
        bring(means)
        with counted(means) as cost:
            assert "feeds/栏目 0.atom" in pipeline.publish(means, restore=False)
    return cost


def test_one_entry_costs_the_same_whatever_other_categories_there_are(tmp_path: Path) -> None:
    # As many of each wait to be sealed in an archive.
    cheap, dear = one_more_beside(tmp_path / "few", 25), one_more_beside(tmp_path / "many", 205)
    assert dear.statements == cheap.statements
    # Here a tree is a level deeper in several indexes; to look through all categories would be half as much again.
    assert dear.steps <= cheap.steps * 1.35


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED, category="技术/编程")
    world.source("Quiet", url="https://quiet.example/feed", category="静")
    world.network.answers[FEED] = rss(*map(dated, range(3)))
    world.network.answers["https://quiet.example/feed"] = rss(item(50, link="https://quiet.example/50"))
    world.once()
    return world


def test_only_the_documents_that_show_it_are_written(blog: World) -> None:
    blog.network.answers[FEED] = rss(*map(dated, range(4)))
    before = {path: (blog.folder / "public" / path).stat().st_mtime_ns for path in blog.published()}
    blog.once()
    after = {path: (blog.folder / "public" / path).stat().st_mtime_ns for path in blog.published()}
    written = {path for path in after if after[path] != before[path]}
    shown = ("feeds/all", "feeds/技术", "feeds/技术/编程", "s/Blog")
    assert written == {
        *(f"{feed}.{kind}" for feed in shown for kind in ("atom", "rss", "json")),
        *("c/all/index.html", "c/技术/index.html", "c/技术/编程/index.html", "s/Blog/index.html", "index.html"),
    }


def test_a_running_service_does_not_look_for_lost_files_and_its_next_start_does(blog: World) -> None:
    before = blog.published()
    (blog.folder / "public" / "feeds" / "静.atom").unlink()
    assert blog.publish(restore=False) == []
    assert blog.publish() == ["feeds/静.atom"]
    assert blog.published() == before


def test_what_somebody_altered_is_put_right(blog: World) -> None:
    before = blog.published()
    for path in ("feeds/静.atom", "index.html", "c/技术/index.html"):
        file = blog.folder / "public" / path
        file.write_bytes(file.read_bytes().replace(b"e", b"E"))
    assert sorted(blog.publish()) == ["c/技术/index.html", "feeds/静.atom", "index.html"]
    assert blog.published() == before


def test_the_same_files_copied_elsewhere_are_not_written_again(blog: World) -> None:
    for path in blog.published():
        (blog.folder / "public" / path).touch()
    assert blog.publish() == []


def test_counts_are_what_a_recount_gives(blog: World) -> None:
    blog.config["categories"] = [{"path": "安静", "was": ["静"]}]
    blog.network.answers[FEED] = rss(*map(dated, range(6)), item(9, title="Item 50", link="https://quiet.example/50"))
    blog.once()
    with blog.open().database.read() as connection:
        recount = select(func.count()).where(story_category.c.category_id == category.c.id).scalar_subquery()
        rows = connection.execute(select(category.c.slug, category.c.stories, recount)).all()
    assert [(slug, kept) for slug, kept, _ in rows] == [(slug, found) for slug, _, found in rows]
    assert {slug: kept for slug, kept, _ in rows}["静"] == 0


def test_a_crash_before_the_home_page_is_made_up_for(blog: World) -> None:
    """The disk is full between the last feed and the pages that show all of them."""
    blog.network.answers[FEED] = rss(*map(dated, range(4)))
    home = blog.folder / "public" / "index.html"
    home.unlink()
    home.mkdir()
    with blog.writing() as means:
        bring(means)
        with pytest.raises(Exception, match="folder lies where a file belongs"):
            pipeline.publish(means, restore=False)
        home.rmdir()
        assert "index.html" in pipeline.publish(means, restore=False)
    assert "Item 3" in home.read_text()
