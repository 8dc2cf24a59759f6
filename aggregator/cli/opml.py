"""`opml import` and `opml export`: sources from other programs, and for them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from aggregator.cli import editing, options, show
from aggregator.config import edit
from aggregator.config.schema import Source
from aggregator.errors import ConfigError, StoreError
from aggregator.means import Means
from aggregator.model import Failed, Fetched, Validators


@click.group(help="Bring sources in from an OPML file, or out into one.")
def opml() -> None:
    pass


@opml.command("import", help="Add the feeds of an OPML list (a file, - or an address); its folders become categories.")
@click.argument("place", metavar="FILE|-|URL")
@click.option("--category", help="Put all of them there instead of where their folders say.")
@click.option("--dry-run", is_flag=True, help="Only say what would be added.")
@click.option("-y", "--yes", is_flag=True, help="Ask nothing.")
@options.config_file
@options.as_json
def import_(place: str, category: str | None, dry_run: bool, yes: bool, path: Path, as_json: bool) -> None:
    from aggregator.config import opml as lists

    means = options.means(path)
    try:
        listed = lists.read(_content(means, place))
    except lists.NotOpmlError as error:
        raise ConfigError([f"{place}: {error}"]) from None
    if listed.damaged:
        click.echo(f"{place}: not well-formed: what could be read of it is taken", err=True)
    plan = lists.plan(listed.outlines, means.config, category)
    added = [{**item, "url": lists.without_login(item["url"])} for item in plan.items]
    skipped = [{"name": one.name, "url": one.url, "reason": one.reason} for one in plan.skipped]
    change = editing.propose(path, [edit.adding(plan.items)] if plan.items else [])
    if not as_json:
        _tell(added, skipped)
    asks = not (yes or as_json or place == "-") and editing.asks()
    if plan.items and not dry_run and (not asks or editing.agreed(f"Add {len(plan.items)} sources to {path}?")):
        backup = editing.apply(change, quiet=True)
        click.echo(f"added {len(plan.items)} sources to {path}; the file before this edit: {backup}", err=True)
    if as_json:
        show.print_json({"added": added, "skipped": skipped, "dry_run": dry_run})


def _tell(items: list[dict[str, Any]], skipped: list[dict[str, str]]) -> None:
    show.print_table(items, ("name", "category", "url"))
    categories = {item["category"] for item in items if "category" in item}
    click.echo(f"{len(items)} sources to add, in {len(categories)} categories; {len(skipped)} left out", err=True)
    for one in skipped:
        click.echo(f"left out: {one['name'] or 'without a title'} ({one['url']}): {one['reason']}", err=True)


def _content(means: Means, place: str) -> bytes:
    """At most as much as an answer of a source may hold."""
    most = means.config.network.max_bytes
    if place == "-":
        body = sys.stdin.buffer.read(most + 1)
    elif place.lower().startswith(("http://", "https://")):
        return options.stoppable(_fetched(means, place), means)
    else:
        try:
            with Path(place).open("rb") as file:
                body = file.read(most + 1)
        except OSError as error:
            raise ConfigError([f"{place}: cannot be read: {error.strerror}"]) from error
    if len(body) > most:
        raise ConfigError([f"{place}: larger than {most} bytes (network.max_bytes)"])
    return body


async def _fetched(means: Means, address: str) -> bytes:
    async with means.fetcher:
        source = Source(name="opml import", url=address)
        answer = await means.fetcher.fetch(source, address, Validators(), means.clock())
    match answer:
        case Fetched():
            return answer.document.body
        case Failed():
            raise ConfigError([f"{address}: {answer.message}: {answer.remedy}"])
        case _:
            raise ConfigError([f"{address}: it answered without a document"])


@opml.command("export", help="Print the feeds among the sources as an OPML list, categories as folders.")
@click.option("--outputs", is_flag=True, help="List the feeds that are published instead.")
@click.option("-o", "--output", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write a file.")
@options.config_file
def export(outputs: bool, target: Path | None, path: Path) -> None:
    means = options.means(path)
    body = _outputs(means) if outputs else _sources(means)
    if target is None:
        click.echo(body.decode(), nl=False)
        return
    try:
        edit.replace(target, body)
    except OSError as error:
        raise StoreError(f"{target}: cannot be written: {error.strerror}") from error


def _sources(means: Means) -> bytes:
    from aggregator.config import opml as lists

    for source in means.config.sources:
        if source.url is None:
            click.echo(f"left out: {source.name}: a {source.kind} has no feed that others can read", err=True)
        elif lists.without_login(source.url) != source.url:
            click.echo(f"{source.name}: its address is written without user name and password", err=True)
        elif source.auth or source.headers or source.cookies:
            click.echo(f"{source.name}: what it is asked with (auth, headers, cookies) is not written", err=True)
    return lists.write(means.config.sources, means.config.site.title)


def _outputs(means: Means) -> bytes:
    from aggregator.publish.opml import opml as published
    from aggregator.store import categories

    if means.database.revision() is None:
        raise ConfigError(["nothing is published yet: run `aggregator once` first"])
    with means.database.read() as connection:
        tree = categories.tree(connection, means.naming)
    return published(tree.children, means.config.site)
