"""Opening the database: what a connection may not have to wait for."""

from __future__ import annotations

from pathlib import Path

from aggregator.store.engine import Database


def opened(folder: Path) -> Database:
    return Database(f"sqlite:///{folder}/aggregator.db")


def test_a_reader_opens_the_database_while_somebody_writes(tmp_path: Path):
    writer, reader = opened(tmp_path), opened(tmp_path)
    writer.upgrade()
    with writer.write() as writing, reader.read() as reading:
        writing.exec_driver_sql("INSERT INTO setting VALUES ('key', 'value')")
        assert reading.exec_driver_sql("SELECT count(*) FROM setting").scalar() == 0
    writer.close()
    reader.close()


def test_a_new_database_can_give_space_back(tmp_path: Path):
    database = opened(tmp_path)
    database.upgrade()
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA auto_vacuum").scalar() == 2  # INCREMENTAL
    database.close()
