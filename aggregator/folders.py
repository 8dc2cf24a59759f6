"""One check of a folder of article files: what differs is read, the rest costs one listing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from sqlalchemy import Connection

from aggregator import ingest, withdraw
from aggregator.fetch import folder
from aggregator.fetch.folder import Found, Missing, Unsettled
from aggregator.ingest import Visit
from aggregator.means import Means
from aggregator.model import (
    Document,
    Event,
    Failed,
    FileState,
    Outcome,
    ParsedFeed,
    Prepared,
    Refused,
    Result,
    SourceState,
    Tally,
    Validators,
    digest,
)
from aggregator.prepare import Read, Recipe, prepare
from aggregator.store import events, files, sources
from aggregator.store.failures import again

#: Files of one transaction, each complete in itself, and bytes of them at which it is full sooner: an
#: interrupted scan goes on where it stopped.
BATCH, BATCH_BYTES = 500, 16_000_000

#: How often a check comes back to files that were being written when it looked.
LOOKS = 3


@dataclass
class Scan:
    """What one listing brought, sorted by what is to be done."""

    found: list[Found] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unsettled: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def check(means: Means, state: SourceState, recipe: Recipe, pause: Callable[[float], None] = time.sleep) -> Result:
    """Scan the folder, ingest what is new or changed, note what is gone.

    What vanished is noted first, so that a file under a new name finds the entry of its old one.
    Files still being written are looked at again after a moment. Blocks: run it in a thread.
    """
    tally, told = Tally(), b""
    for _ in range(LOOKS):
        scan = _scan(means, state, recipe)
        if isinstance(scan, Failed):
            return ingest.conclude(means, state, recipe, ingest.failed(state, scan))
        _note_missing(means, state, scan.missing)
        for reading in _one_ahead(_begin(means, state, recipe, batch) for batch in _batches(scan.found)):
            if means.stopping.is_set():
                return ingest.interrupted(means, state, tally)
            tally += _store(means, state, reading)
        told = _note_refused(means, state, scan.refused)
        if not scan.unsettled:
            break
        pause(folder.SETTLED)
    if recipe.source.withdraw_deleted:
        withdraw.follow_files(means, state.name, state.id)
    outcome = Outcome.OK if tally.new or tally.changed else Outcome.UNCHANGED
    visit = Visit(Result(state.name, outcome, None, tally), validators=Validators(digest=told))
    return ingest.conclude(means, state, recipe, visit)


def preview(means: Means, recipe: Recipe) -> Read | Failed:
    """What the folder's first files would bring, also those just being written; stores nothing."""
    soon = means.clock().timestamp() + folder.SETTLED
    changes = folder.scan(recipe.source.path or "", (), follow_links=recipe.source.follow_links, now=soon)
    if isinstance(changes, Failed):
        return changes
    prepared: list[Prepared] = []
    refused: list[Refused] = []
    for change in islice(changes, BATCH):
        match change:
            case Refused():
                refused.append(change)
            case Found(path):
                document = folder.read(recipe.source.path or "", path, means.config.network.max_bytes)
                read = document if isinstance(document, Refused) else prepare(document, recipe, means.clock())
                match read:
                    case Read():
                        prepared += read.prepared
                        refused += read.refused
                    case Failed():
                        refused.append(Refused(path, f"{read.message}: {read.remedy}"))
                    case Refused():
                        refused.append(read)
    return Read(ParsedFeed(), tuple(prepared), tuple(refused))


def _scan(means: Means, state: SourceState, recipe: Recipe) -> Scan | Failed:
    changes = folder.scan(
        recipe.source.path or "",
        files.known(means.database, state.id),
        follow_links=recipe.source.follow_links,
        now=means.clock().timestamp(),
    )
    if isinstance(changes, Failed):
        return changes
    scan = Scan()
    for change in changes:
        match change:
            case Found():
                scan.found.append(change)
            case Missing(path):
                scan.missing.append(path)
            case Unsettled(path):
                scan.unsettled.append(path)
            case Refused():
                scan.refused.append(change)
    return scan


