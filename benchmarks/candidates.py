"""Finding candidates among stored signatures: `python -m benchmarks.candidates [entries]`.

Fills a SQLite database with that many entries (a million by default) whose signatures are those of
random texts, one in five near another, then asks for the candidates of new ones through the same
function that grouping uses. Prints look-up times, insertion rate and bytes of index an entry.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
from sqlalchemy import insert, text

from aggregator.model import Entry, ParsedEntry
from aggregator.store.candidates import candidates
from aggregator.store.engine import Database
from aggregator.store.tables import entry, signature_band, source

BANDS = 19
BATCH = 5_000
LOOKUPS = 2_000
START = datetime(2026, 1, 1, tzinfo=UTC)
#: A busy installation: so many articles a day that a window of 30 days holds them all.
APART = timedelta(seconds=2)

CLEANED = Entry("t", "", "", "", "p", None, (), None, None, None, (("c",),), ())


def main(total: int) -> None:
    generator = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bands.db"
        database = Database(f"sqlite:///{file}")
        database.upgrade()
        with database.write() as connection:
            connection.execute(insert(source).values(id=1, name="s", kind="feed", location="x", configured=True))
        keys = _keys(total, generator)
        for first in range(0, total, BATCH):
            with database.write() as connection:
                connection.execute(
                    insert(entry), [_row(n + 1, keys[n]) for n in range(first, min(first + BATCH, total))]
                )
        before = _size(database)
        began = time.perf_counter()
        for first in range(0, total, BATCH):
            rows = [
                {"band": band, "entry_id": n + 1}
                for n in range(first, min(first + BATCH, total))
                for band in keys[n].tolist()
            ]
            with database.write() as connection:
                connection.execute(insert(signature_band), rows)
        seconds = time.perf_counter() - began
        print(f"entries                  {total:,}")
        print(f"insertion                {total / seconds:,.0f} entries/s")
        print(f"index an entry           {(_size(database) - before) / total + BANDS * 8:,.0f} bytes")
        times = sorted(_lookups(database, total, generator))
        print(f"look-up median           {times[len(times) // 2] * 1000:.2f} ms")
        print(f"look-up p99              {times[len(times) * 99 // 100] * 1000:.2f} ms")
        database.close()


def _row(number: int, keys: np.ndarray) -> dict[str, object]:
    moment = START + APART * number
    return {
        "id": number,
        "source_id": 1,
        "publisher": "p",
        "uuid": UUID(int=number),
        "title": "t",
        "published": moment,
        "first_seen": moment,
        "updated": moment,
        "last_seen": moment,
        "fingerprint": number.to_bytes(16, "big"),
        "bands": tuple(keys.tolist()),
        "grouped": True,
        "original": ParsedEntry(),
        "cleaned": CLEANED,
    }


def _keys(total: int, generator: np.random.Generator) -> np.ndarray:
    """Random bands; every fifth entry shares half of its own with the one before it."""
    keys = generator.integers(-(2**63), 2**63, size=(total, BANDS), dtype=np.int64)
    keys[4::5, : BANDS // 2] = keys[3::5, : BANDS // 2][: len(keys[4::5])]
    return keys


def _lookups(database: Database, total: int, generator: np.random.Generator) -> Iterator[float]:
    for number in generator.integers(1, total + 1, size=LOOKUPS):
        with database.read() as connection:
            began = time.perf_counter()
            candidates(connection, [int(number)], timedelta(days=30), near=True)
            yield time.perf_counter() - began


def _size(database: Database) -> int:
    with database.read() as connection:
        pages, size = (connection.scalar(text(f"PRAGMA {name}")) for name in ("page_count", "page_size"))
    return int(pages or 0) * int(size or 0)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
