"""Single values that outlast a process."""

from __future__ import annotations

from sqlalchemy import Connection, select

from aggregator.store.tables import setting
from aggregator.store.upsert import upsert


def changed(connection: Connection, key: str, value: str) -> bool:
    """Keep a value; tells whether it differs from the one kept before."""
    before = connection.scalar(select(setting.c.value).where(setting.c.key == key))
    if before == value:
        return False
    upsert(connection, setting, [{"key": key, "value": value}])
    return before is not None
