"""`run` and `serve`: what stays in the background."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click

from aggregator import app, heap, log, signals
from aggregator.cli import clustered, options
from aggregator.cli.website import Running, Website
from aggregator.config.schema import Config, Server
from aggregator.errors import ConfigError
from aggregator.means import Means
from aggregator.service import Service
from aggregator.web.server import serving


@click.command(help="Run the service: check sources, publish, serve.")
@options.config_file
@click.option("--log-json", is_flag=True, help="Log JSON lines.")
def run(path: Path, log_json: bool) -> None:
    heap.settle()
    log.configure(as_json=log_json)
    config = options.configuration(path)
    if config.engine == "procrastinate":
        clustered.needed()
        asyncio.run(_run_of_several(config, path))
        return
    means = app.build(config)
    with app.writing(means, service=True):
        asyncio.run(_run(means, path))


@click.command(help="Serve what is published, without checking sources.")
@options.config_file
@click.option("--log-json", is_flag=True, help="Log JSON lines.")
def serve(path: Path, log_json: bool) -> None:
    log.configure(as_json=log_json)
    asyncio.run(_serve(options.means(path)))


async def _run(means: Means, path: Path) -> None:
    await served(Service(means, path, lambda running: app.rebuild(options.configuration(path), running)))


async def _run_of_several(config: Config, path: Path) -> None:
    from aggregator.cluster.running import Cluster

    await served(Cluster(config, path))


async def served(service: Running) -> None:
    service.heed_signals()
    server = service.means.config.server
    async with serving(Website(lambda: service.means, service), server.host, _port(server)) as port:
        _announce(service.means, port)
        await service.run()


async def _serve(means: Means) -> None:
    stop = asyncio.Event()
    signals.heed(stop.set)
    server = means.config.server
    async with serving(Website(lambda: means), server.host, _port(server)) as port:
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
