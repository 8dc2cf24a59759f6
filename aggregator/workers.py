"""Work is done in this process while there is little of it, and in processes beside it while there is much: documents
are read, and a large round of publishing is written.

A worker costs half a second of processor time and some 100 MB; one is started when so much waits that it pays, and
ends when there was nothing to do for a while. Until it is there, work goes on here.

Each worker has one piece of work at a time and a pipe of its own: when it dies, the document that it had is the
culprit, and nobody else's is lost. That, and that a worker must end with us even if we are killed,
is why this is no ProcessPoolExecutor (docs/decisions.md).
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from threading import Condition, Thread
from time import monotonic
from typing import IO, Any, TypeVar

from aggregator import worker
from aggregator.model import Document, Failed, Outcome
from aggregator.prepare import NOTHING, Read, Recipe, Titles, prepare

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Bytes of documents that must wait for each worker to be started. Two megabytes are half a second
#: of work: as much as the start of a worker costs.
ENOUGH = 2_000_000

#: What the smallest document counts: a file of one line has a fixed cost too.
LEAST = 10_000

#: Most workers, on a machine of many processors: the one writer has no use for what more of them read.
MOST = 4

#: Seconds without work after which a worker ends.
IDLE = 60.0

#: Seconds until the next one is started after that failed.
PAUSE = 60.0

#: What a worker runs, once it finds modules where we find them. Not `-m`: its own types must be those of its module.
MAIN = "import sys; sys.path[:] = {path!r}; from aggregator.worker import main; main()"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one piece of work may cost. Generous: the largest documents allowed take 5 s and 100 MB."""

    seconds: int = 120
    #: Bytes beyond what an idle worker has.
    memory: int = 1 << 30


@dataclass(slots=True, eq=False)
class _Task:
    #: For a worker: a function at the top of its module, with its arguments.
    work: Callable[[], Any]
    #: The same for this process.
    here: Callable[[], Any]
    #: In bytes of documents, which it takes as long to read.
    weight: int
    #: What comes of it where it ends every worker, which had this exit status.
    lost: Callable[[int], Any]
    done: Future[Any] = field(default_factory=Future)


class WorkerError(Exception):
    """Our own code failed in a worker, and the message is the traceback from there; or the worker was lost."""


class _EndedError(Exception):
    """The process is gone, or will not do, instead of answering."""


@dataclass(frozen=True, slots=True)
class _Process:
    handle: subprocess.Popen[bytes]
    tasks: IO[bytes]
    answers: IO[bytes]

    def hear(self) -> object:
        """Its next word."""
        try:
            return pickle.load(self.answers)  # noqa: S301  from a process of ours
        except (EOFError, pickle.UnpicklingError) as error:
            raise _EndedError from error

    def tell(self, task: object) -> None:
        try:
            pickle.dump(task, self.tasks, pickle.HIGHEST_PROTOCOL)
            self.tasks.flush()
        except BrokenPipeError as error:
            raise _EndedError from error

    def end(self) -> int:
        """Wait until it has ended by its input's end; returns its exit status, negative for a signal."""
        with suppress(BrokenPipeError):
            self.tasks.close()
        self.answers.close()
        return self.handle.wait()


