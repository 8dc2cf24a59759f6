"""How single values are read, the same in every format."""

from __future__ import annotations

import re
from dataclasses import replace
from html.entities import html5
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser

from aggregator.model import Person, Text
from aggregator.parse import characters


def line(text: str | None) -> str | None:
    """One line of clean text, blanks single; None where nothing is left."""
    if not text:
        return None
    # Most values are one: of white space only the space is printable.
    if text.isprintable() and "  " not in text:
        return text.strip(" ") or None
    return " ".join(characters.clean(text).split()) or None


def absolute(base: str | None, link: str | None) -> str | None:
    """The link against its base; None where there is none, or no reader could follow it."""
    if link:
        link = (link if link.isprintable() else "".join(characters.clean(link).splitlines())).strip()
    if not link or not base or link.startswith(("http://", "https://")):
        return link or None
    try:
        return urljoin(base, link)
    except ValueError:
        return None


_WEB = re.compile(r"https?://[^\s/]\S*$", re.IGNORECASE)


def is_web(link: str | None) -> bool:
    return link is not None and _WEB.match(link) is not None


def count(text: object) -> int | None:
    """A number of bytes or pixels; None for what is no whole number, and for 0, which means unknown."""
    digits = str(text or "").strip().removesuffix("px")
    return int(digits) or None if digits.isascii() and digits.isdecimal() and len(digits) <= 15 else None


# --- texts ---------------------------------------------------------------------------------


def plain(value: str | None, language: str | None = None) -> Text | None:
    """A plain text with the lines it came in; None where it is blank."""
    text = characters.clean(value).strip() if value else ""
    return Text(text, language=language) if text else None


def one_line(text: Text | None) -> Text | None:
    """As titles are: what breaks their lines is the layout of the document."""
    if text is None or (text.value.isprintable() and "  " not in text.value):
        return text
    return replace(text, value=" ".join(text.value.split()))


def markup(value: str | None, base: str | None = None, language: str | None = None) -> Text | None:
    """HTML as it came, forbidden characters apart; None where it is blank."""
    html = characters.clean(value).strip() if value else ""
    return Text(html, "html", base, language) if html else None


def guessed(value: str | None, language: str | None = None) -> Text | None:
    """A text of which its format does not tell whether it is HTML, as titles in RSS.

    It is HTML where reading it so can only help: it has a character reference that HTML knows, or
    tags of HTML only, one of them a closing or an empty one. `AT&T`, `1 < 2` and
    `Using <iostream>` are plain.
    """
    text = line(value)
    if text is None:
        return None
    html = ("<" in text or "&" in text) and _looks_like_html(text)
    return Text(text, "html" if html else "text", None, language)


def words(text: Text | None) -> str | None:
    """The text without markup, on one line."""
    if text is None or text.type == "text":
        return text.value if text else None
    body = LexborHTMLParser(text.value).body
    return line(body.text()) if body else None


_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)(?:\s[^<>]*)?/?>")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|([a-zA-Z][a-zA-Z0-9]*));")
_EMPTY = frozenset({"br", "img", "hr", "wbr"})
_KNOWN = re.compile(
    r"a|abbr|b|bdi|bdo|big|blockquote|br|center|cite|code|del|dfn|div|em|font|h[1-6r]|i|img|ins|kbd|li|mark|nobr|ol|p"
    r"|pre|q|rp|rt|ruby|s|samp|small|span|strike|strong|su[bp]|tt|u|ul|var|wbr"
)


def _looks_like_html(text: str) -> bool:
    tags = [(closing, name.lower()) for closing, name in _TAG.findall(text)]
    if tags:
        return all(_KNOWN.fullmatch(name) for _, name in tags) and any(
            closing or name in _EMPTY for closing, name in tags
        )
    return any(not name or f"{name};" in html5 for name in _REFERENCE.findall(text))


# --- people --------------------------------------------------------------------------------

_MAIL = r"(?:mailto:)?(?P<email>[^\s<>()@:]+@[^\s<>()@]+)"
_PEOPLE = tuple(
    re.compile(shape)
    for shape in (
        rf"{_MAIL} ?\((?P<name>.+)\)",
        rf"\"?(?P<name>[^<>()\"]+)\"? ?[<(]{_MAIL}[>)]",
        rf"(?P<name>){_MAIL}",
    )
)


def person(text: str | None, uri: str | None = None, email: str | None = None) -> Person | None:
    """`mail (name)` of RSS 2.0, `name <mail>`, a name, or an address; None for a blank text.

    An address alone is also the name: nothing better is known. What has no `@` is no address.
    """
    name, uri, email = line(text), line(uri), line(email)
    email = email if email and "@" in email else None
    name = name or email
    if not name:
        return None
    for shape in _PEOPLE if "@" in name else ():
        if match := shape.fullmatch(name):
            return Person(match["name"].strip() or match["email"], uri, email or match["email"])
    return Person(name, uri, email)
