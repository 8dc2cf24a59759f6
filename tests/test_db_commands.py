"""`db`: copies that can be relied on, and damage that is found, named and mended."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from aggregator.cli import cli
from aggregator.errors import AggregatorError
from aggregator.store import backup
from aggregator.store.engine import newest_revision
from aggregator.store.lock import only_writer
from tests.world import World, item, rss

FEED = "https://blog.example/feed"


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED, category="技术")
    world.network.answers[FEED] = rss(item(1), item(2))
    world.once()
    return world


def db(blog: World, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["-c", str(blog.folder / "config.yaml"), "db", *arguments])


def said(result: Result) -> tuple[int, str]:
    """Exit status and message, as `main` gives them."""
    if isinstance(result.exception, AggregatorError):
        return result.exception.exit_status, str(result.exception)
    return result.exit_code, result.output


def database(blog: World) -> Path:
    file = blog.open().database.sqlite_file
    assert file is not None
    return file


def sql(file: Path, *statements: str) -> None:
    """What a person, or a fault, does to the database behind our back."""
    connection = sqlite3.connect(file)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def harm(blog: World, *statements: str) -> None:
    """The same to either database, which must not keep its rows together meanwhile."""
    engine = blog.open().database.engine
    off = "PRAGMA foreign_keys = OFF" if engine.dialect.name == "sqlite" else "SET session_replication_role = replica"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in (off, *statements):
            connection.exec_driver_sql(statement)
    engine.dispose()


def counted(file: Path) -> int:
    connection = sqlite3.connect(file)
    ((count,),) = connection.execute("SELECT count(*) FROM entry").fetchall()
    connection.close()
    return int(count)


# --- backup and restore --------------------------------------------------------------------


@pytest.mark.sqlite
def test_a_backup_is_one_file_with_everything_also_while_somebody_writes(blog: World, tmp_path: Path) -> None:
    target = tmp_path / "kept" / "copy.db"
    with only_writer(database(blog)), blog.open().database.write() as connection:
        connection.exec_driver_sql("DELETE FROM entry WHERE id = 1")  # not committed
        status, text = said(db(blog, "backup", str(target)))
    assert status == 0, text
    assert "2 entries of 1 sources" in text
    assert counted(target) == 2
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]


@pytest.mark.sqlite
def test_a_backup_replaces_nothing_unless_it_is_told_to(blog: World, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("something dear")
    status, text = said(db(blog, "backup", str(target)))
    assert status == 4
    assert "--force" in text
    assert target.read_text() == "something dear"
    assert db(blog, "backup", str(target), "--force").exit_code == 0
    assert counted(target) == 2


@pytest.mark.sqlite
def test_a_restored_database_publishes_what_it_knows(blog: World, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    before = blog.published()
    assert db(blog, "backup", str(target)).exit_code == 0
    blog.network.answers[FEED] = rss(item(1), item(2), item(3))
    blog.once()
    assert len(blog.titles()) == 3
    blog.open().database.close()
    status, text = said(db(blog, "restore", str(target)))
    assert status == 0, text
    blog.publish()
    assert blog.published() == before
    kept = next(database(blog).parent.glob("*.replaced-1"))
    assert counted(kept) == 3
    assert blog.once()["Blog"].tally.new == 1


@pytest.mark.sqlite
def test_restore_refuses_what_is_no_backup_of_ours(blog: World, tmp_path: Path) -> None:
    none = tmp_path / "other.db"
    sql(none, "CREATE TABLE something (else_ INTEGER)")
    (tmp_path / "text.db").write_text("no database " * 100)
    for name, words in (
        ("other.db", "no database of this program"),
        ("text.db", "not a database"),
        ("x", "no such file"),
    ):
        status, text = said(db(blog, "restore", str(tmp_path / name)))
        assert status == 4
        assert words in text
    assert counted(database(blog)) == 2


@pytest.mark.sqlite
def test_restore_refuses_a_backup_of_a_newer_program(blog: World, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    db(blog, "backup", str(target))
    sql(target, "UPDATE alembic_version SET version_num = '9999'", "UPDATE schema_oldest SET revision = '9999'")
    status, text = said(db(blog, "restore", str(target)))
    assert status == 4
    assert "install that version first" in text
    assert newest_revision() in text


@pytest.mark.sqlite
def test_restore_refuses_a_damaged_backup(blog: World, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    db(blog, "backup", str(target))
    spoil(target)
    status, text = said(db(blog, "restore", str(target)))
    assert status == 4
    assert "nothing was replaced" in text
    assert counted(database(blog)) == 2


@pytest.mark.sqlite
def test_restore_is_for_the_one_writer(blog: World, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    db(blog, "backup", str(target))
    with only_writer(database(blog)):
        assert said(db(blog, "restore", str(target)))[0] == 3


@pytest.mark.sqlite
def test_a_damaged_database_is_replaced_by_a_backup(blog: World, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    db(blog, "backup", str(target))
    blog.open().database.close()
    spoil(database(blog))
    assert said(db(blog, "backup", str(tmp_path / "second.db")))[0] == 4
    assert not (tmp_path / "second.db").exists()
    assert said(db(blog, "restore", str(target)))[0] == 0
    assert blog.once()["Blog"].message is None


def spoil(file: Path) -> None:
    """Overwrite pages in the middle, as a dying disk does."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = bytearray(file.read_bytes())
    data[4096 * 3 : 4096 * 40] = b"\xa5" * (4096 * 37)
    file.write_bytes(data)


