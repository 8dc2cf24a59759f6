"""The status pages: what is known of sources, brought together when somebody looks."""

from __future__ import annotations

from aggregator.means import Means
from aggregator.publish import statuspage
from aggregator.publish.statuspage import FEW_DAYS, MANY_DAYS, Board, chosen, days_of
from aggregator.store import conditions, days, statuses


def board(means: Means, *, everything: bool, first: int, token: str) -> bytes:
    """The page of all sources; reads the charts of those that it shows."""
    now, site = means.clock(), means.config.site
    with means.database.read() as connection:
        sources = statuses.every(connection)
        shown = [source.id for source in chosen(sources, everything=everything, first=first)]
        known = days.since(connection, days_of(now, site, FEW_DAYS)[0], shown)
        wrong = [condition for condition in conditions.standing(connection) if condition.source is None]
    made = Board(sources, wrong, known, now)
    return statuspage.status(made, site, everything=everything, first=first, token=token)


def source(means: Means, name: str, *, token: str) -> bytes | None:
    """The page of one source; None where there never was one of this name."""
    now, site = means.clock(), means.config.site
    with means.database.read() as connection:
        seen = statuses.closely(connection, name)
        if seen is None:
            return None
        one = seen.source.id
        known = days.since(connection, days_of(now, site, MANY_DAYS)[0], [one]).get(one, {})
    return statuspage.source(seen, known, now, site, token=token)
