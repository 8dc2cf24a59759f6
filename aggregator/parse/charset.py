"""Finds out in which charset a feed is written. What a document says of itself is often wrong.

In this order: a byte order mark, the zeros of UTF-16 and UTF-32, valid UTF-8, what the document
(XML declaration), the server (Content-Type) or a page (`<meta>`) declares if the bytes agree, what
the bytes look like.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

#: Longer marks first: that of UTF-32 begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZEROS = (
    (re.compile(rb"\s*[<{]\0[^\0]\0"), "utf-16-le"),
    (re.compile(rb"\0[<{]\0[^\0]"), "utf-16-be"),
    (re.compile(rb"[<{]\0\0\0[^\0]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[<{]\0\0\0[^\0]"), "utf-32-be"),
)

_THREE_BYTES = re.compile("[^\0-\u07ff]")

_PROLOG = re.compile(rb"""\s{0,100}<\?xml[^>]{0,200}?\bencoding\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""")
#: In pages, and only in their beginnings (HTML, 13.2.3.2: the first 1024 bytes; many have it later).
_META = re.compile(rb"""<meta\b[^>]{0,200}?\bcharset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_PAGE = re.compile(rb"<(?:html\b|!doctype\s+html\b)")
_HEAD = 4096
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]{0,500}\?>\s*")
#: All that `_without_declaration` takes away, where an element follows.
_UTF8_START = re.compile(rb"(?:\xef\xbb\xbf|[\0 \t\r\n])*+(?:<\?xml\b[^>]{0,500}\?>\s*)?(?=<)")

#: The superset of what is declared: pages that say GB2312 use GBK, those that say Latin-1 Windows-1252.
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "ascii": "cp1252",
    "tis-620": "cp874",
}
_OTHER_NAMES = {
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "ks_c_5601-1987": "cp949",
    "utf8mb4": "utf-8",
}

#: Written by escapes in ASCII, so that such bytes are also valid UTF-8.
_STATEFUL = ("iso2022", "hz", "utf-7")
#: Python has codecs that are something else: hex, base64, punycode, unicode_escape.
_FAMILIES = ("utf", "cp", "iso", "koi", "gb", "big5", "euc", "hz", "mac", "johab", "shift", "tis", "kz", "ascii")

_MULTIBYTE = frozenset({"gb18030", "big5hkscs", "cp932", "cp949", "euc_jp", "euc_jis_2004", "cp950", "johab"})


def decode(body: bytes, declared: str | None) -> str:
    """The text, without byte order mark and XML declaration; never fails.

    `declared` is the charset of the Content-Type header. Bytes that do not fit become U+FFFD.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return _without_declaration(body[len(mark) :].decode(name, "replace"))
    for zeros, name in _ZEROS:
        if zeros.match(body):
            return _without_declaration(body.decode(name, "replace"))
    claims = _claims(body, declared)
    decoded = (guess(body, claims) for guess in _GUESSES)
    return _without_declaration(next(text for text in decoded if text is not None))


def undisputed(body: bytes, declared: str | None) -> bytes | None:
    """The body without byte order mark and XML declaration, where nothing speaks against UTF-8; else None.

    What `decode` would give is its text then, if it is valid: a reader of XML finds that out, at no cost.
    """
    if any(name in _MULTIBYTE or name.startswith(_STATEFUL) for name in _claims(body, declared)):
        return None
    match = _UTF8_START.match(body)
    return body[match.end() :] if match else None


def _without_declaration(text: str) -> str:
    """The declaration is only true of the bytes, and blanks before it are an error in XML."""
    text = text.lstrip("\ufeff\0 \t\r\n")
    match = _DECLARATION.match(text)
    return text[match.end() :] if match else text


def _claims(body: bytes, declared: str | None) -> list[str]:
    """Charsets declared by the prolog, the server, the page: Python's names of their supersets."""
    prolog = _PROLOG.match(body)
    meta = _META.search(body, 0, _HEAD) if _PAGE.search(body[:_HEAD].lower()) else None
    said = [prolog[1].decode("ascii") if prolog else None, declared, meta[1].decode("ascii") if meta else None]
    return [name for name in map(_known, said) if name]