def test_postgresql_is_told_of_its_own_programs(blog: World) -> None:
    blog.config["database"] = "postgresql+psycopg://news:secret@localhost/news"
    (blog.folder / "config.yaml").write_text(json.dumps(blog.config, ensure_ascii=False), encoding="utf-8")
    for command, program in (("backup", "pg_dump"), ("restore", "pg_restore")):
        status, text = said(db(blog, command, "x.dump"))
        assert status == 2
        assert f"{program} " in text
        assert "postgresql://news@localhost/news" in text
        assert "secret" not in text


# --- check ---------------------------------------------------------------------------------


def test_a_sound_database_is_said_to_be(blog: World) -> None:
    assert said(db(blog, "check")) == (0, "no damage found\n")


DAMAGE = {
    "story_entry.story_id without its story": ["DELETE FROM story WHERE id = 1"],
    "entry_alias.entry_id without its entry": ["DELETE FROM entry WHERE id = 2"],
    "bands of entries that are not there": ["INSERT INTO signature_band VALUES (7, 999)"],
    "blocks of entries that are not there": ["INSERT INTO block_entry VALUES (7, 999)"],
    "stories without an entry": ["DELETE FROM story_entry WHERE story_id = 1"],
    "grouped entries without a story": ["DELETE FROM story_entry WHERE story_id = 1"],
    "stories that no feed shows": ["DELETE FROM story_category WHERE story_id = 1"],
    "feeds whose count of stories is wrong": ["UPDATE category SET stories = 77"],
    "keys that lead to an entry of another source": [
        "INSERT INTO source (id, name, kind, location, configured) VALUES (9, 'x', 'feed', 'x', false)",
        "INSERT INTO entry_alias SELECT 9, kind, key, text, entry_id FROM entry_alias",
    ],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_named_and_mended(blog: World, name: str) -> None:
    harm(blog, *DAMAGE[name])
    result = db(blog, "check", "--json")
    assert result.exit_code == 4
    found = {row["check"]: row for row in json.loads(result.stdout)["findings"]}
    assert name in found
    assert not found[name]["mended"]
    repaired = db(blog, "check", "--repair", "--json")
    assert repaired.exit_code == 0, repaired.output
    assert all(row["mended"] for row in json.loads(repaired.stdout)["findings"])
    assert said(db(blog, "check")) == (0, "no damage found\n")


def test_repair_brings_back_what_a_feed_lost(blog: World) -> None:
    before = blog.published()
    harm(blog, "DELETE FROM story WHERE id = 1", "DELETE FROM story_category WHERE story_id = 2")
    blog.publish(everything=True)
    assert db(blog, "check", "--repair").exit_code == 0
    assert sorted(blog.titles()) == ["Item 1", "Item 2"]
    assert blog.published().keys() == before.keys()


def test_files_that_differ_from_what_was_written_are_found_and_written_again(blog: World) -> None:
    feed = blog.folder / "public" / "feeds" / "all.atom"
    good, stamp = feed.read_bytes(), feed.stat()
    feed.write_bytes(good.replace(b"Item 1", b"Item 9"))
    os.utime(feed, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # as a dying disk leaves it
    result = db(blog, "check")
    assert result.exit_code == 4
    assert "feeds/all.atom" in result.output
    assert db(blog, "check", "--repair").exit_code == 0
    assert feed.read_bytes() == good


@pytest.mark.sqlite
def test_pages_that_cannot_be_read_need_a_backup(blog: World) -> None:
    blog.open().database.close()
    file = database(blog)
    spoil(file)
    with pytest.raises(AggregatorError, match=r"damaged|malformed"):
        backup.inspect(file)
    status, text = said(db(blog, "check", "--repair"))
    assert status == 4
    assert "restore" in text
