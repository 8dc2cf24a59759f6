"""`worker`: one process of several, on any machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from aggregator import log, signals
from aggregator.cli import clustered, options

#: As `cluster.jobs.QUEUES`, which is not imported for `--help`; a test compares them.
QUEUES = ("checks", "folders", "feeds", "publish")


@click.command(help="Check sources for `run`, as one of several processes.")
@options.config_file
@click.option("--concurrency", type=click.IntRange(1, 1000), default=20, show_default=True, help="Checks at once.")
@click.option(
    "--queues",
    default="checks,feeds",
    show_default=True,
    metavar="NAMES",
    help="What to work on, of checks, folders, feeds and publish. Folders are read, and the output is written, "
    "where they are mounted: name `folders` or `publish` only on a machine that has them at the same place as `run`.",
)
@click.option(
    "--database",
    metavar="URL",
    help=f"The database; default: {clustered.DATABASE} in the environment, then the file's. All else comes from there.",
)
@click.option("--log-json", is_flag=True, help="Log JSON lines.")
def worker(path: Path, concurrency: int, queues: str, database: str | None, log_json: bool) -> None:
    log.configure(as_json=log_json)
    clustered.needed()
    asyncio.run(_work(clustered.database(database, path), _chosen(queues), concurrency))


def _chosen(queues: str) -> list[str]:
    chosen = [name.strip() for name in queues.split(",") if name.strip()]
    for name in chosen:
        if name not in QUEUES:
            raise click.BadParameter(f"{name!r} is none of {', '.join(QUEUES)}", param_hint="--queues")
    if not chosen:
        raise click.BadParameter(f"expected some of {', '.join(QUEUES)}", param_hint="--queues")
    return list(dict.fromkeys(chosen))


async def _work(url: str, queues: list[str], concurrency: int) -> None:
    from aggregator.cluster.joining import joined

    stop = asyncio.Event()
    signals.heed(stop.set)
    await joined(url, queues, concurrency, stop)
