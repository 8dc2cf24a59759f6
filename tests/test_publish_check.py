"""`publish --check`: any feed, in a file or at an address, as a person or a script asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aggregator.publish.addresses import feed_path, public_url
from aggregator.publish.formats import FORMATS
from tests.played import Server, redirect, reply
from tests.published import OUTPUT, SITE, feed, story
from tests.test_cli import Ended, Shell
from tests.world import SITE as CONFIGURED

GOOD = {kind: format.write(feed(story(0, "b")), SITE, OUTPUT) for kind, format in FORMATS.items()}
WARNED = GOOD["atom"].replace("第 0 篇".encode(), b"AT&amp;amp;T")
WRONG = GOOD["atom"].replace(b"<published>2026", b"<published>noon 2026")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


def check(shell: Shell, folder: Path, document: bytes, *options: str) -> Ended:
    (folder / "feed").write_bytes(document)
    return shell(folder, "publish", "--check", "feed", *options)


def configured(folder: Path) -> None:
    config = {"site": CONFIGURED, "network": {"allow": ["127.0.0.1"]}, "sources": []}
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_known_by_what_it_holds_and_needs_no_configuration(shell: Shell, tmp_path: Path, kind: str):
    ended = check(shell, tmp_path, GOOD[kind])
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "0 errors, 0 warnings" in ended.stderr


@pytest.mark.parametrize(
    ("document", "options", "status"),
    [
        (WARNED, (), 0),
        (WARNED, ("--strict",), 1),
        (GOOD["atom"], ("--strict",), 0),
        (WRONG, (), 4),
        (WRONG, ("--strict",), 4),
        (b"<html/>", (), 4),
    ],
)
def test_errors_end_with_4_and_warnings_with_1_only_where_that_is_wanted(
    shell: Shell, tmp_path: Path, document: bytes, options: tuple[str, ...], status: int
):
    assert check(shell, tmp_path, document, *options).returncode == status


def test_a_finding_names_level_entry_and_rule(shell: Shell, tmp_path: Path):
    line = check(shell, tmp_path, WRONG).stdout
    assert line.startswith("feed: error: “第 0 篇” (tag:example.org,2026:")
    assert line.endswith("[bad-date]\n")


def test_a_script_gets_json(shell: Shell, tmp_path: Path):
    ended = check(shell, tmp_path, WRONG, "--json")
    found = json.loads(ended.stdout)
    assert ended.returncode == 4
    assert found["document"] == "feed"
    assert [(one["level"], one["rule"]) for one in found["findings"]] == [("error", "bad-date")]
    assert "第 0 篇" in found["findings"][0]["entry"]
    assert json.loads(check(shell, tmp_path, GOOD["atom"], "--json").stdout)["findings"] == []


def test_a_file_that_is_not_there_is_a_matter_of_usage(shell: Shell, tmp_path: Path):
    ended = shell(tmp_path, "publish", "--check", "nothing.atom")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "nothing.atom: No such file" in ended.stderr


def test_a_feed_is_fetched_as_a_source_is_and_must_say_where_it_is(shell: Shell, tmp_path: Path):
    configured(tmp_path)
    with Server({"/old": redirect("/feed"), "/feed": reply(GOOD["atom"])}) as server:
        ended = shell(tmp_path, "publish", "--check", server.url("/old"), "--json")
        assert server.requests[0].headers["user-agent"].startswith("aggregator/")
    (finding,) = json.loads(ended.stdout)["findings"]
    assert finding["rule"] == "other-self"
    assert f"rel=self should be {server.url('/feed')}" in finding["message"]
    assert public_url(SITE, feed_path("金融/新浪财经")) in finding["message"]
    assert ended.returncode == 0


def test_what_cannot_be_fetched_is_told(shell: Shell, tmp_path: Path):
    configured(tmp_path)
    with Server({"/feed": reply(status=500)}) as server:
        ended = shell(tmp_path, "publish", "--check", server.url("/feed"))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "500" in ended.stderr


def test_without_a_configuration_private_addresses_are_refused(shell: Shell, tmp_path: Path):
    with Server({"/feed": reply(GOOD["atom"])}) as server:
        ended = shell(tmp_path, "publish", "--check", server.url("/feed"))
        assert server.requests == []
    assert ended.returncode == 2


def test_a_configuration_that_is_named_must_be_there(shell: Shell, tmp_path: Path):
    ended = shell(tmp_path, "publish", "-c", "other.yaml", "--check", "http://127.0.0.1:9/feed")
    assert ended.returncode == 2
    assert "other.yaml" in ended.stderr
