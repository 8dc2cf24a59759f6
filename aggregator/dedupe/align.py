"""Which sentences of two texts are versions of each other, and where they differ."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

import regex

from aggregator.dedupe.facts import number, plain

#: Share of word pairs from which two sentences are versions of one, whatever their numbers.
VERSION = 0.5

#: Characters of a text that are laid beside each other: facts stand early.
LONGEST = 20_000

#: Sentences of each side that are paired: each is weighed against each.
MOST = 200

#: A number with its decimals, a Latin word, or one other letter.
_TOKEN = regex.compile(r"\d+(?:\.\d+)?|[\p{Latin}\p{Cyrillic}\p{Greek}]+|[\p{L}\p{N}]")
#: What never ends is cut: the comparison of two sentences is quadratic.
_SENTENCE = regex.compile(r"[^。！!？?；;\n…]{1,400}")
_STOP = regex.compile(r"(?<=[\p{Ll}\d)\"”]{2}[.])\s+")

#: Captions and credits: their numbers and names are not the article's.
_ASIDE = regex.compile(
    r"^\W*(?:图|圖|▲|△|▼|配图|资料图|写真|责任编辑|责编|编辑|来源|作者|记者|校对|审核|文/|文章来源|原标题|本文来源|出典"
    r"|(?:photo|image|figure|fig|caption|picture|source|credit|editor|by)\b)",
    regex.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Its tokens as compared (folded), and as they stood (for capitals)."""

    tokens: tuple[str, ...]
    written: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(self.written)


@dataclass(frozen=True, slots=True)
class Difference:
    """What stands in one version of a sentence in place of something else in the other."""

    one: Sentence
    other: Sentence
    #: The stretches of tokens, as compared.
    left: tuple[str, ...]
    right: tuple[str, ...]
    #: The same as they stood.
    left_written: tuple[str, ...]
    right_written: tuple[str, ...]


@lru_cache(maxsize=512)
def sentences(text: str) -> tuple[Sentence, ...]:
    """The sentences of a text, without captions and credits; of a very long one, the beginning."""
    parts = (part for line in _SENTENCE.findall(plain(text[:LONGEST])) for part in _STOP.split(line))
    found = (sentence(part) for part in parts if not _ASIDE.match(part))
    return tuple(one for one in found if one.tokens)


def sentence(text: str) -> Sentence:
    """One sentence, or a title, of text in plain form."""
    written = tuple(_TOKEN.findall(text))
    return Sentence(tuple(number(token) if token[0].isdecimal() else token.casefold() for token in written), written)


def differences(one: Sequence[Sentence], other: Sequence[Sentence]) -> list[Difference]:
    """Where versions of one sentence differ by a replacement.

    What only one of the texts has, be it a sentence or a clause, is no difference: additions and
    cuts leave an article what it is.
    """
    return [found for pair in _versions(*_unequal(one, other)) for found in replaced(*pair)]


def _unequal(one: Sequence[Sentence], other: Sequence[Sentence]) -> tuple[list[Sentence], list[Sentence]]:
    """Both without the sentences that they share word for word."""
    mine, theirs = Counter(s.tokens for s in one), Counter(s.tokens for s in other)
    return _beyond(one, theirs)[:MOST], _beyond(other, mine)[:MOST]


def _beyond(sentences: Sequence[Sentence], shared: Counter[tuple[str, ...]]) -> list[Sentence]:
    left = Counter(shared)
    rest = []
    for one in sentences:
        if left[one.tokens] > 0:
            left[one.tokens] -= 1
        else:
            rest.append(one)
    return rest


def _versions(one: Sequence[Sentence], other: Sequence[Sentence]) -> Iterator[tuple[Sentence, Sentence]]:
    """Pair sentences by their words; among equal ones by their numbers, then by their place."""
    taken: set[int] = set()
    used: set[int] = set()
    for _, _, _, i, j in sorted(_scores(one, other)):
        if i not in used and j not in taken:
            used.add(i)
            taken.add(j)
            yield one[i], other[j]


def _scores(one: Sequence[Sentence], other: Sequence[Sentence]) -> Iterator[tuple[float, int, int, int, int]]:
    shapes = [_shape(sentence) for sentence in other]
    places: dict[tuple[str, str], list[int]] = defaultdict(list)
    for j, shape in enumerate(shapes):
        for pair in shape:
            places[pair].append(j)
    for i, sentence in enumerate(one):
        shape = _shape(sentence)
        for j, shared in Counter(j for pair in shape for j in places.get(pair, ())).items():
            share = 2 * shared / (len(shape) + len(shapes[j]))
            if share >= VERSION or (shared >= 6 and shared >= 0.7 * min(len(shape), len(shapes[j]))):
                equal = len(set(sentence.tokens) & set(other[j].tokens))
                yield -round(share, 2), -equal, abs(i - j), i, j


def _shape(sentence: Sentence) -> set[tuple[str, str]]:
    """Neighbouring tokens with every number alike: what a template's sentences share."""
    shape = ["#" if token[0].isdecimal() else token for token in sentence.tokens]
    return set(zip(["", *shape], [*shape, ""], strict=True))


def replaced(one: Sentence, other: Sentence) -> Iterator[Difference]:
    """The replacements that turn one sentence into the other.

    Two that only one letter parts are one: 陈若谷 and 沈若水 are two names, not two slips.
    """
    matcher = SequenceMatcher(None, one.tokens, other.tokens, autojunk=False)
    spans: list[tuple[int, int, int, int]] = []
    for change, a, b, c, d in matcher.get_opcodes():
        if change != "replace":
            continue
        if spans and a - spans[-1][1] == 1 == c - spans[-1][3] and one.tokens[a - 1].isalpha():
            a, _, c, _ = spans.pop()
        spans.append((a, b, c, d))
    for a, b, c, d in spans:
        yield Difference(one, other, one.tokens[a:b], other.tokens[c:d], one.written[a:b], other.written[c:d])


def alike(one: Sentence, other: Sentence) -> bool:
    """Whether two titles are versions of one."""
    return any(_scores([one], [other]))
