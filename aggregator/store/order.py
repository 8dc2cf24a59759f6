"""In which order documents of many feeds are written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from aggregator.store.types import EPOCH, Record


def in_turn(rows: Iterable[Record]) -> list[tuple[int, int]]:
    """Parts of feeds (category and number) by their oldest stories, each feed's in the order of its numbers.

    What shows the same stories then comes together, and each is read once for all of it.
    """
    reached: dict[int, datetime] = {}
    found = []
    for row in sorted(rows, key=lambda row: (row.category_id, row.number)):
        # A later part may hold a story of an older date, that came late.
        oldest = max(row.oldest or EPOCH, reached.get(row.category_id, EPOCH))
        reached[row.category_id] = oldest
        found.append((oldest, row.number, row.category_id))
    return [(category_id, number) for _, number, category_id in sorted(found)]