def _batches(found: Sequence[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for item in found:
        if batch and (len(batch) == BATCH or size + item.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += item.size
    if batch:
        yield batch


@again
def _note_missing(means: Means, state: SourceState, paths: Sequence[str]) -> None:
    """An event for each file that is gone; what is published stays as it is."""
    for start in range(0, len(paths), BATCH):
        with means.database.write(beside=True) as connection:
            now = means.clock()
            gone = files.missing(connection, state.id, paths[start : start + BATCH], now)
            trace = [
                Event("missing", "its file is gone; what is published stays", state.name, path, entry_id)
                for path, entry_id in gone.items()
            ]
            events.record(connection, trace, now)


@dataclass(frozen=True, slots=True)
class Reading:
    """A batch of files that is being read: what they hold comes while the batch before is stored."""

    batch: Sequence[Found]
    documents: dict[str, Document]
    #: Paths of files that were touched, not changed.
    same: set[str]
    #: Reasons by path.
    refused: dict[str, str]
    found: dict[str, Future[Read | Failed]]
    now: datetime


def _begin(means: Means, state: SourceState, recipe: Recipe, batch: Sequence[Found]) -> Reading:
    documents, refused = _read(means, recipe, batch)
    with means.database.read() as connection:
        same = files.unchanged(connection, state.id, {path: item.digest for path, item in documents.items()})
    now, paths = means.clock(), sorted(documents.keys() - same)
    found = means.workers.begin((documents[path] for path in paths), recipe, now)
    return Reading(batch, documents, same, refused, dict(zip(paths, found, strict=True)), now)


def _one_ahead(readings: Iterable[Reading]) -> Iterator[Reading]:
    """Each of them once the next has begun."""
    before = None
    for reading in readings:
        if before:
            yield before
        before = reading
    if before:
        yield before


@again
def _store(means: Means, state: SourceState, reading: Reading) -> Tally:
    """Store what a batch of files brings, in one transaction."""
    prepared: list[Prepared] = []
    refused, now = reading.refused, reading.now
    for path, found in reading.found.items():
        read = found.result()
        if isinstance(read, Failed):
            refused[path] = f"{read.message}: {read.remedy}"
        else:
            prepared += read.prepared
            refused.update((path, item.reason) for item in read.refused)
    with means.database.write(beside=True) as connection:
        stored = ingest.ingest(connection, state, prepared, means.naming, now)
        _save(connection, state, reading, stored.files)
        ingest.refuse(connection, state.name, [Refused(path, reason) for path, reason in refused.items()], now)
    return stored.tally + Tally(refused=len(refused))


def _read(means: Means, recipe: Recipe, batch: Sequence[Found]) -> tuple[dict[str, Document], dict[str, str]]:
    documents: dict[str, Document] = {}
    refused: dict[str, str] = {}
    for item in batch:
        document = folder.read(recipe.source.path or "", item.path, means.config.network.max_bytes)
        if isinstance(document, Refused):
            refused[item.path] = document.reason
        else:
            documents[item.path] = document
    return documents, refused


def _save(connection: Connection, state: SourceState, reading: Reading, entries: dict[str, int]) -> None:
    states = [FileState(item.path, item.size, item.mtime) for item in reading.batch]
    files.touch(connection, state.id, [item for item in states if item.path in reading.same])
    files.save(
        connection,
        state.id,
        [item for item in states if item.path not in reading.same],
        digests={path: document.digest for path, document in reading.documents.items()},
        entries=entries,
        refused=reading.refused,
        now=reading.now,
    )


@again
def _note_refused(means: Means, state: SourceState, refused: Sequence[Refused]) -> bytes:
    """What the listing itself refused (links, folders that cannot be read) is told once, not at each scan.

    Returns the digest of that list, which stands where a feed has its body's.
    """
    told = digest(repr(sorted((item.path, item.reason) for item in refused)).encode())
    with means.database.write(beside=True) as connection:
        if told != state.validators.digest:
            ingest.refuse(connection, state.name, refused, means.clock())
        sources.refusals(connection, state.id, files.refused(connection, state.id) + len(refused))
    return told
