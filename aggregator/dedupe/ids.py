"""Public ids and stamps: the same input gives the same ids in every installation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import count
from uuid import UUID, uuid5

from aggregator.model import Key, Path

#: Made once, for this project. Changing either gives every article or category a new id.
ENTRIES = UUID("6f0c4f0e-6a3f-4c1e-9d0a-0a5f8c2b7d11")
CATEGORIES = UUID("b1c7f6a2-52d4-4e0b-8f3c-3f1d9e6a4c27")

#: Parts the fields of a name; cannot occur in a key, which holds no control characters.
_FIELD = "\x1f"


def public_uuid(source_name: str, key: Key, taken: Callable[[UUID], bool]) -> UUID:
    """The id of an entry first stored under `key`; the first one with `#2`, `#3` … that is free.

    It is stored and never computed again: keys and names of sources may change afterwards.
    """
    name = _FIELD.join((source_name, key.kind, key.text))
    candidates = (uuid5(ENTRIES, name if number == 1 else f"{name}#{number}") for number in count(1))
    return next(uuid for uuid in candidates if not taken(uuid))


def category_uuid(path: Path) -> UUID:
    """The id of the feed of a category, taken when the category is born."""
    return uuid5(CATEGORIES, _FIELD.join(path))


def stamp(moment: datetime, uuid: UUID) -> datetime:
    """`moment` with microseconds that depend on the entry, so that entries of one second differ.

    Two may still meet; the store makes them unique.
    """
    return moment.replace(microsecond=uuid.int % 1_000_000)
