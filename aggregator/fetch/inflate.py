"""Unpack a body, bounded in size and with truncation noticed, which HTTP clients do not do.

Pure. aiohttp itself would take a gzip body that was cut short for whole, and would unpack a few
hundred bytes to gigabytes.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
import zstandard

#: What we advertise.
ACCEPTED = "gzip, deflate, br, zstd"

_GZIP = b"\x1f\x8b"
#: Codings in Content-Encoding that mean none; servers put character sets there.
_PLAIN = frozenset({"", "identity", "none", "utf-8", "utf8"})
_STEP = 65536
#: Bytes of a zstd body that are unpacked at a time: a block takes four at least and holds no more
#: than 128 KiB (RFC 8878, 3.1.1.2), so that one step is 2 MiB at most.
_ZSTD_STEP = 64
#: Bytes, the most that a reader must provide (RFC 9659, 3).
_ZSTD_WINDOW = 8 << 20
#: Each layer may be a bomb of its own.
_MOST_CODINGS = 3
#: Members of gzip, frames of zstd: a million empty ones would take hours.
_MOST_PARTS = 100


class TooLarge(Exception):  # noqa: N818 - names what happened, like the outcome of the same name
    """More than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class Damaged(Exception):  # noqa: N818 - as above
    """A body that cannot be unpacked: cut short, corrupt, or of a coding that we did not ask for."""


def inflate(body: bytes, codings: str, limit: int) -> bytes:
    """Undo `Content-Encoding`, last coding first (RFC 9110, 8.4).

    A body that says gzip and is plain is taken as it is, for servers do send that; a plain one
    that is a gzip file (feed.xml.gz) is unpacked. Raises TooLarge and Damaged.
    """
    names = [name for name in (part.strip().lower() for part in codings.split(",")) if name not in _PLAIN]
    if len(names) > _MOST_CODINGS:
        raise Damaged(f"packed {len(names)} times over")
    for name in reversed(names):
        body = _decoder(name)(body, limit)
    if body.startswith(_GZIP):
        body = _gunzip(body, limit)
    if len(body) > limit:
        raise TooLarge(limit)
    return body


def _decoder(name: str) -> Callable[[bytes, int], bytes]:
    try:
        return _DECODERS[name]
    except KeyError:
        raise Damaged(f"packed as {name[:20]!r}, which was not asked for") from None


def _gunzip(body: bytes, limit: int) -> bytes:
    """All members; what follows the last and is no member (padding) is left out."""
    if not body.startswith(_GZIP):
        return body
    return _parts(body, lambda rest, out: _unzip(rest, 31, limit, out), _GZIP)


def _parts(body: bytes, unpack: Callable[[bytes, bytearray], bytes], begin: bytes = b"") -> bytes:
    """Unpack one part after the other, for as long as something follows that begins like one."""
    out = bytearray()
    for _ in range(_MOST_PARTS + 1):  # and one look at what follows the last
        if not body or not body.startswith(begin):
            return bytes(out)
        body = unpack(body, out)
    raise Damaged(f"in more than {_MOST_PARTS} parts")


def _deflate(body: bytes, limit: int) -> bytes:
    """zlib's format as the standard says, or the raw one that some servers send."""
    out = bytearray()
    if not body:
        return b""
    # RFC 1950: method 8, and the first two bytes are a multiple of 31.
    wrapped = len(body) > 1 and body[0] & 15 == 8 and (body[0] << 8 | body[1]) % 31 == 0
    _unzip(body, 15 if wrapped else -15, limit, out)
    return bytes(out)


def _unzip(body: bytes, window: int, limit: int, out: bytearray) -> bytes:
    """Append one compressed stream to `out` and return what follows it."""
    stream = zlib.decompressobj(window)
    try:
        out += stream.decompress(body, limit - len(out) + 1)
    except zlib.error as error:
        raise Damaged("corrupt compressed data") from error
    if len(out) > limit:
        raise TooLarge(limit)
    if not stream.eof:
        raise Damaged("compressed data that ends too early")
    return stream.unused_data


def _unbrotli(body: bytes, limit: int) -> bytes:
    stream = brotli.Decompressor()
    out = bytearray()
    try:
        out += stream.process(body, output_buffer_limit=_STEP)
        while not stream.can_accept_more_data() and len(out) <= limit:
            out += stream.process(b"", output_buffer_limit=_STEP)
    except brotli.error as error:
        raise Damaged("corrupt compressed data") from error
    if len(out) > limit:
        raise TooLarge(limit)
    if not stream.is_finished():
        raise Damaged("compressed data that ends too early")
    return bytes(out)


def _unzstd(body: bytes, limit: int) -> bytes:
    """All frames (RFC 8878, 3.1)."""
    return _parts(body, lambda rest, out: _frame(rest, limit, out))


def _frame(body: bytes, limit: int, out: bytearray) -> bytes:
    """Append one frame to `out` and return what follows it."""
    stream = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
    for start in range(0, len(body), _ZSTD_STEP):
        try:
            out += stream.decompress(body[start : start + _ZSTD_STEP])
        except zstandard.ZstdError as error:
            raise Damaged("corrupt compressed data") from error
        if len(out) > limit:
            raise TooLarge(limit)
        if stream.eof:
            return stream.unused_data + body[start + _ZSTD_STEP :]
    raise Damaged("compressed data that ends too early")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _deflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
