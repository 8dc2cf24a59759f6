"""What publishers repeat in all their articles: counted, learned, left out of what is published.

It comes between storing and grouping. The blocks of everything that is new are counted first;
then each publisher's blocks are judged by all its articles; then all articles are written without
what was learned, also earlier ones that a newly learned block touches. So the outcome depends on
the set of articles and not on their order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from sqlalchemy import Connection

from aggregator.clean.blocks import Reach, blocks, reach, without
from aggregator.config import units
from aggregator.config.schema import Clean
from aggregator.means import Means
from aggregator.model import Entry, Event
from aggregator.store import blocks as stored
from aggregator.store import events, settings
from aggregator.store.blocks import Found, Noted, Publisher, Waiting
from aggregator.store.failures import again
from aggregator.store.tables import COUNTED, FOUND, UNCOUNTED

#: Entries of one transaction: the writer is free for checks in between. Counting reads all
#: articles that share a block with one of the batch, so that few batches are better.
BATCH, COUNTED_AT_ONCE = 200, 1000

#: Publishers of one transaction.
JUDGED_AT_ONCE = 20

#: Blocks of a publisher that are not learned and are shown to people.
MOST_CANDIDATES = 10

#: Under this key the wishes are kept that the stored reaches were judged by.
WISHES = "learning"


@dataclass(frozen=True, slots=True)
class Repeated:
    """A block that articles of one publisher share, for people."""

    publisher: str
    #: Learned, confirmed or forbidden by a person, or a candidate.
    state: Literal["learned", "confirmed", "forbidden", "candidate"]
    #: Where it is left out.
    reach: Reach
    #: Different articles that have it, and all different ones.
    articles: int
    of: int
    sample: str


@dataclass(frozen=True, slots=True)
class Wishes:
    """What config.yaml says of one source's boilerplate."""

    learn: bool = True
    confirm: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()

    def judge(self, count: int, total: int, sample: str) -> Reach:
        """Where a block is left out; a person's word counts before numbers, and a ban before a leave."""
        if not self.learn or _matches(self.forbid, sample):
            return Reach.NOWHERE
        return Reach.ANYWHERE if _matches(self.confirm, sample) else reach(count, total)

    def state(self, block: Noted) -> Literal["learned", "confirmed", "forbidden", "candidate"]:
        if _matches(self.forbid, block.sample):
            return "forbidden"
        if _matches(self.confirm, block.sample):
            return "confirmed"
        return "learned" if block.reach else "candidate"


def _matches(patterns: Iterable[str], sample: str) -> bool:
    for pattern in patterns:
        try:
            if units.pattern(pattern).search(sample, timeout=units.PATTERN_SECONDS):
                return True
        except TimeoutError:
            continue
    return False


def wishes(means: Means, source: str) -> Wishes:
    """The source's, before those for all; a source that is gone from the config follows those for all."""
    ours = means.config.clean
    given = means.sources[source].clean if source in means.sources else None
    own = given or Clean()
    learn = own.learn if "learn" in own.model_fields_set else ours.learn
    return Wishes(learn, (*own.confirm, *ours.confirm), (*own.forbid, *ours.forbid))


def repeated(means: Means, source: str) -> list[Repeated]:
    """What is learned of a source's publishers as of the last check, and each one's most frequent candidates."""
    found: list[Repeated] = []
    with means.database.read() as connection:
        for publisher in sorted(stored.publishers_of(connection, source)):
            said, total = wishes(means, source), stored.total(connection, publisher)
            told = [
                Repeated(publisher.name, said.state(one), Reach(one.reach), one.articles, total, one.sample)
                for one in stored.noted(connection, publisher)
            ]
            candidates = [one for one in told if one.state == "candidate"][:MOST_CANDIDATES]
            found += [*(one for one in told if one.state != "candidate"), *candidates]
    return found


