"""Chinese articles for benchmarks, as many as wanted, no two alike: written by chance after those of the samples.

Characters follow each other as they do in the sample articles, mostly, and an article repeats words of its own, as
articles do. So what is written compresses, and fills a search index, much as news does; characters drawn
evenly from the whole script would do neither. `python -m benchmarks.prose` prints how alike the two are.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import zstandard

SAMPLES = Path(__file__).parent.parent.parent / "shared" / "samples" / "articles"

#: Shares of what is written that repeats the article itself, that follows two characters, and that follows one.
REPEATED, AFTER_TWO, AFTER_ONE = 0.14, 0.3, 0.8

#: Runs of Chinese with its punctuation, long enough to be sentences.
_PROSE = re.compile(r"[\u4e00-\u9fff，。、；：？！“”《》（）]{8,}")
_OTHER = re.compile(r"[^\u4e00-\u9fff，。、；：？！“”《》（）]")


class Writer:
    """Writes sentences; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        #: All that it has written.
        self._said = ""

    def words(self, length: int) -> str:
        """So many characters."""
        model, luck, draw = _model(), self._chance.random, self._chance.choice
        written = draw(model.starts)
        while len(written) < length:
            before = self._said[-1000:] + written
            if luck() < REPEATED and len(before) > 20:
                place = self._chance.randrange(len(before) - 8)
                written += before[place : place + self._chance.randint(3, 8)]
                continue
            where = luck()
            after = model.two.get(written[-2:]) if where < AFTER_TWO else None
            after = after or (model.one.get(written[-1]) if where < AFTER_ONE else None)
            written += draw(after or model.all)
        self._said += written[:length]
        return written[:length]

    def name(self, length: int) -> str:
        """Characters without punctuation: a title, a tag, a person."""
        return re.sub(r"[^\u4e00-\u9fff]", "", self.words(length * 2 + 8))[:length]

    def html(self, size: int) -> str:
        """Paragraphs with links and pictures, of about so many bytes."""
        return "\n".join(self._paragraphs(size))

    def _paragraphs(self, size: int) -> Iterator[str]:
        number = self._chance.randrange
        while size > 0:
            link = f'<a href="https://news.example/{number(10**9)}.html">{self.name(6)}</a>'
            picture = f'<p><img src="https://pictures.example/{number(10**12)}.jpg" width="600"></p>\n'
            more = f"，{link}。" if number(3) == 0 else "。"
            text = f"{picture if number(4) == 0 else ''}<p>{self.words(60 + number(120))}{more}</p>"
            yield text
            size -= len(text.encode())


@dataclass(frozen=True)
class Model:
    """What follows which characters, as often as it does."""

    two: dict[str, str]
    one: dict[str, str]
    all: str
    #: How sentences begin.
    starts: list[str]


@cache
def _model() -> Model:
    two: dict[str, list[str]] = {}
    one: dict[str, list[str]] = {}
    runs = list(dict.fromkeys(run for text in _samples() for run in _PROSE.findall(text)))
    for run in runs:
        for place in range(len(run) - 1):
            one.setdefault(run[place], []).append(run[place + 1])
            two.setdefault(run[place : place + 2], []).extend(run[place + 2 : place + 3])
    return Model(_joined(two), _joined(one), "".join(runs), [run[:2] for run in runs])


def _joined(after: dict[str, list[str]]) -> dict[str, str]:
    return {key: "".join(following) for key, following in after.items()}


def _samples() -> list[str]:
    return [file.read_text("utf-8", errors="replace") for file in sorted(SAMPLES.rglob("*.md"))]


def post(number: int, size: int = 5000) -> str:
    """An article file of about `size` bytes, as generators of blogs write them."""
    writer = Writer(number)
    return (
        f"---\ntitle: {writer.name(20)}\ncategories:\n    - 新媒体\n    - 栏目{number % 50}\nauthor: 出版者{number % 200}\n"
        f"comments: false\ndate: 2025-{number % 12 + 1:02}-11 09:30:{number % 60:02}\n"
        f"thumbnail: https://pictures.example/{number}.jpg\n---\n\n<div>\n{writer.html(size - 300)}\n</div>\n"
    )


def feed(name: str, numbers: range, size: int = 3600) -> str:
    """An RSS feed whose items are of about `size` bytes each."""
    items = (item(name, number, size) for number in numbers)
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
        f"<title>{name}</title><link>https://{name}.example/</link><description>d</description>{''.join(items)}</channel></rss>"
    )


def item(name: str, number: int, size: int) -> str:
    writer = Writer(number)
    at = f"{number % 28 + 1:02} Jan 2026 {number % 24:02}:30:{number % 60:02} GMT"
    address = f"https://{name}.example/2026/01/{number}.html"
    return (
        f"<item><title>{writer.name(20)}</title><link>{address}</link><guid>{address}</guid><pubDate>{at}</pubDate>"
        f"<author>{writer.name(3)}</author><category>栏目{number % 50}</category>"
        f"<description><![CDATA[{writer.html(size - 400)}]]></description></item>"
    )


def main() -> None:
    """Whether what is written is like the samples: how far it compresses, how many pairs of characters it has."""
    whole = [_OTHER.sub("", text) for text in _samples()]
    real = [text for text in whole if 1000 < len(text) < 3000]
    made = [Writer(number).words(len(text)) for number, text in enumerate(real)]
    print(f"{len(real)} articles     zstd  pairs per KB  pairs in all")
    for title, texts in (("samples", real), ("written", made)):
        size = sum(len(text.encode()) for text in texts)
        packed = sum(len(zstandard.compress(text.encode(), 3)) for text in texts)
        pairs = [{text[place : place + 2] for place in range(len(text) - 1)} for text in texts]
        print(f"{title:12}{packed / size:9.0%}{sum(map(len, pairs)) / size * 1000:14.0f}{len(set().union(*pairs)):14,}")


if __name__ == "__main__":
    main()
