"""Edits of config.yaml: what is meant changes, and nothing else in the file does."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import edit, positions
from aggregator.config.edit import Step
from aggregator.errors import ConfigError, StoreError

SITE = "site: {title: T, url: http://h.example/, tag: 'h.example,2026'}\n"
ITEM = {"name": "新, [x]: y", "url": "https://c.example/feed?x=1&y={z}#f", "category": "科技/AI", "enabled": False}
JSON = {
    "site": {"title": "T", "url": "http://h.example/", "tag": "h.example,2026"},
    "sources": [{"name": "A", "url": "http://a.example/"}, {"name": "B", "url": "http://b.example/"}],
}
A, B = "http://a.example/", "http://b.example/"

#: Every way in which people lay out a list of sources.
LAYOUTS = {
    "no sources": SITE,
    "no sources, no final newline": SITE.rstrip(),
    "nothing behind the key": SITE + "sources:\n",
    "null": SITE + "sources: ~ # none\nengine: embedded\n",
    "empty brackets": SITE + "sources: []  # none\n\n# tail\n",
    "empty brackets on two lines": SITE + "sources: [ # none\n]\n",
    "brackets": SITE + f"sources: [{{name: A, url: {A}}}, {{name: B, url: {B}}}]\n",
    "brackets on lines": SITE
    + f"sources: [\n  {{name: A, url: '{A}'}},\n  {{name: B, url: '{B}'}}, # b\n]\nengine: embedded\n",
    "block": SITE + f"sources:\n  - name: A\n    url: {A}\n  - name: B\n    url: {B}\n",
    "no final newline": SITE + f"sources:\n  - name: A\n    url: {A}\n  - name: B\n    url: {B}",
    "windows": (
        SITE + f"sources:\n  - name: A\n    url: {A} # a\n\n  # b\n  - name: B\n    url: {B}\n# tail\n"
    ).replace("\n", "\r\n"),
    "without indentation": f"sources:\n- name: A\n  url: {A}\n# b\n- name: B\n  url: {B}\n# tail\n" + SITE,
    "wide": SITE
    + f"sources:\n    -   url: {A}\n        name: A\n    -   name: B\n        url: {B}\n        #limit: 3\n\n\nengine: embedded\n",
    "dash on its own line": SITE + f"sources:\n  -\n    name: A\n    url: {A}\n  -\n    name: B\n    url: {B}\n",
    "braces in a block": SITE + f"sources:\n  - {{name: A, url: {A}}}\n  - {{name: B, url: {B}}}\n",
    "JSON": json.dumps(JSON),
    "JSON on lines": json.dumps(JSON, indent=2),
    "JSON with null": json.dumps({**JSON, "sources": None}),
    "JSON with nothing": json.dumps({**JSON, "sources": []}),
    "JSON without sources": json.dumps({"site": JSON["site"]}),
    "mark, anchor, nested, end of document": "\ufeff---\n"
    + SITE
    + f"sources:\n  - name: A\n    url: {A}\n  - name: B\n    url: &x {B}\n    clean:\n      learn: false # l\n      remove:\n"
    + "        - div.a\n    rules:\n    - when: {title: x}\n      title: |\n        k\n\n...\n",
    "quoted keys, folded names": SITE
    + f'"sources":\n  - \'name\': A\n    "url": "{A}"\n  - name: >-\n      B\n    url: {B}\n    category:\n',
}


def sources(text: str) -> list[dict[str, Any]]:
    tree: Any = positions.parse(text.removeprefix("\ufeff")).value
    return tree.get("sources") or []


def edited(folder: Path, text: str, *steps: Step) -> str:
    path = folder / "config.yaml"
    path.write_bytes(text.encode())
    return edit.propose(path, {}, steps).after.decode()


def lines_of(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip()}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_source_is_added_to_any_layout(tmp_path: Path, layout: str) -> None:
    before = sources(layout)
    text = edited(tmp_path, layout, edit.adding([ITEM, {"name": "D", "path": "./a b"}]))
    new = [{**ITEM, "enabled": "false"}, {"name": "D", "path": "./a b"}]
    assert sources(text) == [*before, *new]
    assert text.count("\r\n") == (text.count("\n") if "\r\n" in layout else 0)
    assert text.startswith("\ufeff") == layout.startswith("\ufeff")
    assert {line for line in lines_of(layout) if line.startswith("#")} <= lines_of(text)


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("layout", [text for text in LAYOUTS.values() if sources(text)])
def test_a_source_is_removed_from_any_layout_and_the_other_stays_as_it_is(
    tmp_path: Path, layout: str, index: int
) -> None:
    before = sources(layout)
    text = edited(tmp_path, layout, edit.removing(index))
    assert sources(text) == [before[1 - index]]
    elsewhere = {line for line in lines_of(layout) if line.startswith(("# tail", "engine", "site", "..."))}
    assert elsewhere <= lines_of(text)
    refilled = edited(tmp_path, layout, edit.removing(0), edit.removing(0), edit.adding([ITEM]))
    assert [source["name"] for source in sources(refilled)] == [ITEM["name"]]


def one_value(index: int) -> Iterable[tuple[Step, list[str], Any]]:
    yield edit.setting(index, ["url"], "https://new.example/?a=b,c"), ["url"], "https://new.example/?a=b,c"
    yield edit.setting(index, ["limit"], 30), ["limit"], "30"
    yield edit.setting(index, ["name"], "a: b # c"), ["name"], "a: b # c"
    yield edit.setting(index, ["clean", "forbid"], ["x", "y: z"]), ["clean", "forbid"], ["x", "y: z"]


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("layout", [text for text in LAYOUTS.values() if sources(text)])
def test_a_key_is_set_in_any_layout_and_nothing_else_changes(tmp_path: Path, layout: str, index: int) -> None:
    for step, key, value in one_value(index):
        expected = sources(layout)
        holder = expected[index]
        for name in key[:-1]:
            holder = holder.setdefault(name, {})
        holder[key[-1]] = value
        assert sources(edited(tmp_path, layout, step)) == expected


@pytest.mark.parametrize("layout", [text for text in LAYOUTS.values() if sources(text)])
def test_a_key_that_was_set_can_be_taken_out_again(tmp_path: Path, layout: str) -> None:
    filled = edited(tmp_path, layout, edit.setting(0, ["clean", "learn"], True), edit.setting(0, ["limit"], 3))
    emptied = edited(tmp_path, filled, edit.dropping(0, ["clean", "learn"]), edit.dropping(0, ["limit"]))
    assert sources(emptied) == sources(layout)
    assert emptied.rstrip() == layout.rstrip()


COMMENTED = (
    SITE
    + """\