def _known(label: str | None) -> str | None:
    """Python's name of the charset to read it with; None for what is no charset of documents."""
    if not label:
        return None
    label = label.strip().strip("\"'").lower()
    try:
        name = codecs.lookup(_OTHER_NAMES.get(label, label)).name
    except (LookupError, ValueError):
        return None
    return _SUPERSETS.get(name, name) if name.startswith(_FAMILIES) else None


def _strict(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except (UnicodeError, ValueError):
        return None


# --- guesses -------------------------------------------------------------------------------


def _stateful(body: bytes, claims: list[str]) -> str | None:
    for name in claims:
        if name.startswith(_STATEFUL):
            return _strict(body, name)
    return None


def _utf8(body: bytes, claims: list[str]) -> str | None:
    """Text in other charsets is hardly ever valid UTF-8, whatever is declared.

    Except a few Chinese characters, which then come out as Latin or Greek letters: where UTF-8
    brings no character of three bytes and the declared charset fits too, it is right.
    """
    text = _strict(body, "utf-8")
    if text is None or not set(claims) & _MULTIBYTE or text.isascii() or _THREE_BYTES.search(text):
        return text
    return _declared_multibyte(body, claims) or text


def _mostly_utf8(body: bytes, _: list[str]) -> str | None:
    """UTF-8 in which a few characters were cut apart."""
    text = body.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = len(re.findall(r"[^\x00-\x7f\ufffd]", text))
    return text if bad <= good // 10 else None


def _declared_multibyte(body: bytes, claims: list[str]) -> str | None:
    for name in claims:
        if name in _MULTIBYTE:
            text = body.decode(name, "replace")
            if text.count("\ufffd") <= len(text) // 1000:
                return text
    return None


def _declared_other(body: bytes, claims: list[str]) -> str | None:
    """Charsets of one byte fit anything, and the Western ones are what servers say by default."""
    for name in claims:
        if name not in _MULTIBYTE and name not in ("cp1252", "utf-8"):
            return _strict(body, name)
    return None


def _looks_like(body: bytes, _: list[str]) -> str | None:
    """The first charset by whose frequent pairs enough of the bytes above ASCII are explained."""
    high = len(re.findall(rb"[\x80-\xff]", body))
    for name, least, pairs in _FREQUENT:
        if sum(map(len, pairs.findall(body))) >= high * least:
            text = body.decode(name, "replace")
            # A few bytes may be damaged. Short Big5 has pairs of kana by chance, and then much that is no EUC-JP.
            if text.count("\ufffd") * 20 <= high:
                return text
    return None


def _western(body: bytes, _: list[str]) -> str | None:
    return body.decode("cp1252", "replace")


#: Frequent characters by their bytes, and the share of bytes above ASCII that they have in any text
#: of the charset. In this order: kana mark Japanese; Hangul lie where half of the characters of
#: GB 2312 do, so that only a text of nothing else is Korean.
_FREQUENT = tuple(
    (name, least, re.compile(pairs))
    for name, least, pairs in (
        ("cp932", 0.3, rb"(?:\x82[\x9f-\xf1]|\x83[\x40-\x96]|\x81[\x41-\x45])+"),
        ("euc_jp", 0.3, rb"(?:\xa4[\xa1-\xf3]|\xa5[\xa1-\xf6]|\xa1[\xa2-\xa6])+"),
        ("cp949", 0.9, rb"(?:[\xb0-\xc8][\xa1-\xfe]|\xa1[\xa1-\xfe])+"),
        ("gb18030", 0.6, rb"(?:[\xb0-\xd7][\xa1-\xfe]|[\xa1\xa3][\xa1-\xfe])+"),
        ("big5hkscs", 0.6, rb"(?:[\xa4-\xc6][\x40-\x7e\xa1-\xfe]|\xa1[\x40-\x7e])+"),
    )
)

_GUESSES: tuple[Callable[[bytes, list[str]], str | None], ...] = (
    _stateful,
    _utf8,
    _mostly_utf8,
    _declared_multibyte,
    _declared_other,
    _looks_like,
    _western,
)
