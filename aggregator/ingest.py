"""From what was decided to what is stored: the one place that knows both identity and the store.

Everything here runs inside a transaction that the pipeline opened: an entry, the keys it goes by,
its categories and its trace appear together or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from aggregator import health, holding, moving, prepare, schedule
from aggregator.conditions import Look
from aggregator.deciding import Complete, decide
from aggregator.dedupe import identity, ids
from aggregator.means import Means
from aggregator.model import (
    Event,
    Failed,
    Fetched,
    Move,
    NotModified,
    Outcome,
    ParsedFeed,
    Path,
    Prepared,
    Recognized,
    Refused,
    Result,
    SourceState,
    Tally,
    Validators,
)
from aggregator.prepare import Read, Recipe
from aggregator.schedule import Ended
from aggregator.store import categories, checks, entries, events, retention, sources
from aggregator.store.categories import Naming
from aggregator.store.checks import Before, Finished
from aggregator.store.entries import Birth, Change
from aggregator.store.failures import again

#: Least distance between two `updated` of one entry: readers compare whole seconds.
TICK = timedelta(seconds=1)

#: Refused items of one document that are traced one by one; the source's row counts them all.
MOST_TOLD = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: the counts, and the entry of each file."""

    tally: Tally
    #: Entry ids by path, for folder sources.
    files: dict[str, int]
    #: A circuit breaker took the document for an accident.
    accident: bool = False
    #: Every decision that was stored, and the entry of each.
    decided: Sequence[tuple[identity.Decision, int]] = ()


def ingest(
    connection: Connection,
    state: SourceState,
    batch: Sequence[Prepared],
    naming: Naming,
    now: datetime,
    shown: int | None = None,
    recognized: Sequence[Recognized] = (),
    complete: Complete = lambda _: None,
) -> Stored:
    """Identify the entries of one document, or of one batch of files, and store what is new or changed.

    `shown`: how many items the document has, refused ones included; None for files and for a part of a
    document. What a circuit breaker keeps back is stored like everything else, and grouped once it is released.
    """
    decisions, trust = decide(connection, state, batch, recognized, complete)
    tripped, accident = holding.guard(connection, state, decisions, shown, now)
    if accident and shown is not None:  # a feed is read again, and then its changes are taken or gone
        decisions = [item for item in decisions if not isinstance(item, identity.Changed)]
    placed = _place(connection, decisions, naming, now)
    fresh = [decision for decision in decisions if isinstance(decision, identity.New)]
    changed = [decision for decision in decisions if isinstance(decision, identity.Changed)]
    same = [decision for decision in decisions if isinstance(decision, identity.Same)]
    born = entries.add(connection, state.id, _births(connection, state.name, fresh, placed, tripped, now))
    _change(connection, changed, placed, now)
    entries.seen(connection, [item.entry_id for item in same], now)
    if trust != identity.Trust(state.ids_distinct, state.links_distinct):
        sources.trust(connection, state.id, ids=trust.guid, links=trust.link)
    met: list[identity.Changed | identity.Same] = [*changed, *same]
    everyone: list[tuple[identity.Decision, int]] = [
        *zip(fresh, born, strict=True),
        *((item, item.entry_id) for item in met),
    ]
    entries.point(connection, state.id, [(item.entry_id, key) for item in met for key in item.add])
    events.record(connection, _trace(state.name, everyone), now)
    holding.keep_back(connection, state.name, [item for item in everyone if item[0].prepared.publisher in tripped], now)
    files = {
        item.prepared.parsed.path: entry_id for item, entry_id in everyone if item.prepared.parsed.path is not None
    }
    return Stored(Tally(new=len(fresh), changed=len(changed), same=len(same)), files, accident, everyone)


def _place(
    connection: Connection, decisions: Iterable[identity.Decision], naming: Naming, now: datetime
) -> dict[Path, int]:
    wanted = {path for item in decisions if not isinstance(item, identity.Same) for path in item.prepared.entry.paths}
    if not wanted:
        return {}
    return categories.ensure(connection, wanted, naming, now)


