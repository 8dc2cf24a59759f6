"""The command line as a person uses it: what it prints, and with which status it ends."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator.cli import cli, main
from aggregator.config.load import load
from tests.e2e.service import configure
from tests.world import article


@dataclass(frozen=True)
class Ended:
    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Commands in this process: starting Python for each would be most of the time of these tests."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._captured = captured

    def __call__(self, folder: Path, *arguments: str) -> Ended:
        self._monkeypatch.chdir(folder)
        self._captured.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        shown = self._captured.readouterr()
        return Ended(int(ended.value.code or 0), shown.out, shown.err)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Shell(monkeypatch, capsys)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_text(article("第一篇", "<p>东湖二期管网完成切换。</p>"), encoding="utf-8")
    configure(tmp_path, [{"name": "文章", "path": "articles"}])
    return tmp_path


def test_help_needs_no_configuration(command: Shell, tmp_path: Path) -> None:
    shown = command(tmp_path, "--help")
    assert shown.returncode == 0
    assert "once" in shown.stdout


def test_help_loads_nothing_that_it_does_not_need() -> None:
    heavy = {"sqlalchemy", "aiohttp", "lxml", "numpy", "pydantic", "rich", "starlette", "bs4"}
    program = (
        "import sys; from aggregator.cli import cli; cli.main(['--help'], standalone_mode=False); print(*sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert heavy & set(shown.stdout.split()) == set()


@pytest.mark.parametrize("arguments", [("onse",), ("once", "--al"), ("sources", "test")])
def test_wrong_usage_ends_with_2(command: Shell, folder: Path, arguments: tuple[str, ...]) -> None:
    assert command(folder, *arguments).returncode == 2


def test_a_missing_configuration_is_named_with_the_remedy(command: Shell, tmp_path: Path) -> None:
    shown = command(tmp_path, "once")
    assert shown.returncode == 2
    assert "config.yaml" in shown.stderr
    assert "aggregator init" in shown.stderr


def test_the_configuration_may_be_named_before_or_after_the_command(
    command: Shell, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    file = str(folder / "config.yaml")
    assert command(elsewhere, "-c", file, "check").returncode == 0
    assert command(elsewhere, "check", "-c", file).returncode == 0


def test_a_missing_folder_is_an_error_of_check_and_a_failure_of_its_source(command: Shell, folder: Path) -> None:
    configure(folder, [{"name": "文章", "path": "nowhere"}])
    assert command(folder, "check").returncode == 2
    done = command(folder, "once", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["sources"][0]["outcome"] == "no-folder"
    assert command(folder, "once", "--all", "--strict").returncode == 1


def test_status_says_what_is_promised(command: Shell, folder: Path) -> None:
    before = json.loads(command(folder, "status", "--json").stdout)["sources"]
    command(folder, "once")
    after = json.loads(command(folder, "status", "--json").stdout)["sources"]
    promised = {
        "name",
        "url",
        "kind",
        "outcome",
        "message",
        "disabled",
        "last_check",
        "next_check",
        "failures",
        "entries",
        "refused",
    }
    assert promised <= set(before[0]) == set(after[0])
    assert (after[0]["outcome"], after[0]["message"], after[0]["entries"]) == ("ok", None, 1)


def test_a_source_is_tried_without_storing_anything(command: Shell, folder: Path) -> None:
    tried = command(folder, "sources", "test", "文章", "--json")
    assert json.loads(tried.stdout)["entries"][0]["title"] == "第一篇"
    assert not (folder / "data").exists()


def test_a_feed_of_ours_passes_its_own_check_and_a_broken_one_does_not(command: Shell, folder: Path) -> None:
    command(folder, "once")
    feed = folder / "public/feeds/all.atom"
    assert command(folder, "publish", "--check", str(feed)).returncode == 0
    broken = folder / "broken.atom"
    broken.write_text(feed.read_text().replace("<updated>", "<updated>x", 1))
    checked = command(folder, "publish", "--check", str(broken))
    assert checked.returncode == 4
    assert "updated" in checked.stdout


def test_five_answers_make_a_configuration_that_works(command: Shell, tmp_path: Path) -> None:
    answers = "试刊\nhttps://news.example.org/\n\nzh\narticles\n"
    made = subprocess.run(
        [sys.executable, "-m", "aggregator", "init"],
        cwd=tmp_path,
        input=answers,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    (tmp_path / "articles").mkdir()
    assert command(tmp_path, "check").returncode == 0
    assert command(tmp_path, "init").returncode == 2


def test_an_answer_that_is_not_valid_is_asked_for_again(tmp_path: Path) -> None:
    answers = "News\nnews.example.org\nhttps://news.example.org\nmine\n\nen\n./articles\n"
    asked = CliRunner().invoke(cli, ["-c", str(tmp_path / "config.yaml"), "init"], input=answers)
    assert asked.output.count("Error: expected") == 2
    config = load(tmp_path / "config.yaml", {})
    assert config.site.url == "https://news.example.org/"
    assert config.site.tag.startswith("news.example.org,")
