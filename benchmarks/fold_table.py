"""Write aggregator/dedupe/fold.bin, the table behind `dedupe.fold`.

    pip install -r benchmarks/requirements.txt
    python benchmarks/fold_table.py

OpenCC and `unicodedata` are needed here only. The table is committed, because stored signatures
must not change when an interpreter brings a newer Unicode: run this again only with a migration
that signs every stored entry anew.
"""

from __future__ import annotations

import sys
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import opencc

TARGET = Path(__file__).parent.parent / "aggregator" / "dedupe" / "fold.bin"
SIZE = sys.maxunicode + 1

#: What is left out; what is left out but parts two numbers ("1-5" is not "15").
DROP, PART = 0, 1

#: Thousands separators: "1,234" is "1234".
GROUPING = set(map(ord, ",，'’٬"))
IDEOGRAPHS = (range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x32000))
HANGUL = range(0xAC00, 0xD7A4)

#: What OpenCC converts by words only, and common variants that it leaves.
OWN = {"著": "着", "妳": "你", "裏": "里", "乾": "干", "祂": "他", "牠": "它", "甦": "苏", "彷": "仿", "佈": "布"}


def simplified() -> dict[int, int]:
    """Traditional code points to simplified ones, character by character."""
    convert = opencc.OpenCC("t2s").convert
    pairs = {}
    for block in IDEOGRAPHS:
        for code in block:
            character = convert(chr(code))
            if len(character) == 1 and ord(character) != code:
                pairs[code] = ord(character)
    return pairs | {ord(old): ord(new) for old, new in OWN.items()}


def keeps(character: str) -> bool:
    """Letters and numbers, and vowel signs that are spelling; accents and selectors are not."""
    kind = unicodedata.category(character)
    if kind in ("Mn", "Mc", "Me"):
        return unicodedata.combining(character) == 0 and not unicodedata.name(character, "").count("SELECTOR")
    return kind[0] in "LN"


def folds_to(code: int, pairs: dict[int, int]) -> int:
    """The first base character of the compatible form, case folded and simplified."""
    character = chr(code)
    kind = unicodedata.category(character)
    if kind in ("Cn", "Co", "Cs"):
        return DROP
    if code in HANGUL:
        return code
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    kept = [ord(part) for part in folded if keeps(part)]
    if kept:
        return pairs.get(kept[0], kept[0])
    return PART if (kind[0] in "PSZ" or character in "\t\n") and code not in GROUPING else DROP


def main() -> None:
    pairs = simplified()
    table = np.array([folds_to(code, pairs) for code in range(SIZE)], dtype="<u4")
    TARGET.write_bytes(zlib.compress(table.tobytes(), 9))
    print(f"{TARGET}: {len(pairs)} pairs, {TARGET.stat().st_size} bytes, Unicode {unicodedata.unidata_version}")


if __name__ == "__main__":
    main()
