"""`search`: full text over everything stored, beside a running service or without one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from aggregator.cli import options, show
from aggregator.model import Answer, Asked, Hit, Piece

DAY = click.DateTime(["%Y-%m-%d"])
COLUMNS = ("date", "title", "publisher", "excerpt", "url")


@click.command(help="Find articles by their words, Chinese ones included.")
@click.argument("words", nargs=-1, required=True)
@click.option("--category", default="", metavar="PATH", help="Only in this category and below it.")
@click.option("--source", default="", metavar="NAME", help="Only of this source or publisher.")
@click.option("--since", type=DAY, metavar="DAY", help="Published on this day or later (2026-03-01).")
@click.option("--until", type=DAY, metavar="DAY", help="Published on this day or earlier.")
@click.option("--best", is_flag=True, help="The best matches first instead of the newest.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 200), help="Most results.")
@options.config_file
@options.as_json
def search(
    words: Sequence[str],
    category: str,
    source: str,
    since: datetime | None,
    until: datetime | None,
    best: bool,
    limit: int,
    path: Path,
    as_json: bool,
) -> None:
    from aggregator import searching

    means = options.means(path)
    asked = Asked(" ".join(words), category, source, _day(since), _day(until), best)
    found = searching.answer(means, asked, limit) if means.database.revision() else None
    if found is None or not found.terms or found.unknown:
        click.echo(_trouble(found), err=True)
        sys.exit(2)
    if as_json:
        show.print_json(
            {
                "results": [_row(hit, _plain) for hit in found.hits],
                "count": found.count,
                "exact": found.exact,
                "waiting": found.waiting,
            }
        )
        return
    show.print_table([_row(hit, _marked) for hit in found.hits], COLUMNS)
    click.echo(_summary(found), err=True)


def _day(when: datetime | None) -> date | None:
    return when.date() if when else None


def _trouble(found: Answer | None) -> str:
    if found is None:
        return "nothing is stored yet: run `aggregator once` or `aggregator run`"
    if found.unknown:
        return f"no category or source is named {', '.join(map(repr, found.unknown))}: see `aggregator sources list`"
    return "there is no word in this to look for: give letters or digits"


def _row(hit: Hit, text: Any) -> dict[str, Any]:
    story = hit.story
    return {
        "date": story.published.date().isoformat(),
        "title": text(hit.title),
        "publisher": story.publisher,
        "excerpt": text(hit.excerpt),
        "url": story.url,
        "uuid": story.uuid,
    }


def _plain(pieces: Sequence[Piece]) -> str:
    return "".join(text for text, _ in pieces)


def _marked(pieces: Sequence[Piece]) -> str:
    """What was looked for in brackets: they show in a pipe and on every terminal."""
    return "".join(f"[{text}]" if found else text for text, found in pieces)


def _summary(found: Answer) -> str:
    count = str(found.count) if found.exact else f"about {found.count}"
    shown = f"{len(found.hits)} of {count} found" if found.count else f"nothing found in {found.stories} articles"
    return f"{shown}; {found.waiting} are not indexed yet" if found.waiting else shown
