"""Retention: what sources have long stopped showing goes, quietly, and what they still show never does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import pipeline, retention
from aggregator.config.schema import Retention
from aggregator.model import Failed, Outcome
from aggregator.retention import Runs, expiry, look
from aggregator.store.retention import Stock
from tests.subscriber import chain, ids, link, read, titles
from tests.world import World, article, item, rss

FEED, OTHER = "https://blog.example/feed", "https://wire.example/feed"
LONG = "　　市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，水压较去年同期提高两成。"

SNOW = (
    "　　省气象台预计，未来三天北部山区将有小到中雪，累计降水量五至八毫米，农业部门提醒菜农及时加固大棚并注意夜间保温。"
)
TRAIN = (
    "　　铁路部门昨日公布暑期运行图，跨省列车增开一百二十对，其中夜行卧铺占四成，票价不变，退改签规则同时放宽到发车前。"
)


@pytest.fixture
def blog(world: World) -> World:
    """Thirty days, ten entries; a feed of ours holds three."""
    world.config["retention"] = {"days": 30, "per_source": 10}
    world.config["output"] = {"entries": 3}
    world.source("Blog", url=FEED, category="技术")
    return world


def bring(world: World, *items: str, url: str = FEED) -> None:
    world.network.answers[url] = rss(*items)
    world.once()


def days(world: World, count: int) -> None:
    """So many days go by, then there is a check and a whole run, whatever may be thought of the clock."""
    world.clock.forward(days=count)
    world.once()
    purge(world)


def stored(world: World) -> list[str]:
    return [title for (title,) in world.rows("SELECT title FROM entry ORDER BY id")]


def items(numbers: Iterable[int]) -> list[str]:
    return [item(n, date=f"Sun, 01 Mar 2026 {n // 60:02d}:{n % 60:02d}:00 GMT") for n in numbers]


def purge(world: World) -> int:
    with world.writing() as means:
        purged = sum(retention.steps(means))
        pipeline.group(means)
        pipeline.publish(means)
    return purged


# --- who goes ------------------------------------------------------------------------------


def test_what_was_not_shown_for_so_many_days_goes(blog: World) -> None:
    bring(blog, *items(range(3)))
    bring(blog, *items([2]))
    for _ in range(4):
        blog.clock.forward(days=7)
        blog.once()
    assert stored(blog) == ["Item 0", "Item 1", "Item 2"]
    blog.clock.forward(days=3)
    blog.once()
    assert stored(blog) == ["Item 2"]
    assert blog.titles() == ["Item 2"]


def test_what_the_source_still_shows_stays_also_when_it_only_ever_says_unchanged(blog: World) -> None:
    bring(blog, *items(range(3)))
    days(blog, 40)
    assert blog.rows("SELECT outcome FROM source") == [("unchanged",)]
    assert len(stored(blog)) == 3


def test_days_are_counted_from_the_last_answer_that_showed_it(blog: World) -> None:
    """The server said "unchanged" for a long time before the entry left."""
    bring(blog, *items(range(3)))
    days(blog, 40)
    bring(blog, *items([2]))
    days(blog, 28)
    assert len(stored(blog)) == 3
    days(blog, 5)
    assert stored(blog) == ["Item 2"]


def test_a_document_read_every_other_day_keeps_nothing_alive_that_left_it(blog: World) -> None:
    bring(blog, *items(range(3)))
    blog.config["retention"]["days"] = 5
    for number in range(5):
        blog.clock.forward(days=2)
        bring(blog, *items([2, 10 + number]))
    assert not {"Item 0", "Item 1"} & set(stored(blog))
    assert "Item 2" in stored(blog)


def test_a_source_that_fails_loses_nothing(blog: World) -> None:
    bring(blog, *items(range(3)))
    blog.network.answers[FEED] = Failed(Outcome.HTTP_ERROR, "500", "wait")
    days(blog, 40)
    assert len(stored(blog)) == 3


def test_more_than_a_feed_may_have_go_those_first_that_left_it_first(blog: World) -> None:
    bring(blog, *items(range(8)))
    bring(blog, *items(range(6, 14)))
    days(blog, 2)
    bring(blog, *items(range(6, 15)))
    purge(blog)
    assert stored(blog) == [f"Item {n}" for n in range(5, 15)]


def test_a_document_of_more_entries_than_a_feed_may_have_stays_whole(blog: World) -> None:
    bring(blog, *items(range(30)))
    days(blog, 40)
    assert len(stored(blog)) == 30


def test_an_article_stays_as_long_as_its_file_and_so_many_days_more(blog: World) -> None:
    blog.source("文章", path="articles")
    blog.network.answers[FEED] = rss(item(1))
    blog.article("keep.md", article("留下", f"<p>{LONG}</p>"))
    gone = blog.article("gone.md", article("删除", f"<p>{SNOW}</p>"))
    blog.once()
    days(blog, 40)
    gone.unlink()
    blog.once()
    days(blog, 29)
    assert "删除" in stored(blog)
    days(blog, 3)
    assert sorted(stored(blog)) == ["Item 1", "留下"]  # which was first is chance
    assert blog.rows("SELECT path FROM file") == [("keep.md",)]


def test_a_file_that_cannot_be_read_any_more_is_still_there(blog: World) -> None:
    blog.config["sources"] = []
    blog.source("文章", path="articles")
    blog.article("a.md", article("甲", f"<p>{LONG}</p>"))
    file = blog.article("b.md", article("乙", f"<p>{SNOW}</p>"))
    blog.once()
    file.write_text("", encoding="utf-8")
    days(blog, 40)
    assert stored(blog) == ["甲", "乙"]


def test_an_article_that_another_took_the_place_of_counts_from_then(blog: World) -> None:
    """Posts without a title share the file name `.md`."""
    blog.config["sources"] = []
    blog.source("文章", path="articles")
    blog.article(".md", article("甲", f"<p>{LONG}</p>"))
    blog.once()
    days(blog, 40)
    blog.article(".md", article("乙", f"<p>{TRAIN}</p>"))
    blog.once()
    days(blog, 29)
    assert stored(blog) == ["甲", "乙"]
    days(blog, 3)
    assert stored(blog) == ["乙"]


def test_entries_of_a_source_that_left_the_config_go_some_time_after_its_last_check(blog: World) -> None:
    blog.source("Wire", url=OTHER)
    blog.network.answers[OTHER] = rss(item("w", title="Something else"))
    bring(blog, *items(range(2)))
    blog.config["sources"] = blog.config["sources"][1:]
    days(blog, 29)
    assert len(stored(blog)) == 3
    days(blog, 3)
    assert stored(blog) == ["Something else"]


# --- with whom -----------------------------------------------------------------------------


def carried_twice(blog: World) -> str:
    """One article in two feeds; Blog had it first and does not show it any more."""
    blog.source("Wire", url=OTHER)
    both = item(1, title="东湖二期供水切换完成", body=f"<p>{LONG}</p>")
    blog.network.answers[OTHER] = rss(item("w"))
    bring(blog, both, item(2))
    blog.network.answers[OTHER] = rss(both, item("w"))
    bring(blog, item(2))
    assert blog.rows("SELECT count(*) FROM story_entry GROUP BY story_id ORDER BY 1 DESC LIMIT 1") == [(2,)]
    return both


def test_a_story_stays_under_its_id_as_long_as_anybody_shows_it(blog: World) -> None:
    carried_twice(blog)
    before = {entry.id for entry in blog.feed().entries}
    days(blog, 40)
    assert {entry.id for entry in blog.feed().entries} == before


def test_a_story_goes_as_a_whole_once_nobody_shows_it(blog: World) -> None:
    carried_twice(blog)
    bring(blog, item("w"), url=OTHER)
    days(blog, 34)
    assert "东湖二期供水切换完成" not in stored(blog)
    assert "东湖二期供水切换完成" not in blog.titles()


def test_nothing_is_left_of_it_but_its_tombstones(blog: World) -> None:
    carried_twice(blog)
    bring(blog, item("w"), url=OTHER)
    ids = blog.rows("SELECT id FROM entry WHERE title = '东湖二期供水切换完成'")
    days(blog, 34)
    gone = {entry_id for (entry_id,) in ids}
    for table, column in (
        ("story_entry", "entry_id"),
        ("story", "id"),
        ("signature_band", "entry_id"),
        ("block_entry", "entry_id"),
        ("entry_alias", "entry_id"),
        ("entry_category", "entry_id"),
        ("event", "entry_id"),
        ("story_category", "story_id"),
        (blog.indexed, "story_id"),
    ):
        assert not gone & {row[0] for row in blog.rows(f"SELECT {column} FROM {table}")}, table
    assert len(blog.rows("SELECT DISTINCT uuid FROM tombstone")) == 2


# --- quietly -------------------------------------------------------------------------------


def test_readers_are_not_told_that_anything_was_deleted_and_counts_are_right(blog: World) -> None:
    bring(blog, *items(range(5)))
    bring(blog, *items([4]))
    days(blog, 32)
    everything = b"".join(blog.published().values())
    assert b"deleted-entry" not in everything
    assert blog.rows("SELECT stories FROM category WHERE slug = 'all'") == [(1,)]
    assert blog.rows("SELECT count(*) FROM story_category WHERE category_id = 1") == [(1,)]


def test_the_page_of_an_article_goes_with_it(blog: World) -> None:
    blog.config["sources"] = []
    blog.source("文章", path="articles")
    blog.article("a.md", article("甲", f"<p>{LONG}</p>"))
    file = blog.article("b.md", article("乙", f"<p>{SNOW}</p>"))
    blog.once()
    pages = {path for path in blog.published() if path.startswith("e/")}
    file.unlink()
    blog.once()
    days(blog, 34)
    left = {path for path in blog.published() if path.startswith("e/")}
    assert len(pages) == 2
    assert len(left) == 1
    assert left < pages


def test_it_is_found_no_more(blog: World) -> None:
    from aggregator import searching
    from aggregator.model import Asked

    bring(blog, item(1, title="Marmalade"), item(2))
    bring(blog, item(2))
    days(blog, 34)
    with blog.writing() as means:
        assert searching.answer(means, Asked("marmalade")).hits == ()
        assert len(searching.answer(means, Asked("item")).hits) == 1


def test_a_second_run_changes_no_byte(blog: World) -> None:
    bring(blog, *items(range(5)))
    bring(blog, *items([4]))
    days(blog, 34)
    before = blog.published()
    assert purge(blog) == 0
    blog.publish(everything=True)
    assert blog.published() == before


# --- for good ------------------------------------------------------------------------------


def test_what_was_purged_does_not_return_when_it_is_shown_again(blog: World) -> None:
    bring(blog, *items(range(3)))
    bring(blog, *items([2]))
    days(blog, 34)
    events = blog.rows("SELECT count(*) FROM event")
    bring(blog, *items(range(3)))
    days(blog, 3)
    assert stored(blog) == ["Item 2"]
    assert blog.titles() == ["Item 2"]
    assert blog.rows("SELECT count(*) FROM event") == events


def test_a_purged_article_does_not_return_when_its_file_does(blog: World) -> None:
    blog.config["sources"] = []
    blog.source("文章", path="articles")
    text = article("乙", f"<p>{SNOW}</p>")
    blog.article("a.md", article("甲", f"<p>{LONG}</p>"))
    file = blog.article("b.md", text)
    blog.once()
    file.unlink()
    blog.once()
    days(blog, 34)
    blog.article("b.md", text)
    days(blog, 2)
    assert stored(blog) == ["甲"]


def test_another_article_under_the_address_of_a_purged_one_is_new_under_an_id_of_its_own(blog: World) -> None:
    blog.config["sources"] = []
    blog.source("文章", path="articles")
    blog.article("a.md", article("甲", f"<p>{LONG}</p>"))
    file = blog.article("b.md", article("乙", f"<p>{SNOW}</p>"))
    blog.once()
    ((old,),) = blog.rows("SELECT uuid FROM entry WHERE title = '乙'")
    file.unlink()
    blog.once()
    days(blog, 34)
    blog.article("b.md", article("丙", f"<p>{TRAIN}</p>"))
    blog.once()
    assert stored(blog) == ["甲", "丙"]
    ((new,),) = blog.rows("SELECT uuid FROM entry WHERE title = '丙'")
    assert new != old
    (blog.folder / "articles" / "b.md").unlink()
    blog.once()
    days(blog, 34)
    assert {uuid for (uuid,) in blog.rows("SELECT uuid FROM tombstone")} >= {old, new}


def test_an_edited_item_is_known_by_its_id_after_it_was_purged(blog: World) -> None:
    bring(blog, *items(range(3)))
    bring(blog, *items([2]))
    days(blog, 34)
    bring(blog, item(0, title="Quite another title", body="<p>And words that it never had before.</p>"), item(2))
    assert stored(blog) == ["Item 2"]


# --- archives ------------------------------------------------------------------------------


def public(world: World) -> Path:
    return world.folder / "public"


def sealed(world: World) -> dict[str, bytes]:
    return {path: data for path, data in world.published().items() if path.startswith("feeds/技术/archive/")}


def test_a_sealed_archive_keeps_its_bytes_when_some_of_it_is_purged(blog: World) -> None:
    bring(blog, *items(range(11)))
    before = sealed(blog)
    bring(blog, *items([0, *range(5, 11)]))
    days(blog, 34)
    assert stored(blog) == [f"Item {n}" for n in [0, *range(5, 11)]]
    assert sealed(blog) == before
    assert ids(read(public(blog), "feeds/技术/archive/1.atom"))


def test_a_lost_archive_is_written_again_without_what_was_purged(blog: World) -> None:
    bring(blog, *items(range(11)))
    bring(blog, *items([0, *range(5, 11)]))
    days(blog, 34)
    (public(blog) / "feeds/技术/archive/1.atom").unlink()
    blog.publish()
    assert titles(read(public(blog), "feeds/技术/archive/1.atom")) == ["Item 0"]


def test_an_archive_of_which_nothing_is_left_goes_and_the_next_leads_past_it(blog: World) -> None:
    bring(blog, *items(range(14)))
    before = sealed(blog)
    assert len(before) == 3
    bring(blog, *items([0, *range(6, 14)]))  # of the second archive nothing
    days(blog, 34)
    after = sealed(blog)
    assert sorted(after) == ["feeds/技术/archive/1.atom", "feeds/技术/archive/3.atom"]
    third = read(public(blog), "feeds/技术/archive/3.atom")
    assert link(third, "prev-archive") == "feeds/技术/archive/1.atom"
    old = before["feeds/技术/archive/3.atom"].replace(b"archive/2.atom", b"archive/1.atom")
    assert after["feeds/技术/archive/3.atom"] == old
    assert [len(ids(feed)) for feed in chain(public(blog), "feeds/技术.atom")] == [5, 3, 3]


def test_the_first_archive_goes_and_the_next_is_the_first(blog: World) -> None:
    bring(blog, *items(range(14)))
    bring(blog, *items(range(6, 14)))
    days(blog, 34)
    assert sorted(sealed(blog)) == ["feeds/技术/archive/3.atom"]
    assert link(read(public(blog), "feeds/技术/archive/3.atom"), "prev-archive") is None


def test_the_number_of_an_archive_is_not_given_twice(blog: World) -> None:
    bring(blog, *items(range(11)))
    bring(blog, item("new", title="All else is gone"))
    days(blog, 34)
    assert sorted(sealed(blog)) == ["feeds/技术/archive/2.atom"]  # the newest stays
    blog.config["retention"]["per_source"] = 100
    bring(blog, *items(range(20, 31)))
    assert sorted(sealed(blog)) == [f"feeds/技术/archive/{n}.atom" for n in (2, 3, 4)]


# --- when ----------------------------------------------------------------------------------

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_a_run_is_due_a_day_after_the_last() -> None:
    ended = Runs(NOW, NOW)
    assert not look(ended, NOW + DAY / 2)[1]
    assert look(ended, NOW + DAY)[1]
    assert look(Runs(), NOW)[1]


@pytest.mark.parametrize("leap", [timedelta(days=3650), timedelta(days=-3650), timedelta(seconds=-1)])
def test_a_clock_that_leapt_is_believed_after_a_day(leap: timedelta) -> None:
    runs, due = look(Runs(NOW, NOW), NOW + leap)
    assert not due
    assert not look(runs, NOW + leap + DAY / 2)[1]
    assert look(runs, NOW + leap + DAY)[1]


def test_a_clock_set_far_ahead_for_an_hour_purges_nothing(blog: World) -> None:
    bring(blog, *items(range(3)))
    bring(blog, *items([2]))
    now = blog.clock.now
    blog.clock.forward(days=3650)
    blog.once()
    blog.clock.now = now + timedelta(hours=1)
    blog.once()
    assert len(stored(blog)) == 3


def test_what_retention_cannot_know_protects() -> None:
    stock = Stock(1, "Blog", "feed", True, None, None, 5, NOW)
    assert expiry(stock, Retention(days=30), NOW + 99 * DAY, None).edge < (NOW, 0)


def test_the_trace_is_forgotten_with_time(blog: World) -> None:
    bring(blog, *items(range(3)))
    assert blog.rows("SELECT count(*) FROM event WHERE kind = 'new'") == [(3,)]
    days(blog, 32)
    assert blog.rows("SELECT count(*) FROM event") == [(0,)]
    assert len(stored(blog)) == 3


@pytest.mark.sqlite
def test_space_is_given_back_bit_by_bit(world: World) -> None:
    with world.writing() as means:
        database = means.database
        with database.write() as connection:
            connection.exec_driver_sql("CREATE TABLE ballast (b BLOB)")
            connection.exec_driver_sql(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) "
                "INSERT INTO ballast SELECT randomblob(4000) FROM n"
            )
        with database.write() as connection:
            connection.exec_driver_sql("DROP TABLE ballast")
        before = pages(world)
        assert len(list(database.tidy())) > 4
        assert pages(world) < before - 1500


def pages(world: World) -> int:
    ((count,),) = world.rows("PRAGMA page_count")
    return int(count)
