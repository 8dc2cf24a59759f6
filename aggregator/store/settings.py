"""Single values that outlast a process."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from aggregator.store.tables import setting
from aggregator.store.upsert import upsert


def get(connection: Connection, key: str) -> str | None:
    value: str | None = connection.scalar(select(setting.c.value).where(setting.c.key == key))
    return value


def put(connection: Connection, key: str, value: str) -> None:
    upsert(connection, setting, [{"key": key, "value": value}])


def forget(connection: Connection, key: str) -> None:
    connection.execute(delete(setting).where(setting.c.key == key))


def changed(connection: Connection, key: str, value: str) -> bool:
    """Keep a value; tells whether it differs from the one kept before."""
    before = get(connection, key)
    if before == value:
        return False
    put(connection, key, value)
    return before is not None
