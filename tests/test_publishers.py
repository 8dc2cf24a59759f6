"""Feeds of publishers: what each of them carried, beside the tree of categories."""

from __future__ import annotations

from pathlib import Path

import pytest

from aggregator.store import categories
from tests.subscriber import chain, ids, link, read, titles
from tests.test_stories_pipeline import SNOW, WATER
from tests.world import World, article, item, rss

FEED, OTHER = "https://blog.example/feed", "https://other.example/feed"


def public(world: World) -> Path:
    return world.folder / "public"


@pytest.fixture
def two(world: World) -> World:
    """Two sources that carry one article together and one each alone."""
    world.source("Blog", url=FEED, category="技术")
    world.source("Other", url=OTHER)
    shared = f"<p>{WATER}</p>"
    world.network.answers[FEED] = rss(item(1), item(2, title="东湖管网切换", body=shared))
    world.network.answers[OTHER] = rss(
        item(3, link="https://other.example/3"),
        item(4, title="东湖管网切换", body=shared, link="https://other.example/4", guid="elsewhere"),
    )
    world.once()
    return world


def test_a_story_is_in_the_feed_of_each_who_carried_it(two: World) -> None:
    assert set(titles(read(public(two), "s/Blog.atom"))) == {"Item 1", "东湖管网切换"}
    assert set(titles(read(public(two), "s/Other.atom"))) == {"Item 3", "东湖管网切换"}
    assert len(ids(read(public(two), "feeds/all.atom"))) == 3


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_publishers_have_every_format(two: World, kind: str) -> None:
    assert f"s/Blog.{kind}" in two.published()


def test_the_feed_names_itself_and_a_page_that_is_there(two: World) -> None:
    feed = read(public(two), "s/Blog.atom")
    assert link(feed, "self") == "s/Blog.atom"
    assert f"{link(feed, 'alternate')}index.html" in two.published()
    assert feed.findtext("{*}title") == "Blog"


def test_a_publisher_is_no_category(two: World) -> None:
    """Neither in lists nor in the entries, nor does one take the other's name, slug or id."""
    two.config["sources"][0]["category"] = "Other"
    two.network.answers[FEED] = rss(item(1), item(9, title="Item 9", body=f"<p>{SNOW}</p>"))
    two.once()
    assert "Item 9" in titles(read(public(two), "feeds/Other.atom"))
    assert "Item 9" not in titles(read(public(two), "s/Other.atom"))
    assert b"s/Blog" not in two.published()["opml.xml"]
    feeds = [read(public(two), path).findtext("{*}id") for path in ("feeds/Other.atom", "s/Other.atom")]
    assert len(set(feeds)) == 2


def test_a_folder_has_one_feed_for_each_of_its_publishers(world: World) -> None:
    world.source("文章", path="articles")
    world.article("a.md", article("甲", f"<p>{WATER}</p>", author="晨报"))
    world.article("b.md", article("乙", f"<p>{SNOW}</p>", author="晚报/第二版"))
    world.once()
    assert titles(read(public(world), "s/晨报.atom")) == ["甲"]
    assert titles(read(public(world), "s/晚报_第二版.atom")) == ["乙"]


def test_spellings_of_a_name_are_one_publisher_and_names_that_only_look_alike_are_two(world: World) -> None:
    world.source("文章", path="articles")
    texts = {"晨报/甲": WATER, "晨报_甲": SNOW}
    for number, (author, text) in enumerate(texts.items()):
        world.article(f"{number}.md", article(f"第{number}条", f"<p>{text}</p>", author=author))
    world.once()
    world.article("more.md", article("第三条", "<p>一条足够长的消息，与前两条毫无关系。</p>", author="晨報/甲"))
    world.once()
    slugs = [row[0] for row in world.rows("SELECT slug FROM category WHERE kind = 'publisher' ORDER BY slug")]
    assert slugs == ["/s/晨报_甲", "/s/晨报_甲-2"]
    assert len(titles(read(public(world), "s/晨报_甲.atom"))) == 2


def test_who_publishes_something_is_listed_with_its_count(two: World) -> None:
    with two.open().database.read() as connection:
        listed = [(node.title, node.slug, node.count) for node in categories.publishers(connection)]
    assert listed == [("Blog", "/s/Blog", 2), ("Other", "/s/Other", 2)]


def test_publishers_have_archives_too(world: World) -> None:
    world.config["output"] = {"entries": 2}
    world.source("Blog", url=FEED)
    world.network.answers[FEED] = rss(*(item(n, date=f"Sun, 01 Mar 2026 08:{n:02d}:00 GMT") for n in range(7)))
    world.once()
    assert [len(ids(feed)) for feed in chain(public(world), "s/Blog.atom")] == [3, 2, 2]
    assert "s/Blog/archive/1.atom" in world.published()


def test_two_installations_give_a_publisher_the_same_id(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    made = []
    for one in (world, world.another(tmp_path_factory.mktemp("other"))):
        one.source("Blog", url=FEED)
        one.network.answers[FEED] = rss(item(1))
        one.once()
        made.append(read(public(one), "s/Blog.atom").findtext("{*}id"))
    assert made[0] == made[1]
