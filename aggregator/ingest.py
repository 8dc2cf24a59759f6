"""From what was decided to what is stored: the one place that knows both identity and the store.

Everything here runs inside a transaction that the pipeline opened: an entry, the keys it goes by,
its categories and its trace appear together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from aggregator import holding, schedule
from aggregator.dedupe import identity, ids
from aggregator.means import Means
from aggregator.model import (
    Event,
    Failed,
    Fetched,
    Outcome,
    Path,
    Prepared,
    Refused,
    Result,
    SourceState,
    Tally,
    Validators,
)
from aggregator.prepare import Read, Recipe
from aggregator.store import categories, entries, events, sources
from aggregator.store.categories import Naming
from aggregator.store.entries import Birth, Change

#: Least distance between two `updated` of one entry: readers compare whole seconds.
TICK = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: the counts, and the entry of each file."""

    tally: Tally
    #: Entry ids by path, for folder sources.
    files: dict[str, int]
    #: A circuit breaker took the document for an accident.
    accident: bool = False


def ingest(
    connection: Connection,
    state: SourceState,
    batch: Sequence[Prepared],
    naming: Naming,
    now: datetime,
    shown: int | None = None,
) -> Stored:
    """Identify the entries of one document, or of one batch of files, and store what is new or changed.

    `shown`: how many items the document has, refused ones included; None for files. What a circuit
    breaker keeps back is stored like everything else, and grouped once it is released.
    """
    trust = identity.trust_of(batch, identity.Trust(state.ids_distinct, state.links_distinct))
    decisions = identity.identify(batch, _known(connection, state.id, batch), trust=trust)
    tripped, accident = holding.guard(connection, state, decisions, shown, now)
    if accident and shown is not None:  # a feed is read again, and then its changes are taken or gone
        decisions = [item for item in decisions if not isinstance(item, identity.Changed)]
    placed = _place(connection, decisions, naming, now)
    fresh = [decision for decision in decisions if isinstance(decision, identity.New)]
    changed = [decision for decision in decisions if isinstance(decision, identity.Changed)]
    same = [decision for decision in decisions if isinstance(decision, identity.Same)]
    born = entries.add(connection, state.id, _births(connection, state.name, fresh, placed, now))
    _change(connection, changed, placed, now)
    entries.seen(connection, [item.entry_id for item in same], now)
    sources.trust(connection, state.id, ids=trust.guid, links=trust.link)
    known: list[identity.Changed | identity.Same] = [*changed, *same]
    everyone: list[tuple[identity.Decision, int]] = [
        *zip(fresh, born, strict=True),
        *((item, item.entry_id) for item in known),
    ]
    entries.point(connection, state.id, [(item.entry_id, key) for item in known for key in item.add])
    events.record(connection, _trace(state.name, everyone), now)
    holding.keep_back(
        connection, state.name, [item for item in everyone if item[0].prepared.entry.publisher in tripped], now
    )
    files = {
        item.prepared.parsed.path: entry_id for item, entry_id in everyone if item.prepared.parsed.path is not None
    }
    return Stored(Tally(new=len(fresh), changed=len(changed), same=len(same)), files, accident)


def _known(connection: Connection, source_id: int, batch: Sequence[Prepared]) -> identity.Known:
    keys = [key for prepared in batch for key in prepared.keys]
    fingerprints = {item.signature.fingerprint for item in batch if item.parsed.path is not None}

    def recall(entry_id: int) -> identity.Remembered:
        old = entries.recall(connection, entry_id)
        enclosures = tuple(enclosure.url for enclosure in old.enclosures)
        return identity.Remembered(old.title, old.text, old.image.url if old.image else None, enclosures)

    return identity.Known(
        entries.known(connection, source_id, keys), recall, entries.vanished(connection, source_id, fingerprints)
    )


def _place(
    connection: Connection, decisions: Iterable[identity.Decision], naming: Naming, now: datetime
) -> dict[Path, int]:
    wanted = {path for item in decisions if not isinstance(item, identity.Same) for path in item.prepared.entry.paths}
    return categories.ensure(connection, wanted, naming, now)


def _categories(prepared: Prepared, placed: dict[Path, int]) -> tuple[int, ...]:
    return tuple(placed[path] for path in prepared.entry.paths)


def _births(
    connection: Connection, source: str, fresh: Sequence[identity.New], placed: dict[Path, int], now: datetime
) -> list[Birth]:
    births: list[Birth] = []
    given = set()
    for item in fresh:
        uuid = ids.public_uuid(source, item.key, lambda one: one in given or entries.uuid_taken(connection, one))
        given.add(uuid)
        entry = item.prepared.entry
        updated = ids.stamp(entry.updated or entry.published or now, uuid)
        births.append(Birth(item.prepared, uuid, updated, now, item.add, _categories(item.prepared, placed)))
    return births


