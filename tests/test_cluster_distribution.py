"""The configuration reaches whoever knows nothing but the database."""

from __future__ import annotations

import asyncio
import logging

import pytest

from aggregator.cluster import distribution
from aggregator.errors import ConfigError
from tests.clustered import Cluster

pytestmark = pytest.mark.postgres


def test_an_edit_is_in_force_in_every_process(cluster: Cluster) -> None:
    cluster.source("a", url="https://a.example/")
    cluster.distribute()
    follower = cluster.follower()
    assert not asyncio.run(follower.refresh())
    cluster.source("b", url="https://b.example/")
    cluster.distribute()
    assert asyncio.run(follower.refresh())
    assert list(follower.means.sources) == ["a", "b"]
    assert follower.version == 2


def test_a_job_by_a_newer_configuration_has_it_put_in_force_first(cluster: Cluster) -> None:
    cluster.distribute()
    follower = cluster.follower()
    cluster.source("b", url="https://b.example/")
    cluster.distribute()
    asyncio.run(follower.upto(1))
    assert follower.version == 1
    asyncio.run(follower.upto(2))
    assert follower.version == 2


def test_what_differs_in_nothing_is_no_new_version(cluster: Cluster) -> None:
    cluster.distribute()
    cluster.distribute()
    assert cluster.rows("SELECT version FROM configuration") == [(1,)]


def test_an_invalid_edit_reaches_nobody(cluster: Cluster) -> None:
    means = cluster.distribute()
    cluster.file.write_text("sites: {}")
    with pytest.raises(ConfigError, match="sites"):
        distribution.distribute(means, cluster.file, {}, anew=True)
    assert cluster.rows("SELECT version FROM configuration") == [(1,)]


def test_a_file_that_was_left_behind_does_not_bring_the_old_times_back(cluster: Cluster) -> None:
    """A process that stood by has missed an edit on the leader's machine, and leads now."""
    cluster.source("a", url="https://a.example/")
    means = cluster.distribute()
    old = cluster.file.read_text()
    cluster.source("b", url="https://b.example/")
    cluster.distribute()
    cluster.file.write_text(old)
    with pytest.raises(ConfigError, match="bring it up to date"):
        distribution.distribute(means, cluster.file, {}, anew=False)
    distribution.distribute(means, cluster.file, {}, anew=True)  # whoever edits it so means it
    assert list(cluster.follower().means.sources) == ["a"]


def test_secrets_are_not_written_down_but_taken_from_each_processs_own_environment(cluster: Cluster) -> None:
    cluster.source("a", url="https://a.example/", headers={"Authorization": "Bearer ${TOKEN}"})
    cluster.distribute(TOKEN="of-the-leader")
    assert "of-the-leader" not in str(cluster.rows("SELECT text FROM configuration"))
    headers = cluster.follower(TOKEN="of-the-worker").means.sources["a"].headers
    assert headers == {"Authorization": "Bearer of-the-worker"}


def test_what_the_environment_of_a_process_lacks_is_named(cluster: Cluster) -> None:
    cluster.source("a", url="https://a.example/", headers={"Authorization": "Bearer ${TOKEN}"})
    cluster.distribute(TOKEN="x")
    with pytest.raises(ConfigError, match="the environment variable TOKEN is not set"):
        cluster.follower()


def test_what_cannot_be_in_force_here_leaves_what_is_and_is_told(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    cluster.distribute()
    follower = cluster.follower()
    cluster.source("a", url="https://a.example/", headers={"Authorization": "Bearer ${TOKEN}"})
    cluster.distribute(TOKEN="x")
    with caplog.at_level(logging.ERROR):
        assert not asyncio.run(follower.refresh())
    assert "TOKEN is not set" in caplog.text
    assert follower.problem
    assert (follower.version, list(follower.means.sources)) == (1, [])
    cluster.config["sources"].clear()
    cluster.distribute()
    assert asyncio.run(follower.refresh())
    assert follower.problem is None


def test_the_database_is_where_a_process_found_it_whatever_the_file_says(cluster: Cluster) -> None:
    means = cluster.distribute()
    cluster.config["database"] = "postgresql+psycopg://${WHO}@elsewhere.example/news"
    cluster.write()
    distribution.distribute(means, cluster.file, {"WHO": "somebody"}, anew=True)
    assert cluster.follower().means.config.database == cluster.url


def test_paths_are_those_of_the_machine_that_has_the_file(cluster: Cluster) -> None:
    cluster.source("a", path="./articles")
    cluster.distribute()
    assert cluster.follower().means.sources["a"].path == str(cluster.folder / "articles")
