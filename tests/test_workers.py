"""Documents are read in processes beside this one once that pays, and whatever becomes of those, none is lost."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from aggregator import app, runner
from aggregator.clean.rules import Rules
from aggregator.config.schema import Source
from aggregator.model import Document, Failed, Outcome
from aggregator.prepare import Read, Recipe, prepare
from aggregator.workers import Limits, WorkerError, Workers
from tests.e2e.service import COMMAND, configure, eventually
from tests.world import World, article, item, rss

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RECIPE = Recipe(Source(name="Blog", url="https://example.com/feed"), "UTC", Rules("Blog", "feed"))

#: A pattern that takes a tenth of a second, which is what patterns get, with every paragraph of SLOW.
TEDIOUS = replace(RECIPE, rules=replace(RECIPE.rules, replace=(("(a.*)(b.*)(c.*)(d.*)#", ""),)))


def document(*items: str) -> Document:
    return Document(rss(*items).encode(), url="https://example.com/feed")


SMALL = document(item(1), item(2, body="<p>中文</p><script>x</script>"))
SLOW = document(item(1, body=f"<p>{'abcd' * 300}</p>" * 100))
#: Takes several times its size.
LARGE = document(*(item(number, body="<p>All of this is one article.</p>" * 2000) for number in range(200)))
DOCUMENTS = [SMALL, Document(b"<html><p>no feed"), document(), Document("<rss><item>断".encode()), document(item(3))]


@contextmanager
def at_work(**how: object) -> Iterator[Workers]:
    """Workers of whom one is there already."""
    with closing(Workers(1, enough=1, **how)) as workers:  # type: ignore[arg-type]

        def one_came() -> list[int]:
            read(workers, [SMALL], RECIPE, NOW)
            return workers.pids

        eventually(one_came)
        yield workers


def read(workers: Workers, documents: list[Document], recipe: Recipe, now: datetime) -> list[Read | Failed]:
    return [found.result() for found in workers.begin(documents, recipe, now)]


def running(pid: int) -> bool:
    """Whether it is there, and no mere entry in the table of processes."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    """Whichever thread started them."""
    return [int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()]


def test_a_worker_reads_what_this_process_would_read() -> None:
    with at_work() as workers:
        assert read(workers, DOCUMENTS, RECIPE, NOW) == [prepare(one, RECIPE, NOW) for one in DOCUMENTS]


def test_little_work_starts_no_process() -> None:
    before = children(os.getpid())
    with closing(Workers(1)) as workers:
        read(workers, [SMALL] * 150, RECIPE, NOW)
        assert workers.pids == []
        assert children(os.getpid()) == before


def test_much_work_starts_one_and_goes_on_here_until_it_is_there() -> None:
    with closing(Workers(1)) as workers:
        found = read(workers, [SMALL] * 200, RECIPE, NOW)  # done long before Python has started
        assert all(isinstance(one, Read) for one in found)
        assert eventually(lambda: workers.pids) != [os.getpid()]


def test_whoever_is_not_needed_for_a_while_ends() -> None:
    with closing(Workers(1, enough=1, idle=0.5)) as workers:
        read(workers, [SMALL], RECIPE, NOW)
        [pid] = eventually(lambda: workers.pids)
        eventually(lambda: not running(pid))
        assert read(workers, [SMALL], RECIPE, NOW) == [prepare(SMALL, RECIPE, NOW)]


def test_after_closing_no_process_is_left_and_it_works_again() -> None:
    with at_work() as workers:
        [pid] = workers.pids
        workers.close()
        assert not running(pid)
        assert read(workers, [SMALL], RECIPE, NOW) == [prepare(SMALL, RECIPE, NOW)]


def test_a_document_too_large_for_memory_fails_alone() -> None:
    with at_work(limits=Limits(memory=64 << 20)) as workers:
        before, failed, after = read(workers, [SMALL, LARGE, SMALL], RECIPE, NOW)
    assert isinstance(failed, Failed)
    assert (failed.outcome, failed.message) == (Outcome.UNPARSABLE, "reading it takes more than 64 MB of memory")
    assert before == after == prepare(SMALL, RECIPE, NOW)


def test_a_document_that_hangs_fails_alone() -> None:
    with at_work(limits=Limits(seconds=1)) as workers:
        [failed] = read(workers, [SLOW], TEDIOUS, NOW)
        [after] = read(workers, [SMALL], RECIPE, NOW)
    assert isinstance(failed, Failed)
    assert failed.message == "reading it takes more than 1 s"
    assert after == prepare(SMALL, RECIPE, NOW)


def test_a_document_during_which_somebody_kills_the_worker_is_read_again() -> None:
    with at_work() as workers:
        [pid] = workers.pids
        os.kill(pid, signal.SIGKILL)
        assert read(workers, [SMALL], RECIPE, NOW) == [prepare(SMALL, RECIPE, NOW)]
        assert workers.pids != [pid]


def test_a_document_that_ends_every_worker_fails_alone() -> None:
    with at_work() as workers:
        waiting = asyncio.run(_killed(workers))
    assert isinstance(waiting, Failed)
    assert "ends the process that reads it" in waiting.message


async def _killed(workers: Workers) -> Read | Failed:
    reading = asyncio.create_task(workers.prepare(SLOW, TEDIOUS, NOW))
    while not reading.done():
        for pid in workers.pids:
            os.kill(pid, signal.SIGKILL)
        await asyncio.wait([reading], timeout=0.1)
    return await reading


def test_a_fault_of_ours_is_told_with_its_place() -> None:
    wrong = replace(RECIPE, rules=replace(RECIPE.rules, remove=("[",)))  # the configuration would not let it pass
    with at_work() as workers, pytest.raises(WorkerError, match=r"Traceback[\s\S]*CSS selector"):
        read(workers, [SMALL], wrong, NOW)


def test_other_work_than_reading_is_done_in_a_worker_too() -> None:
    with at_work() as workers:
        [pid] = workers.pids
        assert workers.call(os.getpid, os.getpid, 1).result() == pid


def test_other_work_that_ends_every_worker_is_lost_alone() -> None:
    with at_work() as workers:
        lost = workers.call(partial(os._exit, 3), os.getpid, 1)
        after = workers.call(partial(divmod, 7, 2), os.getpid, 1)
        with pytest.raises(WorkerError, match="status 3"):
            lost.result()
        assert after.result() == (3, 1)


def test_where_no_process_can_be_started_work_goes_on_here(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with closing(Workers(1, enough=1)) as workers, caplog.at_level(logging.WARNING):
        assert read(workers, [SMALL], RECIPE, NOW) == [prepare(SMALL, RECIPE, NOW)]
        eventually(lambda: "no process can be started" in caplog.text)
        assert read(workers, [SMALL], RECIPE, NOW) == [prepare(SMALL, RECIPE, NOW)]
        assert workers.pids == []


def test_an_edited_configuration_counts_for_workers_that_are_there(world: World) -> None:
    world.source("Blog", url="https://example.com/feed")
    means = world.open()
    with at_work() as workers, world.writing():
        means = replace(means, workers=workers)
        world.config["rules"] = [{"when": {"title": "Item 1"}, "drop": True}]
        edited = app.rebuild(world.open().config, means)
        [was, now] = (read(one.workers, [SMALL], one.recipes["Blog"], NOW)[0] for one in (means, edited))
        assert edited.workers.pids == workers.pids != []
    assert isinstance(was, Read)
    assert isinstance(now, Read)
    assert [len(was.prepared), len(now.prepared)] == [2, 1]


def test_what_is_published_does_not_depend_on_who_read_it(world: World, tmp_path: Path) -> None:
    published = []
    for name in ("here", "there"):
        world = world.another(tmp_path / name)
        world.source("文章", path="articles")
        world.source("Blog", url="https://example.com/feed", category="Blog")
        for number in range(20):
            world.article(f"{number}.md", article(f"第 {number} 篇", f"<p>东湖二期供水切换完成，{number}</p>"))
        world.network.answers["https://example.com/feed"] = rss(*map(item, range(20)))
        with at_work() as workers, world.writing() as means:
            asyncio.run(runner.once(replace(means, workers=workers) if name == "there" else means, everything=True))
        published.append(world.published())
    assert published[0] == published[1] != {}


PARENT = """
import os, sys
from tests.test_workers import RECIPE, SLOW, TEDIOUS, NOW, at_work, read
with at_work() as workers:
    print(*workers.pids, flush=True)
    if sys.argv[1] == "busy":
        read(workers, [SLOW], TEDIOUS, NOW)
    sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_workers_end_with_a_parent_that_is_killed(state: str) -> None:
    command = [sys.executable, "-c", PARENT, state]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        assert running(worker)
        parent.kill()
        eventually(lambda: not running(worker))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_everybody_ends_once_without_a_word_of_its_workers(number: signal.Signals, tmp_path: Path) -> None:
    slow = {"replace": [{"pattern": TEDIOUS.rules.replace[0][0]}]}
    configure(tmp_path, [{"name": "文章", "path": "articles"}], clean=slow)
    (tmp_path / "articles").mkdir()
    for index in range(300):
        file = tmp_path / "articles" / f"{index}.md"
        file.write_text(article(f"第 {index} 篇", f"<p>{'abcd' * 300}{index}</p>"))
        os.utime(file, (1e9, 1e9))
    with subprocess.Popen(
        [*COMMAND, "once"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        [worker] = eventually(lambda: children(process.pid))
        os.killpg(process.pid, number)
        os.kill(worker, number)  # as systemd does, who knows no groups
        _, told = process.communicate(timeout=10)
    assert process.returncode == 128 + number
    assert told == b""
    assert not running(worker)
