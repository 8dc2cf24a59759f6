"""The web side of `run` and `serve`: what requests are answered from, by the configuration in force."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Protocol
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from aggregator import metrics, rendering, searching, watching
from aggregator.errors import StoreError
from aggregator.means import Means
from aggregator.metrics import Gauge, Metrics
from aggregator.model import Node, Story, Withdrawn
from aggregator.publish import index
from aggregator.publish.addresses import feed_path
from aggregator.publish.searchpage import Choices
from aggregator.store import categories, documents, feeds, moves
from aggregator.store.depths import depths
from aggregator.web.app import Web, make_app
from aggregator.web.folder import Backed, Documents, Folder, Known, Memory
from aggregator.web.search import Finder
from aggregator.web.status import Watch

log = logging.getLogger(__name__)


class Running(Protocol):
    """A service as its web side sees it."""

    @property
    def means(self) -> Means: ...

    @property
    def alive(self) -> bool: ...

    @property
    def problems(self) -> Sequence[str]: ...

    metrics: Metrics

    def heed_signals(self) -> None: ...

    async def run(self) -> None: ...


class Website:
    """An ASGI application that is made anew when an edit of the configuration comes into force."""

    def __init__(self, means: Callable[[], Means], service: Running | None = None) -> None:
        self._means = means
        self._service = service
        self._made: tuple[Means, ASGIApp] | None = None
        #: With the files and their compressed forms, which an edit leaves as they are.
        self._folder = Folder(means().root)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        means = self._means()
        if self._made is None or self._made[0] is not means:
            self._made = means, make_app(self._web(means))
        await self._made[1](scope, receive, send)

    def _web(self, means: Means) -> Web:
        web = answering(means, self._folder)
        service = self._service
        if service is None:
            return web
        return replace(
            web,
            alive=lambda: service.alive,
            problems=lambda: service.problems,
            metrics=service.metrics.text,
        )


def answering(means: Means, files: Folder) -> Web:
    """What answers by these means; what only the process that does the work can tell is left out."""
    folder = Backed(files, lambda path: _known(means, path), lambda path: rendering.document(means, path), Memory())
    return Web(
        folder,
        means.config.site,
        story=lambda uuid: _story(means, uuid),
        nodes=lambda: _nodes(means),
        # Categories move when a configuration comes into force, and with it comes a new application.
        moved=_moved(means),
        unready=lambda: _unready(means, folder),
        metrics=lambda: metrics.shown(lambda: _gauges(means)),
        token=means.config.server.token,
        finder=Finder(
            answer=lambda asked: searching.answer(means, asked),
            feed=lambda asked: searching.feed(means, asked),
            choices=lambda: _choices(means),
            output=means.config.output,
        ),
        watch=Watch(
            board=lambda everything, first, token: watching.board(
                means, everything=everything, first=first, token=token
            ),
            source=lambda name, token: watching.source(means, name, token=token),
        ),
    )


def _known(means: Means, path: str) -> Known | None:
    with means.database.read() as connection:
        row = documents.at(connection, path)
    return row and Known(row.digest.hex(), row.mtime and row.mtime // 10**9)


def _story(means: Means, uuid: UUID) -> Story | UUID | Withdrawn | None:
    with means.database.read() as connection:
        return feeds.one(connection, uuid, means.shown)


def _nodes(means: Means) -> Mapping[tuple[str, ...], Node]:
    with means.database.read() as connection:
        return index((categories.tree(connection, means.naming),))


def _moved(means: Means) -> Callable[[], Mapping[str, str]]:
    @cache
    def slugs() -> Mapping[str, str]:
        if not means.naming.moved:
            return {}
        with means.database.read() as connection:
            return moves.slugs(connection)

    def moved() -> Mapping[str, str]:
        try:
            return slugs()
        except StoreError as error:  # files are served without the database as well
            log.warning("%s", error)
            return {}

    return moved


def _choices(means: Means) -> Choices:
    with means.database.read() as connection:
        return Choices(index((categories.tree(connection, means.naming),)), categories.publishers(connection))


def _gauges(means: Means) -> Mapping[str, Gauge]:
    if means.config.engine == "procrastinate":
        from aggregator.cluster import reporting

        return reporting.overview(means)
    with means.database.read() as connection:
        return depths(connection, means.clock())


def _unready(means: Means, folder: Documents) -> Sequence[str]:
    try:
        with means.database.read():
            pass
        return () if folder.has(feed_path("all")) else ("nothing is published yet",)
    except StoreError as error:
        return (str(error),)
