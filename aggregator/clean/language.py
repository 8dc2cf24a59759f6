"""In which language an entry is: what it says, else what its script gives away."""

from __future__ import annotations

import re

_TAG = re.compile(r"[a-zA-Z]{2,3}(?:-[a-zA-Z0-9]{2,8})*")
#: Runs of them, for these are fewer than their characters.
_KANA = re.compile(r"[\u3041-\u30ff\uff66-\uff9f]+")
_HANGUL = re.compile(r"[\uac00-\ud7a3]+")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003134f]+")
#: One look that most Latin texts are done with.
_DECISIVE = re.compile(r"[\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff66-\uff9f\U00020000-\U0003134f]")
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]+")
#: Characters looked at; the rest says the same.
_SAMPLE = 1000


def tag(value: str | None) -> str | None:
    """A language tag in its usual spelling (RFC 5646, section 2.1.1), or None for what is none: `zh_cn` -> `zh-CN`."""
    text = (value or "").strip().replace("_", "-")
    if not _TAG.fullmatch(text):
        return None
    first, *rest = text.split("-")
    return "-".join([first.lower(), *(_subtag(part) for part in rest)])


def _subtag(part: str) -> str:
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


def by_script(text: str) -> str | None:
    """`ja`, `ko` or `zh` where the script decides, else None: Latin letters serve a hundred languages.

    Kana must be more than a quoted word, or a Chinese article about a Japanese one would be Japanese.
    """
    sample = text[:_SAMPLE]
    if sample.isascii() or not _DECISIVE.search(sample):
        return None
    han = _count(_HAN, sample)
    if _count(_KANA, sample) * 10 > han:
        return "ja"
    latin = _count(_LATIN, sample)
    if _count(_HANGUL, sample) * 4 > han + latin:
        return "ko"
    return "zh" if han and han * 4 >= latin else None


def _count(runs: re.Pattern[str], text: str) -> int:
    """How many characters of the text are in such runs."""
    return sum(map(len, runs.findall(text)))
