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

#: After so many portions that crossed nothing one is as large again as the largest.
STEPS = 20

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


class Portion:
    """How many of something one transaction takes: fewer after it crossed another, and slowly more after that.

    What has crossed is lost, and the longer a transaction takes, the more it crosses: one that is large enough would
    get through never while feeds are published one after the other. Not to be used by several threads.
    """

    def __init__(self, most: int) -> None:
        self._most = self._size = most

    def take(self, work: Callable[[int], T]) -> T:
        """Have `work` take so many, and fewer each time it crosses others; raises CrossedError as `again` does."""

        @again
        def attempt() -> T:
            try:
                return work(self._size)
            except CrossedError:
                self._size = max(self._size // 2, 1)
                raise

        done = attempt()
        self._size = min(self._size + max(self._most // STEPS, 1), self._most)
        return done
