"""What is generated from the schema: config.schema.json for editors, docs/configuration.md for people.

Both are committed; `python -m aggregator.config.reference` writes them again, and a test fails
when they are not what the schema says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from aggregator.config import schema, units
from aggregator.config.section import Section, keys, marked, section_of

#: Each section, where it stands in the file, and lines that show it. A test loads every one.
SECTIONS: tuple[tuple[type[Section], str, str], ...] = (
    (
        schema.Site,
        "site",
        """\
site:
  title: 我的聚合
  url: https://news.example.org/
  tag: news.example.org,2026
  language: zh
  timezone: Asia/Shanghai
""",
    ),
    (schema.Output, "output", "output:\n  directory: public\n  entries: 50\n"),
    (schema.Server, "server", "server:\n  host: 0.0.0.0\n  port: 8080\n"),
    (schema.Schedule, "schedule", "schedule:\n  interval: 30m\n  max: 24h\n"),
    (
        schema.Network,
        "network",
        """\
network:
  timeout: 20s
  max_bytes: 16MB
  allow: [10.0.0.0/8, intranet.example]
""",
    ),
    (schema.Duplicates, "duplicates", "duplicates:\n  window: 7d\n"),
    (schema.Retention, "retention", "retention:\n  days: 365\n"),
    (schema.Clean, "clean", "clean:\n  unwrap: ['https://proxy.example/?']\n  remove: [div.ad, .share]\n"),
    (schema.Replace, "clean.replace[]", "clean:\n  replace:\n    - {pattern: '（完）$', with: ''}\n"),
    (schema.Rule, "rules[]", "rules:\n  - when: {title: '广告|推广'}\n    drop: true\n"),
    (
        schema.Category,
        "categories[]",
        """\
categories:
  - path: 科技/编程
    from: [编程, 'python|rust']
    slug: tech/code
""",
    ),
    (
        schema.Source,
        "sources[]",
        """\
sources:
  - name: 少数派
    url: https://sspai.com/feed
    category: 科技/数码
    interval: 1h
  - name: 文章
    path: ./articles
""",
    ),
    (
        schema.Select,
        "sources[].select",
        """\
sources:
  - name: 公告
    page: https://www.example.org/news
    select: {item: li.news, title: a, link: a, date: time}
""",
    ),
    (
        schema.Auth,
        "sources[].auth",
        """\
sources:
  - name: 内部
    url: https://intranet.example/feed
    auth: {username: reader, password: '${FEED_PASSWORD}'}
""",
    ),
)

_INTRODUCTION = """\
# Configuration

Generated from `aggregator/config/schema.py`; do not edit.

Everything is said in one file, `config.yaml` (`-c` names another). `site` is required, nothing else is. The file is
watched: a valid edit is in force within seconds, an invalid one changes nothing and is reported. Every mistake is
reported at once with its line and column:

    config.yaml:12:5: source '少数派' (feed): unknown key 'intervall': did you mean 'interval'?

- **Durations** are written `30s`, `15m`, `2h`, `7d`, `1h30m`; **sizes** `500KB`, `16MB`, `1GiB`.
- **Patterns** are those of Python's `regex` module, searched, case ignored, 100 ms at most.
- **Paths** are relative to the folder of the file.
- **Secrets** (marked below) may hold `${NAME}`, replaced from the environment, or stand in a file of their own that
  `<key>_file` names, such as `token_file: /run/secrets/token`; within `headers` and `cookies` each name may end so.
  Elsewhere `${NAME}` is a mistake.
