"""Several processes of one installation as their user starts them, and what may happen to them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgres
from tests.e2e.cluster import Member, Network, database_server, members
from tests.e2e.service import COMMAND, Service, command, configure, eventually, running
from tests.played import Request, Server, reply
from tests.world import item, rss

pytestmark = pytest.mark.postgres
if postgres.MISSING:
    pytest.skip(postgres.MISSING, allow_module_level=True)


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.database() as url:
        yield url


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def feed(number: int, items: int = 2) -> bytes:
    return reply(rss(*(item(f"{number}-{nth}") for nth in range(items)), title=f"F{number}").encode())


def sources(played: Server, count: int, **keys: Any) -> list[dict[str, Any]]:
    """Each on a host of its own."""
    return [
        {
            "name": f"f{number}",
            "url": f"http://127.0.0.{number + 1}:{played.port}/{number}",
            "allow_private": True,
            **keys,
        }
        for number in range(count)
    ]


@contextmanager
def played(count: int = 4) -> Iterator[Server]:
    with Server({f"/{number}": feed(number) for number in range(count)}, host="0.0.0.0") as server:
        yield server


def entries(folder: Path) -> int:
    file = folder / "public" / "feeds" / "all.atom"
    return file.read_text().count("</entry>") if file.exists() else 0


def run(folder: Path, number: int = 0) -> Member:
    return Member(folder, f"run{number}.txt", "run")


def worker(folder: Path, url: str, number: int = 0, queues: str = "checks,feeds", **environment: str) -> Member:
    return Member(folder, f"worker{number}.txt", "worker", queues, url, **environment)


def test_one_run_and_one_worker_publish_what_is_due_and_end_when_told_to(tmp_path: Path, url: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with played() as server, (tmp_path / "worker.txt").open("w") as log:
        configure(tmp_path, sources(server, 4), database=url, engine="procrastinate")
        with running(tmp_path) as service:
            process = subprocess.Popen(
                [*COMMAND, "worker", "--concurrency", "2", "--database", url], cwd=elsewhere, stderr=log
            )
            try:
                eventually(lambda: entries(tmp_path) == 8)
                eventually(lambda: "] works " in (tmp_path / "worker.txt").read_text())
                status, _, body = service.get("metrics")
                assert (status, b"aggregator_leader 1.0" in body) == (200, True)
                assert service.get("healthz")[0] == 200
                eventually(lambda: processes(service) == {service.process.pid, process.pid})
                process.terminate()
                assert process.wait(15) == 0
                assert processes(service) == {service.process.pid}
            finally:
                process.kill()
                process.wait()
            assert service.stop() == 0


def processes(service: Service) -> set[int]:
    """Who tells of itself, as who watches over them sees it."""
    _, _, body = service.get("metrics")
    return {int(one) for one in re.findall(rb'aggregator_process_silent_seconds{process="(\d+)@', body)}


def test_once_beside_a_cluster_has_it_check_the_source(tmp_path: Path, url: str) -> None:
    with played() as server:
        configure(tmp_path, sources(server, 4, interval="1h"), database=url, engine="procrastinate")
        with members(run(tmp_path)):
            eventually(lambda: entries(tmp_path) == 8)
            server.scripts["/0"] = feed(0, 3)
            done = command(tmp_path, "once", "--source", "f0", "--json")
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["sources"][0]["new"] == 1
            refused = command(tmp_path, "publish")
            assert (refused.returncode, "cluster" in refused.stderr) == (3, True)


def test_another_run_takes_over_when_the_leader_is_killed(tmp_path: Path, url: str) -> None:
    with played() as server:
        configure(tmp_path, sources(server, 4, interval="1s"), database=url, engine="procrastinate")
        first, second = run(tmp_path), run(tmp_path, 1)
        with members(first):
            first.until("] leads\n")
            with members(second):
                second.until("] works ")
                assert not second.says("] leads\n")
                first.kill()
                second.until("] leads\n")
                server.scripts["/1"] = feed(1, 3)
                eventually(lambda: entries(tmp_path) == 9)


def test_what_a_killed_worker_had_in_hand_is_done_by_another_and_nothing_is_doubled(tmp_path: Path, url: str) -> None:
    with played() as server:
        asked: list[Request] = []

        async def slowly(request: Request, writer: Any) -> bytes | None:
            """The first who asks gets no answer before he dies."""
            asked.append(request)
            if len(asked) == 1:
                await reader_is_gone(writer)
                return None
            return feed(0)

        server.scripts["/0"] = slowly
        configure(tmp_path, sources(server, 4, interval="1h"), database=url, engine="procrastinate")
        victim, other = worker(tmp_path, url), worker(tmp_path, url, 1)
        leader = run(tmp_path)
        with members(leader):
            eventually(lambda: asked)
            # Whoever has it in hand, the leader's own process included: all of them are killed, and others come.
            leader.kill()
            with members(run(tmp_path, 1), victim, other):
                eventually(lambda: entries(tmp_path) == 8)
        assert len(asked) == 2
        assert rows(url, "SELECT count(*) FROM entry") == [(8,)]
        assert [(row[0], row[1]) for row in rows(url, "SELECT name, outcome FROM source ORDER BY name")] == [
            (f"f{number}", "ok") for number in range(4)
        ]


async def reader_is_gone(writer: Any) -> None:
    await writer.wait_closed()


def test_who_is_told_to_stop_ends_soon_and_leaves_what_it_has_in_hand_to_others(tmp_path: Path, url: str) -> None:
    with played(2) as server:

        async def never(request: Request, writer: Any) -> None:
            await reader_is_gone(writer)

        server.scripts.update({f"/{number}": never for number in range(2, 14)})
        same = [
            {**one, "url": f"http://127.0.0.1:{server.port}/{number}"} for number, one in enumerate(sources(server, 14))
        ]
        configure(tmp_path, same, database=url, engine="procrastinate", network={"timeout": "60s"})
        with members(leader := run(tmp_path)):
            eventually(lambda: len(server.requests) >= 2)
            begun = time.monotonic()
            assert leader.stop() == 0
            assert time.monotonic() - begun < 12
    waiting = "SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND args->'sources' @> to_jsonb(source.id)"
    left = rows(url, f"SELECT count(*) FROM source WHERE last_check IS NULL AND EXISTS ({waiting})")
    assert left == rows(url, "SELECT count(*) FROM source WHERE last_check IS NULL") != [(0,)]
    assert rows(url, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") == [(0,)]


def test_an_edit_reaches_a_worker_that_has_no_file(tmp_path: Path, url: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with played() as server:
        configure(tmp_path, sources(server, 2), database=url, engine="procrastinate")
        helper = Member(elsewhere, "worker.txt", "worker", "checks,feeds", url)
        with members(run(tmp_path), helper):
            eventually(lambda: entries(tmp_path) == 4)
            helper.until("] works ")
            configure(tmp_path, sources(server, 4), database=url, engine="procrastinate")
            helper.until("version=2")
            eventually(lambda: entries(tmp_path) == 8)
            (tmp_path / "config.yaml").write_text("sites: 1")
            eventually(lambda: rows(url, "SELECT 1 FROM condition WHERE until IS NULL AND kind = 'config'"))
            assert rows(url, "SELECT max(version) FROM configuration") == [(2,)]


def test_a_worker_waits_for_a_schema_and_for_a_configuration(tmp_path: Path) -> None:
    with database_server() as server:
        server.create("news")
        helper = worker(tmp_path, server.url("news"))
        with members(helper), played() as internet:
            helper.until("waiting for `aggregator run` to upgrade the database")
            configure(tmp_path, sources(internet, 4), database=server.url("news"), engine="procrastinate")
            with members(run(tmp_path)):
                helper.until("] works ")
                eventually(lambda: entries(tmp_path) == 8)


def test_a_worker_says_what_its_environment_lacks(tmp_path: Path, url: str) -> None:
    with played() as server:
        configure(tmp_path, sources(server, 2, headers={"X-Key": "${KEY}"}), database=url, engine="procrastinate")
        with members(Member(tmp_path, "run.txt", "run", KEY="x")):
            eventually(lambda: rows(url, "SELECT 1 FROM configuration"))
            done = command(
                tmp_path / "public" if (tmp_path / "public").exists() else tmp_path, "worker", "--database", url
            )
            assert done.returncode == 2
            assert "the environment variable KEY is not set" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["worker"], "--database URL"),
        (["worker", "--database", "sqlite:///x.db"], "needs a PostgreSQL database"),
        (["worker", "--database", "postgresql:///x", "--queues", "checks,things"], "'things' is none of"),
        (["worker", "--database", "postgresql:///x", "--queues", ","], "expected some of"),
    ],
)
def test_a_worker_that_cannot_work_says_why(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = command(tmp_path, *arguments)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_a_restart_of_the_database_and_a_cut_of_the_network_are_waited_for(tmp_path: Path) -> None:
    with database_server() as server, played() as internet:
        server.create("news")
        network = Network(server.socket)
        url = network.url("news")
        configure(tmp_path, sources(internet, 4, interval="1s"), database=url, engine="procrastinate")
        leader, helper = run(tmp_path), worker(tmp_path, url)
        with members(leader, helper):
            eventually(lambda: entries(tmp_path) == 8)
            helper.until("] works ")
            server.restart()
            internet.scripts["/1"] = feed(1, 3)
            eventually(lambda: entries(tmp_path) == 9)
            network.cut()
            leader.until("tried again until it works")
            internet.scripts["/2"] = feed(2, 3)
            network.mend()
            # What was in hand when it was cut may have to count as dead first.
            eventually(lambda: entries(tmp_path) == 10, patience=120)
            assert (leader.stop(), helper.stop()) == (0, 0)
        assert "Traceback" not in leader.log.read_text() + helper.log.read_text()
        network.close()


def test_who_is_started_while_the_database_is_away_waits_for_it(tmp_path: Path) -> None:
    with database_server() as server, played() as internet:
        server.create("news")
        network = Network(server.socket)
        network.cut()
        configure(tmp_path, sources(internet, 4), database=network.url("news"), engine="procrastinate")
        leader, helper, third = run(tmp_path), worker(tmp_path, network.url("news")), run(tmp_path, 1)
        with members(leader, helper, third):
            for one in (leader, helper, third):
                one.until("tried again until it works")
            assert third.stop() == 0
            network.mend()
            helper.until("] works ")
            eventually(lambda: entries(tmp_path) == 8)
            assert (leader.stop(), helper.stop()) == (0, 0)
        network.close()


def test_what_procrastinate_is_missing_is_said_with_what_to_do() -> None:
    """As without the extra: its modules are not to be found."""
    program = (
        "import sys; sys.modules['procrastinate'] = None\n"
        "from aggregator.cli import clustered\n"
        "try: clustered.needed()\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", program], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert (
        "ConfigError procrastinate not installed: install it with `pip install 'aggregator[postgres]'`" in done.stdout
    )
