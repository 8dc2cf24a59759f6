"""Which entries are one article: candidates from the database, the decision pure, the result stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from aggregator.config.schema import Duplicates
from aggregator.dedupe import stories as decide
from aggregator.means import Means
from aggregator.model import Event, Member, Pair
from aggregator.store import events, stories
from aggregator.store.candidates import candidates
from aggregator.store.failures import Portion
from aggregator.store.stories import Grouped

#: Entries that one transaction groups at most: the writer is free for checks in between.
BATCH = 200

#: Whoever decides which entries are one article does so alone, also where several processes could.
STORIES = "stories"


def group(means: Means) -> int:
    """Put every entry that no story holds yet into one; tells how many there were.

    Run it as the only one of its kind. What it decides follows from the set of entries: the
    whole region that new ones touch is decided anew, whatever order they came in.
    """
    prefer = {name: source.prefer for name, source in means.sources.items()}
    total, portion = 0, Portion(BATCH)
    while not means.stopping.is_set():
        grouped = portion.take(partial(_some, means, prefer))
        if not grouped:
            break
        total += grouped
    return total


def _some(means: Means, prefer: Mapping[str, int], most: int) -> int:
    with means.database.write() as connection:
        ids = stories.ungrouped(connection, most)
        if ids:
            now = means.clock()
            events.record(connection, _group(connection, ids, means, prefer, now), now)
    return len(ids)


def _group(
    connection: Connection, ids: list[int], means: Means, prefer: Mapping[str, int], now: datetime
) -> list[Event]:
    options = means.config.duplicates
    read: dict[int, Member] = {}
    pairs = _pairs(connection, ids, options, prefer, read)
    stories.forget_pairs(connection, ids)
    stories.add_pairs(connection, pairs)
    reached, known = stories.region(connection, ids)
    chosen = stories.choices(connection, reached)
    together = [ids for ids, joined in chosen.items() if joined]
    # Most articles are alone, and of those nothing needs to be read.
    linked = {one for pair in known for one in (pair.a, pair.b)} | {one for ids in together for one in ids}
    members = _members(connection, reached & linked, prefer, read)
    groups = decide.group(
        members.values(),
        known,
        options,
        apart=[ids for ids, joined in chosen.items() if not joined],
        together=together,
    )
    groups = sorted([*groups, *((one,) for one in reached - linked)])
    decided = [Grouped(group, _lead(group, members)) for group in groups]
    stories.settle(connection, decided, means.naming, now)
    return [Event("duplicate", f"same article as entry {pair.a}: {pair.why}", entry_id=pair.b) for pair in pairs]


def _lead(group: Sequence[int], members: Mapping[int, Member]) -> int:
    return group[0] if len(group) == 1 else decide.lead([members[one] for one in group]).id


def _members(
    connection: Connection, ids: Iterable[int], prefer: Mapping[str, int], read: dict[int, Member]
) -> dict[int, Member]:
    """These entries with their texts; unpacking them is dear, so what was read in this round is kept in `read`."""
    wanted = set(ids)
    read |= stories.members(connection, wanted - read.keys(), prefer)
    return {one: read[one] for one in wanted}


def _pairs(
    connection: Connection, ids: list[int], options: Duplicates, prefer: Mapping[str, int], read: dict[int, Member]
) -> list[Pair]:
    """Every pair that one of these entries makes with any other, decided from the texts."""
    near = options.near
    found = candidates(connection, ids, options.window, near=near) if options.exact or near else set()
    members = _members(connection, (one for pair in found for one in pair), prefer, read)
    # By the newer one: what is taken from its text for the first is at hand for the rest.
    ordered = sorted(found, key=lambda pair: (pair[1], pair[0]))
    decided = (decide.compare(members[a], members[b], options) for a, b in ordered)
    return [pair for pair in decided if pair is not None]
