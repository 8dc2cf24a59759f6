"""What hosts asked for, shared by all processes: whoever is told to wait tells the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.fetch.manners import Known
from aggregator.store import hosts
from aggregator.store.engine import Database
from aggregator.store.hosts import HostRow


@dataclass(frozen=True)
class SharedManners:
    """A `fetch.manners.Memory` in the database; raises StoreError where that fails."""

    database: Database
    clock: Callable[[], datetime]

    async def recall(self, name: str) -> Known | None:
        return await asyncio.to_thread(self._recall, name)

    async def keep(self, name: str, known: Known) -> None:
        await asyncio.to_thread(self._keep, name, known)

    def _recall(self, name: str) -> Known | None:
        with self.database.read() as connection:
            row = hosts.recall(connection, name)
        if row is None:
            return None
        return Known(row.until, row.refusals, row.unnamed, max((self.clock() - row.ended).total_seconds(), 0.0))

    def _keep(self, name: str, known: Known) -> None:
        ended = self.clock() - timedelta(seconds=known.ago)
        with self.database.write(beside=True) as connection:
            hosts.keep(connection, name, HostRow(known.until, known.refusals, known.unnamed, ended))
