"""Which entries may be the same article as these: found by shared digests and bands, decided elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Connection, func, select

from aggregator.store.among import among
from aggregator.store.portions import portions
from aggregator.store.stories import KEPT
from aggregator.store.tables import NOT_HELD, entry, signature_band
from aggregator.store.types import Record

#: Most candidates that one entry is compared with: a template that fills a band with hundreds of
#: bulletins must not make each new one cost hundreds of comparisons.
MOST_CANDIDATES = 64

#: An equal text or address outweighs any number of bands in common.
EQUAL = 1000


def candidates(connection: Connection, ids: Sequence[int], window: timedelta, *, near: bool) -> set[tuple[int, int]]:
    """Pairs (smaller id first) of these entries with those that may be the same article.

    They share the digest of their text or of their address or, with `near`, a band of their
    signatures, and lie within the window. Those that share most come first, then the nearest in
    time; what a breaker keeps back or a rule drops is left out.
    """
    asked = _asked(connection, ids)
    texts = _holders(connection, entry.c.text_digest, {row.text_digest for row in asked})
    links = _holders(connection, entry.c.link_digest, {row.link_digest for row in asked})
    bands = _holders(connection, signature_band.c.band, {band for row in asked for band in row.bands} if near else ())
    shared = {row.id: _shared(row, (*texts[row.text_digest], *links[row.link_digest]), bands) for row in asked}
    published = _published(connection, {other for common in shared.values() for other in common})
    found = set()
    for row in asked:
        common = shared[row.id]
        apart = {other: abs(published[other] - row.published) for other in common if other in published}
        near_enough = [other for other, by in apart.items() if by <= window]
        best = sorted(near_enough, key=lambda other: (-common[other], apart[other], other))[:MOST_CANDIDATES]
        found |= {(min(row.id, other), max(row.id, other)) for other in best}
    return found


def _asked(connection: Connection, ids: Sequence[int]) -> list[Record]:
    """The entries: when they were published, and what others may share with them."""
    columns = (entry.c.id, entry.c.published, entry.c.text_digest, entry.c.link_digest, entry.c.bands)
    return list(connection.execute(select(*columns).where(among(connection, entry.c.id, ids))))


def _shared(row: Record, equal: Iterable[int], bands: Mapping[Any, Sequence[int]]) -> Counter[int]:
    """Who has something in common with the entry, and how much."""
    common: Counter[int] = Counter()
    for other in equal:
        common[other] += EQUAL
    for band in row.bands:
        if band in bands:
            common.update(bands[band])
    del common[row.id]
    return common


def _holders(connection: Connection, column: Column[Any], values: Collection[Any]) -> dict[Any, list[int]]:
    """Who has each of these values, where anybody but the entry that was asked for has it: most have nobody else."""
    number = entry.c.id if column.table is entry else column.table.c.entry_id
    shared = select(column).group_by(column).having(func.count() > 1)
    found: dict[Any, list[int]] = defaultdict(list)
    for some in portions(sorted(value for value in values if value is not None)):
        several = list(connection.scalars(shared.where(among(connection, column, some))))
        if several:
            for value, entry_id in connection.execute(select(column, number).where(among(connection, column, several))):
                found[value].append(entry_id)
    return found


def _published(connection: Connection, ids: Collection[int]) -> dict[int, datetime]:
    """When these were published, without those that nothing is compared with."""
    found: dict[int, datetime] = {}
    for some in portions(ids):
        query = select(entry.c.id, entry.c.published).where(among(connection, entry.c.id, some), NOT_HELD, KEPT)
        found.update((row.id, row.published) for row in connection.execute(query))
    return found
