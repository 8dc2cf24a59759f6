"""`sources`: list them, try one without storing anything, accept what a circuit breaker keeps back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from aggregator.cli import options, show
from aggregator.errors import ConfigError
from aggregator.means import Means
from aggregator.model import Failed, Fetched, NotModified, Prepared, Validators
from aggregator.prepare import Read


@click.group(help="Show and try sources.")
def sources() -> None:
    pass


@sources.command("list", help="List the configured sources.")
@options.config_file
@options.as_json
def list_(path: Path, as_json: bool) -> None:
    rows = [
        {"name": s.name, "kind": s.kind, "enabled": s.enabled, "url": s.url or s.path or s.page}
        for s in options.configuration(path).sources
    ]
    if as_json:
        show.print_json({"sources": rows})
    else:
        show.print_table(rows, ("name", "kind", "enabled", "url"))


@sources.command(help="Show what a check of one source would bring, and store nothing.")
@click.argument("name")
@options.config_file
@options.as_json
def test(name: str, path: Path, as_json: bool) -> None:
    means = _knowing(name, path)
    answer = options.stoppable(_try(means, name), means)
    if isinstance(answer, Failed):
        raise ConfigError([f"{name}: {answer.outcome}: {answer.message}: {answer.remedy}"])
    rows = [_row(prepared) for prepared in answer.prepared]
    refused = [{"path": item.path, "reason": item.reason} for item in answer.refused]
    if as_json:
        show.print_json({"source": name, "entries": rows, "refused": refused})
        return
    show.print_table(rows, ("title", "published", "categories", "url"))
    for item in refused:
        click.echo(f"refused {item['path']}: {item['reason']}", err=True)


@sources.command(help="Take a source as it is now: release what a circuit breaker keeps back.")
@click.argument("name")
@options.config_file
def accept(name: str, path: Path) -> None:

    from aggregator import holding

    means = _knowing(name, path)
    # Beside a running service: it is one short transaction, and grouping stays with whoever holds the lock.
    released = holding.accept(means, name) if means.database.revision() is not None else None
    if released is None:
        click.echo(f"{name}: no circuit breaker is tripped, nothing is kept back")
    else:
        click.echo(f"{name}: {released} entries are released; the next check or `aggregator publish` shows them")


@sources.command(help="List what is learned to be repeated in a source's articles, and what may be one day.")
@click.argument("name")
@options.config_file
@options.as_json
def boilerplate(name: str, path: Path, as_json: bool) -> None:
    from aggregator import learning

    means = _knowing(name, path)
    found = learning.repeated(means, name) if means.database.revision() is not None else []
    rows = [{**asdict(one), "reach": one.reach.name.lower()} for one in found]
    if as_json:
        show.print_json({"source": name, "blocks": rows})
        return
    show.print_table(rows, ("publisher", "state", "reach", "articles", "of", "sample"))
    click.echo(
        "Keep a block with a pattern of its text under `clean.forbid` of the source, "
        "leave one out that is a candidate under `clean.confirm`.",
        err=True,
    )


def _knowing(name: str, path: Path) -> Means:
    means = options.means(path)
    if name not in means.sources:
        raise ConfigError([f"{path}: no source is named {name!r}: see `aggregator sources list`"])
    return means


async def _try(means: Means, name: str) -> Read | Failed:
    from aggregator import folders
    from aggregator.prepare import prepare

    recipe = means.recipes[name]
    if recipe.source.path:
        return folders.preview(means, recipe)
    async with means.fetcher:
        answer = await means.fetcher.fetch(
            recipe.source, recipe.source.url or recipe.source.page or "", Validators(), means.clock()
        )
    match answer:
        case Fetched():
            return prepare(answer.document, recipe, means.clock())
        case NotModified():
            raise AssertionError("a server answered 304 to a request without validators")
        case Failed():
            return answer


def _row(prepared: Prepared) -> dict[str, Any]:
    entry = prepared.entry
    return {
        "title": entry.title,
        "url": entry.url or prepared.parsed.path,
        "published": entry.published,
        "categories": ", ".join("/".join(path) for path in entry.paths),
        "publisher": entry.publisher,
        "characters": len(entry.text),
    }
