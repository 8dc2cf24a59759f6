"""Lists that are too long for one statement, in portions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TypeVar

Value = TypeVar("Value")

#: Values that one query asks for: SQLite takes 32,766 parameters at most, and each has a name.
MOST_VALUES = 5000


def portions(values: Collection[Value]) -> Iterator[list[Value]]:
    """The values in lists that a statement can hold; none of no values, so that nothing is asked."""
    listed = list(values)
    return (listed[start : start + MOST_VALUES] for start in range(0, len(listed), MOST_VALUES))
