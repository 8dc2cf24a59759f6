"""Compressed answers: which coding a client takes, and each body compressed once and kept.

A feed is asked for thousands of times between two changes, so it is compressed when somebody first
asks for it, and by its digest the result is good for as long as the bytes are.
"""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from threading import Lock
from types import MappingProxyType


def _brotli(body: bytes) -> bytes:
    import brotli

    return bytes(brotli.compress(body, quality=5))


def _zstd(body: bytes) -> bytes:
    from zstandard import ZstdCompressor

    return ZstdCompressor(level=9).compress(body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


#: In the order of our own preference, smallest result first; levels that take about 10 ms for 500 KB.
CODINGS: Mapping[str, Callable[[bytes], bytes]] = MappingProxyType({"br": _brotli, "zstd": _zstd, "gzip": _gzip})

#: Bytes; what is smaller fits one packet anyway.
LEAST = 1024
#: Bytes of compressed bodies that are kept.
KEPT = 32_000_000


@lru_cache(maxsize=1024)
def accepted(header: str) -> str | None:
    """The coding to answer with for this Accept-Encoding, or None for the plain bytes (RFC 9110, 12.5.3).

    Among equally wanted ones ours decides; a coding that is not named is not used, but for `*`.
    """
    rated: dict[str, float] = {}
    for part in header.split(","):
        name, _, parameters = part.partition(";")
        rated[name.strip().lower()] = _quality(parameters)
    wanted = {coding: rated.get(coding, rated.get("*", 0.0)) for coding in CODINGS}
    best = max(wanted, key=lambda coding: wanted[coding])
    return best if wanted[best] > 0 and wanted[best] >= rated.get("identity", 0.0) else None


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def compressible(media_type: str, size: int) -> bool:
    """Whether compressing is worth it: text of some length."""
    kind = media_type.partition(";")[0]
    return size >= LEAST and (kind.startswith("text/") or kind.endswith(("+xml", "json", "xml")))


class Codings:
    """Compressed bodies by digest and coding, the least recently asked for dropped first. Thread-safe."""

    def __init__(self, kept: int = KEPT) -> None:
        self._most = kept
        self._size = 0
        self._bodies: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._lock = Lock()

    def has(self, digest: str, coding: str) -> bool:
        return (digest, coding) in self._bodies

    def coded(self, body: bytes, digest: str, coding: str) -> bytes:
        """`body` in that coding; the same bytes for the same digest while they are kept."""
        key = (digest, coding)
        with self._lock:
            if key in self._bodies:
                self._bodies.move_to_end(key)
                return self._bodies[key]
        # Outside the lock: two clients may compress one body at once, others need not wait for it.
        data = CODINGS[coding](body)
        with self._lock:
            self._keep(key, data)
        return data

    def _keep(self, key: tuple[str, str], data: bytes) -> None:
        self._size += len(data) - len(self._bodies.get(key, b""))
        self._bodies[key] = data
        while self._size > self._most:
            _, dropped = self._bodies.popitem(last=False)
            self._size -= len(dropped)
