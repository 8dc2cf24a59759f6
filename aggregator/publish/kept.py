"""Parts of documents that several of them hold, each made once.

A story is in the feeds of its categories, of the levels above and of whoever carried it, in their archives and
on their pages, in every format; what it says there is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from lxml import etree

Part = TypeVar("Part")

#: Parts that are kept: of some four thousand stories, 40 MB where articles are of 5 KB.
MOST = 20_000


class Kept:
    """Parts by what they are and whose, for one round of publishing: nothing tells it that a story has changed.

    Those kept for longest give way to new ones.
    """

    def __init__(self, most: int = MOST) -> None:
        self._parts: dict[Hashable, Any] = {}
        self._most = most

    def part(self, key: Hashable, make: Callable[[], Part]) -> Part:
        """The part of this key; `make` makes one that is not there."""
        try:
            found: Part = self._parts[key]
        except KeyError:
            found = self._parts[key] = make()
            if len(self._parts) > self._most:
                del self._parts[next(iter(self._parts))]
        return found


def text_of(element: etree._Element, namespaces: Mapping[str, str]) -> bytes:
    """An element as it is written inside a document that declares these namespaces (prefix and name)."""
    around = etree.Element("_", nsmap=dict(namespaces))
    opened = len(etree.tostring(around)) - len(b"/>") + len(b">")
    around.append(element)
    return bytes(etree.tostring(around, encoding="UTF-8"))[opened : -len(b"</_>")]


def filled(document: bytes, entries: Iterable[bytes], end: bytes) -> bytes:
    """The document with entries before `end`, with which it ends."""
    if not document.endswith(end):
        raise ValueError(f"expected {end!r} at the end of a document without entries")
    return b"".join((document[: -len(end)], *entries, end))
