"""Labelled pairs of articles: every kind of duplicate, and articles that only look like one.

All texts are made from phrases of our own in tests/data/duplicates/phrases.json, by a seeded
generator, so that there are as many pairs as a rate needs. Nothing is taken from real articles.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

import numpy as np

from aggregator.dedupe.fingerprint import ENOUGH
from aggregator.dedupe.fold import fold
from aggregator.model import Member, digest

HERE = Path(__file__).parent
PHRASES = json.loads((HERE / "data/duplicates/phrases.json").read_text("utf-8"))
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Piece:
    """An article as somebody carries it; paragraphs are lines."""

    title: str
    lines: tuple[str, ...]
    publisher: str = "晨报"
    hours: float = 0.0
    language: str = "zh"

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True)
class Case:
    kind: str
    same: bool
    one: Piece
    other: Piece


def member(piece: Piece, number: int) -> Member:
    """What grouping would be handed of it."""
    codes = fold(piece.text)
    when = NOON + timedelta(hours=piece.hours)
    return Member(
        id=number,
        uuid=uuid5(NAMESPACE_URL, f"{number}"),
        source=piece.publisher,
        publisher=piece.publisher,
        published=when,
        first_seen=when,
        title=piece.title,
        text=piece.text,
        prefer=0,
        digest=digest(codes.astype("<u4").tobytes()) if codes.size >= ENOUGH else None,
        link=None,
    )


# --- articles ------------------------------------------------------------------------------


def fill(pattern: str, luck: random.Random, language: str, names: dict[str, str]) -> str:
    """Replace {slot} by a phrase, {#} by a number; a name of the article stays the same in it."""

    def slot(match: re.Match[str]) -> str:
        kind = match[1]
        if kind == "#":
            return _number(luck)
        if kind in names:
            return names[kind]
        return str(luck.choice(PHRASES[language]["pools"][kind]))

    return str(re.sub(r"\{(#|\w+)\}", slot, pattern))


def _number(luck: random.Random) -> str:
    kind = luck.random()
    if kind < 0.4:
        return str(luck.randint(2, 99))
    return f"{luck.uniform(1, 99):.1f}" if kind < 0.6 else str(luck.randint(100, 9999))


def piece(luck: random.Random, language: str, sentences: int) -> Piece:
    """An article about one company, person and place, of so many sentences."""
    own = PHRASES[language]
    names = {kind: luck.choice(own["pools"][kind]) for kind in ("company", "person", "place")}
    title = fill(luck.choice(own["titles"]), luck, language, names)
    made = [_sentence(luck, language, names) for _ in range(sentences)]
    joint = " " if language == "en" else ""
    lines, at = [], 0
    while at < len(made):
        size = luck.randint(2, 4)
        lines.append(joint.join(made[at : at + size]))
        at += size
    return Piece(title, tuple(lines), language=language)


def _sentence(luck: random.Random, language: str, names: dict[str, str]) -> str:
    return fill(luck.choice(PHRASES[language]["sentences"]), luck, language, names)


# --- duplicates ----------------------------------------------------------------------------


def copied(p: Piece, luck: random.Random) -> Piece:
    return p


def spaced(p: Piece, luck: random.Random) -> Piece:
    """Spaces around digits, straight quotes for curly ones, as some sites set text."""

    def respell(text: str) -> str:
        text = re.sub(r"(?<=[^\x00-\x7f])(?=\d)|(?<=\d)(?=[^\x00-\x7f])", " ", text)
        return text.translate(str.maketrans("“”‘’", "\"\"''"))

    return replace(p, title=respell(p.title), lines=tuple(map(respell, p.lines)))


def widened(p: Piece, luck: random.Random) -> Piece:
    wide = {code: code + 0xFEE0 for code in (*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B))}
    return replace(p, title=p.title.translate(wide), lines=tuple(line.translate(wide) for line in p.lines))


def traditional(p: Piece, luck: random.Random) -> Piece:
    table = _to_traditional()
    return replace(p, title=p.title.translate(table), lines=tuple(line.translate(table) for line in p.lines))


@cache
def _to_traditional() -> dict[int, int]:
    """The fold table backwards: one traditional form of each simplified character."""
    data = zlib.decompress((HERE.parent / "aggregator/dedupe/fold.bin").read_bytes())
    table = np.frombuffer(data, dtype="<u4")[0x4E00:0xA000]
    return {int(to): 0x4E00 + at for at, to in enumerate(table) if to != 0x4E00 + at and to > 0x4DFF}


def newswire(p: Piece, luck: random.Random) -> Piece:
    lead = luck.choice(PHRASES[p.language]["leads"])
    return replace(p, lines=(lead + p.lines[0], *p.lines[1:]))


def signed(p: Piece, luck: random.Random) -> Piece:
    return replace(p, lines=(*p.lines, luck.choice(PHRASES[p.language]["credits"])))


def advertised(p: Piece, luck: random.Random) -> Piece:
    advert = fill(luck.choice(PHRASES[p.language]["adverts"]), luck, p.language, {})
    place = luck.randint(1, len(p.lines))
    return replace(p, lines=(*p.lines[:place], advert, *p.lines[place:]))


