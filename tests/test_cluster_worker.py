"""What a process does with jobs: once, whatever happens to it, and never what somebody else has done."""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from threading import Event
from time import monotonic
from typing import Any

import pytest
from procrastinate.exceptions import ConnectorException
from psycopg import OperationalError
from sqlalchemy import make_url, text

from aggregator import pushing
from aggregator.cli import worker as worker_command
from aggregator.cluster import jobs
from aggregator.cluster.distribution import Follower
from aggregator.cluster.leader import LIVES, Leader
from aggregator.cluster.working import Worker, in_thread
from aggregator.config.schema import Source
from aggregator.errors import StoreError
from aggregator.metrics import Metrics
from aggregator.model import Failed, Fetched, NotModified, Validators
from aggregator.obstacles import FIRST, LONGEST, Obstacles
from tests.clustered import QUICK, Cluster, work
from tests.e2e.cluster import Network
from tests.world import PlayedNetwork, article, item, rss

pytestmark = pytest.mark.postgres


def feed(cluster: Cluster, name: str, host: str, *items: str) -> None:
    url = f"https://{host}/{name}"
    cluster.source(name, url=url)
    cluster.network.answers[url] = rss(*items, title=name)


def settle(cluster: Cluster) -> None:
    """Look, and do what is found, until there is nothing left to do."""
    means = cluster.distribute()
    for _ in range(10):
        cluster.tick(means)
        if not cluster.jobs():
            return
        asyncio.run(work(cluster.worker(), jobs.QUEUES, cluster))
    raise AssertionError(f"it does not come to rest: {cluster.jobs()}")


def test_what_is_due_comes_to_be_published(cluster: Cluster) -> None:
    for number in range(5):
        feed(cluster, f"f{number}", f"h{number % 2}.example", item(f"{number}-1"), item(f"{number}-2"))
    cluster.source("文", path="./articles")
    (cluster.folder / "articles").mkdir()
    (cluster.folder / "articles" / "a.md").write_text(
        article("标题", "<p>正文说的是另外一件事情，和别的都不一样。</p>"), encoding="utf-8"
    )
    cluster.clock.forward(days=3000)  # the file was left alone since
    settle(cluster)
    published = (cluster.folder / "public" / "feeds" / "all.atom").read_text()
    assert published.count("</entry>") == 11
    assert (cluster.folder / "public" / "index.html").exists()
    assert (cluster.folder / "public" / "health.atom").exists()
    assert cluster.rows("SELECT count(*) FROM source WHERE outcome = 'ok'") == [(6,)]
    assert cluster.rows("SELECT count(*) FROM story WHERE searched < changed") == [(0,)]


def test_nothing_is_to_be_done_when_nothing_happened(cluster: Cluster) -> None:
    feed(cluster, "f", "h.example", item(1))
    settle(cluster)
    cluster.tick(cluster.distribute())
    assert cluster.jobs() == []


def test_a_check_that_is_repeated_asks_nobody_again(cluster: Cluster) -> None:
    """The process died after it had stored what the source said, and before the job was done."""
    feed(cluster, "f", "h.example", item(1))
    cluster.tick(cluster.distribute())
    (row,) = cluster.rows("SELECT args::text FROM procrastinate_jobs WHERE task_name = 'check'")
    asyncio.run(work(cluster.worker(), [jobs.CHECKS], cluster))
    assert len(cluster.network.asked) == 1
    cluster.rows(f"INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('checks', 'check', '{row[0]}')")
    asyncio.run(work(cluster.worker(), [jobs.CHECKS], cluster))
    assert len(cluster.network.asked) == 1


def test_what_a_process_that_died_had_in_hand_is_done_by_another(cluster: Cluster) -> None:
    feed(cluster, "f", "h.example", item(1))
    cluster.tick(cluster.distribute())
    cluster.rows(
        "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') RETURNING id) "
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead WHERE task_name = 'check'"
    )
    asyncio.run(under_a_leader(cluster, "SELECT 1 FROM source WHERE outcome = 'ok'"))
    assert len(cluster.network.asked) == 1
    assert cluster.rows("SELECT count(*) FROM entry") == [(1,)]


async def under_a_leader(cluster: Cluster, until: str) -> None:
    """A worker and a leader, until this query finds something."""
    stop = asyncio.Event()
    follower = cluster.follower()
    worker = cluster.worker(follower)
    leader = Leader(follower, worker.queue, worker._obstacles, QUICK, Nothing())
    tasks = [asyncio.create_task(one) for one in (worker.run(jobs.QUEUES, 2, stop), leader.run(stop, lambda: None))]
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(cluster.rows, until):
            await asyncio.sleep(0.05)
    stop.set()
    await asyncio.gather(*tasks)


class Nothing:
    """What a leader does beside keeping the clock."""

    async def begin(self) -> None:
        pass

    def duties(self, over: asyncio.Event) -> list[Any]:
        return []


