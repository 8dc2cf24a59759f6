"""What a process that goes on until it is told to stop makes of signals."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable


def heed(stop: Callable[[], None], reload: Callable[[], None] | None = None) -> None:
    """SIGTERM and SIGINT stop, SIGHUP reloads. In the event loop, before anybody is told that the process is there."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if reload:
        loop.add_signal_handler(signal.SIGHUP, reload)
