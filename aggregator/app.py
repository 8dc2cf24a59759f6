"""Wiring: from a configuration to everything that works by it. The one clock is here.

Nothing is made at import, and everything is made once, by `build`; tests call the same function
with a played fetcher and clock.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import blake2b

from aggregator import __version__, health, publish, replay, restoring
from aggregator.clean import rules_for
from aggregator.clean.rules import levels
from aggregator.config.schema import Config
from aggregator.dedupe import fold, ids
from aggregator.fetch.manners import Memory
from aggregator.means import Fetcher, Means, user_agent
from aggregator.prepare import Recipe
from aggregator.store import archives, categories, clocks, documents, lock, moves, settings, sources
from aggregator.store.categories import Naming
from aggregator.store.engine import Database
from aggregator.store.failures import again
from aggregator.store.shown import Shown

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


def build(
    config: Config,
    *,
    fetcher: Fetcher | None = None,
    clock: Callable[[], datetime] = utc_now,
    memory: Memory | None = None,
) -> Means:
    """Everything that works by this configuration. Connects to nothing and writes nothing yet.

    `memory` shares with other processes what hosts ask for.
    """
    naming, database = _naming(config), Database(config.database)
    return Means(
        config=config,
        database=database,
        make_fetcher=lambda: fetcher or _fetcher(config, memory),
        clock=clock,
        sources={source.name: source for source in config.sources},
        recipes={
            source.name: Recipe(source, source.timezone or config.site.timezone, rules_for(config, source))
            for source in config.sources
        },
        naming=naming,
        shown=Shown(
            config.site.tag,
            naming.description,
            lambda name: categories.named_key(categories.PUBLISHER, name, naming),
        ),
        # Without what may be a hundred thousand, and is for those who check.
        twin=partial(build, config.model_copy(update={"sources": (), "rules": ()})) if database.shared else None,
    )


def rebuild(config: Config, running: Means) -> Means:
    """New means by an edited configuration, for a service that goes on.

    What is stored is brought in line with it. The database and the output folder stay what they are
    until a restart; the network's client is kept where nothing of it changed.
    """
    means = renewed(config, running)
    settle(means)
    return means


def renewed(config: Config, running: Means, *, memory: Memory | None = None) -> Means:
    """As `rebuild`, for a process of several: it leaves what is stored to the one that looks after that."""
    before = running.config
    output = config.output.model_copy(update={"directory": before.output.directory})
    kept = config.model_copy(update={"database": before.database, "server": before.server, "output": output})
    if kept != config:
        log.warning("database, server and output.directory change at the next start")
    config = kept
    same = (config.network, config.site.url) == (running.config.network, running.config.site.url)
    fresh = build(config, fetcher=running.fetcher if same else None, clock=running.clock, memory=memory)
    return replace(fresh, database=running.database, stopping=running.stopping, workers=running.workers)


@again
def settle(means: Means) -> None:
    """Bring what is stored in line with the configuration."""
    with means.database.write(beside=True) as connection:
        clocks.set_back(connection, means.clock())
        sources.sync(connection, means.config.sources, means.clock())
        categories.retitle(connection, means.naming)
        moves.follow(connection, means.naming, means.clock())
        health.settle(connection, means)
        replay.remember_grouping(connection, means)
        if settings.changed(connection, "presentation", _presentation(means.config)):
            documents.outdate_all(connection)
            restoring.drop_unwanted(connection, means)
        if settings.changed(connection, "addresses", f"{means.config.site.url} {means.config.site.tag}"):
            # Archives name each other: left as they were sealed, they would lead to where nothing is any more.
            archives.outdate(connection, archives.everywhere(connection))
            documents.forget_archives(connection)


def _presentation(config: Config) -> str:
    """Everything besides entries that published documents depend on."""
    parts = (config.site, config.output, *config.categories)
    text = __version__ + "".join(part.model_dump_json() for part in parts)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _fetcher(config: Config, memory: Memory | None) -> Fetcher:
    from aggregator.fetch.http import HttpFetcher  # 250 ms that commands without network do not pay

    return HttpFetcher(config.network, user_agent(config), memory=memory)


#: Names of categories whose folding is kept: the tree of all is looked at with each round of publishing.
NAMES = 20_000


def _naming(config: Config) -> Naming:
    configured = {
        tuple(fold.name_key(name) for name in levels(category.path)): category for category in config.categories
    }
    moved = {
        old: levels(category.path)
        for key, category in configured.items()
        for was in category.was
        if (old := tuple(fold.name_key(name) for name in levels(was))) != key
    }
    return Naming(lru_cache(NAMES)(fold.name_key), ids.category_uuid, config.site.title, configured, moved)


@contextmanager
def writing(means: Means, *, service: bool = False) -> Iterator[None]:
    """The right to write: the lock is held, the schema is current, what a crash left is swept.

    Raises BusyError where another process has it, StoreError where the database or the output
    folder cannot be used.
    """
    with means.database.only_writer(lock.SERVICE if service else lock.COMMAND):
        means.database.upgrade()
        settle(means)
        if means.root.is_dir():
            publish.sweep(means.root)
        try:
            yield
        finally:
            means.workers.close()
            means.database.close()
