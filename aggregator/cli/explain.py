"""`explain`: the trace of one entry."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aggregator.cli import options, show


@click.command(help="Show what was decided of one entry, and why.")
@click.argument("entry")
@options.config_file
@options.as_json
def explain(entry: str, path: Path, as_json: bool) -> None:
    from aggregator.store import entries, events

    means = options.means(path)
    with means.database.read() as connection:
        found = entries.find(connection, entry)
        trace = events.trace(connection, found.id if found else None, entry)
    if not found and not trace:
        click.echo(f"nothing is known of {entry!r}: give an entry's id, address or path", err=True)
        sys.exit(2)
    known = (
        {name: found._mapping[name] for name in ("id", "uuid", "title", "url", "published", "updated")} if found else {}
    )
    if as_json:
        show.print_json({"entry": known, "events": trace})
        return
    for name, value in known.items():
        click.echo(f"{name:10} {show.as_text(value)}")
    show.print_table(trace, ("at", "kind", "message", "source", "path"))
