"""Whose turn it is: what is claimed before it is asked, and how many checks of one host are in hand."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence, Set
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Connection

from aggregator import schedule
from aggregator.means import Means
from aggregator.model import Result, SourceState
from aggregator.store import sources

log = logging.getLogger(__name__)

#: Checks in hand of one host for each request that may go to it at once. Few enough that a slow host
#: does not take every place and that nobody waits there for as long as a claim lasts.
IN_LINE = 4


def claim(connection: Connection, means: Means, states: Sequence[SourceState], now: datetime) -> None:
    """Put off what is about to be asked over the network: should this process die, nobody asks again at once.

    A folder bothers nobody: a scan that was cut off goes on with the next start.
    """
    asked = [state.id for state in states if means.sources[state.name].kind != "folder"]
    sources.claim(connection, asked, now + schedule.CLAIM)


def host(means: Means, name: str) -> str:
    """Whom a source shares places with; a folder shares them with nobody."""
    source = means.sources[name]
    return urlsplit(source.url or source.page or "").hostname or name


def in_turn(means: Means, states: Sequence[SourceState], in_hand: Set[str]) -> list[SourceState]:
    """Those of the states, in their order, for which there is room besides what is in hand."""
    network = means.config.network
    room = network.concurrency - len(in_hand)
    taken = Counter(host(means, name) for name in in_hand if name in means.sources)
    chosen: list[SourceState] = []
    for state in states:
        place = host(means, state.name)
        if len(chosen) < room and taken[place] < IN_LINE * network.per_host:
            taken[place] += 1
            chosen.append(state)
    return chosen


def report(result: Result) -> None:
    """One line for each check."""
    tally = result.tally
    level = logging.INFO if result.message is None else logging.WARNING
    facts = {"source": result.source, "new": tally.new, "changed": tally.changed, "refused": tally.refused}
    log.log(level, "%s", result.message or result.outcome, extra=facts)
