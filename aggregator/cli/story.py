"""`story`: what a person knows better than the comparison, kept for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import click
from sqlalchemy import Connection

from aggregator.cli import options
from aggregator.errors import ConfigError
from aggregator.means import Means


@click.group(help="Correct which entries are one article.")
def story() -> None:
    pass


@story.command(help="Take an entry out of its story, for good.")
@click.argument("entry")
@options.config_file
def split(entry: str, path: Path) -> None:
    from aggregator.store import stories

    def decide(connection: Connection) -> str:
        entry_id = _known(connection, entry)
        others = [other for other in stories.companions(connection, entry_id) if other != entry_id]
        stories.choose(connection, [(entry_id, other) for other in others], together=False)
        return (
            f"entry {entry_id} parted from {len(others)} others"
            if others
            else f"entry {entry_id} is on its own already"
        )

    _decide(options.means(path), decide)


@story.command(help="Make entries one story, for good.")
@click.argument("entries", nargs=-1, required=True)
@options.config_file
def merge(entries: Sequence[str], path: Path) -> None:
    from aggregator.store import stories

    def decide(connection: Connection) -> str:
        ids = sorted({_known(connection, entry) for entry in entries})
        if len(ids) < 2:
            raise ConfigError(["expected at least two different entries"])
        stories.choose(connection, combinations(ids, 2), together=True)
        return f"entries {', '.join(map(str, ids))} are one story"

    _decide(options.means(path), decide)


def _decide(means: Means, decide: Callable[[Connection], str]) -> None:
    """Keep the decision, group by it, and publish what that changes."""
    from aggregator import app, pipeline

    with app.writing(means):
        with means.database.write() as connection:
            said = decide(connection)
        pipeline.group(means)
        written = pipeline.publish(means)
    click.echo(f"{said}; {len(written)} files written")


def _known(connection: Connection, words: str) -> int:
    from aggregator.store import lookup

    found = lookup.find(connection, words)
    if found is None:
        raise ConfigError([f"no entry is known as {words!r}: give its number, id, address or file path"])
    return int(found.id)
