"""`search` as people and scripts call it: a reader, beside whoever writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aggregator.cli import cli
from tests.world import World, article

GRID = "　　近海风电首次承担全省晚高峰三成负荷，储能电站同步放电，省电网公司说频率偏差没有超过零点零四赫兹，当晚没有启动备用机组。"


@pytest.fixture
def world(world: World) -> World:
    world.source("文章", path="articles")
    world.article("a.md", article("三成[负荷]来自海上", f"<p>{GRID}</p>", author="青禾财经"))
    world.once()
    return world


def run(world: World, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-c", str(world.folder / "config.yaml"), "search", *arguments])


def test_a_table_with_the_words_in_brackets(world: World) -> None:
    result = run(world, "储能", "海上")
    assert result.exit_code == 0
    header, line = result.stdout.splitlines()
    assert header.split("\t") == ["date", "title", "publisher", "excerpt", "url"]
    date, title, publisher, excerpt, _ = line.split("\t")
    assert (date, title, publisher) == ("2026-03-01", "三成[负荷]来自[海上]", "青禾财经")
    assert "[储能]电站" in excerpt
    assert result.stderr == "1 of 1 found\n"


def test_json_for_scripts(world: World) -> None:
    given = json.loads(run(world, "储能", "--json").stdout)
    assert (given["count"], given["exact"], given["waiting"]) == (1, True, 0)
    assert given["results"][0]["title"] == "三成[负荷]来自海上"
    assert given["results"][0]["publisher"] == "青禾财经"


@pytest.mark.parametrize(
    ("narrowed", "count"),
    [
        (["--source", "青禾财经"], 1),
        (["--category", "新媒体/青禾财经"], 1),
        (["--since", "2026-03-02"], 0),
        (["--until", "2026-03-01"], 1),
        (["--best", "--limit", "1"], 1),
    ],
)
def test_narrowed(world: World, narrowed: list[str], count: int) -> None:
    assert len(json.loads(run(world, "储能", "--json", *narrowed).stdout)["results"]) == count


def test_a_word_to_leave_out_needs_two_dashes_before_it(world: World) -> None:
    assert json.loads(run(world, "--json", "--", "储能", "-放电").stdout)["count"] == 0


def test_nothing_found_is_no_failure(world: World) -> None:
    result = run(world, "量子灯笼")
    assert (result.exit_code, result.stderr) == (0, "nothing found in 1 articles\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["***"], "no word"),
        (["储能", "--source", "路透"], "sources list"),
        (["储能", "--since", "gestern"], "--since"),
        ([], "WORDS"),
    ],
)
def test_what_makes_no_sense_is_told(world: World, arguments: list[str], told: str) -> None:
    result = run(world, *arguments)
    assert result.exit_code == 2
    assert told in result.stderr


def test_before_anything_is_stored(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.open()
    result = run(world, "储能")
    assert result.exit_code == 2
    assert "aggregator once" in result.stderr
    assert not (tmp_path / "data").exists()


def test_it_runs_beside_who_writes(world: World) -> None:
    with world.writing():
        assert run(world, "储能").exit_code == 0