sources:
  # 中文
  - name: A
    url: http://a.example/   # a
    # more of A

  # Only this one is slow.
  - name: B
    url: http://b.example/
    interval: 1h             # hourly
    enabled: true
  - name: C
    url: http://c.example/

# tail
"""
)


def test_comments_go_with_the_source_that_they_are_about(tmp_path: Path) -> None:
    without_a = edited(tmp_path, COMMENTED, edit.removing(0))
    assert without_a == COMMENTED.replace(COMMENTED[COMMENTED.index("  # 中文") : COMMENTED.index("  # Only")], "")
    without_b = edited(tmp_path, COMMENTED, edit.removing(1))
    assert "# Only this one is slow." in without_b, "it heads C, too, for all we know"
    without_both = edited(tmp_path, COMMENTED, edit.removing(2), edit.removing(1))
    assert "# Only this one is slow." not in without_both
    assert without_both.endswith("    # more of A\n\n# tail\n")


def test_a_source_that_was_commented_out_is_no_comment_on_the_next(tmp_path: Path) -> None:
    text = SITE + f"sources:\n  # - name: old\n  #   url: {A}\n  - name: B\n    url: {B}\n"
    assert "#   url" in edited(tmp_path, text, edit.removing(0))


def test_a_comment_behind_a_value_keeps_its_column(tmp_path: Path) -> None:
    text = edited(tmp_path, COMMENTED, edit.setting(1, ["interval"], "90m"))
    assert text == COMMENTED.replace("interval: 1h             # hourly", "interval: 90m            # hourly")


def test_sources_set_apart_by_blank_lines_stay_so(tmp_path: Path) -> None:
    text = SITE + f"sources:\n  - name: A\n    url: {A}\n\n  - name: B\n    url: {B}\n"
    assert edited(tmp_path, text, edit.adding([{"name": "C", "url": "http://c.example/"}])) == (
        text + "\n  - name: C\n    url: http://c.example/\n"
    )


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (edit.setting(0, ["intervall"], "1h"), "unknown key 'intervall': did you mean 'interval'?"),
        (edit.setting(0, ["interval"], "soon"), "expected a duration"),
        (edit.dropping(0, ["name"]), "'name' is missing"),
        (edit.adding([{"name": "A", "url": B}]), "two sources of one name, 'A'"),
        (edit.setting(0, ["url"], "https://h.example/${HOME}"), "${HOME} is not replaced here"),
    ],
)
def test_what_would_not_be_valid_is_refused_in_the_words_of_check(tmp_path: Path, step: Step, said: str) -> None:
    with pytest.raises(ConfigError, match="nothing was written") as refused:
        edited(tmp_path, LAYOUTS["block"], step)
    assert said in str(refused.value)
    assert (tmp_path / "config.yaml").read_text() == LAYOUTS["block"]


def test_a_file_that_is_not_valid_is_not_edited(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml:4:5: .*unknown key 'urll'"):
        edited(tmp_path, LAYOUTS["block"].replace("url: http://a", "urll: http://a"), edit.removing(1))


def test_the_file_before_stays_beside_it_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(COMMENTED)
    path.chmod(0o640)
    change = edit.propose(path, {}, [edit.removing(0)])
    assert path.read_text() == COMMENTED, "a proposal writes nothing"
    backup = edit.write(change)
    assert backup == tmp_path / "config.yaml~"
    assert backup.read_text() == COMMENTED
    assert path.read_bytes() == change.after
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path, backup)} == {0o640}
    assert sorted(os.listdir(tmp_path)) == ["config.yaml", "config.yaml~"]


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "config.yaml"
    real.write_text(COMMENTED)
    link.symlink_to("real.yaml")
    edit.write(edit.propose(link, {}, [edit.removing(0)]))
    assert link.is_symlink()
    assert "name: A" not in real.read_text()


def test_what_somebody_else_wrote_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(COMMENTED)
    change = edit.propose(path, {}, [edit.removing(0)])
    path.write_text(COMMENTED + "engine: embedded\n")
    with pytest.raises(ConfigError, match="edited meanwhile"):
        edit.write(change)
    assert path.read_text().endswith("engine: embedded\n")


def test_a_folder_that_cannot_be_written_to_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(COMMENTED)
    change = edit.propose(path, {}, [edit.removing(0)])
    (tmp_path / "config.yaml~").mkdir()  # as good as a read-only folder, for root too
    with pytest.raises(StoreError, match=r"config\.yaml: cannot be written"):
        edit.write(change)
    assert path.read_text() == COMMENTED
    assert sorted(os.listdir(tmp_path)) == ["config.yaml", "config.yaml~"]


def test_a_diff_shows_what_changed_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(SITE + "sources:\n  - name: A\n    url: https://me:pw1@a.example/\n    headers: {X-Key: abc123}\n")
    steps = [edit.setting(0, ["auth"], {"username": "me", "password": "geheim"}), edit.setting(0, ["limit"], 3)]
    shown = "\n".join(edit.propose(path, {}, steps).diff())
    assert "limit: 3" in shown
    assert "geheim" not in shown
    removed = edit.propose(path, {}, [edit.removing(0)]).diff()
    assert "abc123" not in "".join(removed)
    assert "pw1" not in "".join(removed)
