"""One process of a cluster whose heart beats faster than usual, so that a test need not wait for a dead one.

python -m tests.e2e.member run | worker QUEUES URL
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from aggregator import log
from aggregator.cli.running import served
from aggregator.cluster.joining import joined
from aggregator.cluster.running import Cluster
from aggregator.cluster.working import USUAL, Beats
from aggregator.config.load import load
from aggregator.errors import AggregatorError

#: BEATS=usual has it beat as in earnest: where a busy machine must not have it taken for dead.
BEATS = USUAL if os.environ.get("BEATS") == "usual" else Beats(every=0.5, stalled=3.0)


async def run() -> None:
    path = Path("config.yaml")
    await served(Cluster(load(path, os.environ), path, beats=BEATS))


async def work(queues: str, url: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await joined(url, queues.split(","), 4, stop, beats=BEATS)


def main(kind: str, *arguments: str) -> None:
    log.configure(as_json=False)
    try:
        asyncio.run(run() if kind == "run" else work(*arguments))
    except AggregatorError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_status)


if __name__ == "__main__":
    main(*sys.argv[1:])
