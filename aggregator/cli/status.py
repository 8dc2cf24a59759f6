"""`status`: how every source is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aggregator.cli import options, show
from aggregator.means import Means

COLUMNS = ("name", "outcome", "entries", "refused", "failures", "last_check", "next_check", "message")


@click.command(help="Show how the sources are.")
@options.config_file
@options.as_json
def status(path: Path, as_json: bool) -> None:
    rows = overview(options.means(path))
    if as_json:
        show.print_json({"sources": rows})
    else:
        show.print_table(rows, COLUMNS)


def overview(means: Means) -> list[dict[str, Any]]:
    """Every configured source with what the database knows of it; readers never take the lock."""
    from aggregator.store import sources

    known = {}
    if means.database.revision() is not None:
        with means.database.read() as connection:
            known = {row["name"]: row for row in sources.overview(connection)}
    return [known.get(name) or _unchecked(means, name) for name in means.sources]


def _unchecked(means: Means, name: str) -> dict[str, Any]:
    source = means.sources[name]
    row: dict[str, Any] = dict.fromkeys(("outcome", "message", "last_check", "next_check"))
    return {
        "name": name,
        "url": source.url or source.path or source.page,
        "kind": source.kind,
        **row,
        "disabled": None if source.enabled else "config",
        "failures": 0,
        "entries": 0,
        "refused": 0,
    }
