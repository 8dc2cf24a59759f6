"""Lines that count readers: they change with every look at an article and say nothing of it."""

from __future__ import annotations

import re

_WHAT = r"(?:阅读|浏览|点击|访问|播放|观看|点赞|评论|收藏|转发|views?|reads?|hits|likes?|comments?)"
_NUMBER = r"\d[\d,.]{0,12}\s?[万k]?\s?(?:次|人|条)?"
#: 阅读 1,234 · 阅读量：1.2万次 · 1234 次浏览 · Views: 99
_COUNTER = rf"(?:{_WHAT}(?:量|数|次数)?\s?[:：(（]?\s?{_NUMBER}\s?[)）]?|{_NUMBER}\s?{_WHAT})"
_LINE = rf"\s*{_COUNTER}(?:[\s|·/,，]{{1,4}}{_COUNTER}){{0,4}}\s*"

_IN_TEXT = re.compile(rf"^{_LINE}$", re.IGNORECASE | re.MULTILINE)
_IN_HTML = re.compile(rf">{_LINE}(?=<)", re.IGNORECASE)


def without_counters(text: str) -> str:
    """Plain text without the lines that are nothing but counters; a number within a sentence stays."""
    return _IN_TEXT.sub("", text)


def without_counters_html(html: str) -> str:
    """HTML without the elements' texts that are nothing but counters."""
    return _IN_HTML.sub(">", html)
