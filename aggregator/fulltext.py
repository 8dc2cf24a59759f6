"""Articles from their own pages, for sources with `full_text`.

The feed says which articles there are; the page of each new or changed one is asked for before it is
stored, as long as the check has time. What is late, or failed, is tried by later checks: the entry
is published in its feed's words meanwhile, and has its page's words later without being announced again.
A page is asked for under the same manners and limits as a feed, and takes the feed's place only if it
holds more of the article.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from aggregator import ingest, replay
from aggregator.asking import Answer, ask
from aggregator.clean import clean
from aggregator.deciding import decide
from aggregator.dedupe import identity
from aggregator.dedupe.fingerprint import sign
from aggregator.dedupe.fuller import shortfall
from aggregator.means import Means
from aggregator.model import (
    Dropped,
    Entry,
    Event,
    Failed,
    Fetched,
    Outcome,
    ParsedEntry,
    ParsedFeed,
    Prepared,
    Result,
    SourceState,
    Text,
)
from aggregator.parse.fulltext import Page
from aggregator.prepare import Read, Recipe
from aggregator.store import categories, entries, events, fulltexts, replays
from aggregator.store.entries import Rewrite
from aggregator.store.failures import again
from aggregator.store.fulltexts import Wanted
from aggregator.store.replays import Kept

#: Pages that one check asks for, and of those at least how many that earlier checks left.
MOST, LEAST_LATE = 30, 5

#: Pages that a trial asks for: enough to see whether it works.
TRIED = 5

#: After each failure in a row; then the page is given up.
PAUSES = (timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8), timedelta(days=1))

#: A server's own wish for a pause is kept up to here.
LONGEST_PAUSE = timedelta(days=7)

#: No later request would bring anything else.
FINAL = frozenset({Outcome.GONE, Outcome.TOO_LARGE, Outcome.REFUSED_ADDRESS})


@dataclass(frozen=True, slots=True)
class Try:
    """What became of one entry's page."""

    #: The entry in the words of the page; None where it stays in the feed's.
    taken: Prepared | None = None
    #: When it is to be asked for again; None where it is settled.
    later: Wanted | None = None
    #: Why the feed's words stay, for people.
    reason: str | None = None
    #: The rule that leaves the entry out in the words of its page.
    dropped: str | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry whose page is asked for."""

    url: str
    #: As its feed has it.
    plain: Prepared
    #: The entry that would come of other words, by the source's rules or, for comparing, by nobody's.
    made: Callable[[ParsedEntry, bool], Entry | Dropped]
    #: What its page gave when it was asked for last.
    before: Text | None = None
    attempts: int = 0


# --- new and changed entries ---------------------------------------------------------------


async def take(means: Means, state: SourceState, recipe: Recipe, answer: Fetched, read: Read) -> Result:
    """Store a feed as `ingest.feed` does, with what the pages of its new and changed entries say."""
    news = await asyncio.to_thread(_news, means, state, recipe, answer, read)
    urls = [one.url for one in news.asked][:MOST]
    found = await ask(means, recipe.source, urls)
    tries = await asyncio.to_thread(_tries, news.asked, found, means.clock())
    tries |= {url: Try(later=Wanted(means.clock())) for url in news.late}
    fuller = tuple(_fuller(one, tries.get(one.entry.url or "")) for one in read.prepared)
    keep = partial(_keep, state, tries, means.clock())
    read = replace(read, prepared=fuller)
    result = await asyncio.to_thread(ingest.feed, means, state, recipe, answer, read, also=keep)
    if len(found) == len(urls):  # else time is up, or a host had enough
        await catch_up(means, state, recipe, MOST - len(found))
    return result


@dataclass(slots=True)
class _News:
    """Entries whose pages are asked for before they are stored, and addresses of those that come after."""

    asked: list[_Entry] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


def _news(means: Means, state: SourceState, recipe: Recipe, answer: Fetched, read: Read) -> _News:
    """What is new and changed in the feed, as far as it has an address of its own.

    What is published in its feed's words is stored in them once more first: so it is the publisher's edit
    alone that tells whether readers hear of it.
    """
    with means.database.read() as connection:
        decisions, _ = decide(connection, state, read.prepared)
        changed = [one.entry_id for one in decisions if isinstance(one, identity.Changed)]
        before = fulltexts.pages(connection, changed)
    own, now, news = _own(read), means.clock(), _News()
    for one in decisions:
        if isinstance(one, identity.Same) or (url := one.prepared.entry.url) not in own:
            continue
        if isinstance(one, identity.Changed) and one.entry_id not in before:
            news.late.append(url)
            continue
        old = before.get(one.entry_id) if isinstance(one, identity.Changed) else None
        news.asked.append(_Entry(url, one.prepared, partial(_made, read.feed, answer.document.url, recipe, now), old))
    return news


def _own(read: Read) -> set[str]:
    """Addresses that are one entry's own: what several share is no article's."""
    shared = Counter(one.entry.url for one in read.prepared)
    return {url for url, count in shared.items() if url and count == 1}


async def trial(means: Means, recipe: Recipe, answer: Fetched, read: Read) -> dict[str, Try]:
    """What the pages of a feed's first entries would give, by address, were they new; stores nothing."""
    own, now = _own(read), means.clock()
    made = partial(_made, read.feed, answer.document.url, recipe, now)
    asked = [_Entry(url, one, made) for one in read.prepared if (url := one.entry.url) in own][:TRIED]
    return await asyncio.to_thread(_tries, asked, await ask(means, recipe.source, [one.url for one in asked]), now)


