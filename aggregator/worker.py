"""One worker: a process that is told what to do on its standard input and answers on its standard output.

`workers` starts it and speaks to it in pickles: a function with its arguments, and what came of it. It ends with its
input, and so with the process that started it, however that ended. What a piece of work may cost is bounded by the
kernel, for what hangs or grows in a library written in C is not reached by anything milder: the process ends, and by
how it ended `workers` knows what was wrong with a document.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import BinaryIO

from aggregator import __version__

#: The first word of a worker, once its libraries are loaded. One of another version, installed over the
#: one that runs, would misunderstand what it is sent.
READY = f"aggregator {__version__}"

#: The exit status of a worker that ran out of memory; hung ones end by SIGALRM.
OUT_OF_MEMORY = 70


@dataclass(frozen=True, slots=True)
class Fault:
    """The answer where our own code failed."""

    trace: str


def main() -> None:
    """Answer until the input ends. Arguments: seconds that an answer may take, bytes that it may add in memory."""
    seconds, room = (int(argument) for argument in sys.argv[1:])
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    Thread(target=_end_with_input, daemon=True).start()
    from aggregator import prepare  # noqa: F401  half a second, at once and not with the first document

    _bound(room)
    _answer(answers, pickle.dumps(READY))
    while True:
        try:
            _work(sys.stdin.buffer, answers, seconds)
        except (EOFError, BrokenPipeError):
            return
        except MemoryError:
            os._exit(OUT_OF_MEMORY)  # what is left of the heap is not worth relying on


def _end_with_input() -> None:
    """Also in the middle of work that nobody waits for any more."""
    input_ends = select.poll()
    input_ends.register(0, 0)
    input_ends.poll()
    os._exit(0)


def _bound(room: int) -> None:
    """Let the process grow by so much and no more; what it has reserved by now depends on the machine."""
    pages = Path("/proc/self/statm")
    now = int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 0
    resource.setrlimit(resource.RLIMIT_AS, (now + room, resource.getrlimit(resource.RLIMIT_AS)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _work(tasks: BinaryIO, answers: BinaryIO, seconds: int) -> None:
    work = pickle.load(tasks)  # noqa: S301  from the process that started us
    signal.alarm(seconds)
    try:
        answer: object = work()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  it is raised again where it can be told of
        answer = Fault(traceback.format_exc())
    data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    signal.alarm(0)
    _answer(answers, data)


def _answer(answers: BinaryIO, data: bytes) -> None:
    answers.write(data)
    answers.flush()