@again
def learn(means: Means) -> None:
    """Count, judge and leave out; does nothing where neither entries nor wishes are new.

    Run it as the only one of its kind, before grouping: what it has not done with is not grouped.
    """
    concerned = _count(means)
    now = _all_wishes(means)
    with means.database.read() as connection:
        concerned |= stored.undone(connection)
        anew = settings.get(connection, WISHES) != now
        concerned |= stored.publishers(connection) if anew else set()
    waiting = sorted(concerned)
    for start in range(0, len(waiting), JUDGED_AT_ONCE):
        if means.stopping.is_set():
            return
        with means.database.write() as connection:
            for publisher in waiting[start : start + JUDGED_AT_ONCE]:
                _judge(connection, means, publisher)
    _leave_out(means)
    if anew:
        with means.database.write() as connection:
            settings.put(connection, WISHES, now)


def _all_wishes(means: Means) -> str:
    said = {name: wishes(means, name) for name in sorted(means.sources)}
    ours = means.config.clean
    rest = Wishes(ours.learn, ours.confirm, ours.forbid)
    return json.dumps([repr(rest), *(f"{name}: {its!r}" for name, its in said.items() if its != rest)])


def _count(means: Means) -> set[Publisher]:
    """Count what is new, and tell whose it is; of an entry that changed hands, whose it was too."""
    concerned: set[Publisher] = set()
    for stage, find in ((FOUND, _known), (UNCOUNTED, _looked_for)):
        while not means.stopping.is_set():
            with means.database.write() as connection:
                batch = stored.waiting(connection, stage, COUNTED_AT_ONCE)
                if not batch:
                    break
                concerned |= stored.count(connection, find(connection, batch), partial(_samples, connection))
    return concerned


def _known(_: Connection, batch: Sequence[Waiting]) -> list[Found]:
    """What was found when the entries were read; they come with their keys alone."""
    return [Found(one, dict.fromkeys(one.keys)) for one in batch]


def _looked_for(connection: Connection, batch: Sequence[Waiting]) -> list[Found]:
    words = stored.cleaned(connection, [one.id for one in batch if not one.dropped])
    return [Found(one, blocks(words[one.id], one.publisher.source) if one.id in words else {}) for one in batch]


def _samples(connection: Connection, holders: Mapping[int, Waiting]) -> dict[int, str]:
    """What people can tell blocks by: most are one entry's alone and never asked for."""
    entries = {one.id: one for one in holders.values()}
    words = stored.cleaned(connection, entries)
    found = {i: blocks(words[i], one.publisher.source) for i, one in entries.items()}
    return {key: sample for key, one in holders.items() if (sample := found[one.id].get(key))}


def _judge(connection: Connection, means: Means, publisher: Publisher) -> None:
    said, total = wishes(means, publisher.source), stored.total(connection, publisher)
    judged = [(one, said.judge(one.articles, total, one.sample)) for one in stored.noted(connection, publisher)]
    changed = [(one, where) for one, where in judged if where != one.reach]
    stored.learn(connection, {one.key: where for one, where in changed})
    trace = [
        Event("learned" if where else "unlearned", _told(publisher, one, where, total))
        for one, where in changed
        if not (where and one.reach)
    ]
    events.record(connection, trace, means.clock())


def _told(publisher: Publisher, block: Noted, where: Reach, total: int) -> str:
    what = "left out" if where else "not left out any more"
    return f"{publisher.source}: {publisher.name}: {what}, in {block.articles} of {total} articles: {block.sample}"


def _leave_out(means: Means) -> None:
    while not means.stopping.is_set():
        with means.database.write() as connection:
            batch = stored.waiting(connection, COUNTED, BATCH)
            if not batch:
                return
            stored.show(connection, _shown(connection, batch))


def _shown(connection: Connection, batch: Sequence[Waiting]) -> dict[int, Entry | None]:
    """What is left of each entry without what is learned; None where that is all of it."""
    learned = stored.learned(connection, {one.publisher for one in batch})
    touched = [one for one in batch if not (one.dropped or learned[one.publisher].keys().isdisjoint(one.keys))]
    words = stored.cleaned(connection, [one.id for one in touched])
    left: dict[int, Entry | None] = {one.id: None for one in batch}
    for one in touched:
        reaches = {key: Reach(at) for key, at in learned[one.publisher].items()}
        rest = without(words[one.id], one.publisher.source, reaches)
        left[one.id] = None if rest is words[one.id] else rest
    return left
