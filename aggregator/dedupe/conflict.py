"""Whether two alike texts state different facts: the rule that keeps bulletins of a template apart.

Texts are laid beside each other sentence by sentence. Where a sentence of one stands in the other
with another number or another name, the articles differ. What only one of them has is an addition
or a cut. Scattered slips of single characters are noise, as long as they spare most numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import regex

from aggregator.dedupe.align import Difference, Sentence, alike, differences, replaced, sentence, sentences
from aggregator.dedupe.facts import PLACES, plain

#: Below this many tokens a text is a flash: one replaced name may be all that it is about.
FLASH = 160

#: Tokens from which a title that two flashes share tells that they are one.
TELLING = 9

#: Most of a stretch that a slip changes.
SLIP_SHARE = 0.4

#: Slips elsewhere that make it credible that one digit of a number is a slip too.
SLIPS = 3

_LATIN = regex.compile(r"[\p{Latin}\p{Cyrillic}\p{Greek}]{2,}")
_NAMING = regex.compile(r"[\p{Han}\p{Katakana}\p{Hangul}ー]{2,8}")
_OTHER = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]+")

_REWORDED_WORDS = """
    表示 指出 认为 介绍 透露 宣布 发布 推出 公布 报道 消息 近日 日前 目前 现在 今日 昨日 今天 昨天 本月 上月 同比 环比
    增长 上涨 下降 下跌 提升 提高 增加 减少 超过 达到 约为 左右 因此 所以 但是 不过 然而 并且 同时 此外 另外 据悉 获悉
    了解 显示 进行 开展 已经 可以 能够 非常 十分 我们 他们 本市 全市 本次 此次 其中 方面 相关 有关 以及 还有
    持续 不断 部分 一些 许多 大量 多数 少数 全部 所有 各地 多地 终于 最终 获得 得到 显著 明显 尤其 特别
    立即 随即 曾经 正在 将要
"""
#: Words that editors exchange for each other, and that name nothing.
_REWORDED = frozenset(_REWORDED_WORDS.split())

_FUNCTION_WORDS = """
    the a an this that these those it he she we they i you in on at of for to by with from and or but as is are was
    were be has have had its his her our their if when while after before however meanwhile also more new no not
    what who how
