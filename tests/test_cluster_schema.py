"""The queue's own schema comes with ours, and nobody overlooks a change of it."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from alembic import command

from aggregator.store.engine import Database, alembic_config
from tests import postgres

pytestmark = pytest.mark.postgres
if postgres.MISSING:
    pytest.skip(postgres.MISSING, allow_module_level=True)

from procrastinate.schema import SchemaManager  # noqa: E402  missing where it is skipped

VERSIONS = Path(__file__).parents[1] / "migrations" / "versions"


def test_the_newest_change_of_procrastinate_is_in_a_revision_of_ours() -> None:
    newest = max(name for name in os.listdir(SchemaManager.get_migrations_path()) if name.endswith(".sql"))
    covered = [getattr(loaded(file), "PROCRASTINATE", "") for file in sorted(VERSIONS.glob("*.py"))]
    assert max(covered) == newest, "write a revision that runs what came since (migrations/versions/0015_cluster.py)"


def loaded(file: Path) -> object:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_tables_are_there_and_are_not_taken_for_ours() -> None:
    with postgres.database() as url:
        database = Database(url)
        with database.write(beside=True) as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar() == 0
            command.check(alembic_config(connection))
        database.close()
