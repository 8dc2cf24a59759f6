"""Edits of the text of config.yaml, by the places where YAML says that values begin and end.

Only the lines that an edit is about are touched: dumping a parsed file anew would move comments,
change indentation and fold long lines. Every function takes the whole text and returns another; none
judges whether it is valid: `edit` reads what came out and refuses what is not what was meant.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from aggregator.config import lines

#: Characters from and to, the second one not included.
Span: TypeAlias = tuple[int, int]
Pair: TypeAlias = tuple[Node, Node]

#: Where a list of sources has no indentation to follow.
_OFFSET = 2
#: Nothing is folded: a long address stays on its line.
_WIDTH = 2**31
_COMMA = re.compile(r"\s*,")
_BLANKS_BEFORE_COMMENT = re.compile(" +(?=#)")


def append(text: str, items: Sequence[dict[str, Any]]) -> str:
    """Put sources behind the last one, laid out as that one is."""
    root = _root(text)
    pair = _find(root, "sources")
    if pair is None:
        return _first_sources(text, root, items)
    listed = pair[1]
    if isinstance(listed, SequenceNode) and (listed.value or "\n" in _of(text, listed)):
        within = _within_brackets if _in_brackets(listed) else _behind_last
        return within(text, listed, items)
    if _in_brackets(root):
        new = " " + flow(list(items), as_json=_is_json(root))
        return lines.replaced(text, (_colon(text, pair[0]), _end(text, pair)), new)
    return _below_key(text, pair, items)


def cut(text: str, index: int) -> str:
    """Take a source out, with the comments that are about it alone.

    Those are the ones indented deeper than its dash, and those right above it where it is the last
    of its paragraph: a comment above several heads them all.
    """
    pair = _known(_root(text), "sources")
    listed = pair[1]
    spans = [_span(text, item) for item in listed.value]
    if _in_brackets(listed):
        return lines.replaced(text, _between_commas(text, spans, index), "")
    column = listed.start_mark.column
    start = lines.dash(text, spans[index][0], column)
    end = lines.owned(text, lines.end_of(text, spans[index][1]), column)
    last = index == len(spans) - 1
    if last or lines.is_blank(lines.line_at(text, end)) or lines.is_comment(lines.line_at(text, end)):
        start = lines.its_comments(text, start, column)
    if last:
        start = lines.blanks_above(text, start)
    elif lines.is_blank(lines.before(text, start)) or index == 0:
        end = lines.blanks_below(text, end)
    text = lines.replaced(text, (start, end), "")
    if len(spans) == 1:
        colon = _colon(text, pair[0])
        text = lines.replaced(text, (colon, colon), " []")
    return text


def put(text: str, index: int, path: Sequence[str], value: Any) -> str:
    """Set a key of a source, or one within a key of it; what is new goes behind the last key there."""
    root = _root(text)
    holder, steps = _known(root, "sources")[1].value[index], list(path)
    while (pair := _find(holder, steps[0])) and len(steps) > 1 and isinstance(pair[1], MappingNode):
        holder = pair[1]
        steps.pop(0)
    for name in reversed(steps[1:]):
        value = {name: value}
    shown = flow(value, as_json=_is_json(root))
    if pair is None:
        return _new_key(text, holder, steps[0], shown, as_json=_is_json(root))
    end = _end(text, pair)
    if _is_empty(pair[1]) or _is_block(pair[1]):
        return lines.replaced(text, (_colon(text, pair[0]), end), f" {shown}")
    start = pair[1].start_mark.index
    comment = _BLANKS_BEFORE_COMMENT.match(text, end)
    if comment:  # it keeps its column
        end = comment.end()
        shown = shown.ljust(end - start - 1) + " "
    return lines.replaced(text, (start, end), shown)


def drop(text: str, index: int, path: Sequence[str]) -> str:
    """Take a key of a source out; with the last key within a key that one goes too."""
    holder: Node = _known(_root(text), "sources")[1].value[index]
    ways: list[tuple[Node, int]] = []
    for name in path:
        place = next(place for place, (key, _) in enumerate(holder.value) if key.value == name)
        ways.append((holder, place))
        holder = holder.value[place][1]
    holder, place = next((way for way in reversed(ways) if len(way[0].value) > 1), ways[0])
    pairs: list[Pair] = holder.value
    spans = [(key.start_mark.index, _end(text, (key, value))) for key, value in pairs]
    if _in_brackets(holder):
        return lines.replaced(text, _between_commas(text, spans, place), "")
    start, end = spans[place]
    if lines.is_blank(text[lines.start_of(text, start) : start]):
        return lines.replaced(text, (lines.start_of(text, start), lines.end_of(text, end)), "")
    # It stands behind the dash: the next key takes its place there.
    return lines.replaced(text, (start, spans[place + 1][0]), "")


def flow(value: Any, *, as_json: bool = False) -> str:
    """A value on one line, quoted where it must be; `as_json` for a file that is written like that."""
    if as_json:
        return json.dumps(value, ensure_ascii=False)
    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = _WIDTH
    stream = io.StringIO()
    yaml.dump({"": _one_line(value)}, stream)
    return stream.getvalue().strip().removeprefix("{'': ").removesuffix("}")


def _one_line(value: Any) -> Any:
    if isinstance(value, dict):
        return {_one_line(key): _one_line(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_one_line(inner) for inner in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) and not value.isprintable() else value


# --- adding --------------------------------------------------------------------------------


def _block(item: dict[str, Any], dash: int, width: int) -> list[str]:
    """The lines of a source: `dash` columns in front of the dash, `width` from there to the keys."""
    keys = [f"{flow(name)}: {flow(value)}" for name, value in item.items()]
    marks = ["-" + " " * (width - 1), *[" " * width] * (len(keys) - 1)]
    return [" " * dash + mark + key for mark, key in zip(marks, keys, strict=True)]


def _first_sources(text: str, root: Node, items: Sequence[dict[str, Any]]) -> str:
    last = _end(text, root.value[-1])
    if _in_brackets(root):
        as_json = _is_json(root)
        listed = flow(list(items), as_json=as_json)
        return lines.replaced(text, (last, last), f', "sources": {listed}' if as_json else f", sources: {listed}")
    indent = root.start_mark.column
    new = ["", " " * indent + "sources:", *(line for item in items for line in _block(item, indent + _OFFSET, 2))]
    return _inserted(text, lines.end_of(text, last), new)


def _below_key(text: str, pair: Pair, items: Sequence[dict[str, Any]]) -> str:
    """Where `sources` is empty: nothing, `[]` or `~` stands behind its colon."""
    key, value = pair
    colon = _colon(text, key)
    dash = key.start_mark.column + _OFFSET
    new = [line for item in items for line in _block(item, dash, 2)]
    if not _is_empty(value):
        text = lines.replaced(text, (colon, value.end_mark.index), "")
    return _inserted(text, lines.end_of(text, colon), new)


def _within_brackets(text: str, listed: Node, items: Sequence[dict[str, Any]]) -> str:
    shown = [flow(item, as_json=_is_json(listed.value[0]) if listed.value else False) for item in items]
    if not listed.value:
        at = listed.start_mark.index + 1
        return lines.replaced(text, (at, at), ", ".join(shown))
    last = listed.value[-1]
    start, end = _span(text, last)
    on_own_line = lines.is_blank(text[lines.start_of(text, start) : start])
    separator = f",{lines.newline(text)}{' ' * last.start_mark.column}" if on_own_line else ", "
    return lines.replaced(text, (end, end), "".join(separator + one for one in shown))


def _behind_last(text: str, listed: Node, items: Sequence[dict[str, Any]]) -> str:
    column, last = listed.start_mark.column, listed.value[-1]
    start, end = _span(text, last)
    line = lines.dash(text, start, column)
    if isinstance(last, MappingNode) and _in_brackets(last):
        blocks = [[" " * column + "- " + flow(item)] for item in items]
    else:
        width = start - line - column if lines.start_of(text, start) == line else 2
        blocks = [_block(item, column, width) for item in items]
    spaced = len(listed.value) > 1 and lines.is_blank(lines.before(text, lines.comments_above(text, line, column)))
    new = [line for block in blocks for line in ([""] if spaced else []) + block]
    return _inserted(text, lines.owned(text, lines.end_of(text, end), column), new)


def _new_key(text: str, holder: Node, name: str, shown: str, *, as_json: bool) -> str:
    key = flow(name, as_json=as_json)
    if _in_brackets(holder):
        at = _end(text, holder.value[-1]) if holder.value else holder.start_mark.index + 1
        return lines.replaced(text, (at, at), f", {key}: {shown}" if holder.value else f"{key}: {shown}")
    at = lines.end_of(text, _end(text, holder.value[-1]))
    return _inserted(text, at, [" " * holder.start_mark.column + f"{key}: {shown}"])


def _inserted(text: str, at: int, added: Sequence[str]) -> str:
    """Whole lines, at the beginning of a line or at the end of a file whose last line is not closed."""
    newline = lines.newline(text)
    new = "".join(line + newline for line in added)
    return lines.replaced(text, (at, at), new if text[:at].endswith("\n") else newline + new)


# --- places --------------------------------------------------------------------------------


def _root(text: str) -> Node:
    """What the whole text is: a mapping, for it was read as a configuration before."""
    root: Node = YAML().compose(text)
    return root


def _find(holder: Node, name: str) -> Pair | None:
    return next((pair for pair in holder.value if pair[0].value == name), None)


def _known(holder: Node, name: str) -> Pair:
    """As `_find`, of what is there."""
    found: Pair = next(pair for pair in holder.value if pair[0].value == name)
    return found


def _span(text: str, node: Node) -> Span:
    return int(node.start_mark.index), _node_end(text, node)


def _end(text: str, pair: Pair) -> int:
    """Behind the last character of a pair that is no comment and no blank."""
    key, value = pair
    return _colon(text, key) if _is_empty(value) else _node_end(text, value)


def _node_end(text: str, node: Node) -> int:
    """A block ends, for YAML, where the next thing begins: comments and blank lines are taken off here."""
    if isinstance(node, ScalarNode):
        return int(node.start_mark.index) + len(_of(text, node).rstrip())
    if _in_brackets(node):
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(text, last) if isinstance(node, MappingNode) else _node_end(text, last)


def _colon(text: str, key: Node) -> int:
    """Behind the colon of a key."""
    return text.index(":", key.end_mark.index) + 1


def _in_brackets(node: Node) -> bool:
    return isinstance(node, CollectionNode) and bool(node.flow_style)


def _is_empty(node: Node) -> bool:
    """Nothing is written: its marks are those of whatever comes next."""
    return isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index


def _is_block(node: Node) -> bool:
    return isinstance(node, CollectionNode) and not node.flow_style


def _is_json(root: Node) -> bool:
    return _in_brackets(root) and all(key.style == '"' for key, _ in root.value)


def _between_commas(text: str, spans: Sequence[Span], index: int) -> Span:
    """An item of a list in brackets, with the comma that would be one too many."""
    if index:
        return spans[index - 1][1], spans[index][1]
    if len(spans) > 1:
        return spans[0][0], spans[1][0]
    comma = _COMMA.match(text, spans[0][1])
    return spans[0][0], comma.end() if comma else spans[0][1]


def _of(text: str, node: Node) -> str:
    return text[int(node.start_mark.index) : int(node.end_mark.index)]