class StoppingNetwork(PlayedNetwork):
    """Whoever asks is told to stop before he has the answer."""

    def __init__(self, follower: Follower, answers: dict[str, Any]) -> None:
        super().__init__()
        self._follower, self.answers = follower, answers

    async def fetch(
        self, source: Source, url: str, validators: Validators, now: datetime
    ) -> Fetched | NotModified | Failed:
        self._follower.means.stopping.set()
        return await super().fetch(source, url, validators, now)


def test_what_was_not_begun_by_one_who_is_told_to_stop_is_done_by_another(cluster: Cluster) -> None:
    cluster.config["network"] = {"per_host": 1}
    for number in range(8):
        feed(cluster, f"f{number}", "h.example", item(number))
    cluster.tick(cluster.distribute())
    follower = cluster.follower()
    network = StoppingNetwork(follower, cluster.network.answers)
    follower.means = replace(follower.means, make_fetcher=lambda: network)
    asyncio.run(once_through(cluster, jobs.CHECKS, follower))
    assert 0 < len(network.asked) < 8
    asyncio.run(work(cluster.worker(), [jobs.CHECKS], cluster))
    assert sorted(url for url, _ in network.asked + cluster.network.asked) == sorted(cluster.network.answers)
    assert cluster.rows("SELECT count(*) FROM source WHERE outcome = 'ok'") == [(8,)]


