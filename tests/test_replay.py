"""Replay: after it, an old installation publishes what a fresh one with today's rules would."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aggregator import app, pipeline, replay
from aggregator.cli import cli
from tests.world import World, article, item, rss

FEED = "https://example.com/feeds/wire.xml"
PROSE = "<p>今天上午，市政府宣布将在三年内新建十二座公园，居民步行十分钟即可到达其中一座，预算另行公布。</p>"
OTHER = "<p>周末的降雨使水库的蓄水量恢复到常年水平，供水公司取消了自六月以来的限水措施，农户说为时已晚。</p>"
PROXY = "https://wrapper.example/?"


def settled(world: World, edit: Callable[[dict[str, Any]], None] = lambda config: None) -> World:
    """The installation, which has read a feed and a folder."""
    world.source("Wire", url=FEED, category="own")
    world.source("文章", path=str(world.folder / "articles"))
    world.network.answers[FEED] = (
        rss(
            item(
                1, title="Parks", body=f"{PROSE}<p class='ad'>Buy this.</p>", link=f"{PROXY}https://other.example/parks"
            ),
            item(2, title="Advertisement: buy", body="<p>Something very cheap is to be had here today.</p>"),
            item(3, title="Rain", body=f"{OTHER}<p><a href='more'>more</a></p>", link="rain"),
        )
        .replace("<description>d", "<language>de</language><description>d")
        .replace("<link>https://example.com/</link>", "")
        .replace("<link>rain</link>", "")
    )
    world.article("a/one.md", article("公园", "<p>第一篇文章说的是城里的一件小事，和别的文章没有一句相同。</p>"))
    world.article("a/two.md", article("广告", "<p>第二篇文章只是想卖东西，它一共说了两遍同样的话给大家听。</p>"))
    edit(world.config)
    world.once()
    return world


def drop(config: dict[str, Any]) -> None:
    config["rules"] = [{"when": {"title": "advertisement|广告"}, "drop": True}]


def route(config: dict[str, Any]) -> None:
    config["rules"] = [{"when": {"title": "Parks|公园"}, "category": "城市/公园", "tag": "green"}]


def retitle(config: dict[str, Any]) -> None:
    config["sources"][0]["rules"] = [{"when": {"title": "^Advertisement: "}, "title": "Ad "}]


def unwrap(config: dict[str, Any]) -> None:
    config["clean"] = {"unwrap": [PROXY], "remove": [".ad"]}


def replace(config: dict[str, Any]) -> None:
    config["clean"] = {"replace": [{"pattern": "(very) cheap", "with": r"\1 dear"}]}


def move(config: dict[str, Any]) -> None:
    config["sources"][0]["category"] = "新闻/通讯社"


def stay(config: dict[str, Any]) -> None:
    config["rules"] = [{"when": {"title": "nothing is called this"}, "drop": True}]


EDITS = [drop, route, retitle, unwrap, replace, move, stay]


@pytest.mark.parametrize("edit", EDITS)
def test_what_a_replay_publishes_a_fresh_installation_publishes(
    world: World, tmp_path: Path, edit: Callable[..., None]
) -> None:
    old = settled(world.another(tmp_path / "old"))
    before = dict(old.published())
    edit(old.config)
    old.replay()
    fresh = settled(world.another(tmp_path / "fresh"), edit).published()
    after = old.published()
    assert {path: after.get(path) for path in fresh} == fresh
    # Nothing else but the empty feeds and pages of categories that hold nothing any more.
    assert all(path.startswith(("feeds/", "c/")) and path in before for path in after.keys() - fresh.keys())
    assert (edit is stay) == (after == before)


def everything(config: dict[str, Any]) -> None:
    for edit in (retitle, unwrap, replace, move):
        edit(config)
    config["clean"] |= {"unwrap": [PROXY], "remove": [".ad"]}
    config["rules"] = [
        {"when": {"title": "广告"}, "drop": True},
        {"when": {"title": "公园"}, "category": "城市/公园", "tag": "green"},
    ]


DATES = "SELECT id, uuid, published, first_seen, updated, changes FROM entry ORDER BY id"


def test_a_second_replay_changes_nothing_and_the_first_no_id_and_no_date(world: World) -> None:
    settled(world)
    dates = world.rows(DATES)
    everything(world.config)
    world.clock.forward(days=3)
    done = world.replay()
    assert (done.entries, done.changed, done.dropped) == (5, 4, 1)
    assert world.rows(DATES) == dates
    assert world.rows("SELECT * FROM entry_version") == []
    before = world.published()
    assert world.replay() == replay.Replayed(entries=5)
    assert world.published() == before


def test_rules_that_are_taken_back_leave_no_trace(world: World) -> None:
    settled(world)
    before, plain = world.published(), copy.deepcopy(world.config)
    everything(world.config)
    world.replay()
    assert {path: world.published().get(path) for path in before} != before
    world.config = plain
    world.replay()
    after = world.published()
    assert {path: after[path] for path in before} == before


def test_what_a_rule_leaves_out_is_known_and_comes_back(world: World) -> None:
    settled(world)
    drop(world.config)
    assert world.replay().dropped == 2
    assert sorted(world.titles()) == ["Parks", "Rain", "公园"]
    pages = {path for path in world.published() if path.startswith("e/")}
    assert len(pages) == 2
    world.clock.forward(days=1)
    assert world.once()["Wire"].tally.new == 0
    del world.config["rules"]
    assert world.replay().back == 2
    assert sorted(world.titles()) == ["Advertisement: buy", "Parks", "Rain", "公园", "广告"]
    assert len({path for path in world.published() if path.startswith("e/")}) == 3


def test_what_was_refused_when_it_came_is_read_again_after_a_replay(world: World) -> None:
    settled(world, drop)
    assert sorted(world.titles()) == ["Parks", "Rain", "公园"]
    del world.config["rules"]
    world.replay()
    world.clock.forward(hours=1)
    world.once()
    assert len(world.titles()) == 5


def test_a_story_goes_on_without_the_copy_that_is_left_out(world: World) -> None:
    world.source("First", url="https://one.example/feed", category="新闻")
    world.source("Second", url="https://two.example/feed", category="新闻")
    for number, host in enumerate(("one", "two")):
        body = item(host, title="公园", body=PROSE, guid=host, link=f"https://{host}.example/{number}")
        world.network.answers[f"https://{host}.example/feed"] = rss(body)
    world.once(names=["First"])
    world.once(names=["Second"])
    assert [len(entry.links) for entry in world.feed().entries] == [2]
    first = world.feed().entries[0].id
    world.config["sources"][0]["rules"] = [{"when": {"title": "公园"}, "drop": True}]
    world.replay()
    (alone,) = world.feed().entries
    assert alone.id != first
    assert [link.rel for link in alone.links] == ["alternate"]
    del world.config["sources"][0]["rules"]
    world.replay()
    assert [entry.id for entry in world.feed().entries] == [first]


def test_an_address_that_a_rule_changed_is_known_at_the_next_check(world: World) -> None:
    world.source("Wire", url=FEED)
    listed = [item(n, link=f"{PROXY}https://other.example/{n}") for n in (1, 2)]
    world.network.answers[FEED] = rss(*(one.replace(f"id-{n}", "") for n, one in enumerate(listed, 1)))
    world.once()
    world.config["clean"] = {"unwrap": [PROXY]}
    world.replay()
    # Without any id, and under another title: the address is all that it is known by.
    world.network.answers[FEED] = world.network.answers[FEED].replace("<title>Item", "<title>New")  # type: ignore[union-attr]
    world.clock.forward(hours=1)
    tally = world.once()["Wire"].tally
    assert (tally.new, tally.changed) == (0, 2)


def test_an_interrupted_replay_goes_on_where_it_stopped(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "BATCH", 2)
    settled(world)
    drop(world.config)
    means = world.open()
    with app.writing(means):
        first = replay.replay(means, lambda done, total: means.stopping.set())
    rest = world.replay()
    assert (first.entries, rest.entries) == (2, 3)
    assert first.dropped + rest.dropped == 2
    assert sorted(world.titles()) == ["Parks", "Rain", "公园"]


def test_an_edit_between_two_halves_starts_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "BATCH", 2)
    settled(world)
    drop(world.config)
    means = world.open()
    with app.writing(means):
        replay.replay(means, lambda done, total: means.stopping.set())
    route(world.config)
    assert world.replay().entries == 5
    assert len(world.titles()) == 5


def test_an_entry_is_as_old_as_it_was_when_it_came(world: World) -> None:
    settled(world)
    world.config["rules"] = [{"when": {"age": "> 7d"}, "drop": True}]
    world.clock.forward(days=30)
    assert world.replay().dropped == 0


def test_entries_of_a_source_that_is_gone_stay_as_they_are(world: World) -> None:
    settled(world)
    drop(world.config)
    world.config["sources"].pop(0)
    world.replay()
    assert sorted(world.titles()) == ["Advertisement: buy", "Parks", "Rain", "公园"]


def test_duplicates_follow_the_settings_of_today(world: World) -> None:
    settled(world)
    world.article("b/copy.md", article("公园", f"{PROSE}<p>Buy this.</p>", author="晚报"))
    world.clock.forward(minutes=5)
    world.once()
    assert len(world.titles()) == 5
    world.config["duplicates"] = {"exact": False, "near": False}
    world.replay()
    assert len(world.titles()) == 6


def test_the_trace_says_what_replay_did(world: World) -> None:
    settled(world)
    world.config["rules"] = [
        {"when": {"title": "Advert"}, "drop": True},
        {"when": {"title": "Rain"}, "title": "Showers"},
    ]
    world.replay()
    events = world.rows("SELECT kind, message FROM event WHERE kind IN ('dropped', 'replayed')")
    assert sorted(events) == [("dropped", "rule: title Advert"), ("replayed", "today's rules change: title")]


def test_the_command_counts_what_it_did(world: World, tmp_path: Path) -> None:
    settled(world)
    drop(world.config)
    world.open()
    result = CliRunner().invoke(cli, ["-c", str(tmp_path / "config.yaml"), "replay", "--json"])
    assert result.exit_code == 0, result.output
    done = json.loads(result.output)
    assert done.pop("files") > 0
    assert done == {"entries": 5, "changed": 0, "dropped": 2, "back": 0}
    assert sorted(world.titles()) == ["Parks", "Rain", "公园"]


def test_only_edited_settings_of_duplicates_have_everything_grouped_anew(world: World) -> None:
    settled(world)
    for duplicates, ungrouped in (({}, 0), ({"window": "7d"}, 5), ({"window": "7d"}, 0)):
        world.config["duplicates"] = duplicates
        means = world.open()
        with app.writing(means):
            replay.replay(means)
            assert world.rows("SELECT count(*) FROM entry WHERE NOT grouped") == [(ungrouped,)]
            pipeline.group(means)


def test_articles_that_a_rule_shows_to_be_one_become_one_story(world: World, tmp_path: Path) -> None:
    def carried(world: World, **config: Any) -> World:
        world.config |= config
        for name, prefix in (("One", ""), ("Two", PROXY)):
            address = f"https://{name.lower()}.example/feed"
            world.source(name, url=address, category="own")
            world.network.answers[address] = rss(
                *(
                    item(f"{name}{n}", title=f"{name} says {n}", link=f"{prefix}https://other.example/{n}", body=body)
                    for n, body in enumerate((PROSE, OTHER))
                )
            )
            world.network.answers[address] = str(world.network.answers[address]).replace("今天", f"{name} 今天")
            world.once(names=[name])
        return world

    rule = {"clean": {"unwrap": [PROXY]}}
    fresh = carried(world.another(tmp_path / "fresh"), **rule)
    carried(world)
    world.config |= rule
    world.replay()
    assert world.titles() == fresh.titles()
    assert [entry.id for entry in world.feed().entries] == [entry.id for entry in fresh.feed().entries]
