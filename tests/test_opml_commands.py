"""OPML in and out: what other programs write, what attackers write, and what comes back."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from aggregator.config import opml
from tests.e2e.service import configure
from tests.played import Server, reply
from tests.test_cli import Shell
from tests.test_cli import command as command  # a fixture
from tests.world import article

LIST = """\
<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0"><head><title>Mine</title></head><body>
<outline text="科技"><outline text="编程">
  <outline type="rss" text="A &amp; B: c" xmlUrl="https://a.example/feed?x=1&amp;y=2"/>
  <outline text="Known" xmlUrl="http://www.known.example/feed/"/>
</outline></outline>
<outline title="Env ${HOME}" xmlUrl="https://env.example/"/>
<outline text="in a folder of the environment"><outline text="${PATH}"><outline text="x" xmlUrl="https://p.example/"/></outline></outline>
<outline text="Again" xmlUrl="https://a.example/feed/?x=1&amp;y=2"/>
<outline text="Same name" xmlUrl="https://one.example/"/><outline text="same name" xmlUrl="https://two.example/"/>
<outline text="Gopher" xmlUrl="gopher://old.example/"/>
<outline text="Stated" xmlUrl="feed://stated.example/f" category="/Tech/Python,/Other"/>
<outline text="List" type="include" xmlUrl="https://list.example/o.opml"/>
<outline xmlUrl="https://untitled.example/f"/>
<outline text="Login" xmlUrl="https://me:geheim@login.example/f"/>
<outline text="just a note"/>
</body></opml>
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    configure(tmp_path, [{"name": "老", "url": "https://known.example/feed"}])
    (tmp_path / "in.opml").write_text(LIST, encoding="utf-8")
    return tmp_path


def config(folder: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((folder / "config.yaml").read_text())["sources"]
    return found


def outlines(text: str) -> list[tuple[str, str | None]]:
    """Each outline's path of titles, and its address."""
    found = []
    for one in etree.fromstring(text.encode()).iter("outline"):
        around = [str(folder.get("text")) for folder in one.iterancestors("outline")]
        found.append(("/".join([*reversed(around), str(one.get("text"))]), one.get("xmlUrl")))
    return found


# --- import --------------------------------------------------------------------------------


def test_folders_become_categories_and_what_is_left_out_is_told(command: Shell, folder: Path) -> None:
    done = command(folder, "opml", "import", "in.opml", "--json")
    assert done.returncode == 0, done.stderr
    added = {one["name"]: one for one in config(folder)[1:]}
    assert list(added) == ["A & B: c", "Same name", "same name 2", "Stated", "untitled.example", "Login"]
    assert added["A & B: c"]["url"] == "https://a.example/feed?x=1&y=2"
    assert added["A & B: c"]["category"] == "科技/编程"
    assert added["Stated"] == {"name": "Stated", "url": "https://stated.example/f", "category": "Tech/Python"}
    assert "category" not in added["Same name"]
    skipped = {one["name"]: one["reason"] for one in json.loads(done.stdout)["skipped"]}
    assert list(skipped) == ["Known", "Env ${HOME}", "x", "Again", "Gopher", "List"]
    assert "'老' already" in skipped["Known"]
    assert "environment" in skipped["Env ${HOME}"]
    assert "environment" in skipped["x"]
    assert "as 'A & B: c'" in skipped["Again"]
    assert "http://" in skipped["Gopher"]
    assert "geheim" not in done.stdout
    assert command(folder, "check").returncode == 0
    again = command(folder, "opml", "import", "in.opml", "--json")
    assert json.loads(again.stdout)["added"] == []


def test_a_dry_run_changes_nothing(command: Shell, folder: Path) -> None:
    done = command(folder, "opml", "import", "in.opml", "--dry-run")
    assert "6 sources to add, in 2 categories; 6 left out" in done.stderr
    assert "left out: Gopher" in done.stderr
    assert len(config(folder)) == 1


def test_one_category_may_be_given_for_all(command: Shell, folder: Path) -> None:
    command(folder, "opml", "import", "in.opml", "--category", "读", "--yes")
    assert {one["category"] for one in config(folder)[1:]} == {"读"}


def test_a_list_comes_from_standard_input_or_from_the_network(
    command: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LIST.encode())))
    assert "6 sources to add" in command(folder, "opml", "import", "-", "--dry-run").stderr
    with Server({"/list": reply(LIST.encode())}) as server:
        configure(folder, [], network={"allow": ["127.0.0.1"]})
        assert "7 sources to add" in command(folder, "opml", "import", server.url("/list"), "--dry-run").stderr
        refused = command(folder, "opml", "import", server.url("/other"))
        assert refused.returncode == 2
        assert "404" in refused.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no XML"),
        (b"<html><body>hello</body></html>", "no OPML"),
        (b"\0\1\2\3", "no XML"),
        (b'<!DOCTYPE opml [<!ENTITY a "aaaa">]><opml><body/></opml>', "entities"),
        ('<!DOCTYPE opml [<!ENTITY a SYSTEM "file:///etc/passwd">]><opml/>'.encode("utf-16"), "entities"),
        (b"<opml><body>" + b'<outline text="x" xmlUrl="https://x.example/"/>' * (opml.MOST + 1), "more than"),
    ],
)
def test_what_is_no_list_is_refused(command: Shell, folder: Path, content: bytes, said: str) -> None:
    (folder / "bad.opml").write_bytes(content)
    done = command(folder, "opml", "import", "bad.opml")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(config(folder)) == 1