def captioned(p: Piece, luck: random.Random) -> Piece:
    return _captioned(p, luck, luck.randint(1, 9))


def _captioned(p: Piece, luck: random.Random, number: int) -> Piece:
    caption = luck.choice(PHRASES[p.language]["captions"]).replace("{#}", str(number))
    return replace(p, lines=(*p.lines[:1], caption, *p.lines[1:]))


def lengthened(p: Piece, luck: random.Random) -> Piece:
    """One more paragraph, of the length of the others, at the end or in the middle."""
    extra = piece(luck, p.language, 2 if len(p.lines) > 2 else 1).lines[0]
    place = luck.randint(1, len(p.lines))
    return replace(p, lines=(*p.lines[:place], extra, *p.lines[place:]))


def shortened(p: Piece, luck: random.Random) -> Piece:
    place = luck.randrange(1, len(p.lines))
    return replace(p, lines=(*p.lines[:place], *p.lines[place + 1 :]))


def retitled(p: Piece, luck: random.Random) -> Piece:
    words = re.sub(r"\{#\}", "", luck.choice(PHRASES[p.language]["titles"]))
    return replace(p, title=fill(words, luck, p.language, _own_names(p)))


def _own_names(p: Piece) -> dict[str, str]:
    pools = PHRASES[p.language]["pools"]
    return {
        kind: next((name for name in pools[kind] if name in p.title + p.text), pools[kind][0])
        for kind in ("company", "person", "place")
    }


def damaged(p: Piece, luck: random.Random) -> Piece:
    """Two of a hundred characters are others, digits and names not spared."""
    alphabet = PHRASES[p.language]["alphabet"]

    def damage(line: str) -> str:
        return "".join(luck.choice(alphabet) if c.isalnum() and luck.random() < 0.02 else c for c in line)

    return replace(p, lines=tuple(map(damage, p.lines)))


def reworded(p: Piece, luck: random.Random) -> Piece:
    """An editor's hand: a few words exchanged for others of the same meaning."""
    text = "\x00".join(p.lines)
    swaps = [pair for pair in PHRASES[p.language]["swaps"] if pair[0] in text]
    for old, new in luck.sample(swaps, min(2, len(swaps))):
        text = text.replace(old, new, 1)
    return replace(p, lines=tuple(text.split("\x00")))


def relined(p: Piece, luck: random.Random) -> Piece:
    """Everything in one paragraph."""
    return replace(p, lines=((" " if p.language == "en" else "").join(p.lines),))


def often_edited(p: Piece, luck: random.Random) -> Piece:
    """What becomes of an article on its way through three editorial offices."""
    for change in (newswire, retitled, reworded, signed, spaced):
        p = change(p, luck)
    return p


DUPLICATES: dict[str, Callable[[Piece, random.Random], Piece]] = {
    "copied": copied,
    "spaces and quotes": spaced,
    "full-width": widened,
    "traditional": traditional,
    "newswire lead": newswire,
    "credits": signed,
    "affiliate line": advertised,
    "caption with a number": captioned,
    "paragraph added": lengthened,
    "paragraph dropped": shortened,
    "new title": retitled,
    "2 % damaged": damaged,
    "words exchanged": reworded,
    "one paragraph": relined,
    "five changes at once": often_edited,
}

#: Sentences of a flash and of a report.
SIZES = {"short": (2, 4), "long": (12, 40)}


def duplicates(seed: int, each: int) -> Iterator[Case]:
    """`each` pairs of every kind, language and size, at two publishers; re-editing at one."""
    luck = random.Random(seed)
    for language in PHRASES:
        for size, (least, most) in SIZES.items():
            for kind, change in DUPLICATES.items():
                if (kind == "traditional" and language != "zh") or (kind == "paragraph dropped" and size == "short"):
                    continue
                for _ in range(each):
                    one = piece(luck, language, luck.randint(least, most))
                    if kind.startswith("caption"):
                        one = _captioned(one, random.Random(1), 3)
                    other = change(one, luck)
                    yield Case(
                        f"{kind}, {size}", True, one, replace(other, publisher="晚报", hours=luck.uniform(-48, 48))
                    )
            for _ in range(each):
                yield _edited_again(luck, language, luck.randint(max(least, 4), most), size)


def _edited_again(luck: random.Random, language: str, sentences: int, size: str) -> Case:
    """The same publisher, an hour later, with a new first sentence."""
    one = piece(luck, language, sentences)
    lead = luck.choice(PHRASES[language]["again"])
    return Case(f"new lead an hour later, {size}", True, one, replace(one, lines=(lead, *one.lines), hours=1.0))


def truncated(seed: int, each: int) -> Iterator[Case]:
    """The first part only, as summaries and feeds that cut do."""
    luck = random.Random(seed)
    for language in PHRASES:
        for share in (0.3, 0.6):
            for _ in range(each):
                one = piece(luck, language, luck.randint(14, 30))
                cut = one.text[: int(len(one.text) * share)]
                other = replace(one, lines=tuple(cut.split("\n")), publisher="晚报", hours=2)
                yield Case(f"first {share:.0%}", True, one, other)


