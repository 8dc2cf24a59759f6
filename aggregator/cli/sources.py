"""`sources`: list them, try one without storing anything, accept what a circuit breaker keeps back.

What edits config.yaml is in `adding` and `editing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import adding, editing, options, show
from aggregator.cli.editing import named
from aggregator.errors import ConfigError
from aggregator.means import Means
from aggregator.model import Failed, Fetched, NotModified, Prepared, Validators
from aggregator.prepare import Read

if TYPE_CHECKING:
    from aggregator.fulltext import Try


@click.group(help="Show, try, add, change and remove sources.")
def sources() -> None:
    pass


for command in (adding.add, editing.remove, editing.enable, editing.disable, editing.set_):
    sources.add_command(command)


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
@named
@options.config_file
@options.as_json
def test(name: str, path: Path, as_json: bool) -> None:
    means = _knowing(name, path)
    answer = options.stoppable(_try(means, name), means)
    if isinstance(answer, Failed):
        if as_json:
            show.print_json({"source": name, **asdict(answer)})
        raise ConfigError([f"{name}: {answer.outcome} ({_concerns(answer)}): {answer.message}: {answer.remedy}"])
    read, tries = answer
    rows = [_row(prepared, tries) for prepared in read.prepared]
    refused = [{"path": item.path, "reason": item.reason} for item in read.refused]
    if as_json:
        show.print_json({"source": name, "entries": rows, "refused": refused})
        return
    pages = ("characters", "page") if tries else ()
    show.print_table(rows, ("title", "published", "categories", *pages, "url"))
    for item in refused:
        click.echo(f"refused {item['path']}: {item['reason']}", err=True)


@sources.command(help="Take a source as it is now: release what a circuit breaker keeps back.")
@named
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
@named
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
    editing.index_of(path, name)
    return means


def _concerns(failure: Failed) -> str:
    return {"url": "this address", "host": "this host", "everybody": "every source"}[failure.scope]


#: What became of entries' own pages, by address; nothing without `full_text`.
Pages = Mapping[str, "Try"]


async def _try(means: Means, name: str) -> tuple[Read, Pages] | Failed:
    from aggregator import folders, fulltext
    from aggregator.prepare import prepare

    recipe = means.recipes[name]
    if recipe.source.path:
        found = folders.preview(means, recipe)
        return found if isinstance(found, Failed) else (found, {})
    async with means.fetcher:
        answer = await means.fetcher.fetch(
            recipe.source, recipe.source.url or recipe.source.page or "", Validators(), means.clock()
        )
        match answer:
            case Fetched():
                read = prepare(answer.document, recipe, means.clock())
                if isinstance(read, Failed):
                    return read
                return read, await fulltext.trial(means, recipe, answer, read) if recipe.source.full_text else {}
            case NotModified():
                raise AssertionError("a server answered 304 to a request without validators")
            case Failed():
                return answer


def _row(prepared: Prepared, tries: Pages) -> dict[str, Any]:
    entry = prepared.entry
    tried = tries.get(entry.url or "")
    page = {"page": (len(tried.taken.entry.text) if tried.taken else tried.reason) if tried else None} if tries else {}
    return {
        "title": entry.title,
        "url": entry.url or prepared.parsed.path,
        "published": entry.published,
        "categories": ", ".join("/".join(path) for path in entry.paths),
        "publisher": entry.publisher,
        "characters": len(entry.text),
        **page,
    }
