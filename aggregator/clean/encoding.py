"""Texts that were read in the wrong encoding somewhere on their way, and can be read again in the right one."""

from __future__ import annotations

import re

_ODD = re.compile(r"[^\x00-\x7f]")
#: UTF-8 read as Windows-1252: the first byte of a sequence, followed by what its second byte looks like.
_AS_LATIN = re.compile(
    r"[\u00c2-\u00f4][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]"
)
#: UTF-8 read as GB 18030: what the usual punctuation marks and the commonest characters look like.
_AS_CHINESE = ("锛", "銆", "鐨", "鈥")
_CJK = re.compile(r"[\u3001-\u30ff\u4e00-\u9fff\uff01-\uff5e]")
#: Sequences that decode by chance become improbable from here on.
LEAST_LATIN = 3
LEAST_CHINESE = 4

#: What Windows-1252 shows for the bytes that Latin-1 leaves to control characters; five it leaves so, too.
_BYTES = {ord(bytes([code]).decode("cp1252", "ignore") or chr(code)): code for code in range(0x80, 0xA0)}


def repaired(text: str) -> str:
    """The text that was meant, where that is certain, else the text as it is.

    Certain is: every character that is not ASCII is part of valid UTF-8 in disguise. A text that
    only quotes such characters has others beside them.
    """
    first = None if text.isascii() else _ODD.search(text)
    if first is None:
        return text
    # As all of them must be in disguise, the first one tells most texts apart.
    if _AS_LATIN.match(text, first.start()):
        return _from_latin(text) or text
    if first[0] >= "\u4e00" and any(mark in text for mark in _AS_CHINESE):
        return _from_chinese(text) or text
    return text


def _from_latin(text: str) -> str | None:
    try:
        meant = text.translate(_BYTES).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    found = sum(not character.isascii() for character in meant)
    return meant if found >= LEAST_LATIN or _CJK.search(meant) else None


def _from_chinese(text: str) -> str | None:
    try:
        meant = text.encode("gb18030").decode("utf-8")
    except UnicodeError:
        return None
    return meant if len(_CJK.findall(meant)) >= LEAST_CHINESE else None
