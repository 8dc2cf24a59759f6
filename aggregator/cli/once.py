"""`once`: check sources, publish, print what came of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from aggregator.cli import options, show
from aggregator.cli.completion import source_names
from aggregator.errors import BusyError, ConfigError
from aggregator.means import Means
from aggregator.model import Result

#: Seconds between looks at whether the service has done what it was asked for.
POLL = 0.2

COLUMNS = ("source", "outcome", "new", "changed", "refused", "message")


@click.command(help="Check sources once, publish, and print what came of it.")
@options.config_file
@click.option("--all", "everything", is_flag=True, help="Check every source, due or not.")
@click.option(
    "--source",
    "names",
    multiple=True,
    metavar="NAME",
    shell_complete=source_names,
    help="Check only this source; may be repeated.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 if a source failed.")
@options.as_json
def once(path: Path, everything: bool, names: Sequence[str], strict: bool, as_json: bool) -> None:
    from aggregator import app, log

    log.configure(as_json=False, level="ERROR")
    means = options.means(path)
    _must_know(means, names, path)
    try:
        with app.writing(means), _progress(as_json) as told:
            results = options.stoppable(_once(means, everything, names, told), means)
    except BusyError as busy:
        if not (busy.service and names):
            raise
        results = options.stoppable(_ask(means, names), means)
    rows = [_row(result) for result in results]
    if as_json:
        show.print_json({"sources": rows})
    else:
        show.print_table(rows, COLUMNS)
    if strict and any(result.message for result in results):
        sys.exit(1)


async def _once(means: Means, everything: bool, names: Sequence[str], told: Callable[[Result], None]) -> list[Result]:
    from aggregator import runner

    return await runner.once(means, everything=everything, names=names, told=told)


async def _ask(means: Means, names: Sequence[str]) -> list[Result]:
    """Have the running service check the sources; waits for how that ended. It publishes by itself."""
    from aggregator.store import sources

    asked = means.clock()
    with means.database.write(beside=True) as connection:
        ids = sources.ask(connection, names, asked)
    while True:
        with means.database.read() as connection:
            results = sources.answered(connection, ids, asked)
        if len(results) == len(ids):
            return results
        await asyncio.sleep(POLL)


def _must_know(means: Means, names: Sequence[str], path: Path) -> None:
    unknown = [name for name in names if name not in means.sources]
    if unknown:
        raise ConfigError([f"{path}: no source is named {name!r}: see `aggregator sources list`" for name in unknown])


def _row(result: Result) -> dict[str, Any]:
    tally = result.tally
    return {
        "source": result.source,
        "outcome": str(result.outcome),
        "new": tally.new,
        "changed": tally.changed,
        "same": tally.same,
        "refused": tally.refused,
        "message": result.message,
    }


@contextmanager
def _progress(silent: bool) -> Iterator[Callable[[Result], None]]:
    """A bar that counts sources where a person looks on; nothing otherwise: the table says it all."""
    if silent or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    with Progress(TextColumn("{task.description}", markup=False), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking", total=None)
        yield lambda result: bar.update(task, advance=1, description=f"checked {result.source}")
