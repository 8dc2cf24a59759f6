"""What the hub has still to be told: noted with each round, told after it, kept until the hub took it.

Publishing never waits for a hub and never fails by one: what it did not take is told again after a later
round, at most an hour on.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from aggregator.means import Means, user_agent
from aggregator.model import Event
from aggregator.publish.addresses import is_feed, public_url
from aggregator.publish.formats import FORMATS
from aggregator.publish.push import announce
from aggregator.store import events, settings
from aggregator.store.lock import one_at_a_time

log = logging.getLogger(__name__)

#: Feeds that are kept for a hub that does not answer; the oldest are forgotten.
MOST = 5000
#: Wait after the first failure; doubled with each further one, up to an hour.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)

_KEY = "push"


@dataclass(frozen=True, slots=True)
class Pending:
    """What is not told yet, oldest first, and how telling it went."""

    feeds: tuple[str, ...] = ()
    #: In a row.
    failures: int = 0
    #: Not asked again before (ISO 8601).
    wait_until: str = ""


def note(means: Means, written: Iterable[str]) -> None:
    """Keep in mind which feeds a round wrote, until the hub took them. Does nothing without a hub."""
    if not means.config.output.hub:
        return
    feeds = [public_url(means.config.site, path) for path in written if _is_topic(path)]
    if feeds:
        with means.database.write(beside=True) as connection:
            one_at_a_time(connection)  # feeds are published side by side where several processes do it
            pending = _pending(connection)
            _keep(connection, Pending(_newest(pending.feeds, feeds), pending.failures, pending.wait_until))


def _is_topic(path: str) -> bool:
    """What people subscribe to: no archive, no compressed copy."""
    return is_feed(path) and path.rpartition(".")[2] in FORMATS and "/archive/" not in path


def _newest(known: Iterable[str], feeds: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *feeds)))[-MOST:]


async def push(means: Means) -> None:
    """Tell the hub what is noted, unless it failed a moment ago. A failure is an event and a line in the log."""
    hub, now = means.config.output.hub, means.clock()
    if not hub:
        return
    pending = await asyncio.to_thread(_read, means)
    if not pending.feeds or _waits(pending, now):
        return
    network = means.config.network
    taken, refusal = await announce(
        hub,
        pending.feeds,
        agent=user_agent(means.config),
        timeout=network.timeout.total_seconds(),
        proxy=network.proxy,
    )
    if refusal:
        log.warning("%s: %d feeds are told to it later", refusal, len(pending.feeds) - len(taken))
    await asyncio.to_thread(_settle, means, taken, refusal, now)


def due(connection: Connection, means: Means) -> bool:
    """Whether there is something that the hub is to be told now."""
    if not means.config.output.hub:
        return False
    pending = _pending(connection)
    return bool(pending.feeds) and not _waits(pending, means.clock())


def _settle(means: Means, taken: list[str], refusal: str | None, now: datetime) -> None:
    with means.database.write(beside=True) as connection:
        one_at_a_time(connection)
        # Read anew: a round may have written more meanwhile.
        pending = _pending(connection)
        feeds = tuple(feed for feed in pending.feeds if feed not in set(taken))
        if refusal is None:
            _keep(connection, Pending(feeds))
            return
        failures = pending.failures + 1
        wait = min(FIRST_WAIT * 2 ** min(failures - 1, 10), LONGEST_WAIT)
        _keep(connection, Pending(feeds, failures, (now + wait).isoformat()))
        events.record(connection, [Event("push", f"{refusal}: {len(feeds)} feeds are told to it later")], now)


def _waits(pending: Pending, now: datetime) -> bool:
    if not pending.wait_until:
        return False
    until = datetime.fromisoformat(pending.wait_until)
    # Further ahead than it can be: the clock was set back.
    return now < until <= now + LONGEST_WAIT


def _read(means: Means) -> Pending:
    with means.database.read() as connection:
        return _pending(connection)


def _pending(connection: Connection) -> Pending:
    kept = settings.get(connection, _KEY)
    if kept is None:
        return Pending()
    value = json.loads(kept)
    return Pending(tuple(value["feeds"]), value["failures"], value["wait_until"])


def _keep(connection: Connection, pending: Pending) -> None:
    settings.put(connection, _KEY, json.dumps(asdict(pending)))
