"""Faults of storage, for real where the system lets us: told in its words, nothing lost, over when the cause is gone."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from io import FileIO
from pathlib import Path

import feedparser
import pytest

from aggregator.errors import BusyError, StoreError
from aggregator.obstacles import FIRST, LONGEST, Obstacles
from aggregator.store.lock import only_writer
from tests.e2e.service import Service, command, configure, eventually, running
from tests.world import World, article, item, rss

FEED = "https://blog.example/feed"
LONG = "　　市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，水压较去年同期提高两成。"
SNOW = (
    "　　省气象台预计，未来三天北部山区将有小到中雪，累计降水量五至八毫米，农业部门提醒菜农及时加固大棚并注意夜间保温。"
)


class Disk:
    """A file system of its own: it can be full, and it can be read-only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self) -> None:
        with open(self.root / "ballast", "ab", buffering=0) as ballast:
            for size in (65536, 4096, 1):
                while self._takes(ballast, size):
                    pass

    def _takes(self, ballast: FileIO, size: int) -> bool:
        try:
            return ballast.write(bytes(size)) > 0
        except OSError:
            return False

    def free(self) -> None:
        (self.root / "ballast").unlink()

    def mount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.root)], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    root = tmp_path / "disk"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tests", str(root)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")
    yield Disk(root)
    subprocess.run(["umount", "--lazy", str(root)], check=True, capture_output=True)


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED, category="技术")
    world.network.answers[FEED] = rss(item(1))
    return world


def stored(blog: World) -> list[str]:
    return [title for (title,) in blog.rows("SELECT title FROM entry ORDER BY id")]


# --- a full disk, a read-only one ----------------------------------------------------------


@pytest.mark.sqlite
def test_a_full_disk_below_the_database_loses_nothing(blog: World, disk: Disk) -> None:
    blog.config["database"] = "sqlite:///disk/news.db"
    blog.once()
    before = blog.published()
    blog.network.answers[FEED] = rss(item(1), *(item(n, body=f"<p>{os.urandom(9000).hex()}</p>") for n in range(2, 9)))
    disk.fill()
    with pytest.raises(StoreError, match=r"full|disk I/O error") as raised:
        blog.once()
    assert "make room" in str(raised.value)
    assert not raised.value.lasting
    assert blog.published() == before
    disk.free()
    blog.once()
    assert len(stored(blog)) == 8
    assert len(blog.titles()) == 8


def test_a_full_disk_below_the_output_replaces_nothing(blog: World, disk: Disk) -> None:
    blog.config["output"] = {"directory": "disk"}
    blog.once()
    feed = disk.root / "feeds" / "all.atom"
    good = feed.read_bytes()
    blog.network.answers[FEED] = rss(item(1), item(2))
    disk.fill()
    with pytest.raises(StoreError, match=r"No space left on device\. Free some space"):
        blog.once()
    assert feed.read_bytes() == good
    assert not list(feed.parent.glob(".*"))
    disk.free()
    assert blog.publish()
    assert b"Item 2" in feed.read_bytes()


def test_a_read_only_output_folder_is_named_and_written_to_afterwards(blog: World, disk: Disk) -> None:
    blog.config["output"] = {"directory": "disk"}
    blog.once()
    blog.network.answers[FEED] = rss(item(1), item(2))
    disk.mount("ro")
    with pytest.raises(StoreError, match="Read-only file system") as raised:
        blog.once()
    assert str(disk.root) in str(raised.value)
    assert stored(blog) == ["Item 1", "Item 2"]
    disk.mount("rw")
    assert blog.once()["Blog"].tally.new == 0
    assert b"Item 2" in (disk.root / "feeds" / "all.atom").read_bytes()


@pytest.mark.sqlite
def test_a_read_only_database_is_named_and_written_to_afterwards(blog: World, disk: Disk) -> None:
    blog.config["database"] = "sqlite:///disk/news.db"
    blog.once()
    disk.mount("ro")
    with pytest.raises(StoreError, match=r"(?i)read-?only|writable"):
        blog.once()
    disk.mount("rw")
    blog.network.answers[FEED] = rss(item(1), item(2))
    blog.once()
    assert stored(blog) == ["Item 1", "Item 2"]


# --- others, and damage --------------------------------------------------------------------


@pytest.mark.sqlite
def test_two_writers_the_second_is_told_of_the_first(blog: World) -> None:
    blog.once()
    file = blog.open().database.sqlite_file
    assert file is not None
    with only_writer(file), pytest.raises(BusyError, match=f"process {os.getpid()} is using"):
        blog.once()
    assert blog.once()["Blog"].message is None


@pytest.mark.sqlite
def test_a_damaged_database_is_left_as_it_is(blog: World) -> None:
    blog.once()
    blog.open().database.close()
    file = blog.folder / "data" / "aggregator.db"
    blog.once()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    file.write_bytes(data)
    with pytest.raises(StoreError, match=r"malformed.*db restore") as raised:
        blog.once()
    assert raised.value.lasting
    assert file.read_bytes() == data


@pytest.mark.sqlite
def test_a_file_that_is_no_database_is_left_as_it_is(blog: World) -> None:
    file = blog.folder / "data" / "aggregator.db"
    file.parent.mkdir()
    file.write_text("my diary, volume one\n" * 300)
    with pytest.raises(StoreError, match=r"not a database.*name another file"):
        blog.once()
    assert file.read_text().startswith("my diary")


