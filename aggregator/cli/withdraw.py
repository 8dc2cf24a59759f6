"""`withdraw`: take an article down, for good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy import Connection

from aggregator.cli import options
from aggregator.errors import BusyError, ConfigError
from aggregator.means import Means
from aggregator.store.failures import again


@click.command(help="Take articles down: out of feeds, archives, pages and search, for good.")
@click.argument("entries", nargs=-1, required=True, metavar="ENTRY...")
@click.option("--reason", metavar="TEXT", help="Why, for `explain`.")
@click.option("--undo", is_flag=True, help="Publish them again instead.")
@options.config_file
def withdraw(entries: Sequence[str], reason: str | None, undo: bool, path: Path) -> None:
    from aggregator import app, pipeline

    means = options.means(path)
    try:
        with app.writing(means):
            said = _decide(means, entries, reason, undo)
            pipeline.group(means)
            done = f"{len(pipeline.publish(means))} files written"
    except BusyError as busy:
        if not busy.service:
            raise
        # One transaction, which the service's own wait for; it looks for what is behind twice a second.
        said, done = _decide(means, entries, reason, undo), "the running service publishes it"
    for line in said:
        click.echo(line)
    click.echo(done)


@again
def _decide(means: Means, entries: Sequence[str], reason: str | None, undo: bool) -> list[str]:
    from aggregator import grouping
    from aggregator import withdraw as decide

    with means.database.alone(grouping.STORIES), means.database.write() as connection:
        ids = [_known(connection, words) for words in entries]
        if undo:
            return [
                f"entry {one} {'is published again' if decide.undo(connection, means, one) else 'was not withdrawn'}"
                for one in ids
            ]
        gone = [(one, decide.article(connection, means, one, reason)) for one in ids]
    return [
        f"withdrawn: entries {', '.join(map(str, found))}" if found else f"entry {one} is withdrawn already"
        for one, found in gone
    ]


def _known(connection: Connection, words: str) -> int:
    from aggregator.store import lookup

    found = lookup.find(connection, words)
    if found is None:
        raise ConfigError([f"no entry is known as {words!r}: give its number, id, address or file path"])
    return int(found.id)
