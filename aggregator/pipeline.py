"""The whole path of the data, once. Read this file first.

    config -> schedule -> fetch -> parse -> clean -> identify -> store -> group -> publish -> serve

Each stage is a folder that knows no other stage; only this file and the short ones beside it know
their order. Nothing here opens a file or a connection: it is handed what does (`Means`), and the
time with it. A service does three things with it, again and again:

* `check`    one visit to one source: fetch, parse, clean, identify, store
* `group`    what was stored since: what publishers repeat, and which entries are one article
* `publish`  what changed by that: feeds, then the pages beside them
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from aggregator import deciding, folders, fulltext, grouping, ingest, learning, moving, publishing, pushing
from aggregator.errors import StoreError
from aggregator.means import Means
from aggregator.model import Failed, Fetched, NotModified, Outcome, Result, SourceState
from aggregator.prepare import Read, Recipe

log = logging.getLogger(__name__)


async def check(means: Means, state: SourceState) -> Result:
    """Visit one source and store what it brought; how that went is written, whatever happened.

    Raises nothing but StoreError: a source that fails is a result like any other.
    """
    recipe = means.recipes[state.name]
    try:
        return await KINDS[recipe.source.kind](means, state, recipe)
    except StoreError:
        raise
    except Exception:  # the one place where a fault of ours is recorded as its source's
        log.exception("check failed", extra={"source": state.name})
        fault = Failed(Outcome.INTERNAL, "a fault in aggregator, see the log", "please report it; it is tried again")
        return await asyncio.to_thread(ingest.conclude, means, state, recipe, ingest.failed(state, fault))


async def _check_feed(means: Means, state: SourceState, recipe: Recipe) -> Result:
    move = moving.usable(recipe.source, state.move)
    state = replace(state, move=move, validators=moving.validators(state.validators, move))
    address = moving.address(recipe.source, move)
    answer = await means.fetcher.fetch(recipe.source, address, state.validators, means.clock())
    match answer:
        case Failed():
            visit = ingest.failed(state, answer)
        case NotModified():
            await fulltext.catch_up(means, state, recipe)
            visit = ingest.unchanged(state, answer)
        case Fetched():
            known = await asyncio.to_thread(deciding.titles, means, state, recipe)
            read = await means.workers.prepare(answer.document, recipe, means.clock(), known)
            # Whoever waits for his turn to be stored need not hold the body too.
            answer = replace(answer, document=replace(answer.document, body=b""))
            return await _take_feed(means, state, recipe, answer, read)
    return await asyncio.to_thread(ingest.conclude, means, state, recipe, visit)


async def _take_feed(means: Means, state: SourceState, recipe: Recipe, answer: Fetched, read: Read | Failed) -> Result:
    if isinstance(read, Failed):
        return await asyncio.to_thread(ingest.conclude, means, state, recipe, ingest.failed(state, read))
    if recipe.source.full_text:
        return await fulltext.take(means, state, recipe, answer, read)
    return await asyncio.to_thread(ingest.feed, means, state, recipe, answer, read)


async def _check_folder(means: Means, state: SourceState, recipe: Recipe) -> Result:
    return await asyncio.to_thread(folders.check, means, state, recipe)


#: How each kind of source is visited: a new kind is a line here.
KINDS = {"feed": _check_feed, "page": _check_feed, "folder": _check_folder}


def group(means: Means) -> int:
    """Put every entry that no story holds yet into one; tells how many there were.

    What its publisher repeats is learned and left out before: it is neither compared nor published.
    """
    with means.database.alone(grouping.STORIES):
        learning.learn(means)
        return grouping.group(means)


def publish(means: Means, *, everything: bool = False, restore: bool = True) -> list[str]:
    """Write every document that differs from what lies in the output folder; names those written.

    A service that has looked at the folder once passes `restore=False` and pays for changes only.
    """
    written = publishing.publish_round(means, everything=everything, restore=restore)
    pushing.note(means, written)
    return written
