"""`publish`: write what differs, or see whether a feed is as it should be."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import options, show

if TYPE_CHECKING:
    from aggregator.means import Means
    from aggregator.model import Failed, Fetched, NotModified
    from aggregator.publish.findings import Finding


@click.command(help="Write every document that differs or is missing.")
@options.config_file
@click.option("--all", "everything", is_flag=True, help="Render everything anew; only what differs is written.")
@click.option(
    "--check", "document", metavar="FILE|URL", help="Instead, check a feed in Atom, RSS or JSON; exit 4 for errors."
)
@click.option("--strict", is_flag=True, help="With --check: exit with 1 for warnings too.")
@options.as_json
def publish(path: Path, everything: bool, document: str | None, strict: bool, as_json: bool) -> None:
    if document:
        _check(path, document, strict=strict, as_json=as_json)
        return
    from aggregator import app, pipeline

    means = options.means(path)
    with app.writing(means):
        pipeline.group(means)
        written = pipeline.publish(means, everything=everything)
    if as_json:
        show.print_json({"written": written})
    else:
        click.echo(f"{len(written)} files written below {means.root}")


def _check(path: Path, document: str, *, strict: bool, as_json: bool) -> None:
    from aggregator.publish.lint import lint

    body, url = _fetched(path, document) if "://" in document else (_read(document), None)
    found = lint(body, url, datetime.now(UTC))
    if as_json:
        show.print_json({"document": document, "findings": [_row(finding) for finding in found]})
    else:
        _print(document, found)
    levels = {finding.level for finding in found}
    sys.exit(4 if "error" in levels else 1 if strict and levels else 0)


def _row(finding: Finding) -> dict[str, str | None]:
    return {
        "level": finding.level,
        "rule": finding.rule,
        "entry": finding.entry or None,
        "message": finding.message,
    }


def _print(document: str, found: list[Finding]) -> None:
    for finding in found:
        click.echo(f"{document}: {finding}")
    errors = sum(finding.level == "error" for finding in found)
    click.echo(f"{document}: {errors} errors, {len(found) - errors} warnings", err=True)


def _read(document: str) -> bytes:
    from aggregator.errors import ConfigError

    try:
        return Path(document).read_bytes()
    except OSError as error:
        raise ConfigError([f"{document}: {error.strerror}"]) from error


def _fetched(path: Path, url: str) -> tuple[bytes, str]:
    """The document and where it was found in the end; asked for as a source is, with the same limits."""
    from aggregator.errors import ConfigError
    from aggregator.model import Failed, Fetched

    means = _means(path)
    answer = options.stoppable(_fetch(means, url), means)
    if isinstance(answer, Fetched):
        return answer.document.body, answer.document.url or url
    why = f"{answer.message}: {answer.remedy}" if isinstance(answer, Failed) else "not modified"
    raise ConfigError([f"{url}: {why}"])


async def _fetch(means: Means, url: str) -> Fetched | NotModified | Failed:
    from aggregator.config.schema import Source
    from aggregator.model import Validators

    async with means.fetcher:
        return await means.fetcher.fetch(Source(name="check", url=url), url, Validators(), means.clock())


def _means(path: Path) -> Means:
    """By the configuration, for its network; anybody's feed may be checked where there is none."""
    from aggregator import __version__, app
    from aggregator.config.schema import Config, Network, Site

    if path.exists() or path != Path("config.yaml"):
        return options.means(path)
    site = Site(title="aggregator", url="https://example.org/", tag="example.org,2026")
    return app.build(Config(site=site, network=Network(user_agent=f"aggregator/{__version__}")))