def test_a_list_that_is_too_large_or_missing_is_refused(command: Shell, folder: Path) -> None:
    configure(folder, [], network={"max_bytes": "1KB"})
    assert "max_bytes" in command(folder, "opml", "import", "in.opml").stderr
    assert command(folder, "opml", "import", "nowhere.opml").returncode == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<opml><body><outline text="a" xmlUrl="https://a.example/?x=1&y=2"/>', ("a", "https://a.example/?x=1&y=2")),
        ('<opml><outline text="caf&eacute; & co" xmlUrl="https://a.example/"/></opml>', ("café & co", "https://a.example/")),
        ('<OPML><body><Outline TEXT="a" XMLURL="https://a.example/"/></body></OPML>', ("a", "https://a.example/")),
        ('<opml xmlns="urn:x"><body><outline title="a\n b" xmlUrl=" https://a.example/ "/></body></opml>', ("a b", "https://a.example/")),
    ],
)  # fmt: skip
def test_careless_lists_are_read(content: str, expected: tuple[str, str]) -> None:
    (found,) = opml.read(content.encode()).outlines
    assert (found.title, found.url) == expected


def test_lists_in_other_encodings_are_read() -> None:
    for encoding in ("gbk", "utf-16", "utf-8-sig"):
        text = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?><opml><outline text="新浪" xmlUrl="https://a.example/"/></opml>'
        assert opml.read(text.encode(encoding)).outlines[0].title == "新浪"


def test_a_list_deeper_than_can_be_read_is_called_damaged() -> None:
    deep = '<outline text="d">' * 5000 + '<outline text="x" xmlUrl="https://x.example/"/>' + "</outline>" * 5000
    listed = opml.read(f"<opml><body>{deep}</body></opml>".encode())
    assert listed.damaged
    assert not opml.read(LIST.encode()).damaged


# --- export --------------------------------------------------------------------------------


def test_sources_are_exported_without_their_secrets(command: Shell, folder: Path) -> None:
    feeds: list[dict[str, Any]] = [
        {"name": "甲", "url": "https://me:geheim@a.example/f", "category": "科技/编程"},
        {"name": "乙 <b>", "url": "https://b.example/?x=1&y=2", "category": "科技", "headers": {"X-Key": "geheim"}},
        {"name": "丙", "url": "https://c.example/"},
        {"name": "文章", "path": "articles"},
    ]
    configure(folder, feeds)
    done = command(folder, "opml", "export")
    assert outlines(done.stdout) == [
        ("科技", None),
        ("科技/编程", None),
        ("科技/编程/甲", "https://a.example/f"),
        ("科技/乙 <b>", "https://b.example/?x=1&y=2"),
        ("丙", "https://c.example/"),
    ]
    assert "geheim" not in done.stdout + done.stderr
    for told in ("甲: its address", "乙 <b>: what it is asked with", "left out: 文章"):
        assert told in done.stderr


def test_what_is_exported_can_be_imported_again(command: Shell, folder: Path) -> None:
    command(folder, "opml", "import", "in.opml", "--yes")
    before = config(folder)
    assert command(folder, "opml", "export", "-o", "out.opml").returncode == 0
    configure(folder, [])
    command(folder, "opml", "import", "out.opml", "--yes")
    imported = config(folder)
    assert {one["name"]: one.get("category") for one in imported} == {
        one["name"]: one.get("category") for one in before
    }


def test_our_own_feeds_are_listed_too(command: Shell, folder: Path) -> None:
    (folder / "articles").mkdir()
    (folder / "articles" / "a.md").write_text(article("第一篇", "<p>东湖二期管网完成切换。</p>"), encoding="utf-8")
    configure(folder, [{"name": "文章", "path": "articles"}])
    assert command(folder, "opml", "export", "--outputs").returncode == 2
    command(folder, "once")
    assert command(folder, "opml", "export", "--outputs", "-o", "ours.opml").returncode == 0
    assert (folder / "ours.opml").read_bytes() == (folder / "public/opml.xml").read_bytes()
