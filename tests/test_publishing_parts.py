"""Publishing in parts: one feed at a time, then what is there once, as processes do that share the work."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from aggregator import pipeline, publish, publishing
from aggregator.means import Means
from aggregator.publish.addresses import OPML
from aggregator.store import categories, documents, sources
from aggregator.store.categories import Tree
from tests.world import World, article, item, rss

FEED, OTHER = "https://blog.example/feed", "https://other.example/feed"


@pytest.fixture
def blog(world: World) -> World:
    """Archives, numbered pages, an article without an address, two levels of categories."""
    world.config["output"] = {"entries": 10}
    world.source("Blog", url=FEED, category="技术/编程")
    world.source("文章", path="articles")
    dates = [f"Sun, 01 Mar 2026 08:{minute:02d}:00 GMT" for minute in range(55)]
    world.network.answers[FEED] = rss(*(item(number, date=date) for number, date in enumerate(dates)))
    world.article("a.md", article("东湖二期", "<p>东湖二期管网完成切换。</p>"))
    return world


def bring(world: World, means: Means) -> None:
    for name in world.config["sources"]:
        with means.database.read() as connection:
            states = sources.by_name(connection, [name["name"]])
        asyncio.run(pipeline.check(means, states[0]))
    pipeline.group(means)


def behind(means: Means) -> bool:
    with means.database.read() as connection:
        return documents.behind(connection)


def dirty(means: Means) -> list[int]:
    with means.database.read() as connection:
        return [category_id for category_id, _ in categories.dirty(connection)]


def test_feed_by_feed_and_then_the_site_gives_what_a_round_gives(blog: World) -> None:
    other = blog.another(blog.folder / "other")
    other.config |= {key: blog.config[key] for key in ("sources", "output")}
    other.network = blog.network
    other.article("a.md", article("东湖二期", "<p>东湖二期管网完成切换。</p>"))
    with other.writing() as means:
        bring(other, means)
        pipeline.publish(means)
    with blog.writing() as means:
        bring(blog, means)
        assert publishing.publish_site(means)  # the root comes into being
        for category_id in reversed(dirty(means)):
            publishing.publish_feed(means, category_id)
        publishing.publish_site(means)
        assert not behind(means)
    assert blog.published() == other.published()


def test_several_feeds_at_once_give_what_a_round_gives(blog: World) -> None:
    with blog.writing() as means:
        bring(blog, means)
        publishing.publish_site(means)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(partial(publishing.publish_feed, means), dirty(means)))
        publishing.publish_site(means)
        assert not behind(means)
        assert blog.published()["feeds/技术/编程/archive/1.atom"]
        assert pipeline.publish(means, everything=True) == []


def test_a_feed_settles_by_itself_and_leaves_the_site_behind(blog: World) -> None:
    with blog.writing() as means:
        bring(blog, means)
        pipeline.publish(means)
        blog.network.answers[FEED] = rss(item(99))
        bring(blog, means)
        for category_id in dirty(means):
            assert publishing.publish_feed(means, category_id)
            assert publishing.publish_feed(means, category_id) == []
        assert behind(means)
        assert "index.html" in publishing.publish_site(means)
        assert publishing.publish_site(means) == []
        assert not behind(means)


def test_what_changes_while_the_site_is_written_is_not_taken_for_written(blog: World) -> None:
    with blog.writing() as means, means.database.write() as connection:
        documents.outdate_site(connection)
        read = documents.site_behind(connection)
        documents.outdate_site(connection)
        documents.settle_site(connection, (read, None))
        assert documents.site_behind(connection) not in (None, read)


def test_the_list_of_feeds_is_written_when_an_entry_brings_a_category(blog: World) -> None:
    blog.source("Other", url=OTHER, category="own")
    blog.network.answers[OTHER] = rss(item(70, link="https://other.example/70"))
    with blog.writing() as means:
        bring(blog, means)
        pipeline.publish(means)
        brought = item(71, link="https://other.example/71").replace("</item>", "<category>新</category></item>")
        blog.network.answers[OTHER] = rss(brought)
        bring(blog, means)
        assert OPML in pipeline.publish(means, restore=False)
    assert "新" in blog.published()[OPML].decode()


def test_a_category_is_listed_with_its_first_story_and_not_after_its_last(blog: World) -> None:
    blog.source("Other", url=OTHER, category="短")
    blog.network.answers[OTHER] = rss(item(70, link="https://other.example/70"))
    blog.once()
    assert "短" in blog.published()[OPML].decode()
    blog.config["categories"] = [{"path": "长", "was": ["短"]}]
    blog.publish()
    listed = blog.published()[OPML].decode()
    assert "短" not in listed
    assert "长" in listed


def test_categories_read_one_by_one_are_those_of_the_whole_tree(blog: World) -> None:
    blog.source("Other", url=OTHER, category="ＴＥＣＨ/深/暗")
    blog.source("Third", url=OTHER, category="tech/浅")
    blog.config["categories"] = [{"path": "Tech/深", "hidden": True}]
    blog.network.answers[OTHER] = rss(item(70, link="https://other.example/70"))
    blog.once()
    with blog.writing() as means, means.database.read() as connection:
        whole = publish.index((categories.tree(connection, means.naming),))
        known = categories.known(connection)
        tree = Tree(means.naming)
        read = tree.of(connection, [path for path, _ in known.values()])
        below = {path: tree.below(connection, number, path) for number, (path, _) in known.items()}
    assert {path: node.title for path, node in read.items()} == {path: node.title for path, node in whole.items()}
    for path, node in whole.items():
        assert [(one.path, one.count) for one in below[path]] == [(one.path, one.count) for one in node.children]


def test_a_running_service_shows_what_changed_of_an_entry_that_it_has_at_hand(blog: World) -> None:
    with blog.writing() as means:
        bring(blog, means)
        pipeline.publish(means)
        blog.clock.forward(hours=1)
        edited = item(54, title="Another title", body="<p>Another text of the last item altogether.</p>")
        blog.network.answers[FEED] = rss(edited)
        bring(blog, means)
        pipeline.publish(means, restore=False)
    assert "Another title" in blog.titles()
    assert "Another text" in blog.published()["feeds/技术/编程.json"].decode()
    assert "Another title" in blog.published()["c/技术/编程/index.html"].decode()


def test_a_running_service_names_who_else_carries_an_entry_that_it_has_at_hand(blog: World) -> None:
    text = "<p>" + "".join(chr(0x4E00 + 37 * number % 6000) for number in range(300)) + "。</p>"
    blog.source("Other", url=OTHER)
    blog.network.answers[FEED] = rss(item(1, title="同一篇", body=text))
    blog.network.answers[OTHER] = rss(item(70, link="https://other.example/70"))
    with blog.writing() as means:
        bring(blog, means)
        pipeline.publish(means)
        assert "另载于" not in blog.published()["feeds/技术/编程.atom"].decode()
        blog.network.answers[OTHER] = rss(item(71, title="同一篇", body=text, link="https://other.example/71"))
        bring(blog, means)
        pipeline.publish(means, restore=False)
    (story,) = [entry for entry in blog.feed("技术/编程").entries if entry.title == "同一篇"]
    assert "https://other.example/71" in [link.href for link in story.links]
