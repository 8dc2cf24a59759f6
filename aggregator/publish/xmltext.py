"""Text that XML can hold."""

from __future__ import annotations

import re

# XML 1.0, section 2.2 (Char), and U+007F to U+009F, which it allows but discourages: they are
# invisible, and come only from broken character sets.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]")

# Closing tags and character references: what validators, and readers that guess, take for HTML.
_MARKUP = re.compile(r"</[a-zA-Z][a-zA-Z0-9]*\s*>|&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);")


def xml_text(text: str) -> str:
    """Drop what XML forbids, lone surrogates included; one such character would cost the whole document."""
    return _FORBIDDEN.sub("", text)


def one_line(text: str) -> str:
    """`xml_text`, with runs of white space as one blank and none at the ends."""
    return " ".join(xml_text(text).split())


def shortened(text: str, length: int) -> str:
    """At most `length` characters, the last one `…` where something was left out."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def looks_like_html(text: str) -> bool:
    """Whether a plain text would be mistaken for HTML."""
    return bool(_MARKUP.search(text))
