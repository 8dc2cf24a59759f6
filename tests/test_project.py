"""What the project promises of itself: packaging, documents, functions that stay small."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click

from aggregator.cli import COMMANDS, HELP, cli

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def modules() -> Iterator[Path]:
    return (ROOT / "aggregator").rglob("*.py")


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", inside) for inner, inside in command.commands.items())


def test_every_package_is_shipped() -> None:
    packages = {
        str(path.parent.relative_to(ROOT)).replace("/", ".") for path in modules() if path.name == "__init__.py"
    }
    listed = {name for name in PROJECT["tool"]["setuptools"]["packages"] if "_migrations" not in name}
    assert listed == packages


def test_every_command_is_in_the_readme_and_the_guide() -> None:
    for document in ("README.md", "docs/guide.md"):
        text = (ROOT / document).read_text()
        missing = [
            name for name, one in commands() if f"aggregator {name}" not in text and not isinstance(one, click.Group)
        ]
        assert missing == [], document


def test_help_says_of_each_command_what_the_command_says_itself() -> None:
    assert {name: command.help for name, command in commands() if name in HELP} == HELP


def test_nine_functions_in_ten_are_under_thirty_lines_and_none_is_long() -> None:
    sizes = sorted(size for path in modules() for size in _sizes(ast.parse(path.read_text())))
    assert sizes[len(sizes) * 9 // 10] < 30
    assert sizes[-1] <= 45


def _sizes(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documented = ast.get_docstring(node) is not None
            body = node.body[1:] if documented and len(node.body) > 1 else node.body
            yield (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_lock_files_name_no_index() -> None:
    for name in ("requirements.lock", "requirements-postgres.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert not re.search(r"https?://|--index-url|--find-links", text)
        assert "--hash=sha256:" in text


def test_dependencies_are_in_the_lock() -> None:
    locked = {
        line.split("==")[0].lower() for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    }
    wanted = {re.split(r"[<>=]", name)[0].lower() for name in PROJECT["project"]["dependencies"]}
    assert wanted <= locked
