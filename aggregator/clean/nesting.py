"""Rewrites HTML that would take the parsers quadratic time, before they see it.

lexbor and html5ever take quadratic time over deeply nested elements, lexbor over the attributes
of one tag, and both copy unclosed formatting elements into every following block. Documents that
could do so are rewritten as a balanced tree in canonical syntax: as every tag is then ours, what
is counted here is what the parsers will see, whatever quotes and comments were meant to hide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from aggregator.clean.allowed import names

#: Elements left open at once; real articles stay below 60.
MOST_DEPTH = 500
#: Fewer tags than this are cheap however they nest: a tenth of a second.
FEW_TAGS = 5000
#: Different formatting tags with attributes, each of which may be copied into every block.
FEW_FORMATTED = 20
#: Characters between two `>`; a tag of this length may hold some thousand attributes.
LONG_TAG = 10_000
#: Characters; a document of this length is cheap whatever is in it.
SHORT = 3000
MOST_ATTRIBUTES = 40
#: Attributes whose value ends with `>`, which real articles do not have.
MANY_QUOTED = 20
#: Unclosed formatting is copied into every later block, once for each open element.
MOST_FORMATTING = 8

_FORMATTING = names("b big code em font i nobr s small strike strong tt u")
#: With the character after its name, unless that is `>`.
_OPENING = re.compile(r"<([a-zA-Z][^\s/>]*[\s/]?)")
_FORMATTED = re.compile(rf"<(?:{'|'.join(sorted(_FORMATTING))})[\s/][^>]*", re.IGNORECASE)
_VOID = names("area base br col embed hr img input link meta param source track wbr")
#: Their content is no markup to the parsers; none of it is ever shown.
_RAW = names("script style textarea title xmp noembed noframes plaintext")
#: End tags inside these do not close what was opened outside.
_BARRIERS = names("table td th caption object")
#: In foreign content other rules hold; none of it is published.
_SKIPPED = frozenset(("svg", "template"))
#: What an opening tag closes when it lies on top: HTML's omitted end tags.
_IMPLIED = {
    **dict.fromkeys(names("p div ul ol dl table blockquote pre section article figure hr h1 h2 h3 h4 h5 h6"), "p"),
    "li": "p li",
    "dt": "p dt dd",
    "dd": "p dt dd",
    "td": "p td th",
    "th": "p td th",
    "tr": "p td th tr",
    "tbody": "p td th tr tbody thead tfoot",
    "tfoot": "p td th tr tbody thead tfoot",
    "option": "option",
    "a": "a",
}
_CLOSES = {name: names(closed) for name, closed in _IMPLIED.items()}

_START = re.compile(r"<(?:(/?)([a-zA-Z][^\s/>]*+)|!--|[!?/])")
_ATTRIBUTE = re.compile(r"""[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>][^\s>]*+))?+)?+""")
_NAME = re.compile(r"[a-zA-Z][\w:-]*", re.ASCII)
_QUOTED_END = re.compile(r"""=\s*(?:"[^">]*|'[^'>]*)>""")


def bounded(html: str) -> str:
    """The same HTML where it is harmless, else a flattened copy of it. Takes linear time."""
    return flatten(html) if _may_hurt(html) else html


def _may_hurt(html: str) -> bool:
    """Never says no to what hurts: an opening tag needs a `<` and a letter, a long tag has few unquoted `>`."""
    if len(html) < SHORT:
        return False
    tags = _OPENING.findall(html)
    return (
        len(tags) > FEW_TAGS
        or (len(html) > LONG_TAG and (_has_long_tag(html) or _hides_long_tag(html)))
        # Of equal ones three are copied at most (HTML, section 13.2.4.3).
        or (sum(map(tags.count, filter(_is_formatted, set(tags)))) > FEW_FORMATTED and _has_formatted(html))
    )


def _has_formatted(html: str) -> bool:
    return len(set(_FORMATTED.findall(html))) > FEW_FORMATTED


def _has_long_tag(html: str) -> bool:
    half = LONG_TAG // 2
    # A gap of that length covers one of these windows; most documents have no such window.
    if all(html.find(">", start, start + half) >= 0 for start in range(0, len(html) - half, half)):
        return False
    return any(map(_is_long, html.split(">")))


def _hides_long_tag(html: str) -> bool:
    """Whether quoted `>` may cut a long tag into short pieces; they are counted first, for that is quick."""
    return (
        html.count('>"') + html.count(">'") >= MANY_QUOTED
        and sum(1 for _ in islice(_QUOTED_END.finditer(html), MANY_QUOTED)) == MANY_QUOTED
    )


def _is_formatted(tag: str) -> bool:
    """Whether such a start of a tag opens formatting, and goes on with attributes."""
    return tag[:-1].lower() in _FORMATTING and not tag[-1].isalnum()


def _is_long(part: str) -> bool:
    """Text before a tag is no part of it."""
    return len(part) > LONG_TAG and "<" in part and len(part) - part.index("<") > LONG_TAG


def flatten(html: str) -> str:
    """A balanced copy, `MOST_DEPTH` deep at most: deeper elements lose their tags, not their text."""
    tree = _Open()
    for close, name, rest in _tokens(html):
        if not name:
            tree.out.append(rest.replace("<", "&lt;").replace(">", "&gt;"))
        elif close:
            tree.close(name)
        else:
            tree.open(name, rest)
    tree.close_all()
    return "".join(tree.out)


class _Open:
    """The elements that are open, and what was written so far."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.stack: list[str] = []
        #: How often each name is open, one count for each barrier that is open.
        self.scopes: list[Counter[str]] = [Counter()]
        self.formatting = 0

    def open(self, name: str, attributes: str) -> None:
        while self.stack and self.stack[-1] in _CLOSES.get(name, ()):
            self._pop()
        if name in _VOID or name == "iframe":
            self.out.append(f"<{name}{attributes}>" + ("</iframe>" if name == "iframe" else ""))
            return
        formatting = name in _FORMATTING
        if len(self.stack) >= MOST_DEPTH or (formatting and self.formatting >= MOST_FORMATTING):
            return
        # Equal elements without attributes are copied three times at most, different ones without end.
        self.out.append(f"<{name}>" if formatting else f"<{name}{attributes}>")
        self.stack.append(name)
        self.scopes[-1][name] += 1
        self.formatting += formatting
        if name in _BARRIERS:
            self.scopes.append(Counter())

    def close(self, name: str) -> None:
        """Close down to the nearest of that name, or do nothing where none is open in scope."""
        if name in _BARRIERS:
            if name in self.stack:
                self._pop_to(name)
        elif self.scopes[-1][name]:
            self._pop_to(name)

    def close_all(self) -> None:
        while self.stack:
            self._pop()

    def _pop_to(self, name: str) -> None:
        while self._pop() != name:
            pass

    def _pop(self) -> str:
        name = self.stack.pop()
        if name in _BARRIERS:
            self.scopes.pop()
        self.scopes[-1][name] -= 1
        self.formatting -= name in _FORMATTING
        self.out.append(f"</{name}>")
        return name


