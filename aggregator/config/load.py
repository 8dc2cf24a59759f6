"""Reads config.yaml: every mistake at once, each with line and column and what was expected.

What comes out holds real values: secrets from the environment and from files, absolute paths.
Whether folders, databases and hosts exist is not looked at.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from aggregator.config import messages, positions, secrets
from aggregator.config.positions import Location, Mark, Problem, Tree
from aggregator.config.schema import Config, Source
from aggregator.errors import ConfigError

#: A thousand sources take about 100 KB.
MOST_BYTES = 64_000_000

_SQLITE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!:memory:|file:|[?]|$)([^?]*)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, and where its keys stand."""

    config: Config
    #: Line and column of a key, for what is found wrong of its value later.
    mark: Callable[[Location], Mark] = Tree().mark


def load(path: Path, environ: Mapping[str, str]) -> Config:
    """The configuration in that file. Raises ConfigError with every mistake at once.

    Relative paths in it are made absolute by the folder of the file.
    """
    return read(path, environ).config


def read(path: Path, environ: Mapping[str, str]) -> Loaded:
    """As `load`, with the places of its keys."""
    return understood(path, text_of(path), environ)


def understood(path: Path, text: str, environ: Mapping[str, str], *, database: str | None = None) -> Loaded:
    """What the file at `path` would say if this text stood in it; `database` replaces what it says of that."""
    try:
        tree = positions.parse(text)
    except positions.MalformedError as error:
        raise ConfigError(_lines(path, error.problems)) from None
    if tree.value is None:
        raise ConfigError(_lines(path, [Problem(1, 1, "the file is empty: expected site and sources at least")]))
    if database is not None and isinstance(tree.value, dict):
        tree.value.pop("database_file", None)
        tree.value["database"] = database
    folder = Path(os.path.abspath(path)).parent
    config, problems = _validated(tree, secrets.Surroundings(folder, environ))
    if config is None or tree.problems:
        raise ConfigError(_lines(path, [*tree.problems, *problems]))
    return Loaded(_resolved(config, folder), tree.mark)


def text_of(path: Path) -> str:
    """What stands in the file; raises ConfigError where it is no text of a configuration's size."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(
            [f"{path}: no such file: write a first one with `aggregator init`, or name another with -c"]
        ) from None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from error
    if len(content) > MOST_BYTES:
        raise ConfigError([f"{path}: larger than {MOST_BYTES // 10**6} MB: expected the size of a configuration"])
    if _is_utf16(content):
        raise ConfigError([f"{path}:1:1: not UTF-8 but UTF-16: save the file as UTF-8"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(_lines(path, [_undecodable(content, error.start)])) from error


def _is_utf16(content: bytes) -> bool:
    """By its mark, or because every second byte of Latin letters is NUL, which no UTF-8 text needs."""
    return content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or content.count(0) * 3 > len(content)


def _undecodable(content: bytes, start: int) -> Problem:
    line_start = content.rfind(b"\n", 0, start) + 1
    # A byte order mark is a character here, but no column.
    column = len(content[line_start:start].decode("utf-8-sig")) + 1
    return Problem(content.count(b"\n", 0, start) + 1, column, "not UTF-8: save the file with that encoding")


def _validated(tree: Tree, around: secrets.Surroundings) -> tuple[Config | None, list[Problem]]:
    """A configuration, or at least one problem. A location's first problem stands for all."""
    found: dict[Location, str] = {}
    for location, said in secrets.reveal(Config, tree.value, around):
        where = messages.place(location, tree.value)
        found.setdefault(location, f"{where}: {said}")
    config = None
    try:
        config = Config.model_validate(tree.value)
    except ValidationError as error:
        for line in error.errors(include_url=False):
            location, said = messages.message(line, Config, tree.value)
            found.setdefault(location, said)
    if found:
        config = None
    return config, [Problem(*tree.mark(location), said) for location, said in found.items()]


def _lines(path: Path, problems: Iterable[Problem]) -> list[str]:
    ordered = sorted(problems, key=lambda problem: (problem.line, problem.column))
    return [f"{path}:{problem.line}:{problem.column}: {problem.message}" for problem in ordered]


def _resolved(config: Config, folder: Path) -> Config:
    return config.model_copy(
        update={
            "database": _SQLITE_FILE.sub(
                lambda found: found[1] + _absolute(found[2], folder) + found[3], config.database
            ),
            "output": config.output.model_copy(update={"directory": _absolute(config.output.directory, folder)}),
            "sources": tuple(_resolved_source(source, folder) for source in config.sources),
        }
    )


def _resolved_source(source: Source, folder: Path) -> Source:
    return source.model_copy(update={"path": _absolute(source.path, folder)}) if source.path else source


def _absolute(text: str, folder: Path) -> str:
    # Not `resolve`: a symbolic link may be what is exchanged under the running service.
    return os.path.abspath(folder / os.path.expanduser(text))
