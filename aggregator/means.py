"""What the pipeline is handed: everything that touches the world, and what the config means for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Protocol, Self

from aggregator import __version__
from aggregator.config.schema import Config, Source
from aggregator.model import Failed, Fetched, NotModified, Validators
from aggregator.prepare import Recipe
from aggregator.publish.kept import Kept
from aggregator.store.categories import Naming
from aggregator.store.engine import Database
from aggregator.store.shown import Shelf, Shown
from aggregator.workers import Workers


class Fetcher(Protocol):
    """Asks one address, conditionally; never raises for what a server does."""

    async def fetch(
        self, source: Source, url: str, validators: Validators, now: datetime
    ) -> Fetched | NotModified | Failed: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def user_agent(config: Config) -> str:
    """How we call ourselves in every request."""
    return config.network.user_agent or f"aggregator/{__version__} (+{config.site.url})"


@dataclass(frozen=True)
class Means:
    config: Config
    database: Database
    make_fetcher: Callable[[], Fetcher]
    #: The one clock: aware UTC.
    clock: Callable[[], datetime]
    #: By name of the source.
    sources: Mapping[str, Source]
    recipes: Mapping[str, Recipe]
    naming: Naming
    shown: Shown
    #: Set when the process is to end: long work in threads stops at its next batch.
    stopping: Event = field(default_factory=Event)
    #: Read documents, and publish where there is much of it.
    workers: Workers = field(default_factory=Workers)
    #: Makes in another process what publishing by this configuration needs, and can be pickled; None where nobody else
    #: can see the database.
    twin: Callable[[], Means] | None = None
    #: What publishing keeps from one round to the next: stories, and parts of documents that show them.
    shelf: Shelf = field(default_factory=Shelf)
    kept: Kept = field(default_factory=Kept)

    @cached_property
    def fetcher(self) -> Fetcher:
        """Made when it is first used: most commands ask nobody, and its libraries are slow to load."""
        return self.make_fetcher()

    @property
    def root(self) -> Path:
        """The output folder."""
        return Path(self.config.output.directory)
