"""Feeds for benchmarks: the sample feeds, each as often as wanted, no two with the same articles, unless that is wanted.

Of every copy but the first the hosts and ids are others, and 30 % of the characters of its texts
are replaced by others of their kind, so that copies are different articles of the same shape.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

SAMPLES = Path(__file__).parent.parent.parent / "shared" / "samples" / "feeds"

#: Part of the characters that is replaced.
VARIED = 0.3
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DECLARED = re.compile(rb"""encoding=["']([\w.-]+)["']""")
#: What keeps its characters: markup, entities, and elements that hold no prose.
_KEPT = re.compile(
    r"<(guid|id|link|url|uri|pubDate|updated|published|lastBuildDate|dc:date|ttl|language)\b[^>]*>.*?</\1>"
    r"|<!\[CDATA\[|\]\]>|<[^>]*>|&lt;[/!a-zA-Z][^<]*?&gt;|&[^;\s]{1,20};"
    # Addresses and the like; a sentence in Chinese has no space either.
    r"|(?<![!-%'-:=?-~])[!-%'-;=?-~]*[/@=:][!-%'-;=?-~]*",
    re.DOTALL,
)
_HOST = re.compile(r"(https?://)(?=[\w.-]+\.\w)")
_ID = re.compile(r"(<(?:guid|id)\b[^>]*>)(?!\s*(?:https?:|<!\[CDATA\[http))")


def feeds(folder: Path, count: int, carried: int = 0) -> Iterator[tuple[str, bytes]]:
    """`count` feeds with their names, from the files of `folder` again and again.

    `carried`: one copy in so many has the articles of the one before it, as a site that republishes another.
    """
    samples = [(file.stem, file.read_bytes()) for file in sorted(folder.glob("*.xml"))]
    for number in range(count):
        name, data = samples[number % len(samples)]
        copy = number // len(samples)
        of = copy - 1 if carried and copy % carried == carried - 1 else copy
        yield f"{name}-{copy}", data if copy == 0 else varied(data, copy, of)


def varied(data: bytes, copy: int, of: int | None = None) -> bytes:
    """One more feed of that shape, the same for the same number; with the words of the copy `of`."""
    declared = _DECLARED.search(data[:200])
    try:
        coding = declared[1].decode() if declared else "utf-8"
        text = data.decode(coding)
    except (UnicodeDecodeError, LookupError):
        coding = "latin-1"
        text = data.decode(coding)
    of = copy if of is None else of
    text = _HOST.sub(rf"\g<1>v{copy}.", text)
    text = _ID.sub(rf"\g<1>v{copy}-", text)
    words = text if of == 0 else "".join(_pieces(text, random.Random(of)))
    return words.encode(coding, "xmlcharrefreplace")


def _pieces(text: str, chance: random.Random) -> Iterator[str]:
    end = 0
    for kept in _KEPT.finditer(text):
        yield _prose(text[end : kept.start()], chance)
        yield kept[0]
        end = kept.end()
    yield _prose(text[end:], chance)


def _prose(text: str, chance: random.Random) -> str:
    if not text.strip():
        return text
    characters = list(text)
    for place in chance.sample(range(len(text)), int(len(text) * VARIED)):
        if "\u4e00" <= characters[place] <= "\u9fff":
            characters[place] = chr(chance.randrange(0x4E00, 0x9FA5))
        elif characters[place].isascii() and characters[place].isalpha():
            characters[place] = chance.choice(LETTERS)
    return "".join(characters)
