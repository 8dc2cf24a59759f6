"""What is wrong with sources, documents and the configuration: noted where it shows, told where people look.

    a check ends ----------.
    a round of publishing --+--> `condition` --> health.atom, /status, `aggregator status`
    config.yaml is edited -'

What is wrong is decided by `conditions`, which is pure; here that meets what is stored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from aggregator import conditions, publish
from aggregator.conditions import Look, Wrong
from aggregator.means import Means
from aggregator.model import Condition, SourceState, Trouble
from aggregator.publish.addresses import HEALTH
from aggregator.publish.health import MOST
from aggregator.store import conditions as stored
from aggregator.store import days, settings
from aggregator.store.conditions import Standing
from aggregator.store.search import born


@dataclass(frozen=True, slots=True)
class _About:
    """Whom a condition concerns."""

    source_id: int | None = None
    source: str | None = None
    path: str | None = None


def after_check(
    connection: Connection, means: Means, state: SourceState, look: Look, new: int, *, troubled: bool
) -> None:
    """Note what a check that ends shows of its source; most checks change nothing and write nothing.

    `troubled`: whether something is wrong with it so far; asked for together with what else is known of it.
    """
    now = means.clock()
    today = now.astimezone(ZoneInfo(means.config.site.timezone)).date()
    days.count(connection, state.id, today, new=new, failed=look.failed)
    standing = {one.kind: one for one in stored.standing_of(connection, state.id)} if troubled else {}
    for kind, wrong in conditions.judge(look, standing, now).items():
        _follow(connection, _About(state.id, state.name), kind, standing.get(kind), wrong, now)


def after_round(
    connection: Connection, faults: Mapping[str, Sequence[str]], sound: Collection[str], now: datetime
) -> None:
    """Note which documents were not published and why, and which are fine again; of others nothing is known."""
    standing = {one.path: one for one in stored.standing_of(connection, None) if one.kind is Trouble.FAULT}
    for document, found in faults.items():
        wrong = conditions.of_document(found)
        _follow(connection, _About(path=document), Trouble.FAULT, standing.get(document), wrong, now)
    for path, one in standing.items():
        if path in sound and path not in faults:
            _end(connection, one, now)


def faulty(connection: Connection) -> frozenset[str]:
    """Documents that were not published when they were made last."""
    standing = stored.standing_of(connection, None)
    return frozenset(one.path for one in standing if one.kind is Trouble.FAULT and one.path)


def misconfigured(means: Means, problem: str) -> None:
    """Note that the edited configuration is not in force."""
    with means.database.write(beside=True) as connection:
        _configuration(connection, conditions.of_configuration(problem), means.clock())


def settle(connection: Connection, means: Means) -> None:
    """A configuration is put in force: it is fine, and what it leaves out or disables concerns nobody any more."""
    now = means.clock()
    _configuration(connection, None, now)
    endings = (HEALTH, *(f".{kind}" for kind in means.config.output.formats))
    unmade = [one for one in stored.standing_of(connection, None) if one.path and not one.path.endswith(endings)]
    for one in [*unmade, *stored.unwatched(connection)]:
        _end(connection, one, now)


def _configuration(connection: Connection, wrong: Wrong | None, now: datetime) -> None:
    standing = (one for one in stored.standing_of(connection, None) if one.kind is Trouble.CONFIG)
    _follow(connection, _About(), Trouble.CONFIG, next(standing, None), wrong, now)


def _follow(
    connection: Connection, about: _About, kind: Trouble, old: Standing | None, wrong: Wrong | None, now: datetime
) -> None:
    """Begin, alter or end a condition; writes only where something is not as it was."""
    if old and wrong:
        if old.detail != wrong.detail:
            stored.alter(connection, old, wrong.detail, wrong.message, stored.moment(connection, now, old))
    elif old:
        _end(connection, old, now)
    elif wrong:
        at = stored.moment(connection, now)
        uuid = conditions.public_uuid(about.source, kind, about.path, at)
        begun = Condition(uuid, kind, at, at, about.source, about.path, wrong.detail, wrong.message)
        stored.begin(connection, about.source_id, begun)


def _end(connection: Connection, old: Standing, now: datetime) -> None:
    stored.end(connection, old, stored.moment(connection, now, old))


def document(connection: Connection, means: Means) -> tuple[str, bytes]:
    """The health feed, and where it lies."""
    shown = stored.newest(connection, MOST)
    return publish.health_document(shown, born(connection), means.config.site, means.config.output)


def mark(connection: Connection) -> str:
    """Differs once the health feed would."""
    return f"{stored.mark(connection)} {settings.get(connection, 'presentation')}"
