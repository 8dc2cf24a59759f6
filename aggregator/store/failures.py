"""What a driver says when something fails, read once for all: in words for people, or as what is to be tried again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import IntegrityError

from aggregator.errors import CrossedError

#: How often a piece of work is begun before its crossing others counts as a failure: with each attempt one of
#: those that cross each other gets through.
ATTEMPTS = 8

NOTHING_CHANGED = "nothing was changed"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure of the world outside; what is none is a fault of ours and stays as it was raised."""

    #: The system's own.
    words: str
    remedy: str
    #: Waiting does not help.
    lasting: bool = False
    #: Another transaction was in the way; begun again, this one will see what that one did.
    crossed: bool = False


def again(work: Callable[P, T]) -> Callable[P, T]:
    """Have this begun again, from its start, where one of its transactions crossed another.

    For work that leaves nothing behind where it fails: all that it does is one transaction, or it goes on where it was.
    """

    @wraps(work)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return work(*args, **kwargs)
            except CrossedError:
                continue
        try:
            return work(*args, **kwargs)
        except CrossedError as crossed:
            # What is there before each attempt was not put there by somebody else just now: a fault of ours.
            if isinstance(crossed.__cause__, IntegrityError):
                raise crossed.__cause__ from None
            raise

    return attempt
