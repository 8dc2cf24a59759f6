"""`init`: a first config.yaml by five questions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from pydantic import TypeAdapter, ValidationError

from aggregator.cli import options
from aggregator.config.values import SiteAddress, Tag
from aggregator.errors import ConfigError

TEMPLATE = """\
# Every key: `aggregator schema`, or docs/configuration.md. After an edit: `aggregator check`.
site:
  title: {title}
  url: {url}
  # Authority and date of all ids: never change it once somebody subscribed.
  tag: {tag}
  language: {language}

sources:
  # A feed has `url`, a folder of article files has `path`. A source is known by its name.
  - name: {name}
    {kind}: {place}
"""


def _as(kind: Any) -> Callable[[str], str]:
    """Reads an answer as the schema does; what it finds wrong is said, and the question asked again."""

    def read(text: str) -> str:
        try:
            return str(TypeAdapter(kind).validate_python(text))
        except ValidationError as error:
            raise click.UsageError(str(error.errors()[0]["ctx"]["error"])) from error

    return read


@click.command(help="Write a first configuration by five questions.")
@options.config_file
def init(path: Path) -> None:
    if path.exists():
        raise ConfigError([f"{path}: there is one already: edit it, or name another with -c"])
    title = click.prompt("Title of the whole", default="News")
    url = click.prompt("Public address", default="http://localhost:8080/", value_proc=_as(SiteAddress))
    tag = click.prompt(
        "Authority of ids, never to be changed (a domain of yours and a year)",
        default=f"{urlsplit(url).hostname or 'localhost'},{datetime.now(UTC).year}",
        value_proc=_as(Tag),
    )
    language = click.prompt("Language of the pages", type=click.Choice(["zh", "en"]), default="en")
    place = click.prompt("First source: address of a feed, or folder of article files")
    kind = "url" if urlsplit(place).scheme in ("http", "https") else "path"
    name = (urlsplit(place).hostname if kind == "url" else Path(place).name) or "first"
    answers = {"title": title, "url": url, "tag": tag, "language": language, "name": name, "place": place}
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in answers.items()}
    path.write_text(TEMPLATE.format(kind=kind, **quoted), encoding="utf-8")
    try:
        options.configuration(path)
    except ConfigError:
        path.unlink()
        raise
    click.echo(f"\nwrote {path}; next: `aggregator check`, then `aggregator run`")
