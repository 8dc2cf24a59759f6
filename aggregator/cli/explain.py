"""`explain`: everything that was decided of one entry."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from aggregator.cli import options, show
from aggregator.model import ParsedEntry

KNOWN = ("id", "uuid", "title", "publisher", "url", "published", "first_seen", "updated", "changes")


@click.command(help="Show what was decided of one entry, and why.")
@click.argument("entry")
@options.config_file
@options.as_json
def explain(entry: str, path: Path, as_json: bool) -> None:
    means = options.means(path)
    with means.database.read() as connection:
        told = _tell(connection, entry)
    if not told["entry"] and not told["events"]:
        click.echo(f"nothing is known of {entry!r}: give an entry's number, id, address or file path", err=True)
        sys.exit(2)
    if as_json:
        show.print_json(told)
    else:
        _print(told)


def _tell(connection: Connection, words: str) -> dict[str, Any]:
    from aggregator.publish.addresses import feed_path
    from aggregator.store import events, lookup

    found = lookup.find(connection, words)
    told: dict[str, Any] = {
        "entry": _known(found) if found else {},
        "events": events.trace(connection, found.id if found else None, words),
    }
    if found:
        told["story"] = lookup.story_of(connection, found.id)
        told["alike"] = lookup.alike(connection, found.id)
        told["feeds"] = [feed_path(slug) for slug in lookup.slugs(connection, found.id)]
        told["changes"] = list(_changes(lookup.versions(connection, found.id)))
    return told


def _known(found: Any) -> dict[str, Any]:
    """What is stored of it, what rules did, and why today's rules leave it out if they do."""
    known = {name: found._mapping[name] for name in KNOWN}
    known["categories"] = ", ".join("/".join(path) for path in found.cleaned.paths)
    more = {"rules": "; ".join(found.cleaned.ruled), "dropped": found.dropped}
    return known | {name: value for name, value in more.items() if value}


def _changes(versions: list[tuple[Any, ParsedEntry]]) -> Iterator[dict[str, Any]]:
    """Each change as a diff of the words, oldest first."""
    for (at, before), (_, after) in pairwise(versions):
        lines = difflib.unified_diff(_words(before), _words(after), lineterm="", n=0)
        yield {"at": at, "diff": [line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@"]}


def _words(entry: ParsedEntry) -> list[str]:
    from aggregator.clean.text import plain

    parts = (entry.title, entry.summary, entry.content)
    return [line for part in parts if part for line in plain(part.value).splitlines() if line.strip()]


def _print(told: dict[str, Any]) -> None:
    for name, value in told["entry"].items():
        click.echo(f"{name:12} {show.as_text(value)}")
    for feed in told.get("feeds", ()):
        click.echo(f"{'in':12} {feed}")
    for part, columns in (
        ("story", ("id", "publisher", "title", "lead")),
        ("alike", ("id", "publisher", "title", "strength", "why")),
        ("events", ("at", "kind", "message", "source", "path")),
    ):
        if told.get(part):
            click.echo(f"\n{part}")
            show.print_table(told[part], columns)
    for change in told.get("changes", ()):
        click.echo(f"\nchanged at {show.as_text(change['at'])}")
        for line in change["diff"]:
            click.echo(line)