- A key without a value has its default. Aliases (`*name`) and tags (`!!int`) are not supported.
- A key marked *no effect yet* is accepted, and `aggregator check` names it.
"""


def json_schema() -> str:
    """JSON schema of config.yaml, the same text for the same schema."""
    made = schema.Config.model_json_schema(by_alias=True)
    _complete(made, schema.Config)
    for section, _, _ in SECTIONS:
        _complete(made["$defs"][section.__name__], section)
    made["$defs"]["Source"]["oneOf"] = [{"required": [*kind]} for kind in (("url",), ("path",), ("page", "select"))]
    described = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_tidy(made)}
    return json.dumps(described, ensure_ascii=False, indent=2) + "\n"


def markdown() -> str:
    """The reference of every key: type, default, meaning, and an example of each section."""
    made = schema.Config.model_json_schema(by_alias=True)
    parts = [_INTRODUCTION, _table(schema.Config, made["properties"])]
    for section, where, example in SECTIONS:
        definition = made["$defs"][section.__name__]
        parts += [f"## `{where}`\n\n{section.__doc__}\n", _table(section, definition["properties"])]
        parts.append(f"```yaml\n{example}```\n")
    return "\n".join(parts)


def _complete(definition: dict[str, Any], section: type[Section]) -> None:
    """Add `<key>_file` beside each secret that is one value, and defaults as people write them."""
    properties = definition["properties"]
    for name, field in keys(section).items():
        node = properties[name]
        if isinstance(field.default, timedelta):
            node["default"] = units.duration_text(field.default)
        elif field.default is None:
            del node["default"]
        if marked(field, "secret") and node.get("type") != "object":
            properties[f"{name}_file"] = {"type": "string", "description": f"File that holds {name}."}


def _tidy(node: Any, *, names: bool = False) -> Any:
    """Without what only we read (`kind`, `secret`) and titles that repeat the key."""
    if isinstance(node, list):
        return [_tidy(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {name: _tidy(inner) for name, inner in node.items()}
    return {
        name: _tidy(inner, names=name in ("properties", "$defs"))
        for name, inner in node.items()
        if name not in ("kind", "secret", "title")
    }


def _table(section: type[Section], properties: dict[str, Any]) -> str:
    rows = [_row(name, field, properties[name]) for name, field in keys(section).items()]
    return "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def _row(name: str, field: FieldInfo, node: dict[str, Any]) -> str:
    notes = " *Secret.*" if marked(field, "secret") else ""
    cells = (f"`{name}`", _type(node), _default(field), f"{field.description}{notes}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(node: dict[str, Any]) -> str:
    return " or ".join(dict.fromkeys(_types(node))) + _limits(node)


def _types(node: dict[str, Any]) -> Iterator[str]:
    if "kind" in node:
        yield node["kind"]
    elif "$ref" in node:
        yield _link(node["$ref"].rpartition("/")[2])
    elif "anyOf" in node:
        for inner in node["anyOf"]:
            yield from _types(inner)
    elif "enum" in node:
        yield " or ".join(f"`{value}`" for value in node["enum"])
    elif node.get("type") == "array":
        yield f"list of {_type(node['items'])}"
    elif node.get("type") != "null":
        yield {"string": "text", "integer": "number", "boolean": "yes or no", "object": "names with text"}[node["type"]]


def _link(name: str) -> str:
    """To the heading of a section; anchors keep neither dots nor brackets."""
    where = next(where for section, where, _ in SECTIONS if section.__name__ == name)
    return f"[{where.rpartition('.')[2].removesuffix('[]')}](#{where.replace('.', '').replace('[]', '')})"


def _limits(node: dict[str, Any]) -> str:
    """Of numbers only: those of durations and texts say nothing that their types do not."""
    inner: dict[str, Any] = next((each for each in node.get("anyOf", [node]) if each.get("type") == "integer"), {})
    least, most = inner.get("minimum"), inner.get("maximum")
    if least is not None and most is not None:
        return f", {least} to {most}"
    return f", at least {least}" if least is not None else ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or value == () or value == {} or value == "" or section_of(field.annotation):
        return ""
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, timedelta):
        return f"`{units.duration_text(value)}`"
    if isinstance(value, int) and value >= units.BYTES["mb"]:
        return f"`{units.size_text(value)}`"
    return f"`[{', '.join(value)}]`" if isinstance(value, tuple) else f"`{value}`"


if __name__ == "__main__":
    root = Path(__file__).parents[2]
    (root / "config.schema.json").write_text(json_schema(), encoding="utf-8")
    (root / "docs" / "configuration.md").write_text(markdown(), encoding="utf-8")