def test_a_source_that_this_process_does_not_know_is_left_to_another(cluster: Cluster) -> None:
    feed(cluster, "f", "h.example", item(1))
    cluster.distribute()
    follower = cluster.follower()
    means = cluster.distribute()
    cluster.rows("UPDATE source SET name = 'other'")
    cluster.tick(replace(means, sources={"other": means.sources["f"]}))
    asyncio.run(once_through(cluster, jobs.CHECKS, follower))
    assert cluster.network.asked == []
    cluster.rows("UPDATE source SET name = 'f'")
    cluster.rows("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    asyncio.run(work(cluster.worker(), [jobs.CHECKS], cluster))
    assert len(cluster.network.asked) == 1


def test_a_check_for_which_the_database_was_away_is_done_once_it_is_back(cluster: Cluster) -> None:
    """Here it is a lock that it has to wait for in vain."""
    feed(cluster, "f", "h.example", item(1))
    cluster.url += "&options=-c%20lock_timeout%3D100"
    cluster.distribute()
    cluster.tick(cluster.distribute())
    database = cluster.database()
    with database.write(beside=True) as connection:
        connection.execute(text("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE"))
        asyncio.run(once_through(cluster, jobs.CHECKS))
    cluster.rows("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    asyncio.run(work(cluster.worker(), [jobs.CHECKS], cluster))
    assert cluster.rows("SELECT outcome FROM source") == [("ok",)]


def test_what_fails_waits_and_is_tried_again_and_the_rest_goes_on(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """The output folder cannot be made: nothing is published, and everything else is done."""
    (cluster.folder / "public").write_text("in the way")
    feed(cluster, "f", "h.example", item(1))
    means = cluster.distribute()
    for _ in range(2):
        cluster.tick(means)
        asyncio.run(work(cluster.worker(), [jobs.CHECKS, jobs.FEEDS], cluster))
    asyncio.run(once_through(cluster, jobs.PUBLISH))
    waiting = cluster.rows(
        "SELECT DISTINCT status::text, attempts, scheduled_at > now() - interval '1 minute' FROM procrastinate_jobs WHERE task_name = 'feed'"
    )
    assert waiting == [("todo", 1, True)]
    assert cluster.rows("SELECT grouped FROM entry") == [(True,)]
    assert caplog.text.count("public") >= 1
    (cluster.folder / "public").unlink()
    cluster.rows("UPDATE procrastinate_jobs SET scheduled_at = NULL")
    settle(cluster)
    assert (cluster.folder / "public" / "feeds" / "all.atom").read_text().count("</entry>") == 1


async def once_through(cluster: Cluster, queue: str, follower: Follower | None = None) -> None:
    """Everything that waits in the queue is tried once."""
    stop = asyncio.Event()
    running = asyncio.create_task(cluster.worker(follower).run([queue], 1, stop))
    untried = f"SELECT 1 FROM procrastinate_jobs WHERE queue_name = '{queue}' AND status IN ('todo', 'doing') AND attempts = 0"
    async with asyncio.timeout(60):
        while await asyncio.to_thread(cluster.rows, untried):
            await asyncio.sleep(0.02)
    stop.set()
    await running


DEAD = "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') RETURNING id) "


def test_what_processes_die_of_is_left_after_some_attempts(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    feed(cluster, "f", "h.example", item(1))
    cluster.distribute()
    cluster.rows("UPDATE source SET id = 7, next_check = next_check + 600000000")
    cluster.rows(
        f"{DEAD} INSERT INTO procrastinate_jobs (queue_name, task_name, args, attempts, status, worker_id) "
        f"""SELECT 'checks', 'check', '{{"sources": [7], "until": 1, "version": 1}}', {LIVES}, 'doing', id FROM dead"""
    )
    asyncio.run(under_a_leader(cluster, "SELECT 1 FROM procrastinate_jobs WHERE status = 'failed'"))
    (told,) = [record for record in caplog.records if "processes die of it" in record.message]
    assert vars(told)["sources"] == "f"


def test_who_was_taken_for_dead_and_lives_goes_on(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    """After a silence its place in the queue was given up; as after a minute without a network."""
    feed(cluster, "f", "h.example", item(1))
    means = cluster.distribute()

    async def play() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(cluster.worker().run([jobs.CHECKS], 1, stop))
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(cluster.rows, "DELETE FROM procrastinate_workers RETURNING id"):
                await asyncio.sleep(0.02)
            await asyncio.to_thread(cluster.tick, means)
            while not await asyncio.to_thread(cluster.rows, "SELECT 1 FROM source WHERE outcome = 'ok'"):
                await asyncio.sleep(0.02)
        stop.set()
        await running

    with caplog.at_level(logging.INFO):
        asyncio.run(play())
    assert "was taken for dead while nobody heard of it, begins anew" in caplog.messages
    assert "cannot be reached" not in caplog.text


def test_a_queue_that_is_reached_again_is_in_nobodys_way(cluster: Cluster) -> None:
    cluster.distribute()
    obstacles = Obstacles(monotonic)
    obstacles.met(jobs.CHECKS, StoreError("the queue is away"))
    worker = Worker(cluster.follower(), Metrics(dict), obstacles, QUICK)

    async def play() -> None:
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run([jobs.CHECKS], 1, stop))
        async with asyncio.timeout(60):
            while obstacles.messages:
                await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(play())


def test_a_database_that_is_lost_before_the_queue_was_first_reached_is_waited_for(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "RECONNECT", 0.5)
    feed(cluster, "f", "h.example", item(1))
    cluster.tick(cluster.distribute())
    address = make_url(cluster.url)
    network = Network(str(address.query["host"]))
    worker = cluster.worker()
    worker.queue = jobs.make_app(make_url(network.url(str(address.database))), worker._tasks())

    async def play() -> None:
        network.cut()
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run([jobs.CHECKS], 1, stop))
        await asyncio.sleep(2)
        network.mend()
        async with asyncio.timeout(20):  # the library would give up after 30
            while not worker.done:
                await asyncio.sleep(0.02)
        stop.set()
        await running

    asyncio.run(play())
    network.close()
    assert cluster.rows("SELECT count(*) FROM entry") == [(1,)]


def test_what_another_will_try_again_is_forgotten_here_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    obstacles = Obstacles(lambda: now[0])
    obstacles.met("site", StoreError("a full disk"), shared=True)
    obstacles.met("lead", StoreError("no way"))
    now[0] = FIRST + LONGEST - 1
    assert obstacles.messages == ("a full disk", "no way")
    now[0] += 1
    assert obstacles.messages == ("no way",)
    obstacles.met("site", StoreError("a full disk"), shared=True)
    assert obstacles.messages == ("a full disk", "no way")
    assert caplog.text.count("a full disk") == 2


def test_what_fails_after_it_was_broken_off_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    begun, lost = Event(), Event()

    def write() -> None:
        begun.set()
        lost.wait()
        raise StoreError("the connection is lost")

    async def play() -> None:
        task = asyncio.create_task(in_thread(write))
        await asyncio.to_thread(begun.wait)
        task.cancel()
        lost.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(play())
    assert caplog.messages == ["what was broken off failed: the connection is lost"]


def test_a_queue_that_cannot_be_reached_is_told_with_its_place_and_without_the_statement() -> None:
    lost = ConnectorException()
    lost.__cause__ = OperationalError("server closed the connection\n\tunexpectedly")
    told = jobs.unreachable(lost, make_url("postgresql+psycopg://me:secret@db.example/news"))
    assert str(told) == (
        "the queue in database postgresql+psycopg://me:***@db.example/news cannot be reached: "
        "server closed the connection unexpectedly (look at the server)"
    )


def test_what_waits_already_is_not_made_to_wait_twice(cluster: Cluster) -> None:
    """The process died, and its job was made anew before that was found out."""
    cluster.distribute()
    for status in ("'doing'", "'todo'"):
        cluster.rows(
            f"{DEAD} INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, status, worker_id) "
            f"SELECT 'elsewhere', 'group', 'group', 'group', {status}, id FROM dead"
        )
    asyncio.run(
        under_a_leader(
            cluster, "SELECT 1 WHERE (SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'group') = 1"
        )
    )
    assert cluster.rows("SELECT status::text FROM procrastinate_jobs WHERE task_name = 'group'") == [("todo",)]


def test_what_is_published_side_by_side_is_all_told_to_the_hub(cluster: Cluster) -> None:
    cluster.config["output"] = {"hub": "https://hub.example/"}
    means = cluster.distribute()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: pushing.note(means, [f"feeds/{number}.atom"]), range(40)))
    ((kept,),) = cluster.rows("SELECT value FROM setting WHERE key = 'push'")
    assert len(json.loads(kept)["feeds"]) == 40


def test_the_command_knows_all_queues() -> None:
    assert worker_command.QUEUES == jobs.QUEUES
