"""Files of the output folder: whole or not at all, and only when they differ."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from aggregator import publish
from aggregator.errors import StoreError
from aggregator.publish.files import put, remove, sweep, sync_folders


def everything(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("sync", [True, False])
def test_a_file_is_written_with_its_folders_and_nothing_beside_it(tmp_path: Path, sync: bool):
    assert put(tmp_path, "feeds/金融/新浪财经.atom", b"one", sync=sync)
    assert (tmp_path / "feeds/金融/新浪财经.atom").read_bytes() == b"one"
    assert everything(tmp_path) == ["feeds/金融/新浪财经.atom"]


def test_a_file_that_holds_the_same_is_left_alone(tmp_path: Path):
    put(tmp_path, "a.atom", b"one", sync=False)
    before = (tmp_path / "a.atom").stat()
    assert not put(tmp_path, "a.atom", b"one", sync=False)
    after = (tmp_path / "a.atom").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_changed_file_is_replaced_and_not_written_into(tmp_path: Path):
    put(tmp_path, "a.atom", b"one", sync=False)
    with open(tmp_path / "a.atom", "rb") as reader:
        assert put(tmp_path, "a.atom", b"two", sync=False)
        assert reader.read() == b"one"
    assert (tmp_path / "a.atom").read_bytes() == b"two"


def test_other_users_may_read_what_is_published(tmp_path: Path):
    put(tmp_path, "a.atom", b"one", sync=False)
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "a.atom").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("path", ["../a", "a/../../b", "/etc/passwd", "a//b", "", "a\0b", "./a"])
def test_nothing_is_written_outside_the_folder(tmp_path: Path, path: str):
    with pytest.raises(ValueError, match="not a path below"):
        put(tmp_path / "public", path, b"x", sync=False)


def test_a_name_that_is_too_long_says_so_and_what_to_do(tmp_path: Path):
    with pytest.raises(StoreError, match=r"too long\..*slug"):
        put(tmp_path, "feeds/" + "长" * 100 + ".atom", b"x", sync=False)
    assert everything(tmp_path) == []


def test_the_longest_name_has_room_for_its_temporary_one(tmp_path: Path):
    name = "长" * 83 + ".atom"
    assert len(name.encode()) == 254
    assert put(tmp_path, name, b"x", sync=True)
    assert everything(tmp_path) == [name]


def test_a_folder_where_a_file_belongs_is_a_clear_error_and_leaves_nothing(tmp_path: Path):
    (tmp_path / "a.atom" / "inside").mkdir(parents=True)
    with pytest.raises(StoreError, match="A folder lies where a file belongs"):
        put(tmp_path, "a.atom", b"x", sync=False)
    assert everything(tmp_path) == []


def test_a_file_where_a_folder_belongs_is_a_clear_error(tmp_path: Path):
    put(tmp_path, "feeds", b"x", sync=False)
    with pytest.raises(StoreError, match="A file lies where a folder belongs"):
        put(tmp_path, "feeds/a.atom", b"x", sync=False)


def test_a_write_that_fails_keeps_the_old_file_and_gives_the_systems_words(tmp_path: Path):
    put(tmp_path, "a.atom", b"old", sync=False)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StoreError, match=r"cannot publish .*a\.atom: File too large\. "):
            put(tmp_path, "a.atom", b"new" * 1000, sync=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / "a.atom").read_bytes() == b"old"
    assert everything(tmp_path) == ["a.atom"]


def test_temporary_files_of_a_killed_process_are_swept_and_no_others(tmp_path: Path):
    put(tmp_path, "feeds/a.atom", b"x", sync=False)
    (tmp_path / "feeds/.a.atom.0123abcd.tmp").write_bytes(b"half")
    (tmp_path / "feeds/.a.atom.tmp").write_bytes(b"somebody's own")
    assert sweep(tmp_path) == 1
    assert everything(tmp_path) == ["feeds/.a.atom.tmp", "feeds/a.atom"]


def test_sweeping_a_folder_that_is_not_there_finds_nothing(tmp_path: Path):
    assert sweep(tmp_path / "none") == 0


def test_removing_tells_whether_there_was_something(tmp_path: Path):
    put(tmp_path, "e/a.html", b"x", sync=False)
    assert remove(tmp_path, "e/a.html")
    assert not remove(tmp_path, "e/a.html")


def test_folders_are_flushed(tmp_path: Path):
    put(tmp_path, "feeds/a/b.atom", b"x", sync=True)
    sync_folders(tmp_path, ["feeds/a/b.atom", "feeds/a/b.atom"])
    with pytest.raises(StoreError, match="No such file"):
        sync_folders(tmp_path, ["missing/b.atom"])


def test_the_facade_offers_what_the_pipeline_needs():
    assert [name for name in publish.__all__ if not hasattr(publish, name)] == []
