"""Unpacking bodies: whole, within bounds, or not at all."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from aggregator.fetch.inflate import Damaged, TooLarge, inflate

BODY = b"<rss>" + bytes(range(256)) * 40 + b"</rss>"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


def checked_zstd(body: bytes) -> bytes:
    """As servers pack what they do not know the length of."""
    packer = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return packer.compress(body) + packer.flush()


PACKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "old name of gzip": ("X-GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "brotli": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.compress),
    "zstd with a checksum": ("zstd", checked_zstd),
    "two codings": ("deflate, gzip", lambda body: gzip.compress(zlib.compress(body))),
    "none": ("", bytes),
    "identity": ("identity", bytes),
    "a character set where a coding belongs": ("UTF-8", bytes),
}


@pytest.mark.parametrize(("codings", "pack"), PACKERS.values(), ids=PACKERS.keys())
def test_every_coding_gives_the_body_back(codings: str, pack: Callable[[bytes], bytes]) -> None:
    assert inflate(pack(BODY), codings, len(BODY)) == BODY


@pytest.mark.parametrize(("codings", "pack"), PACKERS.values(), ids=PACKERS.keys())
def test_one_byte_over_the_limit_is_too_large(codings: str, pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TooLarge) as error:
        inflate(pack(BODY), codings, len(BODY) - 1)
    assert error.value.limit == len(BODY) - 1


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate", "brotli", "zstd", "zstd with a checksum"])
@pytest.mark.parametrize("missing", [1, 4, 9, 200])
def test_a_truncated_body_is_no_body(name: str, missing: int) -> None:
    codings, pack = PACKERS[name]
    with pytest.raises(Damaged):
        inflate(pack(BODY)[:-missing], codings, 10**6)


@pytest.mark.parametrize("name", ["gzip", "deflate", "brotli", "zstd with a checksum"])
def test_corrupt_data_is_no_body(name: str) -> None:
    codings, pack = PACKERS[name]
    packed = bytearray(pack(BODY))
    packed[len(packed) // 2] ^= 0xFF
    packed[-3] ^= 0xFF
    with pytest.raises(Damaged):
        inflate(bytes(packed), codings, 10**6)


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw deflate", "brotli", "zstd"])
def test_a_bomb_is_stopped_at_the_limit(name: str) -> None:
    codings, pack = PACKERS[name]
    bomb = pack(bytes(50_000_000))
    assert len(bomb) < 60_000
    with pytest.raises(TooLarge):
        inflate(bomb, codings, 100_000)


def test_a_bomb_within_a_bomb_is_stopped() -> None:
    with pytest.raises(TooLarge):
        inflate(gzip.compress(gzip.compress(bytes(50_000_000))), "gzip, gzip", 100_000)


def test_members_of_a_gzip_body_are_joined_and_padding_is_left_out() -> None:
    assert (
        inflate(gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0) + bytes(8), "gzip", 100) == b"one two"
    )


def test_frames_of_a_zstd_body_are_joined() -> None:
    skipped = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"  # RFC 8878, 3.1.2
    assert inflate(zstandard.compress(b"one ") + skipped + zstandard.compress(b"two"), "zstd", 100) == b"one two"
    with pytest.raises(Damaged):
        inflate(zstandard.compress(b"one ") + b"garbage", "zstd", 100)


def test_a_window_larger_than_readers_must_provide_is_refused() -> None:
    wide = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    with pytest.raises(Damaged):
        inflate(packer.compress(BODY) + packer.flush(), "zstd", 10**6)


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_parts_without_end_are_refused(coding: str, pack: Callable[[bytes], bytes]) -> None:
    assert inflate(pack(b"x") * 100, coding, 1000) == b"x" * 100
    with pytest.raises(Damaged, match="100 parts"):
        inflate(pack(b"x") * 101, coding, 1000)


def test_the_last_member_may_not_be_cut_short_either() -> None:
    with pytest.raises(Damaged):
        inflate(gzip.compress(b"one ", mtime=0) + gzip.compress(b"two", mtime=0)[:-2], "gzip", 100)


def test_members_share_one_limit() -> None:
    with pytest.raises(TooLarge):
        inflate(gzip.compress(bytes(60)) * 2, "gzip", 100)


def test_a_plain_body_that_says_gzip_is_taken_as_it_is() -> None:
    assert inflate(b"<rss/>", "gzip", 100) == b"<rss/>"


def test_a_gzip_file_is_unpacked_though_no_header_says_so() -> None:
    assert inflate(gzip.compress(b"<rss/>", mtime=0), "", 100) == b"<rss/>"


@pytest.mark.parametrize("coding", ["snappy", "compress", "nonsense"])
def test_a_coding_that_was_not_asked_for_is_named(coding: str) -> None:
    with pytest.raises(Damaged, match=coding):
        inflate(b"whatever", coding, 100)


def test_many_layers_are_refused() -> None:
    with pytest.raises(Damaged, match="9 times"):
        inflate(b"", ", ".join(["gzip"] * 9), 100)


@pytest.mark.parametrize("codings", ["", "gzip", "deflate", "zstd"])
def test_nothing_stays_nothing(codings: str) -> None:
    assert inflate(b"", codings, 100) == b""
