"""Upgrades: a database of any revision, with data in it, becomes what the program of today works with."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from click.testing import CliRunner
from sqlalchemy import Connection, inspect, text

from aggregator import integrity
from aggregator.cli import cli
from aggregator.errors import StoreError
from aggregator.store import engine
from aggregator.store.engine import Database, alembic_config, newest_revision
from tests.world import World, article, item, rss

FEED = "https://blog.example/feed"
LONG = "　　市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，水压较去年同期提高两成。"

REVISIONS = sorted(file.name[:4] for file in (engine._migrations() / "versions").glob("[0-9]*.py"))

#: The first that PostgreSQL is supported by.
FIRST_OF_SERVERS = "0014"

#: What tells of a database itself, and the queue, which nothing has to be brought along for: it is made again.
OWN = ("alembic_version", "schema_oldest", "procrastinate_")

#: What every revision has; a table that came later is empty in an older database.
TABLES = (
    "source",
    "source_check",
    "file",
    "entry",
    "entry_version",
    "entry_alias",
    "category",
    "entry_category",
    "story",
    "story_entry",
    "story_category",
    "signature_band",
    "document",
    "event",
)


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED, category="技术")
    world.source("文章", path="articles")
    world.network.answers[FEED] = rss(item(1), item(2))
    world.article("a.md", article("供水", f"<p>{LONG}</p>"))
    world.once()
    world.network.answers[FEED] = rss(item(1, body="<p>It says something else altogether by now.</p>"), item(2))
    world.once()
    return world


def schema(revision: str, folder: Path) -> Path:
    """An empty database of that revision."""
    file = folder / f"{revision}.db"
    database = Database(f"sqlite:///{file}")
    with database.write() as connection:
        command.upgrade(alembic_config(connection), revision)
    database.close()
    return file


def set_back(blog: World, revision: str) -> Path:
    """Have the installation's data in a database of that revision, as far as that has a place for it."""
    means = blog.open()
    means.database.close()
    file = means.database.sqlite_file
    assert file is not None
    new = file.with_name("new.db")
    file.rename(new)
    shutil.copy(schema(revision, blog.folder), file)
    connection = sqlite3.connect(file)
    connection.execute("ATTACH ? AS new", (str(new),))
    for table in TABLES:
        then, now = (
            {row[1] for row in connection.execute(f"PRAGMA {place}.table_info({table})")} for place in ("main", "new")
        )
        columns = ", ".join(f'"{name}"' for name in sorted(then & now))
        connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    connection.commit()
    connection.close()
    new.unlink()
    for side in file.parent.glob(f"{file.name}-*"):
        side.unlink()
    return file


def set_back_on_a_server(blog: World, revision: str) -> None:
    """As `set_back`, in the same database: the newer tables stand aside while the older ones are filled from them."""
    database = blog.open().database
    database.engine.dispose()  # sessions that have prepared what there is no more
    with database.write() as connection:
        connection.execute(text("ALTER SCHEMA public RENAME TO newer"))
        connection.execute(text("CREATE SCHEMA public"))
    with database.write() as connection:
        command.upgrade(alembic_config(connection), revision)
    with database.write() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # in any order: references later
        for table in inspect(connection).get_table_names():
            if not table.startswith(OWN):
                _fill(connection, table)
        connection.execute(text("DROP SCHEMA newer CASCADE"))


def _fill(connection: Connection, table: str) -> None:
    looked = inspect(connection)
    then, now = ({column["name"] for column in looked.get_columns(table, place)} for place in ("public", "newer"))
    columns = ", ".join(f'"{name}"' for name in sorted(then & now))
    connection.execute(text(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newer.{table}"))
    if "id" in then and connection.scalar(text(f"SELECT pg_get_serial_sequence('{table}', 'id')")):
        number = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING count(*) > 0"
        connection.execute(text(number))


@pytest.mark.sqlite
@pytest.mark.parametrize("revision", REVISIONS)
def test_data_of_any_revision_is_there_after_an_upgrade(blog: World, revision: str) -> None:
    before = looked_at(blog)
    file = set_back(blog, revision)
    expect_unchanged(blog, before)
    copies = [copy.name for copy in file.parent.glob("*.backup")]
    assert copies == ([] if revision == newest_revision() else [f"{file.name}.revision-{revision}.backup"])


@pytest.mark.postgres
@pytest.mark.parametrize("revision", [one for one in REVISIONS if one >= FIRST_OF_SERVERS])
def test_data_of_any_revision_is_there_after_an_upgrade_on_a_server(blog: World, revision: str) -> None:
    before = looked_at(blog)
    indexed = blog.rows("SELECT count(*) FROM story_fts")
    set_back_on_a_server(blog, revision)
    assert blog.open().database.revision() == revision
    expect_unchanged(blog, before)
    assert blog.rows("SELECT count(*) FROM story_fts") == indexed != [(0,)]
    blog.network.answers[FEED] = rss(item(1), item(2), item(3))
    assert blog.once()["Blog"].tally.new == 1


def looked_at(blog: World) -> tuple[object, object]:
    """What people know of entries: in the database, and in the feed."""
    entries = blog.rows("SELECT id, uuid, title, published, updated FROM entry ORDER BY id")
    return entries, {(entry.id, entry.updated) for entry in blog.feed().entries}


def expect_unchanged(blog: World, before: tuple[object, object]) -> None:
    """The next round brings the schema up to date, and nothing else happens."""
    tallies = blog.once()
    assert tallies["Blog"].tally.new == tallies["文章"].tally.new == 0
    assert blog.open().database.revision() == newest_revision()
    assert looked_at(blog) == before
    published = blog.published()
    blog.once()
    assert blog.published() == published
    with blog.writing() as means:
        assert integrity.findings(means) == []


@pytest.mark.sqlite
def test_only_the_last_backups_before_migrations_are_kept(blog: World) -> None:
    for number in range(5):
        file = set_back(blog, REVISIONS[number])
        blog.once()
    assert len(list(file.parent.glob("*.backup"))) == 3


@pytest.mark.sqlite
def test_a_database_of_a_newer_program_is_left_alone(blog: World) -> None:
    blog.open().database.close()
    file = blog.open().database.sqlite_file
    assert file is not None
    connection = sqlite3.connect(file)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.execute("UPDATE schema_oldest SET revision = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="install the version that made it") as raised:
        blog.once()
    assert raised.value.lasting


def test_the_version_tells_the_revision_of_the_schema() -> None:
    told = CliRunner().invoke(cli, ["--version"]).output
    assert newest_revision() in told
