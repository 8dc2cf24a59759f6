"""Whether what looks new was here before and was purged since: it is known by its tombstones alone.

A tombstone keeps what a key led to as digests of title and text; there is no text left to compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aggregator.dedupe.fold import folded
from aggregator.dedupe.identity import New, strong
from aggregator.model import Key, Prepared, digest


class Grave(Protocol):
    """What is remembered of a purged entry."""

    @property
    def title(self) -> bytes | None: ...

    @property
    def words(self) -> bytes | None: ...


def title_digest(title: str) -> bytes | None:
    """By which a title is known again, whatever its width, case and script; None where nothing is left of it."""
    words = folded(title)
    return digest(words.encode("utf-8", "surrogatepass")) if words else None


def returns(item: New, graves: Mapping[Key, Grave]) -> bool:
    """Whether the entry is one that was purged.

    A strong key says so by itself. A link or a path may be another article's by now: the title, or the text to
    the letter, must be the old one.
    """
    return any(
        key in graves and (strong(key, item.add, item.prepared) or _alike(item.prepared, graves[key]))
        for key in item.add
    )


def _alike(prepared: Prepared, grave: Grave) -> bool:
    title = title_digest(prepared.entry.title)
    signature = prepared.signature
    return (title is not None and title == grave.title) or grave.words in (signature.digest, signature.fingerprint)
