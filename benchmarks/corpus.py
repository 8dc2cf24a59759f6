"""Feeds for benchmarks: the sample feeds, each as often as wanted, no two with the same articles.

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
    r"|<!\[CDATA\[|\]\]>|<[^>]*>|&lt;[/!a-zA-Z].*?&gt;|&[^;\s]{1,20};"
    # Addresses and the like; a sentence in Chinese has no space either.
    r"|[!-%'-;=?-~]*[/@=:][!-%'-;=?-~]*",
    re.DOTALL,
)
_HOST = re.compile(r"(https?://)(?=[\w.-]+\.\w)")
_ID = re.compile(r"(<(?:guid|id)\b[^>]*>)(?!\s*(?:https?:|<!\[CDATA\[http))")


def feeds(folder: Path, count: int) -> Iterator[tuple[str, bytes]]:
    """`count` feeds with their names, from the files of `folder` again and again."""
    samples = [(file.stem, file.read_bytes()) for file in sorted(folder.glob("*.xml"))]
    for number in range(count):
        name, data = samples[number % len(samples)]
        copy = number // len(samples)
        yield f"{name}-{copy}", data if copy == 0 else varied(data, copy)


def varied(data: bytes, copy: int) -> bytes:
    """One more feed of that shape, the same for the same number."""
    declared = _DECLARED.search(data[:200])
    try:
        coding = declared[1].decode() if declared else "utf-8"
        text = data.decode(coding)
    except (UnicodeDecodeError, LookupError):
        coding = "latin-1"
        text = data.decode(coding)
    chance = random.Random(copy)
    text = _HOST.sub(rf"\g<1>v{copy}.", text)
    text = _ID.sub(rf"\g<1>v{copy}-", text)
    return "".join(_pieces(text, chance)).encode(coding, "xmlcharrefreplace")


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