def _tokens(html: str) -> Iterator[tuple[bool, str, str]]:
    """(is an end tag, name, attributes) of each tag; texts have no name and stand for themselves."""
    position = 0
    while match := _START.search(html, position):
        if position < match.start():
            yield False, "", html[position : match.start()]
        name = (match[2] or "").lower()
        if not name:
            position = _after_comment(html, match)
            continue
        attributes, position = _attributes(html, match.end())
        if name in _RAW or name == "iframe":
            position = position if match[1] else _after_raw(html, name, position)
        if name not in _RAW and name not in _SKIPPED and _NAME.fullmatch(name):
            yield bool(match[1]), name, attributes
    yield False, "", html[position:]


def _after_comment(html: str, match: re.Match[str]) -> int:
    end = "-->" if match[0] == "<!--" else ">"
    # `<!-->` is a whole comment: its dashes count twice.
    found = html.find(end, match.start() + 2)
    return len(html) if found < 0 else found + len(end)


def _after_raw(html: str, name: str, position: int) -> int:
    """Where the text of such an element ends: at its end tag, else with the document."""
    match = re.compile(f"</{name}(?=[\\s/>])", re.IGNORECASE).search(html, position)
    return match.start() if match else len(html)


def _attributes(html: str, position: int) -> tuple[str, int]:
    """The first attributes in canonical syntax, and where the tag ends."""
    kept: list[str] = []
    while match := _ATTRIBUTE.match(html, position):
        position = match.end()
        if len(kept) < MOST_ATTRIBUTES and _NAME.fullmatch(match[1]):
            value = match[2] or match[3] or match[4] or ""
            escaped = value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
            kept.append(f' {match[1]}="{escaped}"')
    found = html.find(">", position)
    return "".join(kept), len(html) if found < 0 else found + 1