"""
#: Capitalised where they begin a sentence, and no names.
_FUNCTION = frozenset(_FUNCTION_WORDS.split())


@dataclass(frozen=True)
class Article:
    """What is compared of one article; what is derived is kept while it is compared with others."""

    title: str
    text: str

    @cached_property
    def headline(self) -> Sentence:
        return sentence(plain(self.title))

    @cached_property
    def sentences(self) -> tuple[Sentence, ...]:
        return sentences(self.text)

    @cached_property
    def joined(self) -> str:
        """Everything it says, without spaces, as compared."""
        return "".join(token for one in (self.headline, *self.sentences) for token in one.tokens)

    @cached_property
    def body(self) -> str:
        return "".join(token for one in self.sentences for token in one.tokens)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(token for one in (self.headline, *self.sentences) for token in one.tokens)

    @cached_property
    def numbers(self) -> Counter[str]:
        return Counter(token for one in self.sentences for token in one.tokens if token[0].isdecimal())

    @cached_property
    def size(self) -> int:
        return sum(len(one.tokens) for one in self.sentences)


@lru_cache(maxsize=256)
def article(title: str, text: str) -> Article:
    """The article, derived parts kept for the comparisons that follow."""
    return Article(title, text)


def conflict(one: Article, other: Article) -> str | None:
    """The fact in which two alike articles differ, in words; None where they may be the same."""
    return None if one == other else _titles(one, other) or _texts(one, other)


def _titles(one: Article, other: Article) -> str | None:
    """By the headlines: the number of an episode, the subject of a bulletin."""
    if one.headline.tokens == other.headline.tokens:
        return None
    if alike(one.headline, other.headline):
        for found in replaced(one.headline, other.headline):
            if _contradicting(found) and not _slip(found):
                return _said("the titles' numbers", found)
        return _places(one.headline, other.headline, one, other)
    mine = {token for token in one.headline.tokens if token[0].isdecimal()} - other.words
    theirs = {token for token in other.headline.tokens if token[0].isdecimal()} - one.words
    return f"the titles' numbers: {min(mine)}, {min(theirs)}" if mine and theirs else None


def _texts(one: Article, other: Article) -> str | None:
    found = differences(one.sentences, other.sentences)
    slips = sum(map(_slip, found))
    return (
        _by_number(found, slips, one, other)
        or next((place for pair in found if (place := _places(pair.one, pair.other, one, other))), None)
        or _by_word(found, one, other)
        or _by_name(found, slips, one, other)
    )


# --- numbers -------------------------------------------------------------------------------


def _by_number(found: list[Difference], slips: int, one: Article, other: Article) -> str | None:
    """A number that stands where the other has another; numbers that merely moved do not count."""
    against = [pair for pair in found if _contradicting(pair) and not _cut_off(pair, one, other)]
    left = {token for pair in against for token in pair.left}
    right = {token for pair in against for token in pair.right}
    if left.isdisjoint(one.numbers - other.numbers) or right.isdisjoint(other.numbers - one.numbers):
        return None
    if all(map(_one_character, against)) and slips >= max(SLIPS, 2 * len(against)):
        return None
    return _said("numbers", against[0])


def _contradicting(found: Difference) -> bool:
    """Both sides state numbers that the other side lacks, and not one number rounded."""
    left = Counter(token for token in found.left if token[0].isdecimal())
    right = Counter(token for token in found.right if token[0].isdecimal())
    mine, theirs = left - right, right - left
    if not mine or not theirs or _slip(found):
        return False
    return not all(any(_rounded(a, b) for b in theirs) for a in mine)


def _rounded(one: str, other: str) -> bool:
    """Whether one is the other with fewer decimals, of at least two digits."""
    short, long = sorted((one, other), key=len)
    decimals = len(long.partition(".")[2])
    kept = len(short.partition(".")[2])
    if not kept < decimals or len(short.replace(".", "")) < 2:
        return False
    return bool(abs(float(short) - float(long)) <= 0.5 * 10.0**-kept + 1e-9)


def _one_character(found: Difference) -> bool:
    left, right = _characters(found)
    return len(left) == len(right) and sum(a != b for a, b in zip(left, right, strict=True)) == 1


def _slip(found: Difference) -> bool:
    """Characters exchanged one for one, no digit for another digit: a typo or damage.

    Few of them; or some, around digits that stand where they stood.
    """
    left, right = _characters(found)
    if len(left) != len(right):
        return False
    changed = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    if any(a.isdecimal() and b.isdecimal() for a, b in changed):
        return False
    kept = any(a == b and a.isdecimal() for a, b in zip(left, right, strict=True))
    return kept or len(changed) <= max(1, SLIP_SHARE * len(left))


def _characters(found: Difference) -> tuple[str, str]:
    """Both stretches as they stood, without decimal points: those are lost where a digit beside them is."""
    left, right = "".join(found.left_written), "".join(found.right_written)
    return left.casefold().replace(".", ""), right.casefold().replace(".", "")


def _cut_off(found: Difference, one: Article, other: Article) -> bool:
    """The shorter text ends within this number."""
    if one.size > other.size:
        cut, whole, last, shorter = found.right, found.left, found.other, other
    else:
        cut, whole, last, shorter = found.left, found.right, found.one, one
    ends = last is shorter.sentences[-1] and last.tokens[-1:] == cut[-1:]
    return ends and len(cut) == 1 and one.size != other.size and whole[0].startswith(cut[0])


# --- names ---------------------------------------------------------------------------------


def _places(left: Sentence, right: Sentence, one: Article, other: Article) -> str | None:
    """Versions of one sentence that name places, each one that the other article lacks."""
    mine = {place for place in _places_in(left) if place not in other.joined}
    theirs = {place for place in _places_in(right) if place not in one.joined}
    return f"places: {min(mine)}, {min(theirs)}" if mine and theirs else None


@lru_cache(maxsize=4096)
def _places_in(sentence: Sentence) -> frozenset[str]:
    text = "".join(sentence.tokens)
    return frozenset(place for place in PLACES if place in text)


def _by_word(found: list[Difference], one: Article, other: Article) -> str | None:
    """Latin names: capitalised words within a sentence, or any word within Chinese text."""
    for pair in found:
        mine = [word for word in _latin(pair.left_written, pair.one) if word not in other.words]
        theirs = [word for word in _latin(pair.right_written, pair.other) if word not in one.words]
        if mine and theirs and not any(_spelling(a, b) for a in mine for b in theirs):
            return f"names: {mine[0]}, {theirs[0]}"
    return None


def _latin(written: Iterable[str], sentence: Sentence) -> Iterator[str]:
    foreign = bool(_OTHER.search(sentence.text))
    for word in written:
        named = foreign or (word[0].isupper() and (word != sentence.written[0] or word.isupper()))
        if named and _LATIN.fullmatch(word) and word.casefold() not in _FUNCTION:
            yield word.casefold()


def _spelling(one: str, other: str) -> bool:
    """Whether two words are one with a slip or another ending."""
    if len(one) == len(other):
        return sum(a != b for a, b in zip(one, other, strict=True)) == 1
    return min(len(one), len(other)) >= 4 and (one.startswith(other) or other.startswith(one))


def _by_name(found: list[Difference], slips: int, one: Article, other: Article) -> str | None:
    """Names without capitals. A replaced word is one where both titles carry it, or it recurs.

    In a flash a single replacement is enough, unless slips elsewhere explain it, or both bear
    one title of some length: then an editor chose another word.
    """
    words = Counter((a, b) for pair in found if (a := _word(pair.left)) and (b := _word(pair.right)))
    titles = "".join(one.headline.tokens), "".join(other.headline.tokens)
    retold = titles[0] == titles[1] and len(titles[0]) >= TELLING
    flash = min(one.size, other.size) < FLASH and not slips and not retold
    for (a, b), count in sorted(words.items()):
        if a in other.joined or b in one.joined:
            continue
        titled = a in titles[0] and b in titles[1]
        named = titled or count > 1
        if (len(a) > 1 and len(b) > 1 and (named or (flash and _could_name(a, b)))) or (titled and slips <= 2 * count):
            return f"names: {a}, {b}"
    return None


def _could_name(one: str, other: str) -> bool:
    """Neither is a word of grammar, as far as writing and a short list tell."""
    plain_words = any(word[at : at + 2] in _REWORDED for word in (one, other) for at in range(0, len(word), 2))
    return not plain_words and bool(_NAMING.fullmatch(one) and _NAMING.fullmatch(other))


def _word(tokens: tuple[str, ...]) -> str:
    """The stretch as a word without digits or Latin letters; empty where it is none."""
    word = "".join(tokens)
    return word if len(word) <= 12 and _OTHER.fullmatch(word) else ""


def _said(what: str, found: Difference) -> str:
    return f"{what}: {''.join(found.left)}, {''.join(found.right)}"
