"""Keeps texts free of what neither XML nor the databases can hold."""

from __future__ import annotations

import re

#: All that is outside `Char` of XML 1.0 (section 2.2): NUL and other controls, surrogates, U+FFFE,
#: U+FFFF; and the controls U+0080 to U+009F.
_WRONG = re.compile("[^\t\n\r\x20-\x7f\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_LATE_CONTROL = re.compile(rb"\xc2[\x80-\x9f]")
#: Begins with the rarer of its first two characters: the engine looks for that one.
_CONTROL = re.compile(rb"#(?<=&#)(?:0*1[2-5][0-9];|[xX]0*[789][0-9a-fA-F];)")

_REFERENCE = re.compile("&#(?:[xX]([0-9a-fA-F]{1,30})|([0-9]{1,30}));")


def clean(text: str) -> str:
    """The text without characters that XML 1.0 forbids; idempotent.

    Controls U+0080 to U+009F become what Windows-1252 has in their place, as browsers read them:
    nobody writes controls, but `&#146;` is a common apostrophe.
    """
    return text if text.isprintable() else _WRONG.sub(_mended, text)


def is_sound(document: bytes) -> bool:
    """Whether no text in a well-formed XML document needs `clean`; seldom no where none does. In UTF-8.

    What XML allows and we do not are the controls from U+007F to U+009F, written as such or as
    references.
    """
    return not (b"\x7f" in document or _LATE_CONTROL.search(document) or _CONTROL.search(document))


def mend(document: str) -> str:
    """An XML document without forbidden characters, written as such or as `&#11;`: both break it."""
    return _REFERENCE.sub(_allowed, clean(document))


def _allowed(match: re.Match[str]) -> str:
    code = int(match[1], 16) if match[1] else int(match[2])
    return match[0] if code <= 0x10FFFF and (0x7F < code < 0xA0 or not _WRONG.match(chr(code))) else ""


def _mended(match: re.Match[str]) -> str:
    """Five of the 32 places are empty in Windows-1252; what stands there is dropped."""
    code = ord(match[0])
    return bytes([code]).decode("cp1252", errors="ignore") if 0x80 <= code <= 0x9F else ""
