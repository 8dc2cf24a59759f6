"""The service left alone with everything that happens to it in years, in a few minutes.

`SOAK_MINUTES=30 make soak` has it last longer. The disk that fills is a small file system of its own, which
only root can mount; without it that part is left out.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.e2e.service import Service, command, running
from tests.e2e.test_soak import write
from tests.played import Request, Server, reply
from tests.world import item, rss

pytestmark = pytest.mark.soak

MINUTES = float(os.environ.get("SOAK_MINUTES", "3"))
#: Items that the feed shows: more than come while a claim lasts, for a kill in the middle of a check leaves one.
WINDOW = 1500
#: Bytes by which a process may grow once it has warmed up: caches of the database, one for each connection.
GROWTH = 60_000_000
#: Seconds until it has; of a long life a third.
WARM = max(30, MINUTES * 60 / 5 / 3)
#: Seconds that a command may take over everything that came meanwhile, on a busy machine.
AFTERWARDS = 60 + 30 * MINUTES


@dataclass
class Load:
    """What the world does meanwhile."""

    folder: Path
    luck: random.Random = field(default_factory=lambda: random.Random(7))
    files: int = 0
    items: int = 0

    def feed(self, window: int = WINDOW) -> bytes:
        shown = range(max(self.items - window, 0), self.items)
        return rss(*(self._item(number) for number in reversed(shown))).encode()

    def _item(self, number: int) -> str:
        luck = random.Random(f"item {number}")
        body = f"<p>Line {number}: {' '.join(str(luck.randint(100, 10**6)) for _ in range(20))}</p>"
        return item(number, title=f"Report {number}", body=body, guid=f"report-{number}")

    def go_on(self) -> None:
        for _ in range(self.luck.randint(0, 3)):
            write(self.folder, self.files)
            self.files += 1
        self.items += self.luck.randint(0, 2)

    def edit(self, config: dict[str, object]) -> None:
        """As editors save: in place, by a second file, in two halves, and now and then something wrong."""
        text = json.dumps({**config, "site": {**SITE, "title": f"试刊 {self.luck.randint(1, 9)}"}}, ensure_ascii=False)
        file = self.folder / "config.yaml"
        way = self.luck.randrange(4)
        if way == 0:
            file.write_text(text)
        elif way == 1:
            (self.folder / "config.yaml.new").write_text(text)
            (self.folder / "config.yaml.new").replace(file)
        elif way == 2:
            file.write_text(text[: len(text) // 2])
            file.write_text(text)
        else:
            file.write_text(text.replace('"sources"', '"sauces"'))


SITE = {"url": "https://news.example.org/", "tag": "news.example.org,2026", "language": "zh"}


def configuration(feed: str, place: str) -> dict[str, object]:
    return {
        "server": {"port": 0},
        "database": f"sqlite:///{place}data/aggregator.db",
        "output": {"directory": f"{place}public", "entries": 20},
        "network": {"allow": ["127.0.0.1"]},
        "sources": [{"name": "文章", "path": "articles"}, {"name": "Feed", "url": feed, "interval": "2s"}],
    }


def settle(folder: Path, config: dict[str, object]) -> None:
    """A configuration without a mistake, for a start."""
    (folder / "config.yaml").write_text(json.dumps({**config, "site": {**SITE, "title": "试刊"}}, ensure_ascii=False))


def test_at_the_end_everything_is_there_and_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As the deployment files have it: each thread of its own heap keeps what another could use.
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    folder, clean = tmp_path / "disturbed", tmp_path / "clean"
    for one in (folder, clean):
        (one / "articles").mkdir(parents=True)
    load = Load(folder)

    async def answer(request: Request, writer: object) -> bytes:
        return reply(load.feed())

    with small_disk(folder / "disk") as disk, Server({"/feed": answer}) as server:
        config = configuration(server.url("/feed"), "disk/")
        disturb(load, config, disk)
        wanted = reference(load, clean, server)
        settle(folder, config)
        # All of them, for a check that a kill cut off is not repeated for ten minutes.
        assert command(folder, "once", "--all", patience=AFTERWARDS).returncode == 0
        assert entries(folder / "disk") == wanted
        checked = command(folder, "publish", "--check", "disk/public/feeds/all.atom")
        assert checked.returncode == 0, checked.stdout
        assert command(folder, "db", "check", patience=AFTERWARDS).returncode == 0


def disturb(load: Load, config: dict[str, object], disk: Path | None) -> None:
    """Until the time is over: edits every few seconds, a kill now and then, the disk full, the database locked."""
    end, lives = time.monotonic() + MINUTES * 60, 0
    while time.monotonic() < end:
        life = min(end, time.monotonic() + MINUTES * 60 / 5)
        settle(load.folder, config)
        with running(load.folder) as service:
            live(load, config, service, life)
            if disk and lives == 1:
                fill(load, disk)
            if lives == 2:
                lock(load)
            assert service.process.poll() is None, (load.folder / "log.txt").read_text()[-3000:]
            service.stop(signal.SIGKILL)
        lives += 1
    assert lives >= 4


def live(load: Load, config: dict[str, object], service: Service, until: float) -> None:
    warm, before = time.monotonic() + WARM, 0
    while time.monotonic() < until:
        load.go_on()
        if load.luck.random() < 0.3:
            load.edit(config)
        time.sleep(1)  # the pace of the world, not a wait for something
        if not before and time.monotonic() > warm:
            before = memory(service)
    assert not before or memory(service) - before < GROWTH


def memory(service: Service) -> int:
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def fill(load: Load, disk: Path) -> None:
    """Until nothing fits any more, for ten seconds in which articles go on coming."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    for _ in range(10):
        load.go_on()
        time.sleep(1)
    filler.unlink()


def lock(load: Load) -> None:
    with closing(sqlite3.connect(load.folder / "disk/data/aggregator.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(10):
            load.go_on()
            time.sleep(1)
        other.execute("ROLLBACK")


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    place.mkdir()
    # Room for what is published meanwhile: some files for each article, all of them in memory.
    size = f"size={128 + int(MINUTES * 64)}m"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def reference(load: Load, clean: Path, server: Server) -> set[tuple[str, str]]:
    """What an installation that was never disturbed has of the same world."""
    for number in range(load.files):
        write(clean, number)
    server.scripts["/all"] = reply(load.feed(load.items))
    config = configuration(server.url("/all"), "")
    settle(clean, config)
    done = command(clean, "once", patience=AFTERWARDS)
    assert done.returncode == 0, done.stderr
    return entries(clean)


def entries(place: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(place / "data/aggregator.db")) as database:
        rows = database.execute("SELECT uuid, title FROM entry").fetchall()
    assert len(rows) == len(set(rows))
    return set(rows)
