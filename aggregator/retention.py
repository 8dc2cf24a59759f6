"""Keeping an installation small for years: what sources have long stopped showing goes, and stays away.

Retention counts from when a source last showed an entry. What it still shows (an item of its last document, a
file that is there) is never purged, and an entry goes only with its whole story. All is done in steps of
one short transaction each, so that checks come in between; a run that ends early is taken up by the next.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from aggregator import indexing, publish
from aggregator.config.schema import Retention
from aggregator.dedupe.buried import title_digest
from aggregator.means import Means
from aggregator.model import Event
from aggregator.store import documents, events, retention, settings
from aggregator.store.entries import SEEN_PRECISION
from aggregator.store.retention import Edge, Expiry, Grave, Stock
from aggregator.store.types import EPOCH

log = logging.getLogger(__name__)

#: Entries of one transaction.
BATCH = 50

#: Entries that one run purges at most; the rest waits for the next.
MOST = 10_000

#: Rows of the trace that are kept at most, however young.
MOST_EVENTS = 1_000_000

#: From the end of one run to the next.
EVERY = timedelta(days=1)

#: A clock that went on by so much since the last run may be wrong: it is believed once it has been so for a day.
LEAP = timedelta(days=7)

#: The clock is written down so often.
GRAIN = timedelta(hours=1)

_KEY = "retention"
_START: Edge = (EPOCH, 0)


@dataclass(frozen=True, slots=True)
class Runs:
    """When the last run ended, and what the clock said when this was last looked at."""

    ended: datetime | None = None
    looked: datetime | None = None


@dataclass
class _Run:
    means: Means
    now: datetime
    purged: int = 0
    expiries: Mapping[int, Expiry] = field(default_factory=dict)


def due(means: Means) -> bool:
    """Whether a run is due: a day after the last one, and not while the clock cannot be believed."""
    now = means.clock()
    with means.database.read() as connection:
        old = _read(connection)
    new, answer = look(old, now)
    if new != old:
        with means.database.write() as connection:
            _keep(connection, new)
    return answer


def look(runs: Runs, now: datetime) -> tuple[Runs, bool]:
    """What is to be known of the clock from now on, and whether a run is due."""
    if runs.looked is not None and not timedelta() <= now - runs.looked <= LEAP:
        return Runs(now, now), False
    due = runs.ended is None or now - runs.ended >= EVERY
    fresh = runs.looked is not None and now - runs.looked < GRAIN
    return (runs if fresh else Runs(runs.ended, now)), due


def run(means: Means) -> int:
    """A whole run, where one is due; tells how many entries were purged. Group and publish afterwards."""
    return sum(steps(means)) if due(means) else 0


def steps(means: Means) -> Iterator[int]:
    """A run in steps, each of a short transaction; gives the entries that each purged."""
    this = _Run(means, means.clock())
    before = this.now - timedelta(days=means.config.retention.days)
    yield from _purge_all(this)
    while not means.stopping.is_set():
        with means.database.write() as connection:
            done = retention.forget_events(connection, before, MOST_EVENTS)
            done += retention.forget_files(connection, before, BATCH)
            done += retention.forget_endings(connection, before)
        if not done:
            break
        yield 0
    for _ in means.database.tidy():
        yield 0
        if means.stopping.is_set():
            return
    if this.purged:
        log.info("purged", extra={"entries": this.purged})
    if this.purged < MOST and not means.stopping.is_set():
        with means.database.write() as connection:
            _keep(connection, Runs(this.now, this.now))


def _purge_all(this: _Run) -> Iterator[int]:
    means, limits = this.means, this.means.config.retention
    with means.database.read() as connection:
        stocks = retention.stocks(connection)
        this.expiries = {one.source_id: _expiry(connection, one, limits, this.now) for one in stocks}
    for one in stocks:
        expiry, after = this.expiries[one.source_id], _START
        while expiry.edge > (one.oldest, 0) and this.purged < MOST and not means.stopping.is_set():
            with means.database.read() as connection:
                found = retention.candidates(connection, one.source_id, expiry, after, BATCH)
            if not found:
                break
            after = found[-1]
            done = _purge(this, [entry_id for _, entry_id in found])
            this.purged += done
            yield done


def _expiry(connection: Connection, stock: Stock, limits: Retention, now: datetime) -> Expiry:
    many = stock.kind != "folder" and stock.entries > limits.per_source
    return expiry(stock, limits, now, retention.edge(connection, stock.source_id, limits.per_source) if many else None)


def expiry(stock: Stock, limits: Retention, now: datetime, full: Edge | None) -> Expiry:
    """Which of a source's entries have expired; `full` is the last one that `retention.per_source` leaves room for."""
    old = now - timedelta(days=limits.days) - SEEN_PRECISION  # rather a day too late than too early
    edge = max((old, 0), full or _START)
    # What a source showed last it showed until it was last checked; one that left the config shows nothing any more.
    shows = stock.configured or (stock.last_check or now) >= old
    if stock.kind == "folder":
        return Expiry(edge, files=shows)
    if shows:
        edge = min(edge, (stock.last_read - SEEN_PRECISION, 0) if stock.last_read else _START)
    return Expiry(edge, files=False)


def _purge(this: _Run, ids: list[int]) -> int:
    """Purge what is still expired of these, with their stories; all or nothing."""
    means = this.means
    with means.database.write() as connection:
        doomed = retention.doomed(connection, ids, this.expiries)
        if not doomed:
            return 0
        titles = retention.titles(connection, doomed)
        graves = {one: Grave(title_digest(title), words) for one, (title, words) in titles.items()}
        _tell(connection, doomed, this.now)
        indexing.erase(connection, retention.stories(connection, doomed))
        paths = retention.purge(connection, doomed, graves, this.now)
        # Before the transaction ends: a file gone too early is written again, one that is left would stay for ever.
        for path in paths:
            publish.remove(means.root, path)
        documents.forget(connection, paths)
    return len(doomed)


def _tell(connection: Connection, ids: list[int], now: datetime) -> None:
    """One line of the trace for each source: the entries' own go with them."""
    counts = Counter(retention.sources(connection, ids))
    told = [Event("purged", f"{count} entries that it has not shown for long", name) for name, count in counts.items()]
    events.record(connection, told, now)


def _read(connection: Connection) -> Runs:
    kept = json.loads(settings.get(connection, _KEY) or "[null, null]")
    return Runs(*(None if one is None else datetime.fromisoformat(one).astimezone(UTC) for one in kept))


def _keep(connection: Connection, runs: Runs) -> None:
    kept = [one and one.isoformat() for one in (runs.ended, runs.looked)]
    settings.put(connection, _KEY, json.dumps(kept))
