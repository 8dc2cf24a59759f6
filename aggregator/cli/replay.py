"""`replay`: today's rules on what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import click

from aggregator.cli import options, show
from aggregator.means import Means


@click.command(help="Apply today's rules to everything that is stored, and publish.")
@options.config_file
@options.as_json
def replay(path: Path, as_json: bool) -> None:
    from aggregator import app, log

    log.configure(as_json=False, level="ERROR")
    means = options.means(path)
    with app.writing(means), show.progress("replaying") as told:
        row = options.stoppable(_replay(means, told), means)
    if as_json:
        show.print_json(row)
    else:
        show.print_table([row], tuple(row))


async def _replay(means: Means, told: Callable[[int, int], None]) -> dict[str, int]:
    """In a thread, so that a signal stops it at the next batch."""
    from aggregator import pipeline, replay

    done = await asyncio.to_thread(replay.replay, means, told)
    await asyncio.to_thread(pipeline.group, means)
    written = await asyncio.to_thread(pipeline.publish, means)
    return {
        "entries": done.entries,
        "changed": done.changed,
        "dropped": done.dropped,
        "back": done.back,
        "files": len(written),
    }
