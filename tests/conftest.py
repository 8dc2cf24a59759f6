from pathlib import Path

import pytest
from hypothesis import settings

from tests.world import World

# A busy machine must not fail a test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
