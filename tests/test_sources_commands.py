"""Adding, changing and removing sources as a person does it, against a server on this machine."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.service import COMMAND
from tests.played import Server, reply
from tests.test_cli import Shell
from tests.test_cli import command as command  # a fixture
from tests.world import article, item, rss

CONFIG = """\
# Mine; handle with care.
site: {title: 试刊, url: https://news.example.org/, tag: "news.example.org,2026", language: zh}
network: {allow: [127.0.0.1], spacing: 0s}   # the test's own server
categories:
  - path: 科技/编程
    from: [python]
sources:
  - name: 文章          # my own
    path: articles

# the end
"""
ADDED = "  - name: Blog\n    url: {url}\n"


def html(*links: str) -> bytes:
    declared = "".join(f'<link rel="alternate" type="application/rss+xml" href="{link}">' for link in links)
    return reply(f"<!doctype html><html><head>{declared}</head></html>".encode())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_text(article("第一篇", "<p>东湖二期管网完成切换。</p>"), encoding="utf-8")
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    return tmp_path


@pytest.fixture
def site() -> Iterator[Server]:
    scripts = {
        "/": html("/feed"),
        "/feed": reply(rss(item(1), item(2), title="Blog").encode()),
        "/two": html("/feed", "/other"),
        "/other": reply(rss(item(3), title="Python on Mondays").encode()),
    }
    with Server(scripts) as server:
        yield server


def config(folder: Path) -> str:
    return (folder / "config.yaml").read_text(encoding="utf-8")


def on_terminal(folder: Path, answers: str, *arguments: str) -> tuple[int, str]:
    """Exit status and output of a command whose user types these lines."""
    outer, inner = pty.openpty()
    process = subprocess.Popen([*COMMAND, *arguments], cwd=folder, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    os.write(outer, answers.encode())
    shown = bytearray()
    try:
        while chunk := os.read(outer, 4096):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(outer)
    return process.wait(30), shown.decode(errors="replace")


# --- add -----------------------------------------------------------------------------------


def test_a_page_with_one_feed_is_added_and_the_rest_of_the_file_stays(
    command: Shell, folder: Path, site: Server
) -> None:
    done = command(folder, "sources", "add", site.url("/"))
    assert done.returncode == 0, done.stderr
    added = ADDED.format(url=site.url("/feed"))
    assert config(folder) == CONFIG.replace("    path: articles\n", f"    path: articles\n{added}")
    assert "Blog" in done.stdout
    assert "\t2\t" in done.stdout, "how many entries it brings"
    assert (folder / "config.yaml~").read_text(encoding="utf-8") == CONFIG
    assert command(folder, "check").returncode == 0
    assert not (folder / "data").exists()


def test_json_says_what_was_added_and_what_it_brings(command: Shell, folder: Path, site: Server) -> None:
    done = command(folder, "sources", "add", site.url("/"), "--json", "--name", "博客", "--category", "随笔")
    said = json.loads(done.stdout)
    assert said["added"] == {"name": "博客", "url": site.url("/feed"), "category": "随笔"}
    assert (said["brings"]["entries"], said["brings"]["newest"]) == (2, "2026-03-01T08:00:00Z")


def test_several_feeds_are_listed_and_none_is_taken_unasked(command: Shell, folder: Path, site: Server) -> None:
    done = command(folder, "sources", "add", site.url("/two"), "--json")
    assert done.returncode == 2
    assert [one["url"] for one in json.loads(done.stdout)["candidates"]] == [site.url("/feed"), site.url("/other")]
    assert "--yes" in done.stderr
    plain = command(folder, "sources", "add", site.url("/two"))
    assert plain.returncode == 2
    assert site.url("/other") in plain.stdout
    assert config(folder) == CONFIG


def test_yes_takes_the_best_feed_and_what_is_suggested(command: Shell, folder: Path, site: Server) -> None:
    done = command(folder, "sources", "add", site.url("/two"), "--yes", "--json")
    assert json.loads(done.stdout)["added"] == {"name": "Blog", "url": site.url("/feed")}
    python = command(folder, "sources", "add", site.url("/other"), "--yes", "--json")
    assert json.loads(python.stdout)["added"]["category"] == "科技/编程"


def test_on_a_terminal_a_person_chooses_feed_name_and_category(folder: Path, site: Server) -> None:
    status, shown = on_terminal(folder, "2\nMondays\n\n", "sources", "add", site.url("/two"))
    assert status == 0, shown
    assert f"  - name: Mondays\n    url: {site.url('/other')}\n    category: 科技/编程\n" in config(folder)


def test_who_gives_up_when_asked_changes_nothing(folder: Path, site: Server) -> None:
    status, shown = on_terminal(folder, "\x04", "sources", "add", site.url("/two"))
    assert status == 130, shown
    assert config(folder) == CONFIG


def test_a_feed_that_is_a_source_already_is_named(command: Shell, folder: Path, site: Server) -> None:
    command(folder, "sources", "add", site.url("/feed"))
    asked = len(site.requests)
    again = command(folder, "sources", "add", site.url("/feed/"))
    assert (again.returncode, len(site.requests)) == (2, asked)
    assert "'Blog' already" in again.stderr
    by_page = command(folder, "sources", "add", site.url("/two"), "--yes")
    assert by_page.returncode == 2
    assert "'Blog' already" in by_page.stderr


def test_a_name_that_is_taken_gets_a_number(command: Shell, folder: Path, site: Server) -> None:
    command(folder, "sources", "add", site.url("/feed"), "--name", "python ON mondays")
    command(folder, "sources", "add", site.url("/other"))
    assert "name: Python on Mondays 2" in config(folder)


def test_where_no_feed_is_the_message_says_what_was_tried_and_what_to_do(command: Shell, folder: Path) -> None:
    with Server({"/none": reply(b"<!doctype html><html><body>Nothing</body></html>")}) as bare:
        done = command(folder, "sources", "add", bare.url("/none"))
        assert done.returncode == 2
        assert f"{bare.url('/atom.xml')}: " in done.stderr
        assert "select" in done.stderr
    assert config(folder) == CONFIG


def test_a_private_address_needs_leave(command: Shell, folder: Path, site: Server) -> None:
    (folder / "config.yaml").write_text(CONFIG.replace("allow: [127.0.0.1]", "allow: []"), encoding="utf-8")
    refused = command(folder, "sources", "add", site.url("/feed"))
    assert refused.returncode == 2
    assert "--allow-private" in refused.stderr
    assert command(folder, "sources", "add", site.url("/feed"), "--allow-private").returncode == 0
    assert "allow_private: true" in config(folder)


def test_a_folder_is_added_relative_to_the_file(command: Shell, folder: Path) -> None:
    (folder / "more" / "deep").mkdir(parents=True)
    done = command(folder / "more", "-c", "../config.yaml", "sources", "add", "deep")
    assert done.returncode == 0, done.stderr
    assert "  - name: deep\n    path: ./more/deep\n" in config(folder)
    again = command(folder, "sources", "add", "articles")
    assert again.returncode == 2
    assert "'文章' already" in again.stderr
    assert command(folder, "sources", "add", "no/such").returncode == 2


# --- change and remove ---------------------------------------------------------------------


def test_a_source_is_paused_and_taken_up_again(command: Shell, folder: Path) -> None:
    paused = command(folder, "sources", "disable", "文章")
    assert paused.returncode == 0
    assert "+    enabled: false" in paused.stdout
    assert json.loads(command(folder, "sources", "list", "--json").stdout)["sources"][0]["enabled"] is False
    assert "already" in command(folder, "sources", "disable", "文章").stdout
    command(folder, "sources", "enable", "文章")
    assert json.loads(command(folder, "sources", "list", "--json").stdout)["sources"][0]["enabled"] is True


def test_keys_are_set_as_yaml_and_taken_out(command: Shell, folder: Path) -> None:
    keys = ("interval=15m", "clean.learn=false", "rules=[{when: {title: 广告}, drop: true}]", "category=金融: 早报")
    done = command(folder, "sources", "set", "文章", *keys)
    assert done.returncode == 0, done.stderr
    for line in ("interval: 15m", "clean: {learn: false}", "rules: [{when: {title: 广告}, drop: true}]"):
        assert f"    {line}\n" in config(folder)
    assert "'金融: 早报'" in config(folder)
    command(folder, "sources", "set", "文章", "interval=", "clean.learn=", "rules=", "category=")
    assert config(folder) == CONFIG


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("interval", "expected KEY=VALUE"),
        ("interval=soon", "expected a duration"),
        ("intervall=1h", "did you mean 'interval'"),
        ("rules=[{", "not valid YAML"),
    ],
)
def test_a_setting_that_is_wrong_is_refused(command: Shell, folder: Path, setting: str, said: str) -> None:
    done = command(folder, "sources", "set", "文章", setting)
    assert done.returncode == 2
    assert said in done.stderr
    assert config(folder) == CONFIG


@pytest.mark.parametrize("action", ["remove", "enable", "disable", "test", "accept", "boilerplate"])
def test_a_name_that_is_not_there_is_told_with_the_nearest(command: Shell, folder: Path, action: str) -> None:
    done = command(folder, "sources", action, "文章们")
    assert done.returncode == 2
    assert "did you mean '文章'?" in done.stderr


def test_what_a_removed_source_published_stays(command: Shell, folder: Path) -> None:
    command(folder, "once")
    done = command(folder, "sources", "remove", "文章")
    assert done.returncode == 0, done.stderr
    assert "sources: []\n" in config(folder)
    command(folder, "once")
    assert "第一篇" in (folder / "public/feeds/all.atom").read_text(encoding="utf-8")


def test_what_a_removed_source_published_is_withdrawn_where_that_is_wished(command: Shell, folder: Path) -> None:
    command(folder, "once")
    done = command(folder, "sources", "remove", "文章", "--entries", "withdraw")
    assert done.returncode == 0, done.stderr
    assert "1 entries are withdrawn" in done.stdout
    assert "第一篇" not in (folder / "public/feeds/all.atom").read_text(encoding="utf-8")


def test_on_a_terminal_it_is_asked_what_becomes_of_the_entries(folder: Path) -> None:
    status, shown = on_terminal(folder, "keep\n", "sources", "remove", "文章")
    assert status == 0
    assert "What becomes of the entries" in shown
    assert "sources: []" in config(folder)


# --- completion ----------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(command: Shell, folder: Path, shell: str) -> None:
    assert f"_AGGREGATOR_COMPLETE={shell}_complete" in command(folder, "completion", shell).stdout


@pytest.mark.parametrize("words", ["aggregator sources test 文", "aggregator once --source 文"])
def test_names_of_sources_are_completed(folder: Path, words: str) -> None:
    environment = {"COMP_WORDS": words, "COMP_CWORD": "3", "_AGGREGATOR_COMPLETE": "bash_complete"}
    program = "from aggregator.cli import main; main()"
    shown = subprocess.run(
        [COMMAND[0], "-c", program],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.stdout == "plain,文章\n"
