"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import struct
import threading
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import zstandard
from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, String
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: A row of a query. SQLAlchemy types rows by their columns, which a function that serves several
#: queries cannot name.
Record = Any

#: SQLite numbers rows by itself only where the type is exactly INTEGER.
BigId = BigInteger().with_variant(Integer, "sqlite")

#: Ordered by code point, as Python orders: other collations of PostgreSQL differ by machine.
CodePoints = String().with_variant(String(collation="C"), "postgresql")

#: Long keys are compared and indexed as 16-byte digests.
Digest = LargeBinary(16)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as integer microseconds since the epoch: exact, ordered, 8 bytes.

    SQLAlchemy's own DateTime drops the zone on SQLite without converting. Naive values raise
    ValueError.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Integers(TypeDecorator[tuple[int, ...]]):
    """Signed 64-bit integers in 8 bytes each."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: tuple[int, ...] | None, dialect: Dialect) -> bytes | None:
        return struct.pack(f"<{len(value)}q", *value) if value else None

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> tuple[int, ...]:
        return struct.unpack(f"<{len(value) // 8}q", value) if value else ()


class Packed(TypeDecorator[Any]):
    """A value of one of `model`'s dataclasses as zstd-compressed JSON; bytes are taken as packed already.

    Half the bytes of the text for 30 µs an entry; fields that are at their default are left
    out, so that a field added to the dataclass later reads as its default from older rows.
    """

    impl = LargeBinary
    cache_ok = True

    def __init__(self, of: type) -> None:
        super().__init__()
        self.of = of

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None or isinstance(value, bytes):
            return value
        return _codec.compressor.compress(_dumped(value, self.of))

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        return _adapter(self.of).validate_json(_codec.decompressor.decompress(value))


class Follower(Packed):
    """As `Packed`, read as `original || column`: the second says only where it differs from the first (`packed`).

    Also reads what was packed for itself.
    """

    cache_ok = True

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        first = _codec.decompressor.decompressobj()
        leader = first.decompress(value)
        follower = zstandard.ZstdDecompressor(dict_data=_words(leader)).decompress(first.unused_data)
        return _adapter(self.of).validate_json(follower)


def packed(leader: Any, follower: Any) -> tuple[bytes, bytes]:
    """Both values packed: the second takes a ninth of the bytes where it says much the same as the first.

    It has a check sum: read with another `leader` than it was packed with, it would give other words.
    """
    first, second = _dumped(leader, type(leader)), _dumped(follower, type(follower))
    behind = zstandard.ZstdCompressor(level=3, dict_data=_words(first), write_checksum=True)
    return _codec.compressor.compress(first), behind.compress(second)


def _words(data: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_RAWCONTENT)


class _Codec(threading.local):
    """Made once for each thread: to make one takes as long as to use it, and two threads must not share it."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=3)
        self.decompressor = zstandard.ZstdDecompressor()


_codec = _Codec()


def _dumped(value: Any, of: type) -> bytes:
    return _adapter(of).dump_json(value, exclude_defaults=True)


@lru_cache
def _adapter(of: type) -> TypeAdapter[Any]:
    return TypeAdapter(of)
