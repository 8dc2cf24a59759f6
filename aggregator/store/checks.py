"""How checks ended: in the source's own row, and in the history of its last ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Update, bindparam, delete, exists, insert, select, update

from aggregator.config.schema import Source
from aggregator.model import Move, ParsedFeed, Result, SourceState, Validators
from aggregator.store import sources
from aggregator.store.tables import STANDING, breaker, condition, source, source_check
from aggregator.store.types import EPOCH, BigId

#: Checks of each source that are kept for people, and how many more may be: to delete one with each check
#: costs as much as to write it.
HISTORY, SLACK = 50, 10


@dataclass(frozen=True, slots=True)
class Finished:
    """How a check ended, and what that means for the source."""

    result: Result
    now: datetime
    next_check: datetime | None
    failures: int = 0
    gone: bool = False
    #: Until when its server told us to wait.
    held_until: datetime | None = None
    #: Whom a failure concerns; None when all is well.
    scope: str | None = None
    move: Move | None = None
    arrivals: tuple[datetime, ...] = ()
    #: None: the old ones stay.
    validators: Validators | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of a source when a check of it ends."""

    #: What the feed said of itself in the last document that was understood: also when one only says "unchanged".
    described: ParsedFeed
    #: A circuit breaker keeps entries of one of its publishers back.
    tripped: bool
    #: Something is wrong with it.
    troubled: bool
    #: So many checks are kept that the oldest are to make room.
    full: bool


def _before() -> Select[Any]:
    """All of it in one query, made once: most checks bring nothing, and this is what they cost."""
    of = bindparam("of", type_=BigId)
    tripped = exists().where(breaker.c.source_id == of, breaker.c.tripped.is_not(None))
    troubled = exists().where(STANDING, condition.c.source_id == of)
    own = select(source_check.c.id).where(source_check.c.source_id == of).order_by(source_check.c.id.desc())
    surplus = own.offset(HISTORY + SLACK).limit(1).scalar_subquery().is_not(None)
    return select(source.c.described, tripped, troubled, surplus).where(source.c.id == of)


_BEFORE, _REMEMBER = _before(), insert(source_check)


def before(connection: Connection, source_id: int) -> Before:
    described, *flags = connection.execute(_BEFORE, {"of": source_id}).one()
    return Before(described or ParsedFeed(), *map(bool, flags))


def finish(connection: Connection, state: SourceState, configured: Source, finished: Finished, was: Before) -> bool:
    """Write how a check ended and when the next is due.

    `configured` is the source as it was when the check began. Where the config has it elsewhere by
    now, or has it no more, only the history is written, and False is returned: the answer was about
    something else.
    """
    values: dict[str, Any] = {
        "last_check": finished.now,
        "outcome": str(finished.result.outcome),
        "message": finished.result.message,
        "scope": finished.scope,
        "failures": finished.failures,
        "next_check": finished.next_check,
        "disabled": "gone" if finished.gone else None,
        "held_until": finished.held_until,
        "arrivals": tuple((moment - EPOCH) // timedelta(microseconds=1) for moment in finished.arrivals),
        **sources.move_columns(finished.move),
    }
    statement = _FINISH
    if finished.validators is not None:
        values |= {"etag": finished.validators.etag, "last_modified": finished.validators.last_modified}
        values["digest"] = finished.validators.digest
        statement = _FINISH_ANEW
    own = {"of": state.id, "at": sources.location(configured)}
    written = connection.execute(statement, own | {f"new_{name}": value for name, value in values.items()})
    _remember(connection, state.id, finished.result, finished.now)
    if was.full:
        _forget(connection, state.id)
    return bool(written.rowcount)


def _finish(*columns: str) -> Update:
    """Made once, as `_before`; only of a source that still is what it was."""
    still = (
        source.c.id == bindparam("of"),
        source.c.location == bindparam("at"),
        source.c.configured.is_(True),
        source.c.disabled.is_distinct_from("config"),
    )
    return update(source).where(*still).values({name: bindparam(f"new_{name}") for name in columns})


_ENDED = ("last_check", "outcome", "message", "scope", "failures", "next_check", "disabled", "held_until", "arrivals")
_MOVED = tuple(sources.move_columns(None))
_FINISH = _finish(*_ENDED, *_MOVED)
_FINISH_ANEW = _finish(*_ENDED, *_MOVED, "etag", "last_modified", "digest")


def _remember(connection: Connection, source_id: int, result: Result, now: datetime) -> None:
    row = {
        "source_id": source_id,
        "at": now,
        "outcome": str(result.outcome),
        "message": result.message,
        "new": result.tally.new,
        "changed": result.tally.changed,
        "refused": result.tally.refused,
    }
    connection.execute(_REMEMBER, row)


def _forget(connection: Connection, source_id: int) -> None:
    oldest_kept = (
        select(source_check.c.id)
        .where(source_check.c.source_id == source_id)
        .order_by(source_check.c.id.desc())
        .offset(HISTORY - 1)
        .limit(1)
        .scalar_subquery()
    )
    connection.execute(
        delete(source_check).where(source_check.c.source_id == source_id, source_check.c.id < oldest_kept)
    )
