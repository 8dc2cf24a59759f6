"""Waiting that whoever is to stop does not have to sit out."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def paused(stop: asyncio.Event, seconds: float) -> None:
    """Wait for so long, or until `stop`."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
