"""What a cluster of so many sources needs, and what it meets first.

    python -m benchmarks.capacity --sources 1000000 --interval 30m [--entries 5] [--days 365] [--items 3]

`--entries`: new ones of a source a day; `--days`: how long they are kept; `--items`: new ones that a check brings
where it brings any. The figures of a single check and entry are those that `benchmarks.leader`, `benchmarks.cluster`
and `db copy` of what that stored have shown; docs/capacity.md says when and where.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, log10

from aggregator.config.units import duration

#: Seconds of a core: of a check that finds nothing new, of one that brings something, of grouping an entry.
WORKER_CHECK, WORKER_DOCUMENT = 0.0042, 0.110
SERVER_CHECK, SERVER_DOCUMENT = 0.0023, 0.040
LEADER_CHECK, GROUP_ENTRY = 0.0006, 0.0055
#: Of publishing what such a check brings: its publisher's feed, its categories and the feed of all.
PUBLISH_DOCUMENT = 0.05

#: Bytes: of a source in the configuration, in the memory of the leader and of a worker, and in its tables, with its
#: last checks; of an entry with its indexes and everything that belongs to it; of the log for a check and for each
#: byte that is stored.
CONFIGURED, LEADER_SOURCE, WORKER_SOURCE, STORED_SOURCE = 58, 4_700, 2_700, 8_700
STORED_ENTRY, LOG_CHECK, LOG_STORED = 8_200, 3_300, 2.5

#: Rows for each entry, of all tables; for each source: itself, and its last checks.
ROWS_ENTRY, ROWS_SOURCE = 38, 56
#: Transactions of a check, and rows that it leaves dead: two of its source, those of its job and of the job's events.
TRANSACTIONS, DEAD = 8.3, 6.0

#: What a processor is to be used of, cores of a large server, and connections of a process that works.
BUSY, CORES, CONNECTIONS = 0.6, 64, 12
#: Of the first megabyte of configuration nobody needs to think; nor of two gigabytes in each worker.
FILE, MEMORY = 1e6, 2e9
#: Bytes of one table and its indexes that are still vacuumed, and restored, in a night.
TABLE = 1e12
#: Dead rows a second that vacuuming of one table keeps up with.
SWEPT = 20_000
#: Bytes a second that one log takes, on a good disk, and a standby with it.
LOG = 200e6


@dataclass(frozen=True)
class Load:
    """Of a whole cluster: numbers a second, unless they say otherwise."""

    sources: int
    checks: float
    entries: float
    documents: float
    kept: float

    @classmethod
    def of(cls, sources: int, interval: timedelta, entries: float, days: float, items: float) -> Load:
        checks, fresh = sources / interval.total_seconds(), sources * entries / 86400
        return cls(sources, checks, fresh, min(checks, fresh / items), sources * entries * days)

    @property
    def workers(self) -> int:
        """Processes of one core each."""
        return ceil((self.checks * WORKER_CHECK + self.documents * WORKER_DOCUMENT) / BUSY)

    @property
    def server(self) -> float:
        """Cores of PostgreSQL."""
        return self.checks * SERVER_CHECK + self.documents * SERVER_DOCUMENT

    @property
    def log(self) -> float:
        return self.checks * LOG_CHECK + self.entries * STORED_ENTRY * LOG_STORED


@dataclass(frozen=True)
class Limit:
    """Something that does not grow with the number of processes."""

    name: str
    load: float
    most: float
    remedy: str


def limits(load: Load) -> Iterator[Limit]:
    yield Limit(
        "config.yaml, read whole by each process",
        load.sources * CONFIGURED,
        FILE,
        "raise the limit of its size; beyond 100,000 sources keep them in the database, and have a worker read those of its job",
    )
    yield Limit(
        "sources in the memory of each worker",
        load.sources * WORKER_SOURCE,
        MEMORY,
        "the same: a worker needs the sources of the jobs in hand, not all",
    )
    yield Limit(
        "the leader, which makes all jobs",
        load.checks * LEADER_CHECK,
        BUSY,
        "larger batches for each host; then a leader for each part of the sources, with a lock of its own",
    )
    yield Limit(
        "grouping, of which there is one",
        load.entries * GROUP_ENTRY,
        BUSY,
        "a job for each language, which share no duplicates; then for each range of bands, with merges between them",
    )
    yield Limit(
        "publishing, of one `run`",
        load.documents * PUBLISH_DOCUMENT,
        BUSY,
        "a second `run`, or workers with `--queues publish`, on a shared folder; `output.per_source: false`",
    )
    yield Limit(
        "vacuum of `source` and of the queue",
        load.checks * DEAD,
        SWEPT,
        "both partitioned by hash; next_check in a narrow table of its own; a queue for each part",
    )
    yield Limit(
        "the log (WAL) of one server",
        load.log,
        LOG,
        "wal_compression, fewer checks that bring nothing; then a server for each part",
    )
    yield Limit(
        "cores of one server",
        load.server,
        CORES * BUSY,
        "read replicas for `serve` and `search`; then a server for each part of the sources",
    )
    yield Limit(
        "the table `entry`",
        load.kept * STORED_ENTRY,
        TABLE,
        "partitions of `entry` and what belongs to it by time, dropped whole when they are old; fewer days",
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    asked.add_argument("--sources", type=int, default=1_000_000)
    asked.add_argument("--interval", type=duration, default=timedelta(minutes=30))
    asked.add_argument("--entries", type=float, default=5.0)
    asked.add_argument("--days", type=float, default=365.0)
    asked.add_argument("--items", type=float, default=3.0)
    given = asked.parse_args()
    load = Load.of(given.sources, given.interval, given.entries, given.days, given.items)
    print(
        f"{load.sources:,} sources, each every {given.interval}, {given.entries:g} new entries a day kept {given.days:g} days"
    )
    for name, value in needs(load):
        print(f"  {name:34} {value}")
    print("what it meets, the nearest first (load of what one of it bears)")
    for limit in sorted(limits(load), key=lambda one: -one.load / one.most):
        print(
            f"  {limit.load / limit.most:9.2f}  {limit.name}"
            + (f"\n{'':13}{limit.remedy}" if limit.load > limit.most else "")
        )


def needs(load: Load) -> Iterator[tuple[str, str]]:
    yield "checks a second", f"{load.checks:,.0f}, of which {load.documents:,.0f} bring something"
    yield "new entries a second", f"{load.entries:,.1f}"
    yield "rows", f"{load.kept * ROWS_ENTRY + load.sources * ROWS_SOURCE:,.3g}, of them entries {load.kept:,.3g}"
    yield "bytes of the database", size(load.kept * STORED_ENTRY + load.sources * STORED_SOURCE)
    yield "log (WAL) a second", size(load.log)
    yield "transactions a second", f"{load.checks * TRANSACTIONS:,.0f}"
    yield "workers of one core", f"{load.workers:,}, each with {size(110e6 + load.sources * WORKER_SOURCE)} of memory"
    yield "memory of the leader", size(130e6 + load.sources * LEADER_SOURCE)
    yield "connections", f"{load.workers * CONNECTIONS:,} (PgBouncer in session mode above 500)"
    yield "cores of PostgreSQL", f"{load.server / BUSY:,.1f}"


def size(number: float) -> str:
    units = ("B", "KB", "MB", "GB", "TB")
    power = min(int(log10(max(number, 1)) // 3), len(units) - 1)
    return f"{number / 1000**power:.3g} {units[power]}"


if __name__ == "__main__":
    main()
