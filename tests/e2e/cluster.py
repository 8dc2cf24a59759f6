"""A cluster of real processes, on a database server of the test's own that can be restarted and cut off."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from tests import postgres
from tests.e2e.service import eventually

#: What a process logs once it takes part.
WORKS = "] works "


class DatabaseServer:
    """A PostgreSQL server with nobody else on it."""

    def __init__(self, folder: Path) -> None:
        self._server = postgres.server(folder, "delete")
        self._server.start()
        self.socket = str(self._server.get_postmaster_info().socket_dir)

    def create(self, name: str) -> None:
        with psycopg.connect(host=self.socket, user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0".encode())

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.socket}"

    def restart(self) -> None:
        """As an administrator does it: whoever is connected is thrown out."""
        data = str(self._server.pgdata)
        subprocess.run(
            [self._server.bin_path / "pg_ctl", "-w", "-m", "fast", "-D", data, "-l", f"{data}/log", "restart"],
            stdout=subprocess.DEVNULL,
            user=self._server.system_user,
            check=True,
        )

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def database_server() -> Iterator[DatabaseServer]:
    with tempfile.TemporaryDirectory(prefix="own-") as folder:
        Path(folder).chmod(0o755)
        server = DatabaseServer(Path(folder) / "data")
        try:
            yield server
        finally:
            server.stop()


class Network:
    """The way to the database server, by TCP, that can be cut."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        #: Whether what is sent arrives.
        self._open = asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.mend()

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def mend(self) -> None:
        self._call(self._mend())

    def cut(self) -> None:
        """Whoever is connected is so no more, and nobody else can connect."""
        self._call(self._cut())

    def fall_silent(self) -> None:
        """Nothing arrives any more, and nobody is told: what is connected is so until it is mended, and lost then."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _mend(self) -> None:
        if self._server:
            await self._cut()
        self._open.set()
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        assert self._server
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        with suppress(OSError, asyncio.CancelledError):
            await self._open.wait()
            inner, outer = await asyncio.open_unix_connection(f"{self._target}/.s.PGSQL.5432")
            try:
                ways = [asyncio.create_task(way) for way in (self._pump(reader, outer), self._pump(inner, writer))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)
            finally:
                outer.transport.abort()
        writer.transport.abort()
        self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b" "
        while data:
            data = await reader.read(65536)
            await self._open.wait()  # that somebody has gone does not arrive either
            writer.write(data)
            await writer.drain()


class Member:
    """One process of the cluster, which can be killed and started again."""

    def __init__(self, folder: Path, log: str, *arguments: str, **environment: str) -> None:
        self._folder, self.log = folder, folder / log
        self._arguments, self._environment = arguments, environment
        self.process: subprocess.Popen[bytes] | None = None
        self._lives = 0

    def start(self) -> None:
        self._lives = self._told(WORKS)
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.member", *self._arguments],
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **self._environment},
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        assert self.process
        self.process.terminate()
        return self.process.wait(15)

    @property
    def works(self) -> bool:
        """Whether it does, since it was started last; on a busy machine that takes a while."""
        return self._told(WORKS) > self._lives

    def says(self, words: str) -> bool:
        return self._told(words) > 0

    def _told(self, words: str) -> int:
        return self.log.read_text().count(words) if self.log.exists() else 0

    def until(self, words: str) -> None:
        eventually(lambda: self.says(words))


@contextmanager
def members(*all_of_them: Member) -> Iterator[None]:
    try:
        for one in all_of_them:
            one.start()
        yield
    finally:
        for one in all_of_them:
            one.kill()
