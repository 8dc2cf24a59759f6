"""Entries that were checked in one document are not looked at once more in another that holds the same bytes.

A document is taken apart without being read: where each entry holds no other, and one follows the other, their
tags are their bounds. What of it is known is left out of what is parsed; if more or fewer entries are found there
than were put in, a tag was none, and the document is taken in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from lxml import etree

from aggregator.publish.findings import Finding
from aggregator.publish.kept import Kept

#: Inside which element entries have the meaning that they have: it declares the namespaces.
_AROUND = re.compile(rb"<(?:feed|rss)\b[^>]*>")
#: A declaration, of which the prefix is with the colon that follows it wherever it is used.
_DECLARED = re.compile(rb'\sxmlns:([\w.-]+)="[^"]*"')


@dataclass(frozen=True, slots=True)
class Checked:
    """An entry that was looked at."""

    identity: str
    updated: str
    findings: tuple[Finding, ...]


class Apart:
    """A document, and which of its entries are known."""

    def __init__(self, document: bytes, keys: Sequence[bytes], kept: Kept | None) -> None:
        #: Without what is known.
        self.document = document
        self._keys = keys
        self._kept = kept
        self._known = [kept.known(key) for key in keys] if kept else []

    def whole(self, elements: Sequence[etree._Element]) -> bool:
        """Whether these entries are what was put in."""
        return self._kept is None or len(elements) == self._known.count(None)

    def entries(
        self, elements: Sequence[etree._Element], check: Callable[[etree._Element], Checked]
    ) -> Sequence[Checked]:
        """All entries in their order; `check` looks at those that are not known."""
        fresh = map(check, elements)
        if self._kept is None:
            return list(fresh)
        found = [known or next(fresh) for known in self._known]
        for key, checked in zip(self._keys, found, strict=True):
            self._kept.keep(key, checked)
        return found


def one(document: bytes) -> Apart:
    """The document in one piece."""
    return Apart(document, (), None)


def apart(document: bytes, kept: Kept) -> Apart:
    """The document without the entries that are known, if it can be taken apart."""
    for name in (b"entry", b"item"):
        start, end = b"<" + name, b"</" + name + b">"
        *entries, tail = document.split(end)
        head, _, first = entries[0].partition(start) if entries else (document, b"", b"")
        pieces = [start + first, *entries[1:]]
        around = _AROUND.search(head)
        if entries and around and all(piece.startswith(start) and piece.count(start) == 1 for piece in pieces):
            keys = _keys(around[0], pieces)
            fresh = [piece + end for key, piece in zip(keys, pieces, strict=True) if kept.known(key) is None]
            return Apart(b"".join((head, *fresh, tail)), keys, kept)
    return one(document)


def _keys(around: bytes, pieces: Sequence[bytes]) -> list[bytes]:
    """What each entry is known by: its bytes, and what is around it as far as that gives them their meaning.

    An archive declares one namespace more than the feed, and no entry has a use for it.
    """
    context = blake2b(_DECLARED.sub(b"", around), digest_size=16)
    prefixes = {match[1] + b":": match[0] for match in sorted(_DECLARED.finditer(around), key=lambda match: match[0])}
    return [_key(context, prefixes, piece) for piece in pieces]


def _key(context: blake2b, prefixes: Mapping[bytes, bytes], piece: bytes) -> bytes:
    own = context.copy()
    own.update(b"".join(declared for prefix, declared in prefixes.items() if prefix in piece))
    own.update(b">" + piece)
    return own.digest()