def _change(
    connection: Connection, changed: Sequence[identity.Changed], placed: dict[Path, int], now: datetime
) -> None:
    stamps = entries.stamps(connection, [item.entry_id for item in changed if item.substance])
    entries.change(
        connection,
        [
            Change(
                item.entry_id,
                item.prepared,
                ids.stamp(
                    bump(stamps[item.entry_id].updated, item.prepared.entry.updated, now), stamps[item.entry_id].uuid
                )
                if item.substance
                else None,
                _categories(item.prepared, placed),
            )
            for item in changed
        ],
        now,
    )


def bump(old: datetime, claimed: datetime | None, now: datetime) -> datetime:
    """The `updated` of an entry that changed in substance.

    The publisher's own where it moved on and is not ahead of us, else now; never less than a
    second after the old one, also when the clock was set back.
    """
    own = claimed if claimed and old.replace(microsecond=0) < claimed <= now else now
    return max(own, old + TICK)


def _trace(source: str, decided: Iterable[tuple[identity.Decision, int]]) -> list[Event]:
    return [
        Event(
            KINDS[type(item)],
            "; ".join((item.why, *item.prepared.entry.ruled)),
            source,
            item.prepared.parsed.path,
            entry_id,
        )
        for item, entry_id in decided
        if not isinstance(item, identity.Same)
    ]


KINDS = {identity.New: "new", identity.Changed: "changed"}


def refuse(connection: Connection, source: str, refused: Sequence[Refused], now: datetime) -> None:
    """Leave a trace of everything that could not be taken."""
    events.record(connection, [Event("refused", item.reason, source, item.path) for item in refused], now)


@dataclass(frozen=True, slots=True)
class Visit:
    """How a check went, as far as the source's own row is concerned."""

    result: Result
    #: None where nothing was understood: the old ones stay.
    validators: Validators | None = None
    #: Seconds that the server or the feed wishes us to wait at least.
    wait: float = 0.0


def failed(state: SourceState, failure: Failed) -> Visit:
    """A check that brought nothing; the remedy stands in the message, for whoever reads it."""
    message = f"{failure.message}: {failure.remedy}" if failure.remedy else failure.message
    return Visit(Result(state.name, failure.outcome, message), wait=failure.wait)


def feed(means: Means, state: SourceState, recipe: Recipe, answer: Fetched, read: Read) -> Result:
    """Store a feed's entries, its validators and its next due time: all in one transaction."""
    now = means.clock()
    with means.database.write() as connection:
        shown = len(read.prepared) + len(read.refused)
        stored = ingest(connection, state, read.prepared, means.naming, now, shown)
        refuse(connection, state.name, read.refused, now)
        if stored.accident:
            sources.refusals(connection, state.id, len(read.refused))
        else:
            sources.describe(connection, state.id, read.feed, answer.document.url, len(read.refused))
        tally = stored.tally + Tally(refused=len(read.refused))
        outcome = Outcome.OK if tally.new or tally.changed else Outcome.UNCHANGED
        # An accident is not remembered: while it lasts it is judged anew, and 304 means that it is over.
        validators = None if stored.accident else answer.validators
        visit = Visit(Result(state.name, outcome, None, tally), validators, max(answer.wait, read.feed.wait))
        return end(connection, means, state, recipe, visit)


def conclude(means: Means, state: SourceState, recipe: Recipe, visit: Visit) -> Result:
    """Write how a check ended that stored nothing, or has stored everything."""
    with means.database.write() as connection:
        if visit.result.outcome is Outcome.UNCHANGED and recipe.source.path is None:
            holding.confirm(connection, state, means.clock())
        return end(connection, means, state, recipe, visit)


def _held(means: Means, now: datetime, wait: float) -> datetime:
    """Until when a server's own wish holds, which is never longer than the longest time between checks."""
    return now + min(timedelta(seconds=wait), means.config.schedule.max)


def interrupted(means: Means, state: SourceState, tally: Tally) -> Result:
    """The process ends in the middle of a scan: the source is due at once, and the scan goes on."""
    with means.database.write() as connection:
        sources.claim(connection, [state.id], means.clock())
    return Result(state.name, Outcome.OK, None, tally)


def end(connection: Connection, means: Means, state: SourceState, recipe: Recipe, visit: Visit) -> Result:
    """Write how the check ended, and when the next is due."""
    outcome = visit.result.outcome
    failures = 0 if outcome in schedule.GOOD else state.failures + 1
    now = means.clock()
    result = replace(visit.result, message=visit.result.message or holding.warning(connection, state))
    due = schedule.next_check(
        recipe.source,
        means.config.schedule,
        now=now,
        outcome=outcome,
        failures=failures,
        wait=visit.wait,
        timezone=recipe.timezone,
    )
    sources.finish(
        connection,
        state,
        result,
        now=now,
        next_check=due,
        failures=failures,
        disabled="gone" if outcome is Outcome.GONE else None,
        held_until=_held(means, now, visit.wait) if failures and visit.wait else None,
        validators=visit.validators,
    )
    return result
