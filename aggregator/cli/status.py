"""`status`: how every source is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aggregator.cli import options, show
from aggregator.means import Means

COLUMNS = ("name", "outcome", "entries", "refused", "failures", "last_check", "next_check", "message")
CONDITIONS = ("since", "kind", "about", "message")


@click.command(help="Show how the sources are.")
@options.config_file
@options.as_json
def status(path: Path, as_json: bool) -> None:
    means = options.means(path)
    rows, wrong = overview(means), conditions(means)
    if as_json:
        show.print_json({"sources": rows, "conditions": wrong})
        return
    show.print_table([{**row, "message": _told(row)} for row in rows], COLUMNS)
    if wrong:
        click.echo()
        show.print_table([{**row, "about": row["source"] or row["document"] or "config"} for row in wrong], CONDITIONS)


#: Whom a failure concerns, where it is not only the source that has it.
CONCERNS = {"host": "every source of this host", "everybody": "every source: nothing could be reached"}


def _told(row: dict[str, Any]) -> str | None:
    """For people: the error and whom it concerns, and where the source is asked by now."""
    parts = [row["message"]] if row["message"] else []
    if row["scope"] in CONCERNS:
        parts.append(f"this concerns {CONCERNS[row['scope']]}")
    if row["moved_to"]:
        parts.append(f"moved to {row['moved_to']} ({'adopted' if row['moved_for_good'] else 'on trial'})")
    return "; ".join(parts) or None


def overview(means: Means) -> list[dict[str, Any]]:
    """Every configured source with what the database knows of it; readers never take the lock."""
    from aggregator.store import sources

    known = {}
    if means.database.revision() is not None:
        with means.database.read() as connection:
            known = {row["name"]: row for row in sources.overview(connection)}
    return [known.get(name) or _unchecked(means, name) for name in means.sources]


def conditions(means: Means) -> list[dict[str, Any]]:
    """What is wrong now with sources, documents and the configuration, the oldest first."""
    from aggregator.store.conditions import standing

    if means.database.revision() is None:
        return []
    with means.database.read() as connection:
        return [
            {
                "kind": str(one.kind),
                "source": one.source,
                "document": one.path,
                "detail": one.detail,
                "message": one.message,
                "since": one.since,
            }
            for one in standing(connection)
        ]


def _unchecked(means: Means, name: str) -> dict[str, Any]:
    from aggregator.store import sources

    source = means.sources[name]
    row: dict[str, Any] = dict.fromkeys(
        ("outcome", "message", "scope", "last_check", "next_check", "moved_to", "moved_for_good")
    )
    return {
        "name": name,
        "url": sources.without_login(sources.location(source)),
        "kind": source.kind,
        **row,
        "disabled": None if source.enabled else "config",
        "failures": 0,
        "entries": 0,
        "refused": 0,
    }
