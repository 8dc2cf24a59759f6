"""Paragraphs out of breaks and indents.

Works on canonical HTML: lexbor writes no `<` and `>` but those of tags and comments.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from aggregator.clean.allowed import names

Tidy = Callable[[str], str]

#: Blocks that are not published: they become `div`, for without a block words would run together.
RENAMED = names("center dir fieldset form legend listing menu multicol search")

_TAG = re.compile(r"(<[^>]*>)")
_BLOCK = re.compile(rf"<(/?)(?:{'|'.join(sorted(RENAMED))})(?: [^>]*)?>")
_INLINE = r"<(?:b|strong|em|i|u)(?: [^>]*)?>"
_INDENT = re.compile(
    r"(<(?:p|div|li|td|th|br|dd|dt|blockquote|h[1-6]|figcaption|section|article)(?: [^>]*)?>(?:" + _INLINE + r")*+)"
    r"((?:\s|&nbsp;|\u200b|\ufeff)(?:\s|&nbsp;|\u200b|\ufeff|" + _INLINE + r")*+)"
)
_EDGE = (
    r"(?:p|div|li|ul|ol|dl|dd|dt|td|th|tr|table|tbody|blockquote|h[1-6]|figure|figcaption|section|article|aside|header"
    r"|footer|main|nav|details|summary|hr|pre)"
)
#: Inline elements within inline ones, each with a break at its end; more would be an attack.
_ROUNDS = 4
_MARK = r"(?:a|abbr|b|bdi|bdo|cite|code|del|dfn|em|i|ins|kbd|mark|q|s|samp|small|strong|sub|sup|u|var)"
_OPENS = rf"<{_MARK}(?: [^>]*)?>(?:\s|&nbsp;)*"
#: Possessive, and in a pattern that needs nothing after it: a run is read once, however long it is.
#: The patterns begin with a plain `<`, which the engine finds several times faster than a choice.
_BREAK = r"<br(?: [^>]*)?>(?:\s|&nbsp;)*+"
_BREAKS = rf"{_BREAK}(?:{_BREAK})*+"
_BREAKS_LAST = re.compile(rf"({_BREAKS})((?:</{_MARK}>(?:\s|&nbsp;)*)*)")
_BREAKS_FIRST = re.compile(rf"({_OPENS}(?:{_OPENS}){{0,3}})({_BREAKS})")
_FLOW = re.compile(rf"<(?:/?{_EDGE}(?: [^>]*)?>|(?P<breaks>{_BREAKS[1:]}))")
_EDGE_NEXT = re.compile(rf"(?:{_OPENS}){{0,4}}</?{_EDGE}[ >]|\Z")
SPACES = " \t\n\r\f\xa0\u3000\u200b\ufeff"
_BLANKS = re.compile(r"\n\s+")


#: What no one writes about but in code, escaped once too often.
_TWICE = re.compile(
    r"&amp;(?:amp;)*(nbsp|[lr][ds]quo|quot|apos|hellip|[mn]dash|middot|bull|ensp|emsp|copy|reg|trade|times|#\d{2,6}"
    r"|#[xX][0-9a-fA-F]{2,5});"
)
#: References to what would be markup, or to nothing that XML allows.
_MARKUP = re.compile(r"&(?:#(?:0*(?:38|60|62)|[xX]0*(?:26|3[ceCE])));")


def _unescape_twice(html: str) -> str:
    if "&amp;" not in html or "<code" in html:
        return html
    return _TWICE.sub(_once, html)


def _once(match: re.Match[str]) -> str:
    reference = f"&{match[1]};"
    return match[0] if _MARKUP.fullmatch(reference) else reference


def _rename_blocks(html: str) -> str:
    return _BLOCK.sub(r"<\1div>", html)


def _drop_indents(html: str) -> str:
    """Ideographic and other spaces at the start of paragraphs; the reader's style sheet indents."""
    return _INDENT.sub(lambda match: match[1] + "".join(_TAG.findall(match[2])), html)


def _paragraphs(html: str) -> str:
    """Two breaks or more end a paragraph; breaks at the edge of a block say nothing.

    Inline elements that stay open over such an end are closed and opened again by the parser of
    the sanitizer, as HTML has it; those that only begin or end there are moved to their side.
    """
    if "<br" not in html:
        return html
    for _ in range(_ROUNDS):
        moved = _BREAKS_FIRST.sub(r"\2\1", _BREAKS_LAST.sub(r"\2\1", html))
        if moved == html:
            break
        html = moved
    out: list[str] = []
    position, inside, edge = 0, False, True
    for match in _FLOW.finditer(html):
        text = html[position : match.start()]
        position = match.end()
        out.append(text)
        edge = edge and not text.replace("&nbsp;", "").strip()
        if not match["breaks"]:
            out.append(match[0])
            inside, edge = match[0].startswith(("<p>", "<p ")), True
        elif not edge and not _EDGE_NEXT.match(html, position):
            many = match[0].count("<br") > 1
            out.append(match[0] if not many else "</p><p>" if inside else "<p>")
            inside, edge = inside or many, many
    return "".join(out) + html[position:]


def _fold_blanks(html: str) -> str:
    return _BLANKS.sub("\n", html) if "\n" in html else html


#: In this order, on everything outside `pre`.
TIDIES: tuple[Tidy, ...] = (
    # Before blanks are looked at: some of these are.
    _unescape_twice,
    # Before the rest: that knows published blocks only.
    _rename_blocks,
    _paragraphs,
    # After paragraphs: the new ones have indents too.
    _drop_indents,
    _fold_blanks,
)
