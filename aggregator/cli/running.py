"""`run` and `serve`: what stays in the background."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

import click
from starlette.applications import Starlette

from aggregator import app, log
from aggregator.cli import options
from aggregator.config.schema import Server
from aggregator.errors import ConfigError
from aggregator.means import Means
from aggregator.model import Node, Story
from aggregator.publish import index
from aggregator.runner import Service
from aggregator.store import categories, feeds, moves
from aggregator.web.app import make_app
from aggregator.web.server import serving


@click.command(help="Run the service: check sources, publish, serve.")
@options.config_file
@click.option("--log-json", is_flag=True, help="Log JSON lines.")
def run(path: Path, log_json: bool) -> None:
    log.configure(as_json=log_json)
    means = options.means(path)
    with app.writing(means, service=True):
        asyncio.run(_run(means, path))


@click.command(help="Serve what is published, without checking sources.")
@options.config_file
@click.option("--log-json", is_flag=True, help="Log JSON lines.")
def serve(path: Path, log_json: bool) -> None:
    log.configure(as_json=log_json)
    asyncio.run(_serve(options.means(path)))


async def _run(means: Means, path: Path) -> None:
    service = Service(means, path, lambda running: app.rebuild(options.configuration(path), running))
    service.heed_signals()
    web = _web(means, lambda: service.means)
    async with serving(web, means.config.server.host, _port(means.config.server)) as port:
        _announce(means, port)
        await service.run()


async def _serve(means: Means) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serving(_web(means, lambda: means), means.config.server.host, _port(means.config.server)) as port:
        _announce(means, port)
        await stop.wait()


def _port(server: Server) -> int:
    """The configured port, or `PORT` from the environment, which hosting platforms set."""
    given = os.environ.get("PORT", "")
    if not given:
        return server.port
    if not given.isdigit() or int(given) > 65535:
        raise ConfigError([f"PORT in the environment is {given!r}: expected a number up to 65535"])
    return int(given)


def _announce(means: Means, port: int) -> None:
    host = means.config.server.host
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    click.echo(f"Open       {base}")
    click.echo(f"Subscribe  {base}feeds/all.atom")


def _web(means: Means, now: Callable[[], Means]) -> Starlette:
    """The web side; `now` gives the means in force, which an edit of the configuration replaces."""

    def story(uuid: UUID) -> Story | UUID | None:
        with means.database.read() as connection:
            return feeds.one(connection, uuid, now().shown)

    def nodes() -> Mapping[tuple[str, ...], Node]:
        with means.database.read() as connection:
            return index((categories.tree(connection, now().naming),))

    def moved() -> Mapping[str, str]:
        if not now().naming.moved:
            return {}
        with means.database.read() as connection:
            return moves.slugs(connection)

    return make_app(means.root, means.config.site, story, nodes, moved=moved)