# --- the service ---------------------------------------------------------------------------


def titles(service: Service) -> list[str]:
    status, _, body = service.get("feeds/all.atom")
    return sorted(entry.title for entry in feedparser.parse(body).entries) if status == 200 else []


def problems(service: Service) -> str:
    return service.get("healthz")[2].decode()


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_text(article("第一篇", f"<p>{LONG}</p>"), encoding="utf-8")
    return tmp_path


def test_a_service_outlives_a_full_disk(articles: Path, disk: Disk) -> None:
    configure(
        articles,
        [{"name": "文章", "path": "articles"}],
        database="sqlite:///disk/news.db",
        output={"directory": "disk/public"},
    )
    with running(articles) as service:
        eventually(lambda: titles(service) == ["第一篇"])
        disk.fill()
        for number in range(20):
            body = f"<p>{number}{SNOW}</p><p>{os.urandom(3000).hex()}</p>"
            (articles / "articles" / f"{number}.md").write_text(article(f"{number} 号", body), encoding="utf-8")
        eventually(lambda: "No space left" in problems(service) or "full" in problems(service))
        assert service.process.poll() is None
        assert titles(service) == ["第一篇"]
        disk.free()
        eventually(lambda: len(titles(service)) == 21)
        eventually(lambda: "full" not in problems(service) and "No space" not in problems(service))
        assert service.stop() == 0
    assert "Traceback" not in (articles / "log.txt").read_text()


def test_a_service_waits_for_a_lock_to_be_released(articles: Path) -> None:
    configure(articles, [{"name": "文章", "path": "articles"}])
    with running(articles) as service:
        eventually(lambda: titles(service) == ["第一篇"])
        other = sqlite3.connect(articles / "data" / "aggregator.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        (articles / "articles" / "b.md").write_text(article("第二篇", f"<p>{SNOW}</p>"), encoding="utf-8")
        eventually(lambda: service.get("feeds/all.atom")[0] == 200)  # readers do not wait
        other.execute("COMMIT")
        other.close()
        eventually(lambda: titles(service) == ["第一篇", "第二篇"])
        assert service.stop() == 0


def test_a_service_ends_with_a_damaged_database_and_overwrites_nothing(articles: Path) -> None:
    configure(articles, [{"name": "文章", "path": "articles", "interval": "1s"}])
    with running(articles) as service:
        eventually(lambda: titles(service) == ["第一篇"])
        assert service.stop() == 0
        file = articles / "data" / "aggregator.db"
        data = bytearray(file.read_bytes())
        data[4096:] = b"\xa5" * (len(data) - 4096)
        file.write_bytes(data)
    again = command(articles, "run")
    assert again.returncode == 4
    assert "db restore" in again.stderr
    assert "Traceback" not in again.stderr
    assert file.read_bytes() == data


def test_an_obstacle_is_waited_for_longer_each_time_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    obstacles, error = Obstacles(lambda: now[0]), StoreError("the disk is full")
    waits = []
    for _ in range(9):
        obstacles.met("check", error)
        obstacles.met("check", error)  # of another source at the same time
        waits.append(obstacles.waits("check"))
        now[0] += waits[-1]
        assert obstacles.waits("check") == 0
    assert waits[:3] == [FIRST, FIRST * 2, FIRST * 4]
    assert waits[-1] == LONGEST
    assert len(caplog.records) == 1
    assert list(obstacles.messages) == ["the disk is full"]
    obstacles.over("publish")
    assert obstacles.messages
    obstacles.over("check")
    assert list(obstacles.messages) == []
    assert obstacles.waits("check") == 0


# --- the clock -----------------------------------------------------------------------------


def next_checks(blog: World) -> list[timedelta]:
    rows = blog.rows("SELECT next_check FROM source")
    return [timedelta(microseconds=stamp - round(blog.clock.now.timestamp() * 10**6)) for (stamp,) in rows]


def test_after_the_clock_was_set_back_sources_come_as_if_they_had_been_checked_now(blog: World) -> None:
    blog.once()
    (before,) = next_checks(blog)
    blog.clock.forward(days=3650)
    blog.once()
    blog.clock.forward(days=-3650)
    asked = len(blog.network.asked)
    blog.once(everything=False)
    assert len(blog.network.asked) == asked
    (wait,) = next_checks(blog)
    assert timedelta() < wait <= timedelta(days=1)
    assert before > timedelta()


def test_stamps_do_not_run_backwards_with_the_clock(blog: World) -> None:
    blog.once()
    blog.clock.forward(days=1)
    blog.network.answers[FEED] = rss(item(1, body="<p>It says something else altogether by now, at length.</p>"))
    blog.once()
    ((first,),) = blog.rows("SELECT updated FROM entry")
    blog.clock.forward(days=-30)
    blog.network.answers[FEED] = rss(
        item(1, body="<p>And a third text, which has nothing of the second one in it.</p>")
    )
    blog.once()
    ((second,),) = blog.rows("SELECT updated FROM entry")
    assert second > first
    assert json.dumps(blog.feed().feed.updated) >= json.dumps(blog.feed().entries[0].updated)
