"""What takes long: run by `make soak`."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import feedparser
import pytest

from tests.e2e.service import command, configure, eventually, running
from tests.world import article

pytestmark = pytest.mark.soak

KILLS = 25
TEXT = "第 {n} 号公告：城北 {m} 路公交自 {d} 日起改走新线，途经站点由 {a} 个增为 {b} 个，首末班时间不变，票价仍为两元。"


def write(folder: Path, number: int) -> None:
    luck = random.Random(number)
    body = TEXT.format(
        n=number, m=luck.randint(100, 999), d=luck.randint(1, 28), a=luck.randint(8, 19), b=luck.randint(20, 40)
    )
    file = folder / "articles" / f"{number}.md"
    file.write_text(article(f"第 {number} 号公告", f"<p>{body}</p>", author=f"社{number}"), encoding="utf-8")


def reference(folder: Path, clean: Path, total: int) -> dict[str, str]:
    """What an installation that was never disturbed publishes of the same files."""
    (clean / "articles").mkdir()
    for number in range(total):
        write(clean, number)
    configure(clean, [{"name": "文章", "path": "articles"}], output={"entries": 1000})
    assert command(clean, "once").returncode == 0
    return ids(clean)


def ids(folder: Path) -> dict[str, str]:
    feed = feedparser.parse(str(folder / "public/feeds/all.atom"))
    assert not feed.bozo
    return {entry.id: entry.title for entry in feed.entries}


def test_killed_at_random_moments_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    folder, clean = tmp_path / "killed", tmp_path / "clean"
    (folder / "articles").mkdir(parents=True)
    clean.mkdir()
    configure(folder, [{"name": "文章", "path": "articles"}], output={"entries": 1000})
    luck = random.Random(1)
    total = 0
    for _ in range(KILLS):
        for _ in range(luck.randint(1, 30)):
            write(folder, total)
            total += 1
        with running(folder) as service:
            time.sleep(luck.uniform(0, 3))  # the moment of the kill is the subject of this test
            service.stop(signal.SIGKILL)
    wanted = reference(folder, clean, total)
    with running(folder) as service:
        eventually(lambda: (folder / "public/feeds/all.atom").exists() and len(ids(folder)) >= len(wanted))
        assert service.stop() == 0
    assert ids(folder) == wanted
    assert not list((folder / "public").rglob(".*.tmp"))