# --- articles that only look like one ------------------------------------------------------


def negatives(seed: int, each: int) -> Iterator[Case]:
    """`each` pairs of every kind and language; half of them at one publisher."""
    luck = random.Random(seed)
    for language in PHRASES:
        for kind, make in NEGATIVES.items():
            for count in range(each):
                made = make(luck, language)
                if made:
                    one, other = made
                    publisher = "晨报" if count % 2 else "晚报"
                    yield Case(kind, False, one, replace(other, publisher=publisher, hours=other.hours or 24.0))


_Two = tuple[Piece, Piece] | None


def _template(luck: random.Random, language: str, names: dict[str, str], template: str) -> Piece:
    title, *lines = template.split("\n")
    return Piece(
        fill(title, luck, language, names),
        tuple(fill(line, luck, language, names) for line in lines),
        language=language,
    )


def _frozen(template: str, luck: random.Random) -> str:
    """The template with its numbers filled in, the named slots left."""
    return re.sub(r"\{#\}", lambda _: _number(luck), template)


def other_figures(luck: random.Random, language: str) -> _Two:
    """The bulletin of another day: the same template and names, other numbers."""
    own = PHRASES[language]
    template = luck.choice(own["bulletins"])
    names = {kind: luck.choice(pool) for kind, pool in own["pools"].items()}
    return _template(luck, language, names, template), _template(luck, language, names, template)


def other_name(kind: str) -> Callable[[random.Random, str], _Two]:
    """The same template with the same numbers about another company, person or place."""

    def make(luck: random.Random, language: str) -> _Two:
        own = PHRASES[language]
        usable = [bulletin for bulletin in own["bulletins"] if f"{{{kind}}}" in bulletin]
        if not usable:
            return None
        template = _frozen(luck.choice(usable), luck)
        names = {slot: luck.choice(pool) for slot, pool in own["pools"].items()}
        first, second = luck.sample(own["pools"][kind], 2)
        return (
            _template(luck, language, names | {kind: first}, template),
            _template(luck, language, names | {kind: second}, template),
        )

    return make


def other_day(luck: random.Random, language: str) -> _Two:
    """A digest whose date alone is another."""
    base = piece(luck, language, luck.randint(6, 20))
    dates = luck.sample(range(1, 29), 2)
    line = PHRASES[language]["dated"]
    one, other = (replace(base, lines=(line.replace("{#}", str(day)), *base.lines)) for day in dates)
    return one, other


def other_episode(luck: random.Random, language: str) -> _Two:
    """The next part of a series: one number in the title, the same blurb."""
    base = piece(luck, language, luck.randint(3, 6))
    title = luck.choice(PHRASES[language]["series"])
    number = luck.randint(1, 40)
    one, other = (replace(base, title=title.replace("{#}", str(n))) for n in (number, number + 1))
    return one, other


def same_title(luck: random.Random, language: str) -> _Two:
    one = piece(luck, language, luck.randint(3, 12))
    return one, replace(piece(luck, language, luck.randint(3, 12)), title=one.title)


def same_event(luck: random.Random, language: str) -> _Two:
    """Two write-ups: the same names and title, a shared sentence, otherwise other words."""
    one, other = piece(luck, language, 8), piece(luck, language, 8)
    return one, replace(other, title=one.title, lines=(one.lines[0], *other.lines))


def shared_boilerplate(luck: random.Random, language: str) -> _Two:
    """Two flashes that one site wraps in the same words."""
    wrap = PHRASES[language]["boilerplate"]
    one, other = piece(luck, language, 2), piece(luck, language, 2)
    return replace(one, lines=(*one.lines, wrap)), replace(other, lines=(*other.lines, wrap))


def digest_of_the_day(luck: random.Random, language: str) -> _Two:
    """A flash, and a digest in which it stands among others."""
    one = piece(luck, language, 3)
    rest = [line for _ in range(6) for line in piece(luck, language, 3).lines]
    place = luck.randrange(len(rest))
    digest_title = PHRASES[language]["digest"]
    return one, Piece(digest_title, (*rest[:place], *one.lines, *rest[place:]), language=language)


def one_figure(luck: random.Random, language: str) -> _Two:
    """A report in which a single number is another."""
    base = piece(luck, language, luck.randint(4, 10))
    found = list(re.finditer(r"\d+(?:\.\d+)?", base.text))
    if not found:
        return None
    hit = luck.choice(found)
    text = base.text[: hit.start()] + str(luck.randint(10000, 99999)) + base.text[hit.end() :]
    return base, replace(base, lines=tuple(text.split("\n")))


NEGATIVES: dict[str, Callable[[random.Random, str], _Two]] = {
    "bulletin, other figures": other_figures,
    "bulletin, other company": other_name("company"),
    "bulletin, other place": other_name("place"),
    "bulletin, other person": other_name("person"),
    "digest of another day": other_day,
    "next episode": other_episode,
    "same title": same_title,
    "same event": same_event,
    "shared boilerplate": shared_boilerplate,
    "flash in a digest": digest_of_the_day,
    "one figure": one_figure,
}
