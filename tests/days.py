"""Lets days pass in an installation: what is due is checked as it falls due, and every request is noted."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import func, select

from aggregator import runner
from aggregator.means import Means
from aggregator.store.tables import source
from tests.played import Request, reply
from tests.world import World, rss


def live(world: World, **time: float) -> None:
    """One process that runs for this time, from the moment at which the clock stands."""
    end = world.clock.now + timedelta(**time)
    with world.writing() as means:
        while (due := _due(means)) is not None and due <= end:
            world.clock.now = max(world.clock.now, due)
            asyncio.run(runner.once(means))
    world.clock.now = end


def over_http(world: World) -> None:
    """Have the installation ask real servers on the loopback by its own client, and write little."""
    world.network = None  # type: ignore[assignment]  # the played network's place is taken by what `app` makes
    world.config |= {"network": {"allow": ["127.0.0.0/8"]}, "output": {"pages": False, "formats": ["atom"]}}


def _due(means: Means) -> datetime | None:
    with means.database.read() as connection:
        due: datetime | None = connection.scalar(
            select(func.min(source.c.next_check)).where(source.c.disabled.is_(None))
        )
    return due


@dataclass
class Site:
    """A feed with validators, as a careful server has it, and its log. A script of `played.Server`."""

    world: World
    items: list[str] = field(default_factory=list)
    #: Sent with the feed and with "not modified".
    headers: dict[str, str] = field(default_factory=dict)
    #: What stands in the channel before the items.
    head: str = ""
    #: Said instead of the feed, while it is set.
    instead: bytes | None = None
    log: list[tuple[datetime, Request]] = field(default_factory=list)

    @property
    def etag(self) -> str:
        return f'W/"{len(self.items)}-{len(self.head)}"'

    async def __call__(self, request: Request, writer: object) -> bytes:
        self.log.append((self.world.clock.now, request))
        if self.instead is not None:
            return self.instead
        fields = {"ETag": self.etag, "Content-Type": "application/rss+xml", **self.headers}
        if request.headers.get("if-none-match") == self.etag:
            return reply(status=304, headers=fields)
        return reply(rss(self.head, *self.items).encode(), headers=fields)

    @property
    def requests(self) -> list[Request]:
        return [request for _, request in self.log]

    @property
    def gaps(self) -> list[timedelta]:
        times = [moment for moment, _ in self.log]
        return [later - earlier for earlier, later in pairwise(times)]
