"""Who keeps the clock, and what it makes of what is due: claims and jobs, never one without the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from aggregator import schedule
from aggregator.cluster import jobs, leader
from aggregator.cluster.leader import tick
from aggregator.errors import StoreError
from aggregator.store.engine import BESIDE, Database
from aggregator.store.leadership import Leadership
from aggregator.store.types import EPOCH
from tests.clustered import Cluster

pytestmark = pytest.mark.postgres


def feeds(cluster: Cluster, *hosts: str, each: int = 1) -> None:
    for host in hosts:
        for number in range(each):
            cluster.source(f"{host} {number}", url=f"https://{host}/{number}")


def checks(cluster: Cluster) -> list[tuple[str, int]]:
    """Lock, and number of sources, of each check that waits or runs."""
    return cluster.rows(
        "SELECT lock, jsonb_array_length(args->'sources') FROM procrastinate_jobs WHERE task_name = 'check' "
        "AND status IN ('todo', 'doing') ORDER BY lock, id"
    )


def test_one_leads_and_another_takes_over_when_its_connection_ends(cluster: Cluster) -> None:
    first, second = cluster.database(), cluster.database()
    leads = Leadership.win(first)
    assert leads
    assert Leadership.win(second) is None
    with leads.transaction() as connection:
        session = connection.scalar(text("SELECT pg_backend_pid()"))
    cluster.rows(f"SELECT pg_terminate_backend({session}, 5000)")
    successor = Leadership.win(second)
    assert successor
    successor.resign()
    leads.resign()


def test_who_lost_its_connection_can_do_nothing_as_leader(cluster: Cluster) -> None:
    feeds(cluster, "a.example")
    means = cluster.distribute()
    leads = Leadership.win(means.database)
    assert leads
    with leads.transaction() as connection:
        session = connection.scalar(text("SELECT pg_backend_pid()"))
    cluster.rows(f"SELECT pg_terminate_backend({session}, 5000)")
    for _ in range(2):  # the second time it would be easy to open another connection
        with pytest.raises(StoreError):
            tick(leads, means, 1)
    leads.resign()
    assert checks(cluster) == []


def test_what_is_due_is_claimed_and_waits_in_a_job_for_each_host(cluster: Cluster) -> None:
    feeds(cluster, "a.example", "b.example", each=2)
    means = cluster.distribute()
    cluster.tick(means)
    assert checks(cluster) == [("host:a.example", 2), ("host:b.example", 2)]
    stamp = (cluster.clock.now + schedule.CLAIM - EPOCH) // timedelta(microseconds=1)
    assert cluster.rows("SELECT DISTINCT next_check FROM source") == [(stamp,)]
    assert cluster.rows(
        "SELECT DISTINCT (args->>'until')::bigint FROM procrastinate_jobs WHERE task_name = 'check'"
    ) == [(stamp,)]


def test_a_job_takes_no_more_than_so_many_and_a_busy_host_gets_no_second_one(cluster: Cluster) -> None:
    feeds(cluster, "a.example", each=leader.BATCH + 5)
    means = cluster.distribute()
    cluster.tick(means)
    cluster.tick(means)
    assert checks(cluster) == [("host:a.example", leader.BATCH)]
    cluster.rows("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = 'check'")
    cluster.tick(means)
    assert checks(cluster) == [("host:a.example", leader.BATCH)]
    cluster.rows("DELETE FROM procrastinate_jobs WHERE task_name = 'check'")
    cluster.tick(means)
    assert checks(cluster) == [("host:a.example", 5)]


def test_of_a_single_source_at_most_one_job_waits(cluster: Cluster) -> None:
    feeds(cluster, "a.example")
    means = cluster.distribute()
    cluster.tick(means)
    ((source,),) = cluster.rows("SELECT id FROM source")
    assert (f"source:{source}", "checks") in cluster.jobs("queueing_lock, queue_name")


def test_a_job_that_waits_already_keeps_its_sources_due(cluster: Cluster) -> None:
    feeds(cluster, "a.example", "b.example")
    means = cluster.distribute()
    (first, second) = cluster.rows("SELECT id, next_check FROM source ORDER BY id")
    # The same queueing lock under another lock: nothing but the insert itself tells.
    cluster.rows(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock) "
        f"VALUES ('checks', 'check', 'other', 'source:{first[0]}')"
    )
    cluster.tick(means)
    assert cluster.rows("SELECT id FROM source WHERE next_check > (SELECT min(next_check) FROM source)") == [
        (second[0],)
    ]
    assert cluster.rows(f"SELECT next_check FROM source WHERE id = {first[0]}") == [(first[1],)]
    assert [
        lock
        for lock, _ in cluster.rows("SELECT lock, id FROM procrastinate_jobs WHERE task_name = 'check' ORDER BY id")
    ] == ["other", "host:b.example"]


def test_after_an_outage_no_more_is_made_to_jobs_than_somebody_will_do_soon(cluster: Cluster) -> None:
    feeds(cluster, *(f"h{number}.example" for number in range(leader.LEAST + 30)))
    means = cluster.distribute()
    cluster.tick(means)
    assert len(checks(cluster)) == leader.LEAST
    cluster.tick(means)
    assert len(checks(cluster)) == leader.LEAST
    cluster.rows("DELETE FROM procrastinate_jobs WHERE task_name = 'check' AND id % 2 = 0")
    cluster.tick(means)
    assert len(cluster.rows("SELECT 1 FROM source WHERE next_check <= (SELECT max(next_check) - 1 FROM source)")) == 0


def test_one_slow_host_does_not_keep_others_from_their_turn(cluster: Cluster) -> None:
    """The longest overdue are all of a host that is busy, and more of them than one look reads at once."""
    feeds(cluster, "slow.example", each=1005)
    feeds(cluster, "b.example")
    means = cluster.distribute()
    cluster.tick(means)
    assert checks(cluster) == [("host:b.example", 1), ("host:slow.example", leader.BATCH)]


def test_two_that_both_take_themselves_for_the_leader_claim_nothing_twice(cluster: Cluster) -> None:
    feeds(cluster, *(f"h{number}.example" for number in range(40)), each=3)
    means = cluster.distribute()

    def look(database: Database) -> None:
        connection = database.engine.connect().execution_options(isolation_level=BESIDE)
        usurper = Leadership(database, connection)
        for _ in range(5):
            tick(usurper, means, 1)
        usurper.resign()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(look, [cluster.database(), cluster.database()]))
    claimed = cluster.rows(
        "SELECT s.id FROM source s JOIN procrastinate_jobs j ON j.args->'sources' @> to_jsonb(s.id) "
        "AND (j.args->>'until')::bigint = s.next_check WHERE j.task_name = 'check' ORDER BY s.id"
    )
    assert [one for (one,) in claimed] == [one for (one,) in cluster.rows("SELECT id FROM source ORDER BY id")]


def test_a_folder_has_a_job_of_its_own_where_its_files_are(cluster: Cluster) -> None:
    for name in ("a", "b"):
        cluster.source(name, path=f"./{name}")
    means = cluster.distribute()
    cluster.tick(means)
    assert sorted(row for row in cluster.jobs("queue_name, lock") if row[0] == jobs.FOLDERS) == [
        ("folders", "folder:a"),
        ("folders", "folder:b"),
    ]


def test_a_folder_in_which_something_happened_is_due_once_nobody_scans_it(cluster: Cluster) -> None:
    cluster.source("a", path="./a")
    means = cluster.distribute()
    cluster.tick(means)
    leads = Leadership.win(means.database)
    assert leads
    assert tick(leads, means, 1, {"a"}) == set()
    cluster.rows("DELETE FROM procrastinate_jobs")
    assert tick(leads, means, 1, {"a"}) == {"a"}
    leads.resign()
    assert ("check", "folder:a") in cluster.jobs()


def test_nothing_is_made_to_a_job_twice_that_waits_or_is_being_done(cluster: Cluster) -> None:
    means = cluster.distribute()
    cluster.tick(means)
    before = cluster.jobs()
    assert ("site", "site") in before
    cluster.rows("UPDATE procrastinate_jobs SET status = 'doing'")
    cluster.tick(means)
    assert cluster.jobs() == before


def test_a_source_that_the_configuration_in_force_does_not_have_is_nobodys(cluster: Cluster) -> None:
    feeds(cluster, "a.example", "b.example")
    cluster.distribute()
    cluster.config["sources"].pop()
    cluster.write()
    older = cluster.distribute()
    cluster.rows("UPDATE source SET configured = true, next_check = 0")
    cluster.tick(older)
    assert checks(cluster) == [("host:a.example", 1)]
