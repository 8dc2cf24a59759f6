"""`sources`: list them, and try one without storing anything."""

from __future__ import annotations

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
    means = options.means(path)
    if name not in means.sources:
        raise ConfigError([f"{path}: no source is named {name!r}: see `aggregator sources list`"])
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


async def _try(means: Means, name: str) -> Read | Failed:
    from aggregator import folders
    from aggregator.prepare import prepare

    recipe = means.recipes[name]
    if recipe.source.path:
        return folders.preview(means, recipe)
    async with means.fetcher:
        answer = await means.fetcher.fetch(recipe.source, recipe.source.url or "", Validators(), means.clock())
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
