"""One round of checks, as `once` makes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing

from aggregator import indexing, pipeline, pushing, retention, turns
from aggregator.means import Means
from aggregator.model import Result, SourceState
from aggregator.pausing import paused
from aggregator.store import sources

#: Tells of each check that ended, for progress.
Told = Callable[[Result], None]

#: Seconds of checks after which what they stored is grouped, so that not all of it is left for the end.
MEANWHILE = 2.0


async def once(
    means: Means, *, everything: bool = False, names: Sequence[str] = (), told: Told = lambda _: None
) -> list[Result]:
    """Check the sources that are due (or all, or the named) once, then group, index and publish; once a day, purge."""
    # What groups needs the memory more than the workers do; a large round of publishing has new ones.
    with closing(means.workers):
        async with means.fetcher:
            states = _chosen(means, everything=everything, names=names)
            results = await _grouped_meanwhile(means, _check_all(means, states, told))
    await asyncio.to_thread(retention.run, means)
    await asyncio.to_thread(pipeline.group, means)
    await _publish(means)
    await pushing.push(means)
    return results


async def _grouped_meanwhile(means: Means, checks: Awaitable[list[Result]]) -> list[Result]:
    """The results of checks. What a round stores in an hour must not wait that long to be grouped, nor do processors
    that readers leave free."""
    ended = asyncio.Event()

    async def group() -> None:
        await paused(ended, MEANWHILE)
        while not ended.is_set():
            await asyncio.to_thread(pipeline.group, means)
            await paused(ended, MEANWHILE)

    grouping = asyncio.create_task(group())
    try:
        return await checks
    finally:
        ended.set()
        await grouping


async def _publish(means: Means) -> None:
    """Publish and index at the same time: where there is much, the one is the work of other processes. Then publish
    once more, for what came into saved searches meanwhile."""
    searchable = asyncio.create_task(asyncio.to_thread(indexing.index, means))
    try:
        await asyncio.to_thread(pipeline.publish, means)
    finally:
        await searchable
    await asyncio.to_thread(pipeline.publish, means, restore=False)


def _chosen(means: Means, *, everything: bool, names: Sequence[str]) -> list[SourceState]:
    """The states of what is to be checked, claimed before the first request goes out."""
    now = means.clock()
    with means.database.write(beside=True) as connection:
        if names:
            states = sources.by_name(connection, [name for name in names if means.sources[name].enabled])
        elif everything:
            states = sources.checkable(connection, now)
        else:
            states = sources.due(connection, now, len(means.sources))
        turns.claim(connection, means, states, now)
    return states


async def _check_all(means: Means, states: Sequence[SourceState], told: Told) -> list[Result]:
    network = means.config.network
    room = asyncio.Semaphore(network.concurrency)
    hosts = {turns.host(means, state.name) for state in states}
    lines = {host: asyncio.Semaphore(turns.IN_LINE * network.per_host) for host in hosts}

    async def one(state: SourceState) -> Result:
        # Of its host first: who waits for a slow one must not keep others from being asked.
        async with lines[turns.host(means, state.name)], room:
            result = await pipeline.check(means, state)
        turns.report(result)
        told(result)
        return result

    return list(await asyncio.gather(*(one(state) for state in states)))
