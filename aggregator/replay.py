"""Today's rules applied to what is stored: originals are kept, so a new rule counts for old entries too.

Ids, dates, versions and addresses stay as they are; what differs is written, and grouped and published
anew afterwards. What today's rules drop leaves publication but not the database, and comes back as soon as
they no longer do. Nothing here asks a source; what was refused when it came was not kept, and is
read again at the next check.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b

from sqlalchemy import Connection

from aggregator import __version__
from aggregator.clean import clean
from aggregator.dedupe.fingerprint import sign
from aggregator.dedupe.identity import keys
from aggregator.means import Means
from aggregator.model import Dropped, Entry, Event, Key, Prepared
from aggregator.prepare import Recipe
from aggregator.store import categories, entries, events, replays, settings
from aggregator.store.entries import Rewrite
from aggregator.store.replays import Kept

#: Entries of one transaction; an interrupted replay goes on behind the last whole one.
BATCH = 200

#: Under what the database keeps how far a replay came, and by which settings everything is grouped.
PROGRESS, GROUPING = "replay", "grouping"

#: Told of each batch: entries done so far, and all that there are.
Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many entries were looked at, and what became of them; the rest stayed as it was."""

    entries: int = 0
    changed: int = 0
    dropped: int = 0
    back: int = 0

    def __add__(self, other: Replayed) -> Replayed:
        return Replayed(
            self.entries + other.entries,
            self.changed + other.changed,
            self.dropped + other.dropped,
            self.back + other.back,
        )


def replay(means: Means, told: Told = lambda _done, _all: None) -> Replayed:
    """Apply today's rules to every stored entry of a configured source, in the order of arrival.

    For the one writer; group and publish afterwards. Stops at the next batch where the process is to end,
    and goes on from there when it is called with the same configuration again. A second replay
    changes nothing. Entries of sources that left the config stay as they are.
    """
    plan = _digest([__version__, *map(repr, _rules(means)), *(c.model_dump_json() for c in means.config.categories)])
    with means.database.read() as connection:
        after, total = _reached(connection, plan), replays.count(connection)
    tally = Replayed()
    while not means.stopping.is_set():
        with means.database.read() as connection:
            batch = replays.batch(connection, after, BATCH)
        if not batch:
            _finish(means)
            break
        after = batch[-1].id
        made = [(kept, again(kept, means.recipes[kept.source])) for kept in batch if kept.source in means.recipes]
        with means.database.write() as connection:
            tally += replace(_store(connection, means, made), entries=len(batch))
            settings.put(connection, PROGRESS, json.dumps([plan, after]))
        told(tally.entries, total)
    return tally


def bring_back(connection: Connection, means: Means, ids: Collection[int]) -> Replayed:
    """Do the same with these entries alone, in the caller's transaction."""
    stored = [kept for kept in replays.those(connection, ids) if kept.source in means.recipes]
    return _store(connection, means, [(kept, again(kept, means.recipes[kept.source])) for kept in stored])


def again(kept: Kept, recipe: Recipe) -> Prepared | Dropped:
    """What today's rules make of a stored entry, with the dates that it always had.

    It is judged as of when it first came: by the clock a rule about age would drop more each day.
    """
    entry = clean(kept.original, kept.feed, kept.base, recipe.rules, kept.first_seen)
    if isinstance(entry, Dropped):
        return entry
    old = kept.cleaned
    entry = replace(entry, published=old.published, published_claimed=old.published_claimed, updated=old.updated)
    return Prepared(kept.original, entry, sign(kept.original, entry), keys(kept.original, entry))


def differing(old: Entry, new: Entry) -> list[str]:
    """The names of what differs for readers; by which rule it came about is only told."""
    names = [field.name for field in fields(Entry) if field.name != "ruled"]
    return [name for name in names if getattr(old, name) != getattr(new, name)]


def _rules(means: Means) -> Iterable[object]:
    return (means.recipes[name].rules for name in sorted(means.recipes))


def _digest(parts: Iterable[str]) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _reached(connection: Connection, plan: str) -> int:
    """The last entry that an interrupted replay of this very plan did; 0 for a new one."""
    before = json.loads(settings.get(connection, PROGRESS) or "[null, 0]")
    return int(before[1]) if before[0] == plan else 0


def remember_grouping(connection: Connection, means: Means) -> None:
    """Before the first entry is stored: by which settings it will be grouped. Later edits wait for a replay."""
    if settings.get(connection, GROUPING) is None:
        settings.put(connection, GROUPING, _grouping(means))


def _grouping(means: Means) -> str:
    prefer = sorted((name, source.prefer) for name, source in means.sources.items() if source.prefer)
    return _digest([means.config.duplicates.model_dump_json(), repr(prefer)])


def _finish(means: Means) -> None:
    with means.database.write() as connection:
        settings.forget(connection, PROGRESS)
        replays.read_refused_again(connection)
        if settings.changed(connection, GROUPING, _grouping(means)):
            replays.ungroup(connection)


def _store(connection: Connection, means: Means, made: Sequence[tuple[Kept, Prepared | Dropped]]) -> Replayed:
    now = means.clock()
    out = [(kept, one.reason) for kept, one in made if isinstance(one, Dropped) and one.reason != kept.dropped]
    passed = [(kept, one) for kept, one in made if isinstance(one, Prepared)]
    placed = categories.ensure(connection, {path for _, one in passed for path in one.entry.paths}, means.naming, now)
    homes = {kept.id: frozenset(placed[path] for path in one.entry.paths) for kept, one in passed}
    anew = [(kept, one) for kept, one in passed if _differs(kept, one, homes[kept.id])]
    leaving = [kept.id for kept, _ in out if kept.dropped is None]
    replays.leave(connection, leaving)
    entries.drop(connection, {kept.id: reason for kept, reason in out})
    entries.rewrite(connection, [Rewrite(kept.id, one, tuple(homes[kept.id])) for kept, one in anew])
    _add_keys(connection, anew)
    trace = [Event("dropped", reason, kept.source, kept.original.path, kept.id) for kept, reason in out]
    trace += [Event("replayed", _words(kept, one), kept.source, kept.original.path, kept.id) for kept, one in anew]
    events.record(connection, trace, now)
    back = sum(kept.dropped is not None for kept, _ in anew)
    return Replayed(changed=len(anew) - back, dropped=len(leaving), back=back)


def _differs(kept: Kept, made: Prepared, homes: Collection[int]) -> bool:
    same = made.entry == kept.cleaned and kept.signed(made.signature) and homes == kept.categories
    return kept.dropped is not None or not same


def _add_keys(connection: Connection, made: Sequence[tuple[Kept, Prepared]]) -> None:
    """Where a rule changed an address, the next check must know the entry by the new one."""
    by_source: dict[int, dict[int, Sequence[Key]]] = {}
    for kept, one in made:
        by_source.setdefault(kept.source_id, {})[kept.id] = one.keys
    for source_id, wanted in by_source.items():
        entries.point(connection, source_id, replays.free(connection, source_id, wanted))


def _words(kept: Kept, made: Prepared) -> str:
    if kept.dropped is not None:
        return "today's rules no longer leave it out"
    return f"today's rules change: {', '.join(differing(kept.cleaned, made.entry)) or 'what it is compared by'}"
