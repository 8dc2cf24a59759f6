"""Turns Markdown into HTML: CommonMark with tables and strikethrough, HTML in it untouched.

The result is not sanitized; what uses it must do that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class Rendered:
    """A Markdown text as HTML."""

    html: str
    #: The text of the first heading, or None.
    heading: str | None


def render(text: str, *, lift_heading: bool = False) -> Rendered:
    """The text as HTML.

    `lift_heading`: a heading at the very top is the title of the whole and does not stay in the HTML.
    """
    parser = _parser()
    tokens = parser.parse(text)
    start = next((at for at, token in enumerate(tokens) if token.type == "heading_open"), None)
    if start is None:
        return Rendered(parser.renderer.render(tokens, parser.options, {}).strip(), None)
    heading = _plain(tokens[start + 1])
    if lift_heading and start == 0:
        tokens = tokens[3:]
    return Rendered(parser.renderer.render(tokens, parser.options, {}).strip(), heading or None)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _plain(inline: Token) -> str:
    """What a reader sees of a heading: no markup, no addresses."""
    parts = (token.content for token in inline.children or () if token.type in ("text", "code_inline", "text_special"))
    return " ".join("".join(parts).split())


# --- template tags of Hexo (Nunjucks) and Jekyll (Liquid) ------------------------------------

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
#: Stops at the next opening, so that a line of nothing but openings costs no more than any other.
_TAG = re.compile(r"(?<!`)(`++)[^`]++\1|\{%-?\s*(\w+)((?:(?!\{%|%\}).)*?)-?%\}")


def without_tags(text: str) -> str:
    """Markdown with template tags of Hexo and Jekyll resolved or left out; what they enclose stays.

    Tags stand for what only the blog's own generator can look up. Code is left as it is, for an
    article about templates shows such tags there.
    """
    if "{%" not in text:
        return text
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) and not line.strip(" `~") else fence
        elif mark:
            fence = mark[1]
        else:
            # What a tag puts around itself is there already where it has the line for itself.
            line = _TAG.sub(_tag, line).removeprefix("\n").removesuffix("\n")
        lines.append(line)
    return "\n".join(lines)


def _tag(match: re.Match[str]) -> str:
    if match[1]:
        return match[0]
    write = _TAGS.get(match[2])
    return write(match[3].split()) if write else ""


def _fence_open(words: list[str]) -> str:
    """`{% codeblock lang:python %}`, `{% highlight python %}`."""
    language = next((word.removeprefix("lang:") for word in words if word.startswith("lang:")), "")
    return f"\n````{language}\n"


def _highlight_open(words: list[str]) -> str:
    return f"\n````{words[0] if words else ''}\n"


def _fence_close(_: list[str]) -> str:
    return "\n````\n"


def _quote_open(_: list[str]) -> str:
    return "\n<blockquote>\n\n"


def _quote_close(_: list[str]) -> str:
    return "\n\n</blockquote>\n\n"


def _image(words: list[str]) -> str:
    """`{% img class address … %}`; only what has an address of its own can be shown elsewhere."""
    address = next((word.strip("\"'") for word in words if word.strip("\"'").startswith(("http://", "https://"))), "")
    return f'<img src="{escape(address)}">' if address else ""


def _post_link(words: list[str]) -> str:
    """`{% post_link file title %}`: the title; where the post lies is not known here."""
    return escape(" ".join(words[1:]).strip("\"'"))


def _youtube(words: list[str]) -> str:
    return f"<https://www.youtube.com/watch?v={words[0]}>" if words and words[0].isascii() else ""


_TAGS: dict[str, Callable[[list[str]], str]] = {
    "codeblock": _fence_open,
    "endcodeblock": _fence_close,
    "highlight": _highlight_open,
    "endhighlight": _fence_close,
    "blockquote": _quote_open,
    "endblockquote": _quote_close,
    "quote": _quote_open,
    "endquote": _quote_close,
    "img": _image,
    "asset_img": _image,
    "image": _image,
    "post_link": _post_link,
    "youtube": _youtube,
}