def _made(
    feed: ParsedFeed, base: str | None, recipe: Recipe, now: datetime, parsed: ParsedEntry, ruled: bool
) -> Entry | Dropped:
    rules = recipe.rules if ruled else replace(recipe.rules, people=())
    return clean(parsed, feed, base, rules, now)


def _fuller(plain: Prepared, tried: Try | None) -> Prepared:
    """The entry as it is stored. What a rule drops is stored too, or it would be asked for with each check."""
    return plain if tried is None or tried.taken is None else tried.taken


def _keep(
    state: SourceState, tries: Mapping[str, Try], now: datetime, connection: Connection, stored: ingest.Stored
) -> None:
    """What became of the pages, in the transaction in which their entries are stored."""
    known = [
        (tries.get(one.prepared.entry.url or ""), i) for one, i in stored.decided if not isinstance(one, identity.Same)
    ]
    of = {entry_id: one for one, entry_id in known if one}
    fulltexts.put(connection, state.id, {entry_id: one.later for entry_id, one in of.items()})
    _leave_out(connection, of)
    trace = [Event("full-text", told, state.name, entry_id=i) for i, one in of.items() if (told := _told(one))]
    events.record(connection, trace, now)


def _leave_out(connection: Connection, tries: Mapping[int, Try]) -> None:
    out = {entry_id: one.dropped for entry_id, one in tries.items() if one.dropped}
    if out:
        replays.leave(connection, list(out))
        entries.drop(connection, out)


def _told(one: Try) -> str | None:
    if one.dropped:
        return f"left out for what its page says: {one.dropped}"
    if one.reason is None:
        return None
    return f"the feed's words stay: {one.reason}{'; it is asked for again' if one.later else ''}"


# --- what earlier checks left --------------------------------------------------------------


async def catch_up(means: Means, state: SourceState, recipe: Recipe, most: int = MOST) -> None:
    """Ask for pages that earlier checks could not get, as far as their time has come.

    Their entries are stored anew and published anew, but neither announced nor counted as changed: for
    their publishers did nothing.
    """
    if not recipe.source.full_text or means.stopping.is_set():
        return
    waiting = await asyncio.to_thread(_waiting, means, state, recipe, max(most, LEAST_LATE))
    if not waiting:
        return
    found = await ask(means, recipe.source, (one.url for one in waiting.values()))
    await asyncio.to_thread(_put, means, state, waiting, found)


def _waiting(means: Means, state: SourceState, recipe: Recipe, most: int) -> dict[int, _Entry]:
    with means.database.read() as connection:
        attempts = fulltexts.due(connection, state.id, means.clock(), most)
        kept = replays.those(connection, attempts)
    return {one.id: _known(one, recipe, attempts[one.id]) for one in kept}


