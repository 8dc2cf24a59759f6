"""The program as its user starts it: a process of its own, spoken to over HTTP and signals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "aggregator"]

#: Seconds after which something that should happen within a few has not happened.
PATIENCE = 30.0


def command(
    folder: Path, *arguments: str, patience: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run one command in `folder` to its end, which must come within `patience` seconds."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def configure(folder: Path, sources: list[dict[str, Any]], **sections: Any) -> None:
    site = {"title": "试刊", "url": "https://news.example.org/", "tag": "news.example.org,2026", "language": "zh"}
    config = {"site": site, "server": {"port": 0}, "sources": sources, **sections}
    (folder / "config.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")


@dataclass
class Service:
    process: subprocess.Popen[str]
    url: str

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=15)


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[Service]:
    """`aggregator run`, once it serves; killed at the end if it still runs."""
    with (folder / "log.txt").open("a") as log:
        process = subprocess.Popen(
            [*COMMAND, *(arguments or ("run",))], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("Open"), f"{first!r}\n{(folder / 'log.txt').read_text()}"
        yield Service(process, first.split()[1])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def eventually(happened: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `happened` gives as soon as it gives anything."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := happened():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")
