"""Scans over real folders: what differs from what is known, in order, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetch.folder import Change, Found, Missing, Unsettled, escape, read, scan, unescape
from aggregator.model import Document, Failed, FileState, Outcome, Refused

#: Seconds since the epoch; files of these tests were last written a minute before.
NOW = 1_800_000_000.0
BEFORE = (NOW - 60, NOW - 60)


def write(root: Path, *paths: str, text: str = "文", times: tuple[float, float] = BEFORE) -> None:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        os.utime(file, times)


def scanned(root: Path, known: Iterable[FileState] = (), *, follow_links: bool = False) -> list[Change]:
    changes = scan(os.fspath(root), known, follow_links=follow_links, now=NOW)
    assert not isinstance(changes, Failed)
    return list(changes)


def states(root: Path) -> list[FileState]:
    return [FileState(file.path, file.size, file.mtime) for file in scanned(root) if isinstance(file, Found)]


def paths(changes: Iterable[Change], kind: type = Found) -> list[str]:
    return [change.path for change in changes if isinstance(change, kind)]


def test_a_new_folder_is_found_whole_and_an_unchanged_one_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, "金融/某报/国内/一.md", "b.markdown", "c.HTML")
    assert paths(scanned(tmp_path)) == ["b.markdown", "c.HTML", "金融/某报/国内/一.md"]
    assert scanned(tmp_path, states(tmp_path)) == []


def test_new_changed_and_missing_files_are_told(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md", "c.md", "d/e.md")
    known = states(tmp_path)
    write(tmp_path, "b.md", text="改过了")
    write(tmp_path, "c.md", times=(NOW - 30, NOW - 30))
    write(tmp_path, "bb.md")
    (tmp_path / "a.md").unlink()
    (tmp_path / "d/e.md").unlink()
    assert scanned(tmp_path, known) == [
        Missing("a.md"),
        Found("b.md", 9, int(NOW - 60) * 10**9, known=True),
        Found("bb.md", 3, int(NOW - 60) * 10**9, known=False),
        Found("c.md", 3, int(NOW - 30) * 10**9, known=True),
        Missing("d/e.md"),
    ]


def test_a_missing_file_is_told_once_and_found_again_when_it_is_back(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "b.md")
    a, b = states(tmp_path)
    gone = FileState(b.path, b.size, b.mtime, missing=True)
    assert scanned(tmp_path, [a, gone]) == [Found("b.md", b.size, b.mtime, known=True)]
    (tmp_path / "b.md").unlink()
    assert scanned(tmp_path, [a, gone]) == []


@given(
    st.sets(
        st.lists(
            st.text("a.-/你\U0001f382~ %", min_size=1, max_size=3).map(lambda name: name.replace("/", "z")),
            min_size=1,
            max_size=3,
        ).map(lambda names: "/".join(f"x{name}x" for name in names)),
        max_size=12,
    )
)
def test_paths_ascend_by_code_point(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    root = tmp_path_factory.mktemp("tree")
    wanted = {f"{name}.md" for name in names}
    write(root, "keep.md", *wanted)
    found = paths(scanned(root))
    assert found == sorted({"keep.md", *wanted})
    assert scanned(root, states(root)) == []


def test_a_folder_stands_where_its_files_do(tmp_path: Path) -> None:
    write(tmp_path, "a/x.md", "a.md", "a-b/x.md", "a0.md")
    assert paths(scanned(tmp_path)) == ["a-b/x.md", "a.md", "a/x.md", "a0.md"]


def test_what_is_no_article_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, ".md", "x/.md", "a.md", " .md", "#话题.md")
    write(tmp_path, "robots.txt", "a.md~", "#a.md#", ".a.md.swp", ".hidden.md", "a.md.tmp", "b.md.part", "a.png")
    write(tmp_path, ".git/a.md", "node_modules/p/README.md", "old~/a.md", "x.tmp/a.md")
    assert paths(scanned(tmp_path)) == [" .md", "#话题.md", ".md", "a.md", "x/.md"]


@pytest.mark.parametrize(
    ("mtime", "kind"),
    [
        (NOW - 0.5, Unsettled),
        (NOW, Unsettled),
        (NOW + 2, Unsettled),
        (NOW - 1.5, Found),
        (NOW + 3600, Found),
        (0.0, Found),
    ],
)
def test_a_file_that_is_being_written_is_left_for_the_next_scan(tmp_path: Path, mtime: float, kind: type) -> None:
    write(tmp_path, "a.md", times=(mtime, mtime))
    assert [type(change) for change in scanned(tmp_path)] == [kind]


@pytest.mark.parametrize("state", ["missing", "empty", "file", "only other files"])
def test_a_folder_that_is_gone_is_a_failure_and_nothing_is_missing(tmp_path: Path, state: str) -> None:
    root = tmp_path / "root"
    if state == "file":
        root.write_text("x")
    elif state != "missing":
        write(root, "kept/notes.txt")
    failed = scan(os.fspath(root), [FileState("a.md", 1, 1)], follow_links=False, now=NOW)
    assert isinstance(failed, Failed)
    assert failed.outcome is Outcome.NO_FOLDER
    assert failed.remedy


def test_a_folder_that_was_always_empty_is_no_failure(tmp_path: Path) -> None:
    assert scanned(tmp_path) == []
    assert scanned(tmp_path, [FileState("a.md", 1, 1, missing=True)]) == []


@contextmanager
def nested(root: Path, levels: int) -> Iterator[None]:
    """A tree deeper than a path may be long has to be made, and taken away, step by step."""
    home = Path.cwd()
    os.chdir(root)
    try:
        for _ in range(levels):
            Path("d").mkdir()
            os.chdir("d")
        write(Path(), "x.md")
        yield
    finally:
        Path("x.md").unlink()
        for _ in range(levels):
            os.chdir("..")
            Path("d").rmdir()
        os.chdir(home)


def test_a_tree_deeper_than_the_stack_is_walked(tmp_path: Path) -> None:
    with nested(tmp_path, 1500):
        assert paths(scanned(tmp_path)) == ["d/" * 1500 + "x.md"]


def test_what_lies_in_a_folder_that_cannot_be_read_is_not_missing(tmp_path: Path) -> None:
    """Too long a path is what even the superuser cannot open."""
    bottom = "d/" * 2500 + "x.md"
    known = [FileState("c.md", 1, 1), FileState(bottom, 1, 1), FileState("e.md", 1, 1)]
    with nested(tmp_path, 2500):
        changes = scanned(tmp_path, known)
    assert [type(change) for change in changes] == [Missing, Refused, Missing]
    assert bottom.startswith(changes[1].path)
    assert changes[1].path.endswith("/")


# --- links -----------------------------------------------------------------------------------------


def test_links_inside_the_folder_are_followed(tmp_path: Path) -> None:
    write(tmp_path, ".store/2026/a.md", "b.md")
    (tmp_path / "now").symlink_to(".store/2026", target_is_directory=True)
    (tmp_path / "c.md").symlink_to("b.md")
    assert paths(scanned(tmp_path)) == ["b.md", "c.md", "now/a.md"]


def test_links_out_of_the_folder_are_refused_unless_allowed(tmp_path: Path) -> None:
    write(tmp_path, "outside/secret.md", "rootling/x.md", "root/a.md")
    root = tmp_path / "root"
    (root / "b.md").symlink_to("../outside/secret.md")
    (root / "c").symlink_to("../outside", target_is_directory=True)
    # A neighbour whose name begins like the root's is outside, too.
    (root / "d").symlink_to("../rootling", target_is_directory=True)
    known = [FileState("c/secret.md", 1, 1)]
    assert paths(scanned(root, known), Refused) == ["b.md", "c/", "d/"]
    assert paths(scanned(root, known), Missing) == []
    assert paths(scanned(root, follow_links=True)) == ["a.md", "b.md", "c/secret.md", "d/x.md"]


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, "real/a.md")
    (tmp_path / "root").symlink_to("real", target_is_directory=True)
    (tmp_path / "real/b.md").symlink_to("a.md")
    assert paths(scanned(tmp_path / "root")) == ["a.md", "b.md"]


def test_loops_end(tmp_path: Path) -> None:
    write(tmp_path, "a/x.md", "b/y.md")
    (tmp_path / "a/up").symlink_to("..", target_is_directory=True)
    (tmp_path / "a/self").symlink_to("self")
    (tmp_path / "a/self.md").symlink_to("self.md")
    (tmp_path / "a/b").symlink_to("../b", target_is_directory=True)
    (tmp_path / "b/a").symlink_to("../a", target_is_directory=True)
    changes = scanned(tmp_path)
    assert {"a/x.md", "b/y.md"} <= set(paths(changes))
    assert {"a/up/", "a/self.md"} <= set(paths(changes, Refused))


def test_links_that_fork_at_each_level_do_not_multiply(tmp_path: Path) -> None:
    for level in range(12):
        folder = tmp_path / f"level{level:02}"
        write(folder, "a.md")
        for fork in "xy":
            (folder / fork).symlink_to(f"../level{level + 1:02}", target_is_directory=True)
    assert len(paths(scanned(tmp_path))) <= 12 * 13


def test_a_link_to_nowhere_and_a_pipe_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    (tmp_path / "b.md").symlink_to("gone.md")
    os.mkfifo(tmp_path / "c.md")
    assert paths(scanned(tmp_path), Refused) == ["b.md", "c.md"]
    assert isinstance(read(os.fspath(tmp_path), "c.md", 100), Refused)


# --- names and reading -------------------------------------------------------------------------------


@given(st.binary(min_size=1, max_size=12).filter(lambda raw: not {0, 47} & set(raw)))
def test_every_name_comes_back(raw: bytes) -> None:
    path = escape(os.fsdecode(raw))
    assert path.encode()
    assert unescape(path) == raw


@pytest.mark.parametrize("name", ["%secretclub%power.md", "100%.md", "中文 名.md", "a%2Fb.md"])
def test_names_in_utf8_stay_as_they_are(name: str) -> None:
    assert escape(name) == name


def test_names_that_look_escaped_are_not_taken_for_others() -> None:
    names = [os.fsdecode(raw) for raw in (b"a\xff.md", b"a%FF.md", b"a%25FF.md", b"%\xff.md", b"%25\xff.md")]
    assert len({escape(name) for name in names}) == len(names)


def test_a_file_whose_name_is_not_utf8_is_read(tmp_path: Path) -> None:
    file = os.path.join(os.fsencode(tmp_path), "中文".encode("gbk") + b".md")
    with open(file, "wb") as opened:
        opened.write(b"x")
    os.utime(file, BEFORE)
    (path,) = paths(scanned(tmp_path))
    assert path == "%D6%D0%CE%C4.md"
    document = read(os.fspath(tmp_path), path, 100)
    assert isinstance(document, Document)
    assert document.path == path


def test_reading_gives_body_path_and_digest(tmp_path: Path) -> None:
    write(tmp_path, "金融/a.md", text="正文")
    body = "正文".encode()
    digest = blake2b(body, digest_size=16).digest()
    assert read(os.fspath(tmp_path), "金融/a.md", 6) == Document(body, path="金融/a.md", digest=digest)


@pytest.mark.parametrize(
    ("path", "says"), [("big.md", "max_bytes"), ("gone.md", "cannot be read"), ("folder.md", "irectory")]
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, path: str, says: str) -> None:
    write(tmp_path, "big.md", text="x" * 11)
    (tmp_path / "folder.md").mkdir()
    refused = read(os.fspath(tmp_path), path, 10)
    assert isinstance(refused, Refused)
    assert refused.path == path
    assert says in refused.reason
