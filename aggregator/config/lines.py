"""Lines of a text by the index of a character: where they begin, what stands above and below. Pure."""

from __future__ import annotations

import re


def replaced(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]


def newline(text: str) -> str:
    return "\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n"


def start_of(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def end_of(text: str, at: int) -> int:
    """Where the next line begins."""
    return text.find("\n", at) + 1 or len(text)


def line_at(text: str, start: int) -> str:
    return text[start : end_of(text, start)]


def before(text: str, start: int) -> str:
    return text[start_of(text, start - 1) : start] if start else ""


def is_blank(line: str) -> bool:
    return not line.strip()


def is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def dash(text: str, at: int, column: int) -> int:
    """The line whose dash begins the item that is at that place."""
    start = start_of(text, at)
    while text[start : start + column + 1].lstrip(" ") != "-":
        start = start_of(text, start - 1)
    return start


def owned(text: str, start: int, column: int) -> int:
    """Where what belongs to the item above ends: comments that are indented deeper than its dash."""
    end = start
    while start < len(text) and (is_blank(line := line_at(text, start)) or is_comment(line)):
        start = end_of(text, start)
        if is_comment(line):
            if _indent(line) <= column:
                break
            end = start
    return end


def comments_above(text: str, start: int, column: int) -> int:
    while is_comment(line := before(text, start)) and _indent(line) == column:
        start -= len(line)
    return start


def its_comments(text: str, start: int, column: int) -> int:
    """As `comments_above`; a source that somebody commented out is no comment on the next one."""
    above = comments_above(text, start, column)
    return start if re.search(r"^ *# *- ", text[above:start], re.MULTILINE) else above


def blanks_above(text: str, start: int) -> int:
    while start and is_blank(line := before(text, start)):
        start -= len(line)
    return start


def blanks_below(text: str, start: int) -> int:
    while start < len(text) and is_blank(line_at(text, start)):
        start = end_of(text, start)
    return start
