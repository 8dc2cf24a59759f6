"""What changed between two versions of an article, in its words: as pieces kept, added and taken out.

Versions are stored as their publisher wrote them, so only plain text leaves this module; the caller
escapes it. What is compared is bounded: a page must not cost more than a reader would look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.model import ParsedEntry, Text

Kind = Literal["same", "added", "removed"]
Piece = tuple[Kind, str]

#: Paragraphs of a version that are looked at, and changed ones that are shown.
MOST_LINES, MOST_CHANGES = 400, 12
#: Words of a paragraph that are compared one by one; a longer one is shown as replaced.
MOST_WORDS = 600
#: Characters shown of a paragraph, and kept of what did not change around what did.
MOST_SHOWN, CONTEXT = 400, 24

#: Below this two paragraphs have too little in common for marks inside them to be read.
ALIKE = 0.5

_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|\w+|\s+|.", re.DOTALL)
_UNSEEN = ("script", "style", "noscript", "template", "iframe", "svg")
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "figcaption"),
        *("figure", "footer", "header", "hr", "li", "main", "ol", "p", "pre", "section", "table", "td"),
        *("th", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6"),
    }
)


def changes(before: ParsedEntry, after: ParsedEntry) -> list[list[Piece]]:
    """Each changed paragraph, in order; empty where the words are the same, or there are too many to compare."""
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > MOST_LINES:
        return []
    found: list[list[Piece]] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            found += _paragraphs(old[i1:i2], new[j1:j2])
    return found[:MOST_CHANGES]


def _lines(entry: ParsedEntry) -> list[str]:
    texts = (entry.title, entry.full or entry.content or entry.summary)
    return [line for text in texts if text for line in _plain(text)]


def _plain(text: Text) -> Iterator[str]:
    if text.type == "text":
        yield from filter(None, (" ".join(line.split()) for line in text.value.splitlines()))
        return
    tree = LexborHTMLParser(text.value)
    for node in tree.css(",".join(_UNSEEN)):
        node.decompose()
    words: list[str] = []
    for piece in _pieces(tree.body):
        if piece is None:
            yield from filter(None, [" ".join("".join(words).split())])
            words = []
        else:
            words.append(piece)
    yield from filter(None, [" ".join("".join(words).split())])


def _pieces(node: LexborNode | None) -> Iterator[str | None]:
    """Texts in order, with None where a block begins: that is where lines end."""
    if node is None:
        return
    for one in node.traverse(include_text=True):
        if one.is_text_node:
            yield one.text_content or ""
        elif one.tag in _BLOCKS:
            yield None


def _paragraphs(old: list[str], new: list[str]) -> Iterator[list[Piece]]:
    """Those that stand opposite each other are compared word by word."""
    for index in range(max(len(old), len(new))):
        before, after = old[index : index + 1], new[index : index + 1]
        if before and after:
            yield from _compared(before[0], after[0])
        else:
            yield [(("removed" if before else "added"), _shortened((before or after)[0]))]


def _compared(before: str, after: str) -> Iterator[list[Piece]]:
    old, new = _WORD.findall(before), _WORD.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if max(len(old), len(new)) > MOST_WORDS or matcher.ratio() < ALIKE:
        yield [("removed", _shortened(before))]
        yield [("added", _shortened(after))]
        return
    line: list[Piece] = []
    codes = matcher.get_opcodes()
    for place, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag == "equal":
            line.append(("same", _context("".join(old[i1:i2]), place == 0, place == len(codes) - 1)))
            continue
        line += [("removed", "".join(old[i1:i2]))] if i2 > i1 else []
        line += [("added", "".join(new[j1:j2]))] if j2 > j1 else []
    yield line


def _context(text: str, first: bool, last: bool) -> str:
    """What did not change, as far as it helps to find the place."""
    if len(text) <= 2 * CONTEXT:
        return text
    head = "" if first else text[:CONTEXT]
    return f"{head}…{'' if last else text[-CONTEXT:]}"


def _shortened(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "…"
