"""Words as search sees them: of a text, of what a person typed, and where the one is in the other.

Scripts that put no space between words are cut into overlapping pairs of characters, so that a
Chinese word of two is found wherever it stands; others into words. All is folded as duplicates
are: case, width, accents and 简⇄繁 do not count. What an index made of `tokens` finds is a little too much
(pairs side by side are not yet a word of three); `matches` decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import add

import numpy as np

from aggregator.dedupe import fold
from aggregator.model import Piece

#: To be moved on when tokens change: whatever was indexed before is indexed anew.
VERSION = "1"

#: Bounds of what a person asks: characters read, and terms that count.
MOST_CHARACTERS = 200
MOST_TERMS = 16

#: Thai to Burmese, Khmer, kana, Han, Hangul: the scripts that are cut into pairs.
_PAIRED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0003fffd"
)
_RUN = re.compile(f"[{_PAIRED}]+|[^ {_PAIRED}]+")
_FIRST_PAIRED = re.compile(f"[{_PAIRED}]")
_PAIRED_RUN, _UNPAIRED_RUN = re.compile(f"[{_PAIRED}]+"), re.compile(f"[^ {_PAIRED}]+")
_WORD = f"[^ \0{_PAIRED}]"
_ANY_SPACE = r"[ \0]*"

#: Characters of a token; beyond them two long words are one, which `matches` tells apart.
_LONGEST = 40

#: Commas fold to nothing, for they stand within numbers; elsewhere they part words.
_COMMAS = np.array([ord(","), ord("，"), 0x66C], dtype=np.uint32)
_SPACE = ord(" ")

#: `"…"` with what is within, or what stands between spaces; a minus before either.
_TERM = re.compile(r'([-－]?)["“”„]([^"“”„]*)["“”„]?|(\S+)')


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for: of each group one term at least, and none of `without`.

    A term is folded, its words one space apart; they must stand side by side.
    """

    groups: tuple[tuple[str, ...], ...]
    without: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(term for group in self.groups for term in group)


def flat(text: str) -> str:
    """`text` folded, as long as it was: what parts words is a space, what does not count a NUL."""
    codes = fold.each(text)
    given = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    parting = codes == 1
    commas = np.flatnonzero(np.isin(given, _COMMAS))
    if commas.size:
        digit = (codes >= ord("0")) & (codes <= ord("9"))
        before, after = np.append(False, digit)[commas], np.append(digit, False)[commas + 1]
        parting[commas[~(before & after)]] = True
    return fold.text_of(np.where(parting, np.uint32(_SPACE), codes))


def _runs(text: str) -> list[str]:
    """The words of a text, and what stands unparted in scripts without spaces."""
    return _RUN.findall(flat(text).replace("\0", ""))


def tokens(text: str) -> set[str]:
    """What a text is found by. A single character of a script without spaces is not among it."""
    return _all_tokens(flat(text).replace("\0", ""))


def _all_tokens(shown: str) -> set[str]:
    """Of flat text; each loop runs in C, for this is what indexing spends its time on."""
    found = {word[:_LONGEST] for word in set(_UNPAIRED_RUN.findall(shown))}
    for run in _PAIRED_RUN.findall(shown):
        found.update(map(add, run, run[1:]))
    return found


def _tokens(run: str) -> Iterator[str]:
    if _FIRST_PAIRED.match(run):
        yield from map(add, run, run[1:])
    else:
        yield run[:_LONGEST]


def title_tokens(title: str) -> set[str]:
    """The same of a title, marked as its own, and each single character besides."""
    shown = flat(title).replace("\0", "")
    singles = set("".join(_PAIRED_RUN.findall(shown)))
    return {_of_title(token) for token in _all_tokens(shown) | singles}


def _of_title(token: str) -> str:
    # No word has a colon: it parts words.
    return f"t:{token}"


def parse(text: str) -> Query:
    """What a person typed: words, "phrases", -without; `OR` or `|` between two makes one do.

    Anything can be typed; what is beyond the bounds or holds neither letter nor digit counts for nothing.
    """
    groups: list[tuple[str, ...]] = []
    without: list[str] = []
    either = False
    for minus, quoted, plain in _TERM.findall(text[:MOST_CHARACTERS]):
        if plain in ("OR", "|"):
            either = bool(groups)
            continue
        negative = bool(minus) or (plain[:1] in ("-", "－") and len(plain) > 1)
        term = " ".join(_runs(quoted or plain))
        if not term or sum(map(len, groups)) + len(without) >= MOST_TERMS:
            continue
        if negative:
            without.append(term)
        elif either:
            groups[-1] = (*groups[-1], term)
        else:
            groups.append((term,))
        either = False
    return Query(tuple(dict.fromkeys(groups)), tuple(dict.fromkeys(without)))


#: What an index must hold: of each group one alternative at least, each whole.
Wanted = tuple[tuple[tuple[str, ...], ...], ...]