def _categories(prepared: Prepared, placed: dict[Path, int]) -> tuple[int, ...]:
    return tuple(placed[path] for path in prepared.entry.paths)


def _births(
    connection: Connection,
    source: str,
    fresh: Sequence[identity.New],
    placed: dict[Path, int],
    tripped: Collection[str],
    now: datetime,
) -> list[Birth]:
    births: list[Birth] = []
    asked = {ids.public_uuid(source, item.key, lambda _: False) for item in fresh}
    taken = entries.uuids_taken(connection, asked)

    def is_taken(uuid: UUID) -> bool:
        """All first choices are asked for at once; a second one is rare."""
        return uuid in taken or (uuid not in asked and uuid in entries.uuids_taken(connection, [uuid]))

    for item in fresh:
        uuid = ids.public_uuid(source, item.key, is_taken)
        taken.add(uuid)
        entry = item.prepared.entry
        updated = ids.stamp(entry.updated or entry.published or now, uuid)
        # The blocks of what is kept back count for nothing until it is released.
        stored = replace(item.prepared, blocks=None) if entry.publisher in tripped else item.prepared
        births.append(Birth(stored, uuid, updated, now, item.add, _categories(stored, placed)))
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
    #: Why it brought nothing; None when all is well.
    failure: Failed | None = None
    #: None where nothing was understood: the old ones stay.
    validators: Validators | None = None
    #: Seconds that the server says its answer stays fresh.
    fresh: float = 0.0
    #: Where permanent redirects led.
    moved: str | None = None


def failed(state: SourceState, failure: Failed) -> Visit:
    """A check that brought nothing; the remedy stands in the message, for whoever reads it."""
    message = f"{failure.message.removesuffix('.')}: {failure.remedy}" if failure.remedy else failure.message
    return Visit(Result(state.name, failure.outcome, message), failure)


def unchanged(state: SourceState, answer: NotModified) -> Visit:
    """A check that found what is known."""
    return Visit(Result(state.name, Outcome.UNCHANGED), None, answer.validators, answer.wait, answer.moved)


#: Writes what belongs into the transaction that stores a document.
Also = Callable[[Connection, Stored], None]


@again
def feed(
    means: Means,
    state: SourceState,
    recipe: Recipe,
    answer: Fetched,
    read: Read,
    also: Also = lambda _connection, _stored: None,
) -> Result:
    """Store a feed's entries, its validators and its next due time: all in one transaction."""
    now = means.clock()
    with means.database.write(beside=True) as connection:
        shown = None if answer.partial else len(read.prepared) + len(read.recognized) + len(read.refused)
        refused = list(read.refused)
        complete = partial(_complete, read.feed, answer.document.url, recipe, now, refused)
        stored = ingest(connection, state, read.prepared, means.naming, now, shown, read.recognized, complete)
        also(connection, stored)
        refuse(connection, state.name, refused[:MOST_TOLD], now)
        if stored.accident:
            sources.refusals(connection, state.id, len(refused))
        else:
            sources.describe(connection, state.id, read.feed, answer.document.url, len(refused))
            if not answer.partial:
                retention.read(connection, state.id, [entry_id for _, entry_id in stored.decided], now)
        tally = stored.tally + Tally(refused=len(refused))
        outcome = Outcome.OK if tally.new or tally.changed else Outcome.UNCHANGED
        # An accident is not remembered: while it lasts it is judged anew, and 304 means that it is over.
        validators = None if stored.accident else answer.validators
        visit = Visit(Result(state.name, outcome, None, tally), None, validators, answer.wait, answer.moved)
        return _end(connection, means, state, recipe, visit, checks.before(connection, state.id))


def _complete(
    feed: ParsedFeed, base: str | None, recipe: Recipe, now: datetime, refused: list[Refused], one: Recognized
) -> Prepared | None:
    made = prepare.complete(one, feed, base, recipe, now)
    if isinstance(made, Prepared):
        return made
    refused.append(made)
    return None


