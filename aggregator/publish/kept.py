"""Parts of documents that several of them hold, each made once.

A story is in the feeds of its categories, of the levels above and of whoever carried it, in their archives and
on their pages, in every format; what it says there is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from threading import Lock
from typing import Any, TypeVar

from lxml import etree

Part = TypeVar("Part")

#: Parts that are kept: of some three thousand stories, 30 MB where articles are of 5 KB; and of a thousand between
#: two rounds.
MOST, MOST_RESTING = 12_000, 5_000


class Kept:
    """Parts by what they are and whose, those used last, for the rounds of publishing by one configuration.

    They may be in several threads: a part that two make at once is made twice.
    """

    def __init__(self, most: int = MOST) -> None:
        self._parts: dict[Hashable, tuple[object, Any]] = {}
        self._most = most
        self._lock = Lock()

    def part(self, key: Hashable, make: Callable[[], Part], of: object = None) -> Part:
        """The part of this key; `make` makes one that is not there, or that was made of something else than `of`."""
        made_of, found = self._parts.get(key, _NONE)
        if found is None or not (made_of is of or made_of == of):
            found = make()
        self._keep(key, of, found)
        part: Part = found
        return part

    def known(self, key: Hashable) -> Any:
        """The part of this key; None for one that is not there."""
        return self._parts.get(key, _NONE)[1]

    def keep(self, key: Hashable, part: object) -> None:
        """Have it at hand from now on."""
        self._keep(key, None, part)

    def rest(self) -> None:
        """Let go of what was not used lately: a round ended."""
        with self._lock:
            for key in list(self._parts)[: max(len(self._parts) - MOST_RESTING, 0)]:
                del self._parts[key]

    def _keep(self, key: Hashable, of: object, part: object) -> None:
        with self._lock:
            self._parts.pop(key, None)
            self._parts[key] = (of, part)
            if len(self._parts) > self._most:
                del self._parts[next(iter(self._parts))]


_NONE = (None, None)


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
