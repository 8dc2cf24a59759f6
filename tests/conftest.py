import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests.world import World

# A busy machine must not fail a test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

#: Bytes that the files of a run may take.
ROOM = 4_000_000_000


def pytest_configure() -> None:
    """In memory where there is room: what is flushed to a disk, thousands of times, is most of the time of a run."""
    memory = Path("/dev/shm")
    if "TMPDIR" not in os.environ and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM:
        tempfile.tempdir = os.environ["TMPDIR"] = str(memory)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
