"""Plain text: of sanitized HTML, of titles and names, and cut to a width that people see."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from html import unescape

import regex
from selectolax.lexbor import LexborHTMLParser

from aggregator.clean.encoding import repaired
from aggregator.clean.nesting import bounded

#: Columns of a terminal or a page; CJK characters and emoji take two.
TITLE_COLUMNS = 80
SUMMARY_COLUMNS = 160
#: Characters, as the contract of our feeds has it.
MOST_TITLE = 500

#: The usual ones first: each is tried in turn.
_BLOCK = re.compile(
    r"</?(?:p|br|div|li|h[1-6]|tr|ul|ol|blockquote|tbody|table|figure|figcaption|pre|hr|section|article|address|aside"
    r"|caption|dd|details|dl|dt|footer|header|hgroup|main|nav|summary|tfoot|thead)(?: [^>]*)?>"
)
_CELL = re.compile(r"<t[dh](?: [^>]*)?>")
_TAG = re.compile(r"<[^>]*>")
_PRE = re.compile(r"(<pre(?: [^>]*)?>.*?</pre>)", re.DOTALL)

_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
#: In plain text only what is certainly markup: a title may well be about the <template> element.
_PAIR = re.compile(
    r"<(a|b|big|code|del|em|font|h[1-6]|i|mark|p|q|s|small|span|strong|sub|sup|u)(?:\s[^<>]*)?>([^<]*)</\1\s*>",
    re.IGNORECASE,
)
_SINGLE = re.compile(r"<(?:br|wbr|img\s[^<>]*)\s*/?>", re.IGNORECASE)
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"
    r"\ud800-\udfff\U000e0000-\U000e001f]"
)
#: What XML 1.0 forbids (section 2.2), except what cannot be in a str that came through a parser.
_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_GRAPHEME = regex.compile(r"\X")
#: Never joined with one another: what nearly all texts are made of. Those after U+3000 are wide.
_APART = re.compile(
    r"[ -~\u00a1-\u00ac\u00ae-\u024f\u2010-\u2027\u2030-\u205e\u3001-\u3029\u4e00-\u9fff\uff01-\uff60]+\Z"
)
_SENTENCE = re.compile(r"[。！？…]+[”’」』）)]*|[!?]+[\"”’)]*(?=\s|$)|\.[\"”’)]*(?=\s|$)|[；\n]")


def plain(html: str) -> str:
    """The text of HTML that `clean` made: one line for each paragraph, white space folded.

    It relies on the canonical syntax of sanitized HTML: no `<` but that of tags, no comments.
    """
    if "<pre" not in html:
        return _lines(html.replace("\n", " "))
    parts = _PRE.split(html)
    parts[::2] = [part.replace("\n", " ") for part in parts[::2]]
    return _lines("".join(parts))


def _lines(html: str) -> str:
    if "<t" in html:
        html = _CELL.sub(" ", html)
    text = unescape(_TAG.sub("", _BLOCK.sub("\n", html)))
    return "\n".join([line for part in text.split("\n") if part and (line := _folded(part))])


def _folded(text: str) -> str:
    """White space folded; that no character of it is odd is found out faster than the words are split."""
    if "  " not in text and text.isprintable():
        return text.strip(" ")
    return " ".join(text.split())


def legal(text: str) -> str:
    """Without the characters that XML forbids even as references."""
    return _ILLEGAL.sub("", text)


def line(value: str, kind: str = "text") -> str:
    """One line of plain text: a title, a name, a category. Entities are decoded once.

    `kind` is that of `model.Text`. In `html` all markup goes; in `text` only pairs of inline
    elements go, for `a < b` and `<T>` may be meant.
    """
    if kind == "html":
        text = _markup_text(value)
    else:
        text = decoded(_without_pairs(value))
    text = repaired(text)
    # Nothing unseen is printable.
    return _folded(text if text.isprintable() else _UNSEEN.sub("", text))


def decoded(text: str) -> str:
    """Plain text whose author wrote it as HTML: its entities decoded once."""
    return _ENTITY.sub(lambda match: unescape(match[0]), text) if "&" in text else text


def _markup_text(html: str) -> str:
    if "<" not in html and "&" not in html:
        return html
    tree = LexborHTMLParser(bounded(html), is_fragment=True)
    for node in tree.css("script, style, template, noscript"):
        node.decompose()
    serialised = re.sub(r"<!--.*?-->", "", tree.html or "", flags=re.DOTALL)
    text = unescape(_TAG.sub("", _BLOCK.sub(" ", serialised)))
    # Markup and nothing else, as in a title `<template>`: then it was meant as text.
    return text if text.strip() else unescape(html)


def _without_pairs(text: str) -> str:
    if "<" not in text:
        return text
    for _ in range(4):
        text, count = _PAIR.subn(r"\2", _SINGLE.sub(" ", text))
        if not count:
            break
    return text


@lru_cache(maxsize=4096)
def _columns(grapheme: str) -> int:
    """0 for what has no width of its own, 2 for wide characters and emoji, else 1."""
    if any(unicodedata.east_asian_width(character) in "WF" for character in grapheme):
        return 2
    return int(unicodedata.category(grapheme[0]) not in ("Mn", "Me", "Cf"))


def columns(text: str) -> int:
    """Display width: what East Asian Width calls wide counts twice (UAX 11)."""
    if text.isascii():
        return len(text)
    if _APART.match(text):
        return len(text) + sum(character >= "\u3000" for character in text)
    return sum(_columns(match[0]) for match in _GRAPHEME.finditer(text))


def head(text: str, most: int) -> str:
    """The longest start of at most that many columns that ends between graphemes (UAX 29)."""
    if text[: most + 1].isascii():
        return text[:most]
    if _APART.match(text, 0, most + 1):
        return _head_apart(text, most)
    used = end = 0
    # A grapheme may be of any length: the text is read no further than it could matter.
    for match in _GRAPHEME.finditer(text[: most * 16]):
        used += _columns(match[0])
        if used > most:
            return text[:end]
        end = match.end()
    return text[:end]


def _head_apart(text: str, most: int) -> str:
    """As `head`, where every character is a grapheme."""
    used = 0
    for end, character in enumerate(text[:most]):
        used += 1 if character < "\u3000" else 2
        if used > most:
            return text[:end]
    return text[:most]


def cut(text: str, most: int) -> str:
    """The text if it fits, else its start with an ellipsis, at a word where there are words."""
    start = head(text, most)
    if start == text:
        return text
    start = head(start, most - 1)
    word = start.rstrip().rfind(" ")
    if text[len(start) : len(start) + 1].isalnum() and start[-1:].isascii() and word > len(start) * 2 // 3:
        start = start[:word]
    return start.rstrip(" ,;:，、；：") + "…"


def sentences(text: str, most: int) -> str:
    """The sentences that fit, if they fill a third of the width; else `cut`."""
    text = _folded(text[: most * 16].replace("\n", " "))
    start = head(text, most)
    if start == text:
        return text
    ends = [match.end() for match in _SENTENCE.finditer(start) if text[match.end() - 1] != "；"]
    if ends and columns(start[: ends[-1]]) * 3 >= most:
        return start[: ends[-1]].rstrip()
    return cut(text, most)


def first_sentence(text: str) -> str:
    """What stands in for a missing title: the first sentence, without its stop, cut to a title's width."""
    first = text.split("\n", 1)[0]
    match = _SENTENCE.search(first)
    if match and columns(first[: match.end()]) >= 8:
        first = first[: match.end()].rstrip("。.；")
    return cut(first, TITLE_COLUMNS)


def title_length(title: str) -> str:
    """At most `MOST_TITLE` characters, never cut inside a grapheme."""
    if len(title) <= MOST_TITLE:
        return title
    end = 0
    for match in _GRAPHEME.finditer(title):
        if match.end() >= MOST_TITLE:
            break
        end = match.end()
    return title[:end].rstrip() + "…"
