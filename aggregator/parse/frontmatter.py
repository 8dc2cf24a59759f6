"""Splits an article file into its front matter and its body, and reads the front matter.

Three notations: YAML between `---` lines (Hexo also leaves the first of them out), TOML between
`+++` lines, JSON in braces or between `;;;` lines. Whatever the notation, every scalar comes out
as the text that stands in the file: a title `1936` is no number, and what a date means is not
decided here.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeAlias

import yaml

#: A scalar as written, a list, or a mapping; None where nothing is given.
Value: TypeAlias = "str | list[Value] | dict[str, Value] | None"

#: A front matter is a few hundred characters; more is not read as YAML, whose parser slows down on hostile input.
MOST_YAML = 65_536
#: Levels of lists and mappings in each other.
DEEPEST = 12


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What stands above an article. Names of fields are in lower case."""

    fields: dict[str, Value]
    body: str
    notation: Literal["yaml", "toml", "json"]
    #: YAML refused it, and it was read line by line.
    degraded: bool = False


@dataclass(frozen=True, slots=True)
class Malformed:
    """There is a front matter, but nobody can tell what it says."""

    reason: str


def split(text: str) -> FrontMatter | Malformed | None:
    """The front matter of a file and the body below it, or None where the file has none.

    Blank lines above it are normal. A file that only begins like one (a rule in Markdown, a
    sentence in braces) has none. Lines must end in `\\n` alone.
    """
    text = text.lstrip()
    for opening, read in _NOTATIONS:
        if match := opening.match(text):
            return read(text, match)
    return None


def _split_yaml(text: str, opening: re.Match[str]) -> FrontMatter | Malformed | None:
    start = opening.end()
    closing = _YAML_END.search(text, start)
    if closing is None:
        return Malformed("the front matter has no closing `---` line") if _KEY.match(text, start) else None
    block = text[start : closing.start()]
    if block.strip() and not _ANY_KEY.search(block):
        return None
    return _from_yaml(block, text[closing.end() :])


def _split_bare_yaml(text: str, opening: re.Match[str]) -> FrontMatter | None:
    """Hexo's short form without the first `---`; `opening` is all up to the closing one."""
    block = opening[1]
    # A line with a rule below it is a heading in Markdown, so a colon alone does not make a front matter.
    return _from_yaml(block, text[opening.end() :]) if _TITLE_OR_DATE.search(block) else None


def _from_yaml(block: str, body: str) -> FrontMatter:
    fields = _read_yaml(block)
    if fields is None:
        return FrontMatter(_read_lines(block), body, "yaml", degraded=True)
    return FrontMatter(fields, body, "yaml")


def _split_toml(text: str, opening: re.Match[str]) -> FrontMatter | Malformed:
    closing = _TOML_END.search(text, opening.end())
    if closing is None:
        return Malformed("the front matter has no closing `+++` line")
    try:
        # Recursion: as in JSON below.
        data = tomllib.loads(text[opening.end() : closing.start()], parse_float=str)
    except (ValueError, RecursionError) as error:
        return Malformed(f"the front matter is not valid TOML: {_first_line(error)}")
    return FrontMatter(_fields(data), text[closing.end() :], "toml")


def _split_json(text: str, opening: re.Match[str]) -> FrontMatter | Malformed:
    try:
        data, end = _JSON.raw_decode(text)
    # The decoder calls itself for every bracket, so a file of brackets ends in a RecursionError.
    except (ValueError, RecursionError) as error:
        return Malformed(f"the front matter is not valid JSON: {_first_line(error)}")
    return FrontMatter(_fields(data), text[end:], "json")


def _split_hexo_json(text: str, opening: re.Match[str]) -> FrontMatter | Malformed:
    """Hexo's `;;;` form: the members of a JSON object without its braces."""
    closing = _HEXO_JSON_END.search(text, opening.end())
    if closing is None:
        return Malformed("the front matter has no closing `;;;` line")
    members = text[opening.end() : closing.start()].strip().rstrip(",")
    read = _split_json("{" + members.removeprefix("{").removesuffix("}") + "}", opening)
    return read if isinstance(read, Malformed) else FrontMatter(read.fields, text[closing.end() :], "json")


