"""Fold text to what is compared: case, width, 简⇄繁, accents, punctuation and space do not count.

The table is made by `benchmarks/fold_table.py` from Unicode and OpenCC and is committed: signatures
in the database must not change with the interpreter. Folded text is for comparing, never for people.
"""

from __future__ import annotations

import pkgutil
import re
import unicodedata
import zlib
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

#: Code points.
Codes = npt.NDArray[np.uint32]

#: In the table: what parts two numbers, and nothing elsewhere ("1-5" must not become "15").
_PART = 1
_POINT = ord(".")
_DIGIT = re.compile("[0-9]")

#: Characters.
_SHORT = 150


@cache
def _table() -> Codes:
    data = pkgutil.get_data("aggregator.dedupe", "fold.bin")
    if data is None:
        raise FileNotFoundError("fold.bin is missing from the installation")
    return np.frombuffer(zlib.decompress(data), dtype="<u4").astype(np.uint32)


def fold(text: str) -> Codes:
    """The code points of letters and numbers in `text`, each in one plain form.

    Whatever stands between two digits becomes ".", so that 18.0 and 180, or 1-5 and 15, stay
    apart; thousands separators go. Per character: knows no words, so that some conversions of
    traditional text that depend on the word differ.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    kept: Codes = _table().take(codes)
    parts = np.flatnonzero(kept == _PART)
    if parts.size:
        inner = parts[(parts > 0) & (parts < kept.size - 1)]
        between = inner[_digit(kept[inner - 1]) & _digit(kept[inner + 1])]
        kept[parts] = 0
        kept[between] = _POINT
    folded_codes: Codes = kept[kept != 0]
    return folded_codes


def each(text: str) -> Codes:
    """What every single character of `text` comes to: 0 counts for nothing, 1 parts words."""
    codes: Codes = _table()[np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")]
    return codes


def _digit(codes: Codes) -> npt.NDArray[np.bool_]:
    # Unsigned: what is below "0" comes out far above.
    digits: npt.NDArray[np.bool_] = codes - np.uint32(ord("0")) < 10
    return digits


def text_of(codes: Codes) -> str:
    """Folded code points as a string."""
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def folded(text: str) -> str:
    """`fold` as a string."""
    if len(text) <= _SHORT:
        # Of a title numpy's calls take longer than its characters do; without a digit each stands for itself.
        short = "".join(map(_folded_character, text))
        if not _DIGIT.search(short):
            return short
    return text_of(fold(text))


@lru_cache(maxsize=8192)
def _folded_character(character: str) -> str:
    code = int(_table()[ord(character)])
    return chr(code) if code > _PART else ""


def simplified(text: str) -> str:
    """`text` with traditional ideographs replaced by simplified ones, and nothing else changed."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    ideographs = ((codes >= 0x3400) & (codes <= 0x9FFF)) | (codes >= 0x20000)
    return text_of(np.where(ideographs, _table()[codes], codes))


def name_key(name: str) -> str:
    """What two spellings of one category name share: case, width and 简⇄繁 do not count.

    Punctuation stays, so that C, C++, C# and .NET are four names.
    """
    return " ".join(simplified(unicodedata.normalize("NFKC", name).casefold()).split())
