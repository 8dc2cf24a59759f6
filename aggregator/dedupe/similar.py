"""How alike two texts are, by the runs of characters that they share; exact, no sketches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from aggregator.dedupe.fold import Codes, fold

Hashes = npt.NDArray[np.uint64]

#: Characters of a gram: four tell Chinese phrases apart; in an alphabet that is less than a word,
#: and any two English texts of some length share a third of them.
GRAM, GRAM_OF_LETTERS = 4, 6

#: The first code point of the scripts that write a word in few characters.
_EAST_ASIAN = 0x2E80

#: From this share of its characters on a text is one of letters.
_OF_LETTERS = 0.7

_MIX = (np.uint64(0xFF51AFD7ED558CCD), np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC4CEB9FE1A85EC53))


def hash_grams(codes: Codes, size: int) -> Hashes:
    """A 64-bit hash of each run of `size` code points, in order; empty where there is none."""
    count = codes.size - size + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    wide = codes.astype(np.uint64)
    hashes = wide[:count] * _MIX[0]
    for shift in range(1, size):
        hashes ^= wide[shift : count + shift]
        hashes *= _MIX[1]
        hashes ^= hashes >> np.uint64(29)
    hashes *= _MIX[2]
    hashes ^= hashes >> np.uint64(32)
    return hashes


def gram_size(codes: Codes) -> int:
    """How long the grams of this text are."""
    letters = codes.size and np.count_nonzero(codes < _EAST_ASIAN) >= _OF_LETTERS * codes.size
    return GRAM_OF_LETTERS if letters else GRAM


@lru_cache(maxsize=512)
def gram_set(text: str, size: int) -> Hashes:
    """The distinct grams of the folded text, sorted."""
    return np.unique(hash_grams(fold(text), size))


@lru_cache(maxsize=512)
def measure(text: str) -> tuple[int, int]:
    """Characters of the folded text, and the size of its grams."""
    codes = fold(text)
    return int(codes.size), gram_size(codes)


@dataclass(frozen=True, slots=True)
class Likeness:
    """Both from 0 to 1; 0 where one of the texts is too short for a gram."""

    #: Shared grams among all grams of both.
    jaccard: float
    #: Shared grams among those of the shorter text.
    containment: float


def likeness(one: Hashes, other: Hashes) -> Likeness:
    """Of two sorted sets of grams."""
    if not one.size or not other.size:
        return Likeness(0.0, 0.0)
    shared = np.intersect1d(one, other, assume_unique=True).size
    return Likeness(shared / (one.size + other.size - shared), shared / min(one.size, other.size))


def alike_text(one: str, other: str, size: int | None = None) -> Likeness:
    """Of two texts as they are, by grams of `size` or of what suits both."""
    size = size or min(measure(one)[1], measure(other)[1])
    return likeness(gram_set(one, size), gram_set(other, size))


def changed_characters(one: Codes, other: Codes) -> int:
    """How many characters an edit touched: those of either text in no run that both have.

    Runs are of four; a moved paragraph is no change, and characters between two edits that are
    closer than that count as changed.
    """
    return max(_uncovered(one, other), _uncovered(other, one))


def _uncovered(codes: Codes, other: Codes) -> int:
    hashes = hash_grams(codes, GRAM)
    if not hashes.size:
        return 0 if np.array_equal(codes, other) else int(codes.size)
    shared = np.isin(hashes, hash_grams(other, GRAM))
    covered = np.zeros(codes.size, dtype=bool)
    for place in range(GRAM):
        covered[place : place + hashes.size] |= shared
    return int(codes.size - np.count_nonzero(covered))
