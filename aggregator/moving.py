"""Which address of a source is asked, where permanent redirects (301, 308) led elsewhere. Pure.

    configured --301--> target gave a feed: on trial, asked first --three times over a day--> adopted
        ^                    |                                                                    |
        '----- it failed ----+--------------------------------------------------------------------'

A redirect seen once may be an accident: a page of maintenance, a portal that wants a login. So the
target has to give the feed itself, again and again, and each check of it that does is a sighting;
asking the old address only to see the redirect once more would be the very request that its owner
asks to be spared. What is configured stays as it is, and is asked again whenever the target fails.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from aggregator.config.schema import Source
from aggregator.model import Failed, Move, Outcome, Validators

#: A target is adopted after so many checks that gave a feed, over this time at least.
SIGHTINGS = 3
TRIAL = timedelta(days=1)

#: Failures that say nothing of an address: it is there and busy, or we are at fault.
_NEUTRAL = frozenset({Outcome.RATE_LIMITED, Outcome.INTERNAL})


def address(source: Source, move: Move | None) -> str:
    """What to ask: the target of the move, unless it failed at last or there is none."""
    return move.to if move and not move.doubted else _configured(source)


def validators(known: Validators, move: Move | None) -> Validators:
    """What may be sent to that address of the validators that are known.

    They are those of the target from the move on, and mean nothing at another address (RFC 9110,
    section 8.8.3); the digest is of the body and serves wherever it comes from.
    """
    return Validators(digest=known.digest) if move and move.doubted else known


def usable(source: Source, move: Move | None) -> Move | None:
    """The move as the config lets it be used: a login that was added since is not for another host."""
    return replace(move, doubted=True) if move and not _may_follow(source, move.to) else move


def after_feed(source: Source, move: Move | None, led_to: str | None, now: datetime) -> Move | None:
    """The move after a check that gave a feed; `led_to`: where permanent redirects led it."""
    if led_to is not None:
        if not _may_follow(source, led_to):
            return None
        return _seen_again(move, now) if move and led_to == move.to else Move(led_to, now)
    if move and not move.doubted:
        return _seen_again(move, now)
    return None  # the configured address gives the feed itself


def after_failure(move: Move | None, failure: Failed) -> Move | None:
    """The move after a check that brought nothing: next time it is the other address's turn.

    In turns, for the configured one may be long dead when the target is down for an hour.
    """
    if move is None or failure.scope == "everybody" or failure.outcome in _NEUTRAL:
        return move
    return replace(move, doubted=not move.doubted)


def final(move: Move | None, failure: Failed) -> bool:
    """Whether "gone" was said of the configured address; of a target, the other one has its say first."""
    return failure.outcome is Outcome.GONE and (move is None or move.doubted)


def told(old: Move | None, new: Move | None) -> str | None:
    """What the trace says of a turn; None where there was none."""
    if new is None:
        return f"the configured address is asked again, and {old.to} no more" if old else None
    if old is None or new.to != old.to:
        return f"its address leads to {new.to} for good, which is asked first from now on"
    if new.adopted and not old.adopted:
        return f"{new.to} gave the feed {new.seen} times and is adopted; the config may name it"
    return None


def _seen_again(move: Move, now: datetime) -> Move:
    seen = move.seen + 1
    settled = seen >= SIGHTINGS and now - move.since >= TRIAL
    return replace(move, seen=seen, doubted=False, adopted=move.adopted or (now if settled else None))


def _configured(source: Source) -> str:
    return source.url or source.page or ""


def _may_follow(source: Source, target: str) -> bool:
    """Whether the target may be asked as the source's own address.

    What a person allowed or entrusted to the configured host is for that host alone; such a
    source is asked where it is configured, and the redirect followed each time.
    """
    home, away = urlsplit(_configured(source)), urlsplit(target)
    if target == _configured(source) or home.username is not None or home.password is not None:
        return False
    if not (source.auth or source.cookies or source.headers or source.allow_private):
        return True
    same_host = (home.hostname, home.port) == (away.hostname, away.port)
    return same_host and (home.scheme, away.scheme) != ("https", "http")
