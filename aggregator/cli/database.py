"""`db`: look after the database."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aggregator.cli import options, show
from aggregator.errors import ConfigError

if TYPE_CHECKING:  # what only `copy` needs
    from aggregator.means import Means
    from aggregator.store.copying import Copied
    from aggregator.store.engine import Database

COLUMNS = ("check", "found", "example", "mended")


@click.group(help="Look after the database.")
def db() -> None:
    pass


@db.command(help="Bring the schema up to date.")
@options.config_file
def upgrade(path: Path) -> None:
    from aggregator import app, log

    log.configure(as_json=False)
    means = options.means(path)
    with app.writing(means):
        click.echo(f"schema revision {means.database.revision()}")


@db.command(help="Copy the database to FILE, also while the service runs, and check the copy.")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@options.config_file
def backup(target: Path, force: bool, path: Path) -> None:
    from aggregator.store import backup as copies

    database = _file(path, f"pg_dump --format=custom --file={target} {{url}}")
    if not database.exists():
        raise ConfigError([f"{path}: there is no database at {database} yet: `aggregator once` makes one"])
    done = copies.backup(database, target, force=force)
    click.echo(f"{done.path}: {done.entries} entries of {done.sources} sources, {done.bytes} bytes, checked")


@db.command(help="Put a backup in the place of the database; the present one is kept beside it.")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@options.config_file
def restore(source: Path, path: Path) -> None:
    from aggregator.store import backup as copies
    from aggregator.store.engine import newest_revision
    from aggregator.store.lock import only_writer

    database = _file(path, f"pg_restore --clean --if-exists --dbname={{url}} {source}")
    with only_writer(database):
        done, kept = copies.restore(source, database, newest_revision())
    click.echo(f"{done.path}: {done.entries} entries of {done.sources} sources, schema revision {done.revision}")
    if kept:
        click.echo(f"the database that was there is now {kept}")
    click.echo("the next `run` or `once` publishes what differs")


@db.command(help="Copy everything to another, empty database, as it is; the service must be stopped.")
@click.option("--to", "target", metavar="URL", required=True, help="Where to: postgresql+psycopg://… or sqlite:///….")
@options.config_file
def copy(target: str, path: Path) -> None:
    from aggregator import app, log

    log.configure(as_json=False, level="ERROR")
    means = options.means(path)
    new = _other(target)
    with app.writing(means), show.progress("copying") as told:
        done = options.stoppable(_copy(means, new, told), means)
    click.echo(f"{done.rows} rows copied and compared: {done.entries} entries of {done.sources} sources")
    click.echo(f"next: in {path} set `database: {new.url.render_as_string()}`, then start the service")
    click.echo("the output folder stays as it is; so does the old database, which nobody writes to from then on")


@db.command(help="Look for damage in the database and in what is published; with --repair, mend it.")
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@options.config_file
@options.as_json
def check(repair: bool, path: Path, as_json: bool) -> None:
    from aggregator import app, integrity, log

    log.configure(as_json=False, level="ERROR")
    means = options.means(path)
    if means.database.revision() is None:
        raise ConfigError([f"{path}: there is no database yet: `aggregator once` makes one"])
    if repair:
        with app.writing(means):
            before = integrity.findings(means)
            if any(one.mendable for one in before):
                integrity.repair(means)
            left = integrity.findings(means)
    else:
        before = left = integrity.findings(means)
    remaining = {one.check for one in left}
    rows = [
        {"check": one.check, "found": one.found, "example": one.example, "mended": one.check not in remaining}
        for one in before
    ]
    if as_json:
        show.print_json({"findings": rows})
    elif rows:
        show.print_table(rows, COLUMNS)
    else:
        click.echo("no damage found")
    if left:
        _advise(repair)
        sys.exit(4)


async def _copy(means: Means, target: Database, told: Callable[[int, int], None]) -> Copied:
    """In a thread, so that a signal stops it at the next batch."""
    import asyncio

    from aggregator.store import copying

    try:
        return await asyncio.to_thread(copying.copy, means.database, target, told, means.stopping.is_set)
    finally:
        target.close()


def _other(url: str) -> Database:
    """The database at an address of the command line; raises ConfigError for what is none."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    from aggregator.store.engine import Database

    try:
        return Database(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError([f"--to {url}: {error}: expected postgresql+psycopg://… or sqlite:///…"]) from error


def _advise(repaired: bool) -> None:
    remedy = "restore a backup with `aggregator db restore FILE`" if repaired else "run `aggregator db check --repair`"
    click.echo(f"there is damage: {remedy}", err=True)


def _file(path: Path, command: str) -> Path:
    """The database's file; raises ConfigError that says what to do where a server has the database."""
    from sqlalchemy.engine import make_url

    url = make_url(options.configuration(path).database)
    if url.get_backend_name() != "sqlite" or not url.database:
        # As PostgreSQL's programs take it; they ask for the password.
        shown = url._replace(drivername="postgresql", password=None).render_as_string()
        raise ConfigError([f"{path}: PostgreSQL has programs of its own for this: {command.format(url=shown)}"])
    return Path(url.database)