def _known(kept: Kept, recipe: Recipe, attempts: int) -> _Entry:
    """A stored entry, as its feed has it; as it is stored where today's rules would drop it."""
    bare = replace(kept.original, full=None)
    again = replay.again(replace(kept, original=bare), recipe)
    old = kept.cleaned
    plain = Prepared(bare, old, sign(bare, old), identity.keys(bare, old)) if isinstance(again, Dropped) else again

    def made(parsed: ParsedEntry, ruled: bool) -> Entry | Dropped:
        rules = recipe.rules if ruled else replace(recipe.rules, people=())
        other = replay.again(replace(kept, original=parsed), replace(recipe, rules=rules))
        return other if isinstance(other, Dropped) else other.entry

    return _Entry(plain.entry.url or "", plain, made, kept.original.full, attempts)


@again
def _put(means: Means, state: SourceState, waiting: Mapping[int, _Entry], found: Mapping[str, Answer]) -> None:
    now = means.clock()
    tries = {entry_id: _try(one, found[one.url], now) for entry_id, one in waiting.items() if one.url in found}
    with means.database.write(beside=True) as connection:
        there = fulltexts.waiting(connection, tries)
        tries = {entry_id: one for entry_id, one in tries.items() if entry_id in there}
        taken = {entry_id: one.taken for entry_id, one in tries.items() if one.taken}
        paths = {path for one in taken.values() for path in one.entry.paths}
        placed = categories.ensure(connection, paths, means.naming, now)
        entries.rewrite(
            connection, [Rewrite(i, one, tuple(placed[path] for path in one.entry.paths)) for i, one in taken.items()]
        )
        fulltexts.put(connection, state.id, {entry_id: one.later for entry_id, one in tries.items()})
        _leave_out(connection, tries)
        words = {i: _told(one) or _told_late(waiting[i].plain, one.taken) for i, one in tries.items()}
        events.record(connection, [Event("full-text", told, state.name, entry_id=i) for i, told in words.items()], now)


def _told_late(plain: Prepared, taken: Prepared | None) -> str:
    said, found = len(plain.entry.text), len(taken.entry.text) if taken else 0
    return f"in the words of its own page: {found} characters, {said} in the feed"


# --- what a page is good for ---------------------------------------------------------------


def _tries(asked: Iterable[_Entry], found: Mapping[str, Answer], now: datetime) -> dict[str, Try]:
    return {one.url: _try(one, found.get(one.url), now) for one in asked}


def _try(one: _Entry, answer: Answer | None, now: datetime) -> Try:
    """What becomes of an entry by the answer for its page; None was not asked for in this check."""
    if isinstance(answer, Page):
        return _judged(one, answer)
    # Until its page is there again, what it gave before is better than the feed alone.
    old = _judged(one, Page(one.before, one.plain.entry.title)) if one.before else Try()
    if answer is None:
        return Try(old.taken, Wanted(now, one.attempts))
    if isinstance(answer, str):
        return Try(old.taken, None, answer)
    pause = _pause(answer, one.attempts)
    later = Wanted(now + pause, one.attempts + 1, answer.message) if pause else None
    return Try(old.taken, later, answer.message)


def _pause(failed: Failed, attempts: int) -> timedelta | None:
    """Until the next request; None where there is none."""
    if failed.outcome in FINAL or attempts >= len(PAUSES):
        return None
    return max(PAUSES[attempts], min(timedelta(seconds=min(failed.wait, 1e7)), LONGEST_PAUSE))


def _judged(one: _Entry, page: Page) -> Try:
    parsed = replace(one.plain.parsed, full=page.text)
    as_found = one.made(parsed, False)
    if isinstance(as_found, Dropped):
        return Try(reason=as_found.reason)
    if short := shortfall(one.plain.entry, as_found, page.headline, walled=page.walled):
        return Try(reason=short)
    entry = one.made(parsed, True)
    if isinstance(entry, Dropped):
        return Try(replace(one.plain, parsed=parsed), dropped=entry.reason)
    # By the keys that its feed gave it: the next check knows no others.
    return Try(Prepared(parsed, entry, sign(parsed, entry), one.plain.keys))
