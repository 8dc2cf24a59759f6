"""The interface's own words, in Chinese and English.

They lie in web/strings.json beside the templates that use them; both are read as data of the
package, for publishing knows nothing of the web server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_TRADITIONAL = {"hant", "tw", "hk", "mo"}
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_RIGHT_TO_LEFT = {"ar", "dv", "fa", "he", "ps", "ug", "ur", "yi"}


@cache
def _all() -> dict[str, dict[str, str]]:
    text = files("aggregator").joinpath("web", "strings.json").read_text("utf-8")
    return dict(json.loads(text))


def is_chinese(language: str) -> bool:
    return language.lower().split("-")[0] == "zh"


@cache
def phrases(language: str) -> Mapping[str, str]:
    """Chinese for every `zh` tag, English for everything else."""
    return MappingProxyType(_all()["zh" if is_chinese(language) else "en"])


def spoken(language: str) -> str:
    """The tag to compare and to write: every Chinese tag comes to `zh-Hans` or `zh-Hant`.

    Fonts are chosen by script, and publishers write `zh`, `zh-CN` and `zh-Hans` for the same thing.
    """
    parts = language.lower().replace("_", "-").split("-")
    if parts[0] == "zh":
        return "zh-Hant" if _TRADITIONAL & set(parts) else "zh-Hans"
    return language.replace("_", "-")


def has_han(text: str) -> bool:
    return _HAN.search(text) is not None


def direction(language: str) -> str:
    return "rtl" if language.lower().split("-")[0] in _RIGHT_TO_LEFT else "ltr"


def day(date: date, language: str, *, year: bool, weekday: bool = True) -> str:
    """A day in words: `2026 年 11 月 21 日，星期六`, `Saturday 21 November 2026`."""
    if is_chinese(language):
        text = f"{date.month} 月 {date.day} 日" + (f"，星期{_WEEKDAYS_ZH[date.weekday()]}" if weekday else "")
        return f"{date.year} 年 {text}" if year else text
    text = f"{date.day} {_MONTHS[date.month - 1]}" + (f" {date.year}" if year else "")
    return f"{_WEEKDAYS[date.weekday()]} {text}" if weekday else text
