"""Taking articles down for good: a person's word, or a folder whose files are gone (`withdraw_deleted`).

What is withdrawn leaves feeds, archives, pages and search, and is told to readers (RFC 6721); it stays in the
database without being compared with anything, so that neither a check nor a replay brings it back. Group
and publish afterwards.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import Connection

from aggregator import replay
from aggregator.means import Means
from aggregator.model import Event
from aggregator.store import events, stories, withdrawals

#: Entries of one transaction.
BATCH = 200

#: How long a file has to be gone: generators delete their folder and write it anew.
PATIENCE = timedelta(hours=1)

#: What is said of an article where a person gives no reason.
BY_PERSON = "withdrawn by a person"


def article(connection: Connection, means: Means, entry_id: int, reason: str | None = None) -> list[int]:
    """Take down the article as readers see it: the entry, and every other of its story.

    Returns the entries that were published until now. A copy that somebody brings later is an entry of
    its own and is published; `story split` first takes an entry out that is to stay.
    """
    return _take_down(connection, means, {entry_id, *stories.companions(connection, entry_id)}, reason or BY_PERSON)


def undo(connection: Connection, means: Means, entry_id: int) -> bool:
    """Publish a withdrawn entry again, under its id and with its dates; tells whether it was withdrawn."""
    return bool(_give_back(connection, means, [entry_id], "a person took the withdrawal back"))


def source(means: Means, name: str, reason: str | None = None) -> int:
    """Take down everything that a source brought; tells how many entries that were.

    The source may have left the configuration. Others that carried the same articles stay published.
    """
    count = 0
    while not means.stopping.is_set():
        with means.database.write() as connection:
            ids = withdrawals.of_source(connection, name, BATCH)
            if not ids:
                break
            count += len(_take_down(connection, means, ids, reason or f"the source {name} was removed"))
    return count


def follow_files(means: Means, name: str, source_id: int) -> None:
    """After a scan: take down what has been gone for an hour, and publish again what came back.

    For folders with `withdraw_deleted`. Two scans saw that a file was missing: the one that noted it, and this one.
    """
    while not means.stopping.is_set():
        with means.database.write() as connection:
            _give_back(connection, means, withdrawals.returned(connection, source_id), "its file is back")
            ids = withdrawals.lost(connection, source_id, means.clock() - PATIENCE, BATCH)
            if not ids:
                return
            _take_down(connection, means, ids, withdrawals.FILE_GONE, name)


def _take_down(
    connection: Connection, means: Means, ids: Collection[int], reason: str, source: str | None = None
) -> list[int]:
    now = means.clock()
    gone = withdrawals.take_down(connection, ids, reason, now)
    events.record(connection, [Event("withdrawn", reason, source, entry_id=one) for one in gone], now)
    return gone


def _give_back(connection: Connection, means: Means, ids: Collection[int], why: str) -> list[int]:
    back = withdrawals.give_back(connection, ids)
    replay.bring_back(connection, means, back)
    events.record(connection, [Event("given-back", why, entry_id=one) for one in back], means.clock())
    return back
