"""`check` and `schema`: is the configuration right, and would it work here?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from aggregator.cli import options
from aggregator.config.load import read
from aggregator.config.schema import Config


@click.command(help="Check the configuration, the database and the folders.")
@options.config_file
def check(path: Path) -> None:
    loaded = read(path, os.environ)
    for warning in loaded.warnings:
        click.echo(warning, err=True)
    config = loaded.config
    problems = [*_folders(config), *_output(config), *_database(config)]
    for problem in problems:
        click.echo(f"{path}: {problem}", err=True)
    if problems:
        sys.exit(2)
    enabled = sum(source.enabled for source in config.sources)
    click.echo(f"{path}: good; {len(config.sources)} sources, {enabled} of them enabled")


def _folders(config: Config) -> Iterator[str]:
    for source in config.sources:
        if source.path and source.enabled and not os.access(source.path, os.R_OK | os.X_OK):
            yield (
                f"source {source.name!r}: the folder {source.path} is missing or cannot be read: "
                "create it, or set `enabled: false`"
            )


def _output(config: Config) -> Iterator[str]:
    folder = _existing(Path(config.output.directory))
    if not os.access(folder, os.W_OK | os.X_OK) or not folder.is_dir():
        yield f"output.directory: {folder} is not a folder that can be written to"


def _database(config: Config) -> Iterator[str]:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(config.database)
    except ArgumentError:
        yield "database: expected a URL such as sqlite:///data/aggregator.db"
        return
    if url.get_backend_name() == "sqlite" and url.database:
        file = Path(url.database)
        if not os.access(_existing(file if file.exists() else file.parent), os.W_OK):
            yield f"database: {file} cannot be written to"


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there: what is missing would be created in it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


@click.command(help="Print the JSON schema of config.yaml.")
def schema() -> None:
    from aggregator.config.reference import json_schema

    click.echo(json_schema(), nl=False)
