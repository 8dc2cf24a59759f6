"""A server of feeds for benchmarks, in a process of its own: ETags, 304, connections kept open.

    python -m benchmarks.feed_server FOLDER

Prints its port. Listens on HOSTS loopback addresses, each of which stands for a host.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from urllib.parse import unquote

HOSTS = [f"127.0.1.{number}" for number in range(1, 101)]


class Feeds(asyncio.Protocol):
    """Answers with what lies on the disk now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._out = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while b"\r\n\r\n" in self._rest:
            head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            self._out.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        line, *fields = head.split(b"\r\n")
        path = unquote(line.split()[1].decode()).strip("/")
        file = self._folder / path
        if not file.is_file():
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        body = file.read_bytes()
        tag = b'"' + blake2b(body, digest_size=8).hexdigest().encode() + b'"'
        asked = {name.lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
        if asked.get(b"if-none-match") == tag:
            return b"HTTP/1.1 304 Not Modified\r\nETag: " + tag + b"\r\n\r\n"
        # So whoever measures knows when it was sent.
        os.utime(file, (time.time(), file.stat().st_mtime))
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nETag: %b\r\nContent-Length: %d\r\n\r\n"
            % (tag, len(body))
        ) + body


async def serve(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server((HOSTS[0], 0)) as free:
        port = free.getsockname()[1]
    server = await loop.create_server(lambda: Feeds(folder), HOSTS, port, backlog=1024)
    print(port, flush=True)
    await server.serve_forever()


@contextmanager
def serving(folder: Path) -> Iterator[int]:
    """The server in a process of its own; yields its port."""
    command = [sys.executable, "-m", "benchmarks.feed_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
