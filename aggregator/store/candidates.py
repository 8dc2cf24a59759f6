"""Which entries may be the same article as these: found by shared digests and bands, decided elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, select

from aggregator.store.stories import KEPT
from aggregator.store.tables import NOT_HELD, entry, signature_band

#: Most candidates that one entry is compared with: a template that fills a band with hundreds of
#: bulletins must not make each new one cost hundreds of comparisons.
MOST_CANDIDATES = 64

#: An equal text or address outweighs any number of bands in common.
EQUAL = 1000

#: Values that one query asks for: SQLite takes 32,766 at most.
MOST_VALUES = 5000


@dataclass(frozen=True, slots=True)
class _Asked:
    """An entry that candidates are wanted for: when it was published, and what others may share with it."""

    published: datetime
    values: tuple[tuple[Column[Any], Any, int], ...]


def candidates(connection: Connection, ids: Sequence[int], window: timedelta, *, near: bool) -> set[tuple[int, int]]:
    """Pairs (smaller id first) of these entries with those that may be the same article.

    They share the digest of their text or of their address or, with `near`, a band of their
    signatures, and lie within the window. Those that share most come first, then the nearest in
    time; what a breaker keeps back or a rule drops is left out.
    """
    asked = _asked(connection, ids, near)
    wanted: dict[Column[Any], set[Any]] = {}
    for one in asked.values():
        for column, value, _ in one.values:
            wanted.setdefault(column, set()).add(value)
    holders = {column: _holders(connection, column, values) for column, values in wanted.items()}
    found = set()
    for entry_id, one in asked.items():
        common: Counter[int] = Counter()
        apart: dict[int, timedelta] = {}
        for column, value, weight in one.values:
            for other, published in holders[column].get(value, ()):
                apart[other] = abs(published - one.published)
                common[other] += weight
        near_enough = [other for other in common if other != entry_id and apart[other] <= window]
        best = sorted(near_enough, key=lambda other: (-common[other], apart[other], other))[:MOST_CANDIDATES]
        found |= {(min(entry_id, other), max(entry_id, other)) for other in best}
    return found


def _asked(connection: Connection, ids: Sequence[int], near: bool) -> dict[int, _Asked]:
    columns = (entry.c.id, entry.c.published, entry.c.text_digest, entry.c.link_digest, entry.c.bands)
    query = select(*columns).where(entry.c.id.in_(ids))
    return {row.id: _Asked(row.published, tuple(_values(row, near))) for row in connection.execute(query)}


def _values(row: Any, near: bool) -> Iterator[tuple[Column[Any], Any, int]]:
    if row.text_digest:
        yield entry.c.text_digest, row.text_digest, EQUAL
    if row.link_digest:
        yield entry.c.link_digest, row.link_digest, EQUAL
    if near:
        yield from ((signature_band.c.band, band, 1) for band in row.bands)


def _holders(
    connection: Connection, column: Column[Any], values: Collection[Any]
) -> dict[Any, list[tuple[int, datetime]]]:
    """Who has each of these values, and when it was published."""
    found: dict[Any, list[tuple[int, datetime]]] = {}
    ordered = sorted(values)
    for start in range(0, len(ordered), MOST_VALUES):
        query = select(column, entry.c.id, entry.c.published).where(
            column.in_(ordered[start : start + MOST_VALUES]), NOT_HELD, KEPT
        )
        if column.table is not entry:
            query = query.join(entry, entry.c.id == column.table.c.entry_id)
        for value, entry_id, published in connection.execute(query):
            found.setdefault(value, []).append((entry_id, published))
    return found
