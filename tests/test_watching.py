"""What watches the service is told: systemd by its socket, Prometheus by its text format."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aggregator import pipeline
from aggregator.cli.website import Website
from aggregator.means import Means
from aggregator.metrics import Metrics
from aggregator.model import Outcome, Result, Tally
from aggregator.store import sources
from aggregator.store.depths import depths
from aggregator.systemd import notify, watchdog
from tests.e2e.service import configure, running
from tests.test_web import ask
from tests.world import World, article


@pytest.fixture
def manager(tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(10)
        yield listening


def test_the_manager_that_started_us_is_told(manager: socket.socket):
    assert notify("STOPPING=1", "STATUS=bye", environ={"NOTIFY_SOCKET": manager.getsockname()})
    assert manager.recv(100) == b"STOPPING=1\nSTATUS=bye"


@pytest.mark.parametrize("address", ["", "relative", "/nobody/listens/here", "@nobody-listens-here"])
def test_where_nobody_listens_the_service_goes_on(address: str):
    assert not notify("READY=1", environ={"NOTIFY_SOCKET": address})
    assert not notify("READY=1", environ={})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_they_are_waited_for(environ: dict[str, str], expected: float | None):
    assert watchdog(environ) == expected


def read(text: bytes) -> dict[str, float]:
    families = text_string_to_metric_families(text.decode())
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value for one in families for sample in one.samples
    }


def test_what_happened_is_counted():
    metrics = Metrics(lambda: {"things_waiting": ("Things that wait.", 7.0)})
    metrics.checked(Result("甲", Outcome.OK, None, Tally(new=3, changed=1, same=5, refused=2)), 0.2)
    metrics.checked(Result("乙", Outcome.UNREACHABLE, "no answer"), 20.0)
    metrics.published(4, 0.1)
    metrics.late(0.25)
    found = read(metrics.text())
    assert found["aggregator_checks_total ok"] == found["aggregator_checks_total unreachable"] == 1
    assert found["aggregator_entries_total new"] == 3
    assert found["aggregator_entries_total refused"] == 2
    assert found["aggregator_check_seconds_sum"] == pytest.approx(20.2)
    assert found["aggregator_documents_written_total"] == 4
    assert found["aggregator_event_loop_lag_seconds"] == 0.25
    assert found["aggregator_things_waiting"] == 7
    assert not any("created" in name for name in found)


def test_what_waits_at_each_stage_is_counted(world: World):
    world.source("文库", path="articles", interval="1h")
    world.article("一.md", article("近海风电首次承担三成负荷", "近海风电场在昨夜首次承担了全省三成的负荷。"))
    with world.writing() as means:
        assert waiting(means)["sources_due"] == 1
        with means.database.read() as connection:
            (state,) = sources.checkable(connection, means.clock())
        asyncio.run(pipeline.check(means, state))
        assert waiting(means)["entries_ungrouped"] == 1
        assert waiting(means)["sources_due"] == 0
        pipeline.group(means)
        assert waiting(means)["feeds_behind"] > 0
        pipeline.publish(means)
        found = waiting(means)
    assert found["entries_ungrouped"] == found["feeds_behind"] == found["pages_behind"] == 0
    assert found["database_bytes"] > 10_000


def waiting(means: Means) -> dict[str, float]:
    with means.database.read() as connection:
        return {name: value for name, (_, value) in depths(connection, means.clock()).items()}


def test_a_process_that_only_serves_tells_what_waits_and_counts_nothing(world: World):
    world.source("文库", path="articles")
    with world.writing() as means:
        answer = ask(Website(lambda: means), "/metrics")
        assert (answer.status, answer.headers["content-type"]) == (200, Metrics.media_type)
        assert read(answer.body) == {f"aggregator_{name}": value for name, value in waiting(means).items()}
    assert read(answer.body)["aggregator_sources_due"] == 1


def test_the_service_says_when_it_is_ready_that_it_lives_and_that_it_stops(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "200000")
    configure(tmp_path, [])
    with running(tmp_path) as service:
        assert manager.recv(100) == b"READY=1"
        assert manager.recv(100) == b"WATCHDOG=1"
        status, headers, body = service.get("metrics")
        assert (status, headers["content-type"]) == (200, Metrics.media_type)
        assert b"aggregator_event_loop_lag_seconds" in body
        assert service.get("metrics", **{"X-Forwarded-For": "192.0.2.7"})[0] == 403
        assert service.stop() == 0
    rest = [manager.recv(100)]
    while rest[-1] == b"WATCHDOG=1":
        rest.append(manager.recv(100))
    assert rest[-1] == b"STOPPING=1"
