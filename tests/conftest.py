import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests import postgres
from tests.world import World

if TYPE_CHECKING:
    from tests.clustered import Cluster

# A busy machine must not fail a test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

#: Bytes that the files of a run may take.
ROOM = 4_000_000_000


def pytest_configure(config: pytest.Config) -> None:
    """In memory where there is room: what is flushed to a disk, thousands of times, is most of the time of a run."""
    memory = Path("/dev/shm")
    if "TMPDIR" not in os.environ and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM:
        tempfile.tempdir = os.environ["TMPDIR"] = str(memory)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What lives in a world is run on both databases, but for what is marked as being about one of them."""
    if "databases" in metafunc.fixturenames:
        kinds = {"sqlite": "sqlite", "postgres": pytest.param("postgres", marks=pytest.mark.postgres)}
        marked = [kinds[kind] for kind in kinds if metafunc.definition.get_closest_marker(kind)]
        metafunc.parametrize("databases", marked or kinds.values(), indirect=True)


@pytest.fixture
def databases(request: pytest.FixtureRequest) -> Iterator[Iterator[str] | None]:
    """Fresh databases of PostgreSQL, as many as are asked for; None for SQLite, whose files need no server."""
    if request.param == "sqlite":
        yield None
        return
    if postgres.MISSING:
        pytest.skip(postgres.MISSING)
    with ExitStack() as stack:
        yield (stack.enter_context(postgres.database()) for _ in repeat(None))


@pytest.fixture
def cluster(tmp_path: Path) -> "Iterator[Cluster]":
    """An installation of several processes, on a fresh database of PostgreSQL."""
    if postgres.MISSING:
        pytest.skip(postgres.MISSING)
    from tests.clustered import opened  # what it needs may be missing

    with postgres.database() as url, opened(tmp_path, url) as made:
        yield made


@pytest.fixture
def world(tmp_path: Path, databases: Iterator[str] | None) -> Iterator[World]:
    made = World(tmp_path, databases)
    yield made
    made.close()
