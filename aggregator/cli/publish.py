"""`publish`: write what differs, or see whether a feed is as it should be."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aggregator.cli import options


@click.command(help="Write every document that differs or is missing.")
@options.config_file
@click.option("--all", "everything", is_flag=True, help="Render everything anew; only what differs is written.")
@click.option("--check", "document", metavar="FILE", help="Instead, check a feed in a file.")
def publish(path: Path, everything: bool, document: str | None) -> None:
    if document:
        _check(Path(document))
        return
    from aggregator import app, pipeline

    means = options.means(path)
    with app.writing(means):
        pipeline.group(means)
        written = pipeline.publish(means, everything=everything)
    click.echo(f"{len(written)} files written below {means.root}")


def _check(document: Path) -> None:
    from aggregator.errors import ConfigError
    from aggregator.publish.lint import lint

    try:
        body = document.read_bytes()
    except OSError as error:
        raise ConfigError([f"{document}: {error.strerror}"]) from error
    problems = lint(body, None)
    for problem in problems:
        click.echo(f"{document}: {problem}")
    sys.exit(4 if problems else 0)