def wanted(query: Query) -> Wanted:
    """The tokens that narrow the search to what may match.

    A single Chinese character narrows nothing, for it is no token; where there is nothing else,
    it is looked for in titles.
    """
    groups = tuple(tuple(_wanted(term) for term in group) for group in query.groups)
    narrowing = tuple(group for group in groups if all(group))
    return narrowing or in_title(query)


def in_title(query: Query) -> Wanted:
    """The same for stories that have it all in their titles."""
    return tuple(
        tuple(tuple(_of_title(token) for token in (_wanted(term) or tuple(term.split()))) for term in group)
        for group in query.groups
    )


def _wanted(term: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(token for run in term.split() for token in _tokens(run)))


def decided(query: Query) -> bool:
    """Whether the tokens alone say it all: no phrase, nothing left out, nothing without a token."""
    return not query.without and all(len(_wanted(term)) == 1 for term in query.terms)


def matches(query: Query, text: str) -> bool:
    """Whether a text that went through `flat` is what is looked for."""
    text = text.replace("\0", "")
    found = all(any(_pattern(term).search(text) for term in group) for group in query.groups)
    return found and bool(query.groups) and not any(_pattern(term).search(text) for term in query.without)


def matches_any(query: Query, text: str) -> bool:
    """Whether a text, as written, has one term at least."""
    shown = flat(text)
    return any(_pattern(term).search(shown) for term in query.terms)


@lru_cache(maxsize=1024)
def _pattern(term: str) -> re.Pattern[str]:
    """The term in flat text: words are whole, and what does not count may stand within.

    Of that at most one before a word: patterns look back a fixed distance. Where it matters, it is gone.
    """
    return re.compile(_ANY_SPACE.join(_run_pattern(run) for run in term.split()))


def _run_pattern(run: str) -> str:
    letters = r"\0*".join(map(re.escape, run))
    if _FIRST_PAIRED.match(run):
        return letters
    return rf"(?<!{_WORD})(?<!{_WORD}\0){letters}(?!\0*{_WORD})\0*"


def score(query: Query, title: str, text: str) -> float:
    """How much a matching article is about it: a title says more than ten mentions."""
    shown, body = flat(title), flat(text)
    total = 0.0
    for term in query.terms:
        mentions = sum(1 for _ in _pattern(term).finditer(body))
        # Repeating a word says less each time, and a long text says each word more often.
        total += 5.0 * bool(_pattern(term).search(shown)) + mentions / (mentions + 1.0 + len(body) / 2000)
    return total


def mark(text: str, query: Query) -> tuple[Piece, ...]:
    """All of a text in pieces, those marked that were looked for."""
    return tuple(_pieces(text, _hits(text, query), 0, len(text)))


def excerpt(text: str, query: Query, length: int) -> tuple[Piece, ...]:
    """About `length` characters of a text, where most of what was looked for stands together.

    An ellipsis says that there is more; the beginning where nothing was found.
    """
    text = " ".join(text.split())
    hits = _hits(text, query)
    first = max(hits[:100], key=lambda hit: (_distinct(text, hits, hit[0], length), -hit[0]), default=(0, 0))[0]
    start = _start(text, max(0, min(first - length // 4, len(text) - length)))
    end = min(len(text), start + length)
    pieces = list(_pieces(text, hits, start, end))
    before = [("…", False)] if start else []
    return (*before, *pieces, *([("…", False)] if end < len(text) else []))


def _start(text: str, start: int) -> int:
    """Rather after a mark or a space that stands near than within a word."""
    for at in range(start, min(start + 12, len(text))) if start else ():
        if text[at] in " 。！？；，、：,.;!?":
            return at + 1
    return start


def _hits(text: str, query: Query) -> list[tuple[int, int]]:
    """Where the terms stand: in order, those that touch or overlap as one."""
    shown = flat(text)
    spans = sorted(found.span() for term in query.terms for found in _pattern(term).finditer(shown))
    hits: list[tuple[int, int]] = []
    for start, end in spans:
        if hits and start <= hits[-1][1]:
            hits[-1] = (hits[-1][0], max(end, hits[-1][1]))
        else:
            hits.append((start, end))
    return hits


def _distinct(text: str, hits: Sequence[tuple[int, int]], start: int, length: int) -> int:
    return len({text[a:b].casefold() for a, b in hits if start <= a and b <= start + length})


def _pieces(text: str, hits: Sequence[tuple[int, int]], start: int, end: int) -> Iterator[Piece]:
    at = start
    for hit_start, hit_end in hits:
        if hit_end <= start or hit_start >= end:
            continue
        if hit_start > at:
            yield text[at:hit_start], False
        yield text[max(hit_start, at) : min(hit_end, end)], True
        at = hit_end
    if at < end:
        yield text[at:end], False
