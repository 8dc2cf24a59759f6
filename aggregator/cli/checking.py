"""`check` and `schema`: is the configuration right, and would it work here?"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias

import click

from aggregator.cli import options
from aggregator.config.load import read
from aggregator.config.schema import Config
from aggregator.config.section import Location

#: Where in the file each belongs, and the sentence.
Problems: TypeAlias = Iterator[tuple[Location, str]]

#: The URL of a SQLite database in a file, without anything that could be meant otherwise.
_FILE = re.compile(r"sqlite:///([\w./ -]+)")


@click.command(help="Check the configuration, the database and the folders.")
@options.config_file
def check(path: Path) -> None:
    loaded = read(path, os.environ)
    config = loaded.config
    problems = [*_folders(config), *_output(config), *_database(config)]
    for location, problem in problems:
        line, column = loaded.mark(location)
        click.echo(f"{path}:{line}:{column}: {problem}", err=True)
    if problems:
        sys.exit(2)
    enabled = sum(source.enabled for source in config.sources)
    click.echo(f"{path}: good; {len(config.sources)} sources, {enabled} of them enabled")


def _folders(config: Config) -> Problems:
    for index, source in enumerate(config.sources):
        if source.path and source.enabled and (problem := _unreadable(Path(source.path))):
            yield ("sources", index, "path"), f"source {source.name!r} (folder): path: {problem}"


def _unreadable(folder: Path) -> str | None:
    """Why no articles can be read from that folder, and what to do; None if they can."""
    if not folder.exists():
        near = get_close_matches(folder.name, _names(folder.parent), 1, 0.6)
        meant = f"did you mean {folder.parent / near[0]}?" if near else "create it, or set `enabled: false`"
        return f"there is no folder {folder}: {meant}"
    if not folder.is_dir():
        return f"expected a folder, found the file {folder}"
    if not os.access(folder, os.R_OK | os.X_OK):
        return f"the folder {folder} may not be read by this user: allow it, or set `enabled: false`"
    return None


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir() if each.is_dir()]
    except OSError:
        return []


def _output(config: Config) -> Problems:
    folder = _existing(Path(config.output.directory))
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
        yield ("output", "directory"), f"output.directory: {folder} is not a folder that can be written to"


def _database(config: Config) -> Problems:
    if plain := _FILE.fullmatch(config.database):
        name: str | None = plain[1]
    else:
        from sqlalchemy.engine import make_url  # 200 ms, and only other URLs than the usual need it
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(config.database)
        except ArgumentError:
            yield ("database",), "database: expected a URL such as sqlite:///data/aggregator.db"
            return
        if url.get_backend_name() == "postgresql":
            yield from _database_server(config.database)
        name = url.database if url.get_backend_name() == "sqlite" else None
    if name:
        yield from _database_file(Path(name))


def _database_server(url: str) -> Problems:
    from aggregator.errors import StoreError
    from aggregator.store.engine import Database

    try:
        database = Database(url)
        with closing(database):
            database.expect_usable()
    except StoreError as error:
        yield ("database",), str(error)


def _database_file(file: Path) -> Problems:
    if file.is_dir():
        yield ("database",), f"database: expected a file, found the folder {file}"
    elif not os.access(_existing(file), os.W_OK):
        yield ("database",), f"database: {file} cannot be written to"


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there: what is missing would be created in it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


@click.command(help="Print the JSON schema of config.yaml.")
def schema() -> None:
    from aggregator.config.reference import json_schema

    click.echo(json_schema(), nl=False)
