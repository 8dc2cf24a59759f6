"""The configuration, for processes that have no file: the leader writes its text to the database, all others follow.

What is written is the text as it stands in the file. `${NAME}` is each process's own to expand, so no secret is ever
stored; paths are those of the leader's machine.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from aggregator import app
from aggregator.cluster.manners import SharedManners
from aggregator.config.load import text_of, understood
from aggregator.config.schema import Config
from aggregator.errors import ConfigError, StoreError
from aggregator.means import Means
from aggregator.pausing import paused
from aggregator.store import configurations
from aggregator.store.configurations import Stored
from aggregator.store.engine import Database
from aggregator.workers import Workers

log = logging.getLogger(__name__)

#: What messages call the text, for it is no file here.
NAME = "config.yaml"


def distribute(means: Means, file: Path, environ: Mapping[str, str], *, anew: bool) -> None:
    """Have what stands in the file in force everywhere; raises ConfigError, and changes nothing, where that is invalid.

    Without `anew` a text that was in force before, and is no more, is taken for one that this machine was left with.
    """
    text = text_of(file)
    understood(file, text, environ)
    folder = str(Path(os.path.abspath(file)).parent)
    with means.database.write(beside=True) as connection:
        if configurations.put(connection, text, folder, means.clock(), anew=anew):
            return
    raise ConfigError([f"{file}: it was replaced by a newer one on another machine: bring it up to date"])


def configuration(database: str, stored: Stored, environ: Mapping[str, str]) -> Config:
    """What a stored version says to this process; raises ConfigError where its environment lacks something.

    `database` is where this process found it, whatever the text says.
    """
    return understood(Path(stored.folder) / NAME, stored.text, environ, database=database).config


def means_for(config: Config, database: Database, clock: Callable[[], datetime] = app.utc_now) -> Means:
    """Means of one process of several: it reads documents itself, for there are others beside it."""
    made = app.build(config, clock=clock, memory=SharedManners(database, clock))
    return replace(made, database=database, workers=Workers(0))


class Follower:
    """The means of a process by the configuration in force, renewed when that changes."""

    def __init__(self, means: Means, version: int = 0, environ: Mapping[str, str] = os.environ) -> None:
        self.means = means
        #: The version that `means` are by; 0 for those by a file of this machine.
        self.version = version
        #: Why the newest version is not in force here, for people; None while it is.
        self.problem: str | None = None
        self._environ = environ
        #: The newest that was looked at, in force or not.
        self._seen = version
        self._turn = asyncio.Lock()

    async def upto(self, version: int) -> None:
        """Have that version in force, or a newer one, if it can be; raises StoreError."""
        if version > self._seen:
            await self.refresh()

    async def refresh(self) -> bool:
        """Look for a newer version and put it in force; tells whether that was done. Raises StoreError.

        One that cannot be in force here changes nothing, and is told of.
        """
        async with self._turn:
            stored = await asyncio.to_thread(self._newer)
            if stored is None:
                return False
            self._seen = stored.version
            try:
                config = configuration(self.means.config.database, stored, self._environ)
            except ConfigError as error:
                self.problem = str(error)
                log.error("the configuration stays as it was here: %s", error)
                return False
            memory = SharedManners(self.means.database, self.means.clock)
            self.means = app.renewed(config, self.means, memory=memory)
            self.version, self.problem = stored.version, None
            log.info("a configuration is in force", extra={"version": stored.version, "sources": len(config.sources)})
            return True

    def _newer(self) -> Stored | None:
        with self.means.database.read() as connection:
            return configurations.newest(connection, self._seen)

    async def follow(self, stop: asyncio.Event, every: float) -> None:
        """Look every so many seconds, until `stop`. A database that is away is waited for."""
        while not stop.is_set():
            try:
                await self.refresh()
            except StoreError as error:
                log.debug("%s", error)  # who works tells of it
            await paused(stop, every)
