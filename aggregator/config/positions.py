"""YAML as plain values, with the line and column of each; nothing here knows what keys mean.

Every scalar stays the text that was written, for YAML 1.1 makes 8 of `010`, 90 of `1:30` and
True of the key `on`; the schema says what is to become of it. An empty value, `~` and `null`
are None. Aliases, tags and several documents are refused: no configuration of ours needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

#: Keys and indexes from the root to a value.
Location = tuple[str | int, ...]
#: Line and column, both from 1.
Mark = tuple[int, int]
#: The published types of parser events lack half of their attributes.
Event: TypeAlias = Any

#: The schema needs six; a bound keeps hostile nesting from the C stack.
DEEPEST = 20

#: What YAML's own productions call printable.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB = re.compile(r"^ *\t\s*\S", re.MULTILINE)
_NULLS = ("", "~", "null", "Null", "NULL")
#: A key that is followed by the colon of Chinese keyboards.
_FULL_WIDTH = re.compile(r"\s*(?:- +)?[^:'\"#]*：")
#: The parser notices these only later, mostly in another line; what is wrong stands where it began.
_BEGUN = ("unexpected end of stream", "could not find expected ':'")
_REMEDIES = {
    "mapping values are not allowed": "put values that contain ': ' in quotes",
    "cannot start any token": "put values that begin with a sign in quotes",
    "did not find expected ','": "within { } and [ ], put values that hold any of { } [ ] , : in quotes",
    "could not find expected ':'": "a key needs ': ' behind it",
    "did not find expected key": "check the indentation of this line and of those above, and put values that begin "
    "with [ or { in quotes",
    "expected alphabetic or numeric character": "put values that begin with * or & in quotes",
    "unknown escape character": "in double quotes \\ has a meaning of its own: take single ones",
    "did not find expected '-' indicator": "check the indentation of this line and of those above",
    "unexpected end of stream": "a quote or bracket is not closed",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, and where."""

    line: int
    column: int
    message: str


class MalformedError(Exception):
    """The text cannot be understood as a whole; nothing can be said of its keys."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


@dataclass(slots=True)
class Tree:
    """The root value, where everything stands, and mistakes that leave the rest readable."""

    value: object = None
    values: dict[Location, Mark] = field(default_factory=dict)
    keys: dict[Location, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def mark(self, location: Location) -> Mark:
        """Of the key, else of the value, else of the nearest thing around it in the file."""
        for end in range(len(location), -1, -1):
            found = self.keys.get(location[:end]) or self.values.get(location[:end])
            if found:
                return found
        return (1, 1)


def parse(text: str) -> Tree:
    """Read one document. Raises MalformedError with all that can be told at once."""
    unprintable = [_problem(text, found.start(), _control(found[0])) for found in _UNPRINTABLE.finditer(text)]
    if unprintable:
        raise MalformedError(unprintable)
    builder = _Builder(yaml.parse(text, Loader=yaml.CBaseLoader))
    try:
        builder.document()
    except yaml.MarkedYAMLError as error:
        raise MalformedError(_syntax(text, error)) from error
    if builder.unreadable:
        raise MalformedError([*builder.tree.problems, *builder.unreadable])
    return builder.tree


class _Builder:
    """Turns a stream of parser events into a `Tree`."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.events = events
        self.tree = Tree()
        self.unreadable: list[Problem] = []

    def document(self) -> None:
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent) and self.tree.values:
                self.refuse(event, "a second document: expected one, without a line of '---' in its middle")
                return
            if isinstance(event, yaml.NodeEvent):
                self.tree.value = self.node(event, ())

    def node(self, event: Event, location: Location) -> object:
        self.tree.values[location] = _mark(event)
        if len(location) > DEEPEST:
            raise MalformedError([Problem(*_mark(event), f"nested deeper than {DEEPEST} levels")])
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, f"the alias *{event.anchor} is not supported: write the value out")
            return None
        if event.tag not in (None, "!"):
            self.refuse(event, f"the tag {event.tag} is not supported: write the value alone, or in quotes")
        if event.anchor and not getattr(event, "value", True):
            self.refuse(event, f"&{event.anchor} has a meaning of its own: put values that begin with & in quotes")
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(location)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(location)
        return None if event.implicit[0] and event.value in _NULLS else event.value

    def mapping(self, location: Location) -> dict[str, object]:
        made: dict[str, object] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.refuse(event, "expected a key, a word in front of ':'")
                self.node(event, (*location, "?"))
                self.node(next(self.events), (*location, "?"))
            elif event.value in made:
                line = self.tree.keys[(*location, event.value)][0]
                self.tree.problems.append(
                    Problem(
                        *_mark(event), f"the key {event.value!r} stands here for the second time, after line {line}"
                    )
                )
                _Builder(self.events).node(next(self.events), (*location, event.value))
            else:
                here = (*location, event.value)
                self.tree.keys[here] = _mark(event)
                made[event.value] = self.node(next(self.events), here)
        return made

    def sequence(self, location: Location) -> list[object]:
        made: list[object] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            made.append(self.node(event, (*location, len(made))))
        return made

    def refuse(self, event: Event, message: str) -> None:
        self.unreadable.append(Problem(*_mark(event), message))


def _mark(event: Event) -> Mark:
    return (event.start_mark.line + 1, event.start_mark.column + 1)


def _problem(text: str, index: int, message: str) -> Problem:
    line_start = text.rfind("\n", 0, index) + 1
    return Problem(text.count("\n", 0, index) + 1, index - line_start + 1, message)


def _control(char: str) -> str:
    return f"the control character U+{ord(char):04X} is not allowed: write it as an escape, or take it out"


def _syntax(text: str, error: yaml.MarkedYAMLError) -> list[Problem]:
    said = error.problem or "it cannot be read"
    begun = error.context_mark if any(sign in said for sign in _BEGUN) else None
    mark = begun or error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = [*text.splitlines(), ""]
    if _TAB.match(lines[line]):
        return [
            _problem(text, found.end() - len(found[0].lstrip(" ")), "a tab in the indentation: expected spaces")
            for found in _TAB.finditer(text)
        ]
    if lines[line][column : column + 1] == "\t":
        return [Problem(line + 1, column + 1, "a tab: expected blanks")]
    remedy = _remedy(said, lines[max(line - 1, 0) : line + 1], column)
    return [Problem(line + 1, column + 1, f"not valid YAML: {said}" + (f" ({remedy})" if remedy else ""))]


def _remedy(said: str, lines: list[str], column: int) -> str | None:
    """What to do about it; `lines` are the one that is wrong and the one above it."""
    if any(_FULL_WIDTH.match(line) for line in lines):
        return "write ':' and a blank in place of the full-width '：'"
    if "mapping values are not allowed" in said and ":" not in lines[-1][:column]:
        return "check the indentation of this line, and that the key above it has ': ' behind it"
    return next((remedy for sign, remedy in _REMEDIES.items() if sign in said), None)