class _Worker:
    """One place for a worker, and the process that is in it. Its methods block; only `dismiss` is for other threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._process: _Process | None = None
        #: Ended on purpose: nobody is to be told and nothing tried again.
        self.dismissed = False

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.handle.pid if process else None

    def start(self) -> _Process:
        """The process, ready for work; raises OSError or _EndedError where there can be none."""
        if self._process:
            return self._process
        process = self._process = _launched(self._limits)
        if self.dismissed or process.hear() != worker.READY:
            raise _EndedError
        return process

    def do(self, task: _Task) -> object:
        """What comes of it; raises WorkerError for a fault of ours.

        Whoever dies of it is asked once more, anew: somebody else may have killed it, the kernel for want of memory.
        """
        status = 0
        for _ in range(2):
            try:
                return self._ask(self.start(), task)
            except (OSError, _EndedError):
                status = self.end() or status
            if self.dismissed:
                raise CancelledError
            if status in (worker.OUT_OF_MEMORY, -signal.SIGALRM):
                break
        return task.lost(status)

    @staticmethod
    def _ask(process: _Process, task: _Task) -> object:
        process.tell(task.work)
        answer = process.hear()
        if isinstance(answer, worker.Fault):
            raise WorkerError(answer.trace)
        return answer

    def end(self) -> int:
        """Have the process gone; returns its exit status, 0 where there is none."""
        process, self._process = self._process, None
        return process.end() if process else 0

    def dismiss(self) -> None:
        """Kill the process, whatever it does: it holds nothing that this could harm."""
        self.dismissed = True
        if process := self._process:
            process.handle.kill()
            process.handle.wait()


def _launched(limits: Limits) -> _Process:
    process = subprocess.Popen(  # noqa: S603  this interpreter
        [sys.executable, "-P", "-c", MAIN.format(path=sys.path), str(limits.seconds), str(limits.memory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # BLAS starts a thread for each processor, and nothing here multiplies matrices.
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    if process.stdin is None or process.stdout is None:
        raise _EndedError
    return _Process(process, process.stdin, process.stdout)


def _lost(status: int) -> object:
    raise WorkerError(f"the process that did it ended (status {status})")


def _culprit(limits: Limits, status: int) -> Failed:
    """What to say of a document that ends the process that reads it."""
    words = {
        worker.OUT_OF_MEMORY: f"reading it takes more than {limits.memory >> 20} MB of memory",
        -signal.SIGALRM: f"reading it takes more than {limits.seconds} s",
    }
    message = words.get(status, f"reading it ends the process that reads it (status {status})")
    return Failed(Outcome.UNPARSABLE, message, "please report it with the document; it is tried again")


class Workers:
    """Has work done wherever there is a processor free. For any thread; making it starts nothing."""

    def __init__(
        self, most: int | None = None, *, enough: int = ENOUGH, idle: float = IDLE, limits: Limits = Limits()
    ) -> None:
        """`most` workers at once, 0 for none; default: as many as processors.

        This process stores what they read, which takes it half the time that reading takes.
        """
        self.most = min(MOST, _processors()) if most is None else most
        self._enough, self._idle, self._limits = max(enough, 1), idle, limits
        #: Guards everything below, and tells of every change of it.
        self._changed = Condition()
        self._tasks: deque[_Task] = deque()
        #: Weight of the tasks that are not done.
        self._load = 0
        #: Whether a thread of this process reads, while no worker is ready.
        self._here = False
        #: Workers, and those that are being started too.
        self._hired = 0
        #: By the monotonic clock; later than now where one could not be started.
        self._not_before = 0.0
        self._starting: set[_Worker] = set()
        self._ready: set[_Worker] = set()

    async def prepare(
        self, document: Document, recipe: Recipe, now: datetime, known: Titles = NOTHING
    ) -> Read | Failed:
        """As `prepare.prepare`; what a worker dies of is Failed too."""
        [done] = self.begin([document], recipe, now, known)
        return await asyncio.wrap_future(done)

    def begin(
        self, documents: Iterable[Document], recipe: Recipe, now: datetime, known: Titles = NOTHING
    ) -> list[Future[Read | Failed]]:
        """What comes of each, in their order; for threads, which can do something else until it is there.

        What waits is held in memory: it is for the caller to begin no more than is reasonable.
        """
        tasks = []
        for document in documents:
            work = partial(prepare, document, recipe, now, known)
            tasks.append(_Task(work, work, max(len(document.body), LEAST), partial(_culprit, self._limits)))
        self._begin(tasks)
        return [task.done for task in tasks]

    def call(self, work: Callable[[], T], here: Callable[[], T], weight: int) -> Future[T]:
        """What comes of this work, of so many bytes' weight: of `work` in a worker, or of `here` in this process.

        Raises WorkerError where the worker failed; what `here` raises is raised as it is.
        """
        task = _Task(work, here, weight, _lost)
        self._begin([task])
        return task.done

    def _begin(self, tasks: Collection[_Task]) -> None:
        with self._changed:
            self._tasks.extend(tasks)
            self._load += sum(task.weight for task in tasks)
            self._staff()
            self._changed.notify_all()

    @property
    def pids(self) -> list[int]:
        """The processes that work is done in now; empty while that is this one."""
        with self._changed:
            return sorted(pid for one in self._ready if (pid := one.pid))

    def close(self) -> None:
        """End every worker, and what they have in hand. It can be used again afterwards."""
        with self._changed:
            for task in self._tasks:
                task.done.cancel()
                self._load -= task.weight
            self._tasks.clear()
            ended = self._ready | self._starting
            self._ready.clear()
            for one in ended:
                one.dismiss()
            self._changed.notify_all()

    def _staff(self) -> None:
        """Have somebody there for what waits. Call it with the lock held."""
        if self._tasks and not self._here and not self._ready:
            self._here = True
            Thread(target=self._work_here, name="reading", daemon=True).start()
        while self._hired < min(self.most, self._load // self._enough) and monotonic() >= self._not_before:
            self._hired += 1
            Thread(target=self._employ, name=f"worker {self._hired}", daemon=True).start()

    def _work_here(self) -> None:
        while task := self._next_here():
            self._do(task, task.here)

    def _next_here(self) -> _Task | None:
        """What is next; None where nothing comes, or workers do it from now on."""
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or self._ready, self._idle)
            if self._tasks and not self._ready:
                return self._tasks.popleft()
            self._here = False
            return None

    def _employ(self) -> None:
        """Have a worker as long as there is something to do."""
        # Inherited: a terminal and systemd send them to every process there is, and a worker ends when we say so.
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
        one = _Worker(self._limits)
        with self._changed:
            self._starting.add(one)
        try:
            one.start()
            self._arrive(one)
            while task := self._next(one):
                self._do(task, partial(one.do, task))
                one.start()  # where the work ended it
        except (OSError, _EndedError) as error:
            if not one.dismissed:
                log.warning("no process can be started beside this one, which does all work itself: %r", error)
                self._not_before = monotonic() + PAUSE
        finally:
            self._leave(one)

    def _arrive(self, one: _Worker) -> None:
        with self._changed:
            self._starting.discard(one)
            if not one.dismissed:
                self._ready.add(one)
            self._changed.notify_all()

    def _next(self, one: _Worker) -> _Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._tasks or one.dismissed, self._idle)
            if self._tasks and not one.dismissed:
                return self._tasks.popleft()
            self._ready.discard(one)  # in the same breath: what comes now finds somebody else
            return None

    def _leave(self, one: _Worker) -> None:
        one.end()
        with self._changed:
            self._hired -= 1
            self._starting.discard(one)
            self._ready.discard(one)
            self._staff()
            self._changed.notify_all()

    def _do(self, task: _Task, work: Callable[[], object]) -> None:
        if task.done.set_running_or_notify_cancel():
            try:
                task.done.set_result(work())
            except Exception as error:  # noqa: BLE001  it is raised where the result is waited for
                task.done.set_exception(error)
        with self._changed:
            self._load -= task.weight


def _processors() -> int:
    """Those that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