@again
def conclude(means: Means, state: SourceState, recipe: Recipe, visit: Visit) -> Result:
    """Write how a check ended that stored nothing, or has stored everything."""
    with means.database.write(beside=True) as connection:
        was = checks.before(connection, state.id)
        if was.tripped and visit.result.outcome is Outcome.UNCHANGED and recipe.source.path is None:
            holding.confirm(connection, state, means.clock())
            was = checks.before(connection, state.id)
        return _end(connection, means, state, recipe, visit, was)


def interrupted(means: Means, state: SourceState, tally: Tally) -> Result:
    """The process ends in the middle of a scan: the source is due at once, and the scan goes on."""
    with means.database.write(beside=True) as connection:
        sources.claim(connection, [state.id], means.clock())
    return Result(state.name, Outcome.OK, None, tally)


def _end(connection: Connection, means: Means, state: SourceState, recipe: Recipe, visit: Visit, was: Before) -> Result:
    """Write how the check ended, and when the next is due."""
    now, failure, said = means.clock(), visit.failure, was.described
    message = visit.result.message or (holding.warning(connection, state) if was.tripped else None)
    result = replace(visit.result, message=message)
    ended = _ended(state, visit, said, now)
    due = schedule.next_check(recipe.source, means.config.schedule, ended, now=now, timezone=recipe.timezone)
    move = _moved(connection, state, recipe, visit, now)
    finished = Finished(
        result,
        now,
        due,
        failures=ended.failures,
        gone=ended.gone,
        held_until=now + schedule.held(ended.hold) if ended.hold else None,
        scope=failure.scope if failure else None,
        move=move,
        arrivals=ended.arrivals,
        validators=visit.validators,
    )
    if checks.finish(connection, state, recipe.source, finished, was):
        look = _look(state, finished, visit, said)
        health.after_check(connection, means, state, look, result.tally.new, troubled=was.troubled)
    return result


def _look(state: SourceState, finished: Finished, visit: Visit, said: ParsedFeed) -> Look:
    """What the check showed of the source's health."""
    message = finished.result.message
    return Look(
        finished.result.outcome,
        message or "",
        failures=finished.failures,
        failed=visit.failure is not None,
        counted=finished.failures > state.failures,
        gone=finished.gone,
        moved=finished.move.to if finished.move and finished.move.adopted else None,
        degraded=sources.DEGRADED if said.degraded else None,
        held=None if visit.failure else message,
        arrivals=finished.arrivals,
    )


def _ended(state: SourceState, visit: Visit, said: ParsedFeed, now: datetime) -> Ended:
    """What the next due time depends on: the answer, the feed's own wishes, and how often it brings something."""
    failure = visit.failure
    everybody = failure is not None and failure.scope == "everybody"
    # Who is told when to come again, or is not asked before, comes then; that is no failure to back off from.
    told = failure is not None and failure.outcome is Outcome.RATE_LIMITED and failure.wait > 0
    # The first good check is an arrival too: silence is counted from it.
    news = visit.result.tally.new or not (failure or state.arrivals)
    return Ended(
        gone=failure is not None and moving.final(state.move, failure),
        failures=0 if failure is None else state.failures + (not everybody and not told),
        everybody=everybody,
        hold=failure.wait if failure else 0.0,
        wish=max(visit.fresh, said.wait),
        skip_hours=said.skip_hours,
        skip_days=said.skip_days,
        arrivals=schedule.arrived(state.arrivals, now) if news else state.arrivals,
    )


def _moved(connection: Connection, state: SourceState, recipe: Recipe, visit: Visit, now: datetime) -> Move | None:
    """Where the source is asked from now on; every turn of it leaves a trace."""
    old = state.move
    if visit.failure:
        return moving.after_failure(old, visit.failure)
    new = moving.after_feed(recipe.source, old, visit.moved, now)
    if told := moving.told(old, new):
        events.record(connection, [Event("moved", told, state.name)], now)
    return new
