"""`db`: look after the database."""

from __future__ import annotations

from pathlib import Path

import click

from aggregator.cli import options


@click.group(help="Look after the database.")
def db() -> None:
    pass


@db.command(help="Bring the schema up to date.")
@options.config_file
def upgrade(path: Path) -> None:
    from aggregator import app

    means = options.means(path)
    with app.writing(means):
        click.echo(f"schema revision {means.database.revision()}")
