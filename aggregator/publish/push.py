"""Tell a WebSub hub that feeds changed: the publisher's side, as hubs take it (PubSubHubbub 0.4, section 7.1).

The hub is the operator's own choice, so its address may be private. Nothing is raised for what a
hub does: it is an outcome, and what is published is published.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from aiohttp import ClientSession

#: Feeds in one request; hubs limit the size of a form.
BATCH = 50

#: Seconds for all requests of one round together.
MOST_SECONDS = 60.0


async def announce(
    hub: str, feeds: Sequence[str], *, agent: str, timeout: float, proxy: str | None = None
) -> tuple[list[str], str | None]:
    """Name the changed feeds to the hub; returns those that it took, and why it did not take the others.

    `timeout`, in seconds, bounds each request. A hub that fails once is not asked again in this round.
    """
    import aiohttp  # 250 ms that commands without network do not pay

    taken: list[str] = []
    limit = aiohttp.ClientTimeout(total=timeout)
    try:
        async with (
            asyncio.timeout(MOST_SECONDS),
            aiohttp.ClientSession(timeout=limit, headers={"User-Agent": agent}) as session,
        ):
            for start in range(0, len(feeds), BATCH):
                batch = feeds[start : start + BATCH]
                if refusal := await _post(session, hub, batch, proxy):
                    return taken, refusal
                taken += batch
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # Not in its own words: they hold the whole address, with the secret that may be in it.
        return taken, f"the hub {_host(hub)} cannot be reached ({type(error).__name__})"
    return taken, None


async def _post(session: ClientSession, hub: str, feeds: Sequence[str], proxy: str | None) -> str | None:
    form = urlencode([("hub.mode", "publish"), *(("hub.url", feed) for feed in feeds)])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    # A redirected POST would arrive as a GET; the operator has to know the new address anyway.
    async with session.post(hub, data=form, headers=headers, proxy=proxy, allow_redirects=False) as answer:
        return None if answer.ok and answer.status < 300 else f"the hub {_host(hub)} answered {answer.status}"


def _host(hub: str) -> str:
    return urlsplit(hub).hostname or "?"
