"""Preview: what a replay would change, told before it, with nothing stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aggregator import app
from aggregator.cli import cli
from aggregator.preview import Difference, Preview, preview
from tests.world import World, item, rss

FEED = "https://example.com/feed"


@pytest.fixture
def world(world: World) -> World:
    """An installation that has read one feed of three entries."""
    world.source("Wire", url=FEED, category="新闻")
    world.network.answers[FEED] = rss(
        item(1, title="Parks", body="<p>The city builds twelve parks.</p><p class='ad'>Buy this now.</p>"),
        item(2, title="Advertisement"),
        item(3, title="Rain"),
    )
    world.once()
    return world


def previewed(world: World) -> Preview:
    means = world.open()
    found = preview(means)
    means.database.close()
    return found


def told(found: Preview) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
    return [(one.kind, one.title, one.before, one.after) for one in found.differences]


def test_what_stays_as_it_is_is_not_told(world: World) -> None:
    assert previewed(world) == Preview(entries=3)


def test_before_the_first_check_all_sources_are_new(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.source("Wire", url=FEED)
    assert previewed(world) == Preview(sources=[("new", "Wire", FEED)])
    assert not (tmp_path / "data").exists()


def test_what_a_rule_leaves_out(world: World) -> None:
    world.config["rules"] = [{"when": {"title": "advert"}, "drop": True}]
    assert told(previewed(world)) == [("dropped", "Advertisement", (), ("rule: title advert",))]


def test_what_comes_back(world: World) -> None:
    world.config["rules"] = [{"when": {"title": "advert"}, "drop": True}]
    world.replay()
    assert previewed(world).differences == []
    del world.config["rules"]
    assert told(previewed(world)) == [("back", "Advertisement", ("rule: title advert",), ())]


def test_where_entries_go_and_which_feeds_come_and_go(world: World) -> None:
    world.config["sources"][0]["category"] = "科技/编程"
    found = previewed(world)
    assert {one[0] for one in told(found)} == {"routed"}
    assert told(found)[0][2:] == (("新闻",), ("科技/编程",))
    assert (found.appearing, found.disappearing) == (["科技", "科技/编程"], ["新闻"])


def test_a_category_that_moves(world: World) -> None:
    world.config["categories"] = [{"path": "时事", "was": ["新闻"], "slug": "now"}]
    found = previewed(world)
    assert (found.moved, found.appearing, found.disappearing) == ([("新闻", "now")], ["now"], [])
    assert len(found.differences) == 3


def test_new_titles(world: World) -> None:
    world.config["rules"] = [{"when": {"title": "^Rain$"}, "title": "Showers"}]
    assert told(previewed(world)) == [("titled", "Rain", ("Rain",), ("Showers",))]


def test_new_texts_with_what_goes_and_what_comes(world: World) -> None:
    world.config["clean"] = {"remove": [".ad"], "replace": [{"pattern": "twelve", "with": "12"}]}
    (text,) = previewed(world).differences
    assert (text.kind, text.before, text.after) == (
        "text",
        ("The city builds twelve parks.", "Buy this now."),
        ("The city builds 12 parks.",),
    )


def test_what_else_differs_is_named(world: World) -> None:
    world.config["rules"] = [{"when": {"title": "Rain"}, "tag": "weather"}]
    assert told(previewed(world)) == [("other", "Rain", (), ("terms",))]


def test_what_becomes_of_sources(world: World) -> None:
    world.source("Second", url="https://two.example/feed", enabled=False)
    world.source("Third", url="https://three.example/feed", enabled=False)
    world.publish()
    world.config["sources"] = [
        {"name": "Agency", "url": FEED, "category": "新闻"},
        {"name": "Second", "url": "https://two.example/atom"},
        {"name": "Fourth", "url": "https://four.example/feed"},
    ]
    found = previewed(world)
    assert found.sources == [
        ("renamed", "Agency", "Wire"),
        ("moved", "Second", "https://two.example/feed"),
        ("new", "Fourth", "https://four.example/feed"),
        ("gone", "Third", "https://three.example/feed"),
    ]
    assert {one.kind for one in found.differences} == {"other"}


def test_nothing_is_stored_and_no_lock_is_taken(world: World) -> None:
    world.config["rules"] = [{"when": {"title": "."}, "category": "Elsewhere"}]
    tables = ("SELECT * FROM category", "SELECT * FROM entry", "SELECT * FROM setting", "SELECT * FROM event")
    before = [world.rows(table) for table in tables]
    running = world.open()
    with app.writing(running):
        before = [world.rows(table) for table in tables]
        assert len(previewed(world).differences) == 3
    assert [world.rows(table) for table in tables] == before


def test_a_replay_leaves_nothing_to_tell(world: World) -> None:
    world.config["rules"] = [
        {"when": {"title": "advert"}, "drop": True},
        {"when": {"title": "Rain"}, "category": "天气", "title": "Showers"},
    ]
    world.config["categories"] = [{"path": "时事", "was": ["新闻"]}]
    assert previewed(world).differences
    world.replay()
    assert previewed(world) == Preview(entries=3)


def command(world: World, *options: str) -> str:
    world.open()
    result = CliRunner().invoke(cli, ["-c", str(world.folder / "config.yaml"), "preview", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_prints_a_diff(world: World) -> None:
    world.config["rules"] = [
        {"when": {"title": "advert"}, "drop": True},
        {"when": {"title": "Rain"}, "category": "天气", "title": "Showers"},
    ]
    assert command(world).splitlines() == [
        "= feeds",
        "+ feeds/天气.atom",
        "= left out by a rule: 1",
        "- Advertisement (Wire; rule: title advert)",
        "= published elsewhere: 1",
        "  Rain (Wire)",
        "- 新闻",
        "+ 天气",
        "= another title: 1",
        "- Rain",
        "+ Showers",
        "3 entries were looked at; `aggregator replay` brings them in line",
    ]


def test_the_command_says_that_nothing_would_change(world: World) -> None:
    assert command(world).startswith("nothing would change\n")


def test_scripts_get_everything(world: World) -> None:
    world.config["rules"] = [{"when": {"title": "advert"}, "drop": True}]
    found: dict[str, Any] = json.loads(command(world, "--json"))
    assert found["entries"] == 3
    (one,) = found["differences"]
    assert Difference(**one | {"before": (), "after": tuple(one["after"])}).kind == "dropped"
