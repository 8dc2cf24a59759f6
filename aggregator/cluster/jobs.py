"""What can be done, in which queue, and what keeps two jobs of a kind apart.

A job is waiting or running at most once for each host, each feed, and each of the rest: its lock says so for
those that run, its queueing lock for those that wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from psycopg.conninfo import make_conninfo
from psycopg.errors import ForeignKeyViolation
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import URL, Connection, text

from aggregator import health, pushing
from aggregator.errors import StoreError
from aggregator.means import Means
from aggregator.publish.addresses import HEALTH
from aggregator.store import categories, documents, settings
from aggregator.store.depths import waits
from aggregator.store.postgresql import CONNECT, session_name
from aggregator.store.types import EPOCH

#: Checks of what is asked over the network; of folders of files; what is made of entries; what writes the output.
#: Folders and the output are there where they are mounted, so not every process works these queues.
CHECKS, FOLDERS, FEEDS, PUBLISH = "checks", "folders", "feeds", "publish"
QUEUES = (CHECKS, FOLDERS, FEEDS, PUBLISH)

#: Seconds until the first new attempt of what failed; doubled with each further one, up to the longest.
FIRST, LONGEST = 1, 60

MICROSECOND = timedelta(microseconds=1)

#: Seconds in which a connection of the queue is tried to be made anew, before the next who needs one begins anew:
#: the library waits twice as long each time, and would be back after an outage only when it lasted that long again.
RECONNECT = 5.0

#: Feeds that are made to jobs at once; the rest follows when these are done.
MOST_FEEDS = 500

#: Does what a job says; its arguments are what the job carries.
Task = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Sources of one host, or a folder, that one job checks."""

    lock: str
    #: Whether it is a folder.
    files: bool
    ids: list[int] = field(default_factory=list)


def host_lock(host: str) -> str:
    """Whoever has it asks this host, and nobody else does."""
    return f"host:{host}"


def folder_lock(name: str) -> str:
    """As `host_lock`, of the source that is a folder."""
    return f"folder:{name}"


def check(batch: Batch, until: datetime, version: int) -> Job:
    """Check these sources, whose claims end then, by that configuration or a later one."""
    return Job(
        queue=FOLDERS if batch.files else CHECKS,
        lock=batch.lock,
        queueing_lock=f"source:{batch.ids[0]}" if len(batch.ids) == 1 else batch.lock,
        task_name="check",
        task_kwargs={"sources": list(batch.ids), "until": (until - EPOCH) // MICROSECOND, "version": version},
    )


def moment(microseconds: int) -> datetime:
    """A time as a job carries it."""
    return EPOCH + microseconds * MICROSECOND


def sources_of(job: Job) -> list[int]:
    """The sources that a job checks."""
    ids: list[int] = job.task_kwargs["sources"]  # type: ignore[assignment]  # any JSON to the library
    return ids


def _single(name: str, queue: str, **arguments: Any) -> Job:
    lock = ":".join((name, *map(str, arguments.values())))
    return Job(queue=queue, lock=lock, queueing_lock=lock, task_name=name, task_kwargs=arguments)


def behind(connection: Connection, means: Means) -> list[Job]:
    """A job for everything that is not yet as it should be. Cheap where nothing is behind: each look is an index's."""
    found = [_single("feed", PUBLISH, category=one) for one, _ in categories.dirty(connection)[:MOST_FEEDS]]
    if waits(connection, "entries_ungrouped") or waits(connection, "entries_unlearned"):
        found.append(_single("group", FEEDS))
    if waits(connection, "stories_unsearched"):
        found.append(_single("index", FEEDS))
    if _site_behind(connection):
        found.append(_single("site", PUBLISH))
    if pushing.due(connection, means):
        found.append(_single("push", PUBLISH))
    return found


def _site_behind(connection: Connection) -> bool:
    return (
        documents.site_behind(connection) is not None
        or waits(connection, "pages_behind")
        or settings.get(connection, "health") != health.mark(connection)
        or HEALTH not in documents.digests(connection, [HEALTH])
    )


_LOCKS = text("SELECT lock, queue_name, status::text FROM procrastinate_jobs WHERE status IN ('todo', 'doing')")


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits and what runs now."""

    locks: frozenset[str]
    #: Numbers of checks.
    waiting: int
    running: int


def queued(connection: Connection) -> Queued:
    rows = connection.execute(_LOCKS).all()
    checks = [row.status for row in rows if row.queue_name in (CHECKS, FOLDERS)]
    return Queued(frozenset(row.lock for row in rows), checks.count("todo"), checks.count("doing"))


#: Only ever handed a connection: it has none of its own.
_MANAGER = JobManager(SyncPsycopgConnector())


def defer(connection: Connection, jobs: Sequence[Job]) -> list[Job]:
    """Have these done, once the transaction is committed; returns those that nobody waits for already."""
    if not jobs:
        return []
    try:
        with connection.begin_nested():
            _MANAGER.batch_defer_jobs(list(jobs), connection=connection.connection.dbapi_connection)
    except AlreadyEnqueued:
        half = len(jobs) // 2
        return [*defer(connection, jobs[:half]), *defer(connection, jobs[half:])] if half else []
    except ConnectorException as error:
        raise unreachable(error, connection.engine.url) from error
    return list(jobs)


def unreachable(error: Exception, url: URL) -> StoreError:
    """What an error of the queue's connections tells, in one line and without the statement."""
    cause = error.__cause__ or error
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    place = url.render_as_string()
    return StoreError(f"the queue in database {place} cannot be reached: {' '.join(said.split())} (look at the server)")


def buried(error: Exception) -> bool:
    """Whether this process was taken for dead after a silence, and its place in the queue given up."""
    return isinstance(error.__cause__, ForeignKeyViolation)


def defer_behind(connection: Connection, means: Means, *more: Job) -> Queued:
    """Have everything done that is behind, and more, unless it waits or is being done; tells what there was before."""
    before = queued(connection)
    defer(connection, [job for job in (*behind(connection, means), *more) if job.lock not in before.locks])
    return before


def first(name: str) -> Job:
    """What does not show by itself to be behind: `restore` the output folder; `group` and `index` by new wishes."""
    return _single(name, PUBLISH if name == "restore" else FEEDS)


class StoppedError(Exception):
    """The process is to end, and the job is not done: somebody else goes on with it."""


class _Patiently(BaseRetryStrategy):
    """What failed is tried again, later and later; meanwhile it waits, and nobody makes it anew."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if isinstance(exception, (StoppedError, asyncio.CancelledError)):
            return RetryDecision(retry_in={"seconds": 0})
        return RetryDecision(retry_in={"seconds": min(FIRST << min(job.attempts, 10), LONGEST)})


class _Pool(AsyncConnectionPool):
    """As the library's, and never waited for: who waits in vain for its first connection closes it, and for good."""

    async def open(self, wait: bool = False, timeout: float = 0.0) -> None:
        await super().open(wait=False)


def make_app(url: URL, tasks: Mapping[str, Task]) -> App:
    """Procrastinate's own part of a process that works: its pool of connections, and what each task does."""
    # As SQLAlchemy reads the address: libpq reads some of it otherwise, a `+` in its options for one.
    _, given = url.get_dialect()().create_connect_args(url)
    conninfo = make_conninfo(**{**CONNECT, "application_name": session_name("queue"), **given})
    connector = PsycopgConnector(
        pool_factory=_Pool, conninfo=conninfo, min_size=1, max_size=6, timeout=10, reconnect_timeout=RECONNECT
    )
    app = App(connector=connector)
    for name, task in tasks.items():
        app.task(name=name, retry=_Patiently())(task)
    return app
