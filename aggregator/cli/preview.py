"""`preview`: what an edited configuration would change, as a diff."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import options, show

if TYPE_CHECKING:
    from aggregator.preview import Difference, Preview

#: Entries of each kind that are named; --json names all.
MOST = 10

#: Above the entries of each kind.
HEADINGS = {
    "dropped": "left out by a rule",
    "back": "no longer left out",
    "routed": "published elsewhere",
    "titled": "another title",
    "text": "another text",
    "other": "something else differs",
}
STYLES = {"-": "red", "+": "green", "=": "bold"}


@click.command(help="Show what the configuration would change of what is stored, and store nothing.")
@options.config_file
@options.as_json
def preview(path: Path, as_json: bool) -> None:
    from aggregator.preview import preview as compare

    found = compare(options.means(path))
    if as_json:
        show.print_json(asdict(found))
        return
    for line in _lines(found):
        _print(line)


def _lines(found: Preview) -> Iterator[str]:
    changes = [*_sources(found), *_feeds(found), *_entries(found)]
    yield from changes or ["nothing would change"]
    yield f"{found.entries} entries were looked at; `aggregator replay` brings them in line"


def _sources(found: Preview) -> Iterator[str]:
    for kind, name, other in found.sources:
        yield f"= source {kind}: {name}"
        if kind in ("renamed", "moved", "gone"):
            yield f"- {other}"
        if kind == "renamed":
            yield f"+ {name}"
        elif kind == "new":
            yield f"+ {other}"


def _feeds(found: Preview) -> Iterator[str]:
    if found.appearing or found.disappearing or found.moved:
        yield "= feeds"
    for slug in found.disappearing:
        yield f"- feeds/{slug}.atom (stays, without entries)"
    for old, new in found.moved:
        yield f"- feeds/{old}.atom (leads to feeds/{new}.atom)"
    for slug in found.appearing:
        yield f"+ feeds/{slug}.atom"


def _entries(found: Preview) -> Iterator[str]:
    for kind, heading in HEADINGS.items():
        these = [one for one in found.differences if one.kind == kind]
        if these:
            yield f"= {heading}: {len(these)}"
        for one in these[:MOST]:
            yield from _entry(one)
        if len(these) > MOST:
            yield f"  … and {len(these) - MOST} more"


def _entry(one: Difference) -> Iterator[str]:
    if one.kind in ("dropped", "back"):
        sign, why = ("-", one.after) if one.kind == "dropped" else ("+", one.before)
        yield f"{sign} {one.title} ({one.source}; {'; '.join(why)})"
        return
    if one.kind == "other":
        yield f"  {one.title} ({one.source}): {', '.join(one.after)}"
        return
    if one.kind != "titled":
        yield f"  {one.title} ({one.source})"
    yield from (f"- {line}" for line in one.before)
    yield from (f"+ {line}" for line in one.after)


def _print(line: str) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.text import Text  # text, for a title like "[red]" must not be read as markup

        Console().print(Text(line, STYLES.get(line[:1], "")))
    else:
        click.echo(line)
