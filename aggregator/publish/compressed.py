"""Compressed copies of a feed, for web servers that hand out such files as they lie there."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import brotli
import zstandard


def _gzip(data: bytes) -> bytes:
    # Without the time: equal data give equal files.
    return gzip.compress(data, compresslevel=9, mtime=0)


def _brotli(data: bytes) -> bytes:
    # Only 11 makes a difference, a sixth of the size, and takes 35 times as long: too long for each round.
    return bytes(brotli.compress(data, mode=brotli.MODE_TEXT, quality=5))


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=15).compress(data)


#: By the ending that nginx and Caddy look for beside the file itself.
COPIES: dict[str, Callable[[bytes], bytes]] = {".gz": _gzip, ".br": _brotli, ".zst": _zstd}


def copy_paths(path: str) -> list[str]:
    return [path + ending for ending in COPIES]


def copies(path: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of each copy of the document at `path`."""
    for ending, compress in COPIES.items():
        yield path + ending, compress(data)