_KEY = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+|$)(.*)", re.MULTILINE | re.ASCII)
_ANY_KEY = re.compile(r"^[\"']?[A-Za-z_][\w-]*[\"']?[ \t]*:(?=\s|$)", re.MULTILINE | re.ASCII)
_TITLE_OR_DATE = re.compile(r"^(?:title|date):[ \t]", re.MULTILINE)
_YAML_END = re.compile(r"^(?:-{3,}|\.\.\.)[ \t]*$\n?", re.MULTILINE)
_TOML_END = re.compile(r"^\+{3}[ \t]*$\n?", re.MULTILINE)
_HEXO_JSON_END = re.compile(r"^;{3,}[ \t]*$\n?", re.MULTILINE)

_JSON = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, strict=False)

#: What a file begins with, and who reads it then.
_NOTATIONS: tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], FrontMatter | Malformed | None]], ...] = (
    (re.compile(r"-{3,}[ \t]*\n"), _split_yaml),
    (re.compile(r"\+{3}[ \t]*\n"), _split_toml),
    (re.compile(r";{3,}[ \t]*\n"), _split_hexo_json),
    (re.compile(r"\{\s*(?:\"|\}\s*$)"), _split_json),
    (re.compile(r"([A-Za-z_][\w-]*:[ \t][^\n]*\n(?:(?!-{3})[^\n]*\n){0,60})-{3,}[ \t]*(?:\n|$)"), _split_bare_yaml),
)


def _fields(data: dict[str, Any]) -> dict[str, Value]:
    return {name.lower(): _plain(value) for name, value in data.items()}


def _plain(value: Any, depth: int = 1) -> Value:
    """What TOML and JSON read as numbers, dates and truth values becomes text again."""
    if depth > DEEPEST:
        return None
    match value:
        case dict():
            return {str(name).lower(): _plain(item, depth + 1) for name, item in value.items()}
        case list():
            return [_plain(item, depth + 1) for item in value]
        case bool():
            return str(value).lower()
        case None:
            return None
    return str(value)


def _first_line(error: ValueError | RecursionError) -> str:
    return "too many brackets in each other" if isinstance(error, RecursionError) else str(error).partition("\n")[0]


# --- YAML, scalars as written ----------------------------------------------------------------


class _UnreadableError(Exception):
    """YAML that we do not follow: anchors (which multiply) and very deep structures."""


def _read_yaml(block: str) -> dict[str, Value] | None:
    """The fields, or None where YAML refuses the block.

    Goes over the parser's events, because types, anchors and tags would only do harm here: this
    is twice as fast as loading, and no document can make it build more than it holds.
    """
    if len(block) > MOST_YAML:
        return None
    events = yaml.parse(block, Loader=yaml.CBaseLoader)
    try:
        opening = list(islice(events, 3))
        if isinstance(opening[-1], yaml.MappingStartEvent):
            return _mapping(events, 1, block.split("\n"))
    except (yaml.YAMLError, _UnreadableError):
        return None
    return None if block.strip() else {}


def _mapping(events: Iterator[yaml.Event], depth: int, lines: list[str] | None = None) -> dict[str, Value]:
    """The mapping that has just begun; `lines` is the whole block where it is the outermost one."""
    found: dict[str, Value] = {}
    for name in events:
        if isinstance(name, yaml.MappingEndEvent):
            break
        if not isinstance(name, yaml.ScalarEvent):
            raise _UnreadableError
        event = next(events)
        value = _value(event, events, depth)
        if lines is not None and name.start_mark is not None and name.value.lower() == "title":
            value = _title(value, event, lines[name.start_mark.line])
        found[name.value.lower()] = value
    return found


