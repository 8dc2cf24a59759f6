"""Circuit breakers at work: what is kept back, and when it is let go.

The decision is `dedupe.breaker`'s and pure; here it meets what the store knows of a publisher.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from aggregator.dedupe import breaker, identity
from aggregator.means import Means
from aggregator.model import Event, SourceState, Trouble
from aggregator.store import breakers, conditions, events, sources
from aggregator.store.failures import again


def guard(
    connection: Connection,
    state: SourceState,
    decisions: Sequence[identity.Decision],
    shown: int | None,
    now: datetime,
) -> tuple[set[str], bool]:
    """Judge each publisher's part of the document; tells whose new entries are kept back, and of an accident."""
    ended, checks = breakers.checks(connection, state.id)
    before = {name: breaker.State(**kept) for name, kept in breakers.states(connection, state.id).items()}
    own: dict[str, list[identity.Decision]] = {}
    for item in decisions:
        own.setdefault(item.prepared.publisher, []).append(item)
    accident = False
    for publisher, items in own.items():
        old = before.get(publisher, breaker.State())
        past = _past(connection, state.id, publisher, items, old, checks)
        verdict = breaker.judge(breaker.Look(items, past, now, shown))
        accident |= verdict is not None
        new = before[publisher] = breaker.after(old, verdict, shown, ended, now)
        _follow(connection, state, publisher, old, new, now)
    return {name for name, kept in before.items() if kept.tripped}, accident


def _past(
    connection: Connection,
    source_id: int,
    publisher: str,
    items: Sequence[identity.Decision],
    state: breaker.State,
    checks: Sequence[datetime],
) -> breaker.Past:
    """What is known of a publisher; asked for only once there were checks enough to judge it."""
    if len(checks) < breaker.LEAST_CHECKS:
        return breaker.Past()
    since = state.accepted or breakers.first_seen(connection, source_id, publisher)
    good = sum(since is not None and at >= since for at in checks)
    if good < breaker.LEAST_CHECKS:
        return breaker.Past()
    signatures = [item.prepared.signature for item in items]
    digests = {digest for one in signatures for digest in (one.digest, one.link) if digest}
    return breaker.Past(
        checks=good,
        entries=[breaker.Seen(*row) for row in breakers.recent(connection, source_id, publisher, state.accepted)],
        fewest=state.fewest,
        owners=breakers.owners(connection, source_id, publisher, digests),
        held=breakers.held(connection, source_id, publisher),
    )


def _follow(
    connection: Connection, source: SourceState, publisher: str, old: breaker.State, new: breaker.State, now: datetime
) -> None:
    """Keep a publisher's new state; a breaker that closes lets go of what it kept back."""
    if new != old:
        breakers.save(connection, source.id, {publisher: asdict(new)})
    if new.tripped and not old.tripped:
        trace = [Event("tripped", f"{publisher}: {new.tripped}: {new.reason}", source.name)]
    elif old.tripped and not new.tripped:
        released = breakers.release(connection, source.id, publisher)
        trace = [Event("released", f"{publisher}: no longer kept back", source.name, entry_id=one) for one in released]
    else:
        return
    events.record(connection, trace, now)


def keep_back(
    connection: Connection, source: str, decided: Sequence[tuple[identity.Decision, int]], now: datetime
) -> None:
    held = [entry_id for item, entry_id in decided if isinstance(item, identity.New)]
    breakers.hold(connection, held)
    trace = [Event("held", "kept back by a circuit breaker, not published", source, entry_id=one) for one in held]
    events.record(connection, trace, now)


@again
def accept(means: Means, source: str) -> int | None:
    """Take a source's publishers as they are now, and release what breakers keep back.

    Tells how many entries that were; None where no breaker is tripped.
    """
    now = means.clock()
    with means.database.write(beside=True) as connection:
        released = None
        for state in sources.by_name(connection, [source]):
            for publisher, kept in _tripped(connection, state).items():
                released = (released or 0) + len(breakers.held(connection, state.id, publisher))
                _follow(connection, state, publisher, kept, breaker.accepted(now), now)
                breakers.clear_message(connection, state.id)
                conditions.end_kind(connection, state.id, Trouble.HELD, now)
    return released


def _tripped(connection: Connection, state: SourceState) -> dict[str, breaker.State]:
    kept = {name: breaker.State(**row) for name, row in breakers.states(connection, state.id).items()}
    return {name: kept[name] for name in sorted(kept) if kept[name].tripped}


def confirm(connection: Connection, state: SourceState, now: datetime) -> None:
    """A feed is as it was when it was last understood, which no accident is: a normal check."""
    ended = breakers.last_check(connection, state.id)
    for publisher, old in _tripped(connection, state).items():
        _follow(connection, state, publisher, old, breaker.after(old, None, None, ended, now), now)


def warning(connection: Connection, state: SourceState) -> str | None:
    """What a tripped breaker says with each check, for it is a person who can tell what happened."""
    tripped = _tripped(connection, state)
    if not tripped:
        return None
    why = "; ".join(f"{name}: {kept.tripped}: {kept.reason}" for name, kept in tripped.items())
    name = state.name if state.name.isalnum() else shlex.quote(state.name)
    return (
        f"circuit breaker: {why}; new entries are kept back until three normal checks, "
        f"or publish them with `aggregator sources accept {name}`"
    )
