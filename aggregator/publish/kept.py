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
K = TypeVar("K")
V = TypeVar("V")

#: Parts that are kept: of some eight hundred stories, 10 MB where articles are of 5 KB; and of six hundred between
#: two rounds.
MOST, MOST_RESTING = 2_500, 2_000

#: Of what is found out, which is small: some 6 MB.
MOST_KNOWN = 12_000


class Kept:
    """Parts by what they are and whose, those used last, for the rounds of publishing by one configuration.

    They may be in several threads: a part that two make at once is made twice.
    """

    def __init__(self, most: int = MOST, most_known: int = MOST_KNOWN) -> None:
        self._parts: dict[Hashable, tuple[object, Any]] = {}
        self._found: dict[bytes, object] = {}
        self._most, self._most_known = most, most_known
        self._lock = Lock()

    def part(self, key: Hashable, make: Callable[[], Part], of: object = None) -> Part:
        """The part of this key; `make` makes one that is not there, or that was made of something else than `of`."""
        made_of, found = self._parts.get(key, _NONE)
        if found is None or not (made_of is of or made_of == of):
            found = make()
        self._keep(self._parts, key, (of, found), self._most)
        part: Part = found
        return part

    def known(self, key: bytes) -> Any:
        """What was found out about what has this digest; None where nothing was."""
        return self._found.get(key)

    def keep(self, key: bytes, found: object) -> None:
        """Have at hand from now on what was found out."""
        self._keep(self._found, key, found, self._most_known)

    def rest(self) -> None:
        """Let go of what was not used lately: a round ended."""
        with self._lock:
            for key in list(self._parts)[: max(len(self._parts) - MOST_RESTING, 0)]:
                del self._parts[key]

    def _keep(self, among: dict[K, V], key: K, value: V, most: int) -> None:
        with self._lock:
            among.pop(key, None)
            among[key] = value
            if len(among) > most:
                del among[next(iter(among))]


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
