"""Categories that the config maps, renames, merges and hides: where entries go, and what old addresses answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

import pytest

from aggregator.cli.website import Website
from aggregator.errors import ConfigError
from aggregator.publish.lint import lint
from tests.test_web import ask
from tests.world import World, article, item, rss

FEED = "https://example.com/feed"


def folder(world: World, *places: str) -> World:
    """A folder with one article for each place, which is a YAML list of names."""
    world.source("文章", path=str(world.folder / "articles"))
    for number, place in enumerate(places):
        text = article(f"第{number}篇", f"<p>这是第{number}篇文章，它只说它自己的事情。</p>", author="晨报")
        world.article(f"{number}.md", text.replace("\n - 新媒体\n - 晨报\n - 最新", f" {place}"))
    world.once()
    return world


def category(world: World, path: str, **keys: Any) -> None:
    world.config.setdefault("categories", []).append({"path": path, **keys})


def test_own_terms_of_a_feed_go_where_patterns_say(world: World) -> None:
    world.source("Wire", url=FEED)
    category(world, "科技/编程", **{"from": ["^python$", "rust"]})
    world.network.answers[FEED] = rss(
        item(1).replace("<title>", "<category>Python</category><title>"),
        item(2).replace("<title>", "<category>cooking</category><title>"),
    )
    world.once()
    assert world.titles("科技/编程") == ["Item 1"]
    assert world.titles("未分类") == ["Item 2"]


@pytest.mark.parametrize(
    "spellings",
    [("[财经]", "[財經]"), ("[ＩＴ]", "[it]"), ("[财经, 股票]", "[財經, 股票]")],
    ids=["script", "width and case", "a level above"],
)
def test_spellings_of_one_name_meet_in_one_category(world: World, spellings: tuple[str, str]) -> None:
    folder(world, *spellings)
    top = [path for path in world.published() if path.startswith("feeds/") and path.count("/") == 1]
    assert len([path for path in top if path.endswith(".atom") and path != "feeds/all.atom"]) == 1
    (slug,) = {path.removesuffix(".atom").removeprefix("feeds/") for path in top} - {"all"} - _other(top)
    assert len(world.titles(slug)) == 2


def _other(paths: list[str]) -> set[str]:
    """Formats beside Atom."""
    return {path.removeprefix("feeds/") for path in paths if not path.endswith(".atom")}


def test_one_article_in_two_spellings_of_a_category_is_there_once(world: World) -> None:
    folder(world, "[[财经], [財經]]")
    (slug,) = (row[0] for row in world.rows("SELECT slug FROM category WHERE slug != 'all' AND kind = 'category'"))
    assert world.titles(slug) == ["第0篇"]


def test_the_config_speaks_of_a_category_in_any_spelling(world: World) -> None:
    folder(world, "[財經]")
    category(world, "财经", title="金融")
    world.publish()
    assert world.feed("財經").feed.title == "金融"


def renamed(world: World) -> World:
    folder(world, "[技术, 编程]", "[技术, 编程, Python]", "[技术]")
    category(world, "科技/开发", was=["技术/编程"])
    world.publish()
    return world


def test_entries_of_a_renamed_category_go_along_with_all_below_it(world: World) -> None:
    renamed(world)
    assert sorted(world.titles("科技/开发")) == ["第0篇", "第1篇"]
    assert world.titles("科技/开发/Python") == ["第1篇"]
    assert world.titles("技术") == ["第2篇"]
    assert len(world.titles()) == 3


def test_what_comes_later_goes_to_the_new_place_too(world: World) -> None:
    renamed(world)
    text = article("新的一篇", "<p>后来的文章仍然写着从前的分类名。</p>")
    world.article("new.md", text.replace("\n - 新媒体\n - 晨报\n - 最新", " [技术, 编程]"))
    world.clock.forward(hours=1)
    world.once()
    assert "新的一篇" in world.titles("科技/开发")


@pytest.mark.parametrize(("old", "new"), [("技术/编程", "科技/开发"), ("技术/编程/Python", "科技/开发/Python")])
def test_the_old_feed_says_where_it_went(world: World, old: str, new: str) -> None:
    folder(world, "[技术, 编程]", "[技术, 编程, Python]")
    before = world.feed(old).feed
    category(world, "科技/开发", was=["技术/编程"])
    world.clock.forward(hours=1)
    world.publish()
    moved = world.feed(old)
    (entry,) = moved.entries
    assert (moved.feed.id, entry.updated) == (before.id, "2026-03-01T13:00:00+00:00")
    assert world.feed(new).feed.title in entry.title
    page = next(link.href for link in moved.feed.links if link.rel == "self")
    assert lint(world.published()[f"feeds/{old}.atom"], page) == []
    assert "/c/" in entry.link
    assert "/feeds/" in entry.content[0].value
    assert b'http-equiv="refresh"' in world.published()[f"c/{old}/index.html"]


def test_the_old_category_is_listed_nowhere(world: World) -> None:
    shown = renamed(world).published()
    for path in ("index.html", "opml.xml"):
        assert "编程".encode() not in shown[path].replace(b"%E7%BC%96%E7%A8%8B", "编程".encode()), path
        assert "开发".encode() in shown[path], path


def test_where_we_serve_old_addresses_redirect(world: World) -> None:
    renamed(world)
    means = world.open()
    web = Website(lambda: means)
    for path, to in (
        ("/feeds/技术/编程.atom", "/feeds/科技/开发.atom"),
        ("/feeds/技术/编程", "/feeds/科技/开发"),
        ("/c/技术/编程/", "/c/科技/开发/"),
        ("/c/技术/编程/index.html", "/c/科技/开发/index.html"),
        ("/c/技术/编程/page-3.html", "/c/科技/开发/index.html"),
    ):
        answer = ask(web, path)
        assert (answer.status, _target(path, answer.headers["location"])) == (301, to)
    assert ask(web, "/feeds/技术.atom").status == 200
    assert ask(web, "/feeds/科技/开发.atom").status == 200
    means.database.close()


def _target(path: str, location: str) -> str:
    return unquote(urljoin(path, location))


def test_merged_categories_show_what_each_of_them_had(world: World) -> None:
    folder(world, "[编程]", "[软件]", "[[编程], [软件]]")
    category(world, "编程", was=["软件"])
    world.publish()
    assert sorted(world.titles("编程")) == ["第0篇", "第1篇", "第2篇"]
    assert len(world.titles("软件")) == 1
    before = world.published()
    world.publish(everything=True)
    assert world.published() == before


def test_a_move_that_is_taken_back_brings_the_old_feed_back(world: World) -> None:
    folder(world, "[编程]", "[软件]")
    before = world.published()
    category(world, "编程", was=["软件"])
    world.publish()
    world.config["categories"] = []
    world.replay()
    assert {path: world.published()[path] for path in before} == before


def test_a_hidden_category_is_published_and_not_listed(world: World) -> None:
    folder(world, "[内部]", "[公开]")
    category(world, "内部", hidden=True)
    world.publish()
    assert world.titles("内部") == ["第0篇"]
    opml = world.published()["opml.xml"].decode()
    assert "公开" in opml
    assert "内部" not in opml
    assert "feeds/%E5%86%85%E9%83%A8" not in world.published()["index.html"].decode()


def test_how_a_file_names_its_terms_is_not_published_as_a_scheme(world: World) -> None:
    folder(world, "[公开]")
    assert world.feed().entries[0].tags
    assert all(not tag.scheme for tag in world.feed().entries[0].tags)


@pytest.mark.parametrize(
    ("categories", "mistake"),
    [
        ([{"path": "A", "was": ["B"]}, {"path": "B/C"}], "'B' cannot be moved while the category 'B/C' is there"),
        ([{"path": "A", "was": ["a"]}], "'a' cannot be moved while the category 'A' is there"),
        ([{"path": "A", "was": ["C"]}, {"path": "B", "was": ["ｃ"]}], "'ｃ' moved to 'A' already"),
    ],
)
def test_moves_that_cross_are_mistakes(world: World, categories: list[dict[str, Any]], mistake: str) -> None:
    world.config["categories"] = categories
    with pytest.raises(ConfigError) as caught:
        world.open()
    assert mistake in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        ({"when": {"age": "7d"}, "drop": True}, "rules[1].when.age: expected an age such as > 7d or < 2h"),
        ({"when": {"age": "> 7"}, "drop": True}, "rules[1].when.age: expected a duration"),
        ({"when": {"length": "< many"}, "drop": True}, "rules[1].when.length: expected a number of characters"),
        ({"when": {"url": "(a"}, "drop": True}, "rules[1].when.url: invalid pattern"),
        ({"when": {"title": "a"}, "title": r"\1"}, "rules[1].title: invalid replacement"),
    ],
)
def test_rules_that_cannot_work_are_mistakes_with_their_place(
    world: World, tmp_path: Path, rule: dict[str, Any], mistake: str
) -> None:
    world.config["rules"] = [rule]
    with pytest.raises(ConfigError) as caught:
        world.open()
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path / 'config.yaml'}:1:")
    assert mistake in problem
