"""What commands have in common: the configuration, `--json`, and being stopped by a signal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from aggregator.config.load import load
from aggregator.config.schema import Config

if TYPE_CHECKING:  # the whole program, which most commands do without for a part of their work
    from aggregator.means import Means

Function = TypeVar("Function", bound=Callable[..., Any])
Answer = TypeVar("Answer")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def _given(context: click.Context, _parameter: click.Parameter, value: str | None) -> Path:
    outer = (context.find_root().obj or {}).get("config")
    return Path(value or outer or "config.yaml")


#: Accepted after the command too, where people type it.
config_file = click.option(
    "-c", "--config", "path", metavar="FILE", callback=_given, help="Configuration file (default: ./config.yaml)."
)


def configuration(path: Path) -> Config:
    """The configuration at `path`; raises ConfigError with every mistake in it."""
    return load(path, os.environ)


def means(path: Path) -> Means:
    """Everything that works by the configuration at `path`; its connections end with the command."""
    from aggregator import heap
    from aggregator.app import build

    heap.settle()
    made = build(configuration(path))
    click.get_current_context().find_root().call_on_close(made.database.close)
    return made


def stoppable(work: Coroutine[Any, Any, Answer], works: Means) -> Answer:
    """Run a coroutine that SIGINT and SIGTERM end soon and without a traceback (exit 130, 143)."""
    import asyncio

    stopped: list[int] = []

    async def guarded() -> Answer:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()

        def stop(number: int) -> None:
            stopped.append(number)
            works.stopping.set()
            if task:
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop, number)
        return await work

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        sys.exit(128 + stopped[0] if stopped else 1)