def _value(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Value:
    if depth > DEEPEST:
        raise _UnreadableError
    match event:
        case yaml.ScalarEvent():
            return None if _is_null(event) else str(event.value)
        case yaml.SequenceStartEvent():
            items: list[Value] = []
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                items.append(_value(item, events, depth + 1))
            return items
        case yaml.MappingStartEvent():
            return _mapping(events, depth + 1)
    raise _UnreadableError


def _is_null(event: yaml.ScalarEvent) -> bool:
    return not event.style and event.value in _NULLS


_NULLS = frozenset(("", "~", "null", "Null", "NULL"))


def _title(value: Value, event: yaml.Event, line: str) -> Value:
    """A title without quotes is all that stands in its line, whatever that means in YAML.

    `title: #` is a comment there and `F # 入门` has one, `[快讯]` is a list, `{x}` a mapping, `!急` a
    tag, `&b` an anchor. Comments behind titles are rarer than any of these.
    """
    match = _KEY.match(line)
    raw = match[2].strip() if match else ""
    if not raw:
        return value
    if isinstance(event, yaml.ScalarEvent):
        goes_on_below = not raw.startswith((event.value, "!", "&"))
        if event.style or goes_on_below:
            return value
    return None if raw in _NULLS else raw


# --- the line reader, where YAML refuses -----------------------------------------------------


def _read_lines(block: str) -> dict[str, Value]:
    """Reads `name: value`, lists below a name, and values that go on in the next line; nothing deeper.

    For what generators write without escaping: a colon and a blank in a title, an @ or % at its
    beginning, quotes within quotes.
    """
    fields: dict[str, str | list[str]] = {}
    name = ""
    for line in block.split("\n"):
        held = fields.get(name)
        if match := _KEY.match(line):
            name = match[1].lower()
            fields[name] = match[2].strip()
        elif name and not held and (item := _ITEM.match(line)):
            fields[name] = [item[1].strip()]
        elif isinstance(held, list) and (item := _ITEM.match(line)):
            held.append(item[1].strip())
        elif isinstance(held, str) and line.strip():
            fields[name] = f"{held} {line.strip()}".strip()
    return {name: _line_value(name, held) for name, held in fields.items()}


_ITEM = re.compile(r"[ \t]*-[ \t]+(\S.*)")


def _line_value(name: str, held: str | list[str]) -> Value:
    if isinstance(held, list):
        return [_flow_list(item) or _unquoted(item) for item in held]
    if held in _NULLS:
        return None
    # Only a title may begin with a bracket of its own.
    return _unquoted(held) if name == "title" else _flow_list(held) or _unquoted(held)


def _flow_list(text: str) -> list[Value] | None:
    """`[a, b]`, items without commas or brackets in them."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    return [_unquoted(item.strip()) for item in text[1:-1].split(",") if item.strip()]


def _unquoted(text: str) -> str:
    """Without the quotes around it, however many a generator has piled up."""
    if pile := _PILE.fullmatch(text):
        depth = min(len(pile[1]), len(pile[3]))
        return _unquoted(text[depth:-depth])
    if len(text) > 1 and text[0] == text[-1] == "'" and _is_wrapped(text[1:-1], "'"):
        return text[1:-1].replace("''", "'")
    if len(text) > 1 and text[0] == text[-1] == '"' and _is_wrapped(text[1:-1], '"'):
        return text[1:-1].replace('\\"', '"')
    return text


_PILE = re.compile(r"(\"{2,})([^\"].*[^\"]|[^\"])(\"{2,})", re.DOTALL)


def _is_wrapped(inner: str, quote: str) -> bool:
    """Tells `'It's here'` (quotes around it) from `'A' and 'B'` (quotes of its own at both ends)."""
    at = inner.replace(quote * 2, "  ").find(quote)
    if at < 0:
        return True
    before, after = inner[at - 1 : at], inner[at + 1 : at + 2]
    return before in ("", " ", "\\") or (before.isalnum() and after.isalnum() and (before + after).isascii())
