"""The network, played: an HTTP server on the loopback that says what it was told to say.

    with Server({"/feed": reply(b"<rss/>"), "/gone": reply(status=410)}) as server:
        ... server.url("/feed") ... server.requests ... server.busiest

A script is one of: bytes made by `reply` (the connection stays open for the next request);
`Raw` bytes (sent as they are, then the connection ends); a function of (request, writer), after
which the connection ends, or that returns bytes like those of `reply`; or a list of scripts,
one for each request, of which the last one stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

#: Key and certificate of `localhost` and 127.0.0.1, which nobody trusts.
PEM = Path(__file__).parent / "data" / "loopback.pem"
#: Certificates of an authority of the tests' own: whoever is told of `authority.pem` trusts `good.pem`.
TLS = Path(__file__).parent / "data" / "tls"


@dataclass(frozen=True)
class Request:
    method: str
    #: As it stood in the request line, query included.
    target: str
    #: Names in lower case.
    headers: dict[str, str]
    #: Which connection it came on, from 0.
    connection: int = 0
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]


@dataclass(frozen=True)
class Raw:
    data: bytes


Speak: TypeAlias = Callable[[Request, asyncio.StreamWriter], Awaitable[bytes | None]]
Script: TypeAlias = "bytes | Raw | Speak | list[Script]"


def reply(body: bytes = b"", status: int = 200, headers: dict[str, str] | None = None) -> bytes:
    """A correct answer."""
    fields = {"Content-Length": str(len(body)), **(headers or {})}
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n".encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return reply(status=status, headers={"Location": location})


async def reset(request: Request, writer: asyncio.StreamWriter) -> None:
    """End the connection with a reset, not with an orderly close."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(request: Request, writer: asyncio.StreamWriter) -> None:
    """End the connection in good order, without a word."""


def endless(head: bytes, piece: bytes = bytes(65536)) -> Speak:
    """Send `head`, then the same piece again and again, as fast as the other side takes it."""

    async def speak(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return speak


def dripping(head: bytes, *, pause: float, drop: bytes = b"x") -> Speak:
    """Send `head`, then one drop after the other for as long as anybody listens."""

    async def speak(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while not writer.is_closing():
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(pause)

    return speak


def silent(head: bytes = b"") -> Speak:
    """Send `head`, then nothing until the other side goes."""

    async def speak(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await writer.drain()
        await asyncio.Event().wait()

    return speak


@dataclass
class Server:
    """Answers by path; what no script names is a 404. Use it as a context manager."""

    scripts: dict[str, Any] = field(default_factory=dict)
    #: With the certificate that nobody trusts, or by a context of one's own.
    tls: bool | ssl.SSLContext = False
    host: str = "127.0.0.1"
    #: Said to everybody who connects, before they say anything.
    greeting: bytes = b""
    #: Nothing is answered before so many requests have come.
    together: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    #: Most requests that were under way at once.
    busiest: int = 0
    _busy: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def url(self, path: str = "/", host: str | None = None) -> str:
        host = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def asked(self, path: str) -> list[Request]:
        """The requests for one path, in their order."""
        return [request for request in self.requests if request.path == path]

    async def _start(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: list[asyncio.WriteTransport] = []
        self._arrived = asyncio.Condition()
        self._server = await asyncio.start_server(self._connected, self.host, 0)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        await _settle()
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for transport in self._transports:
            transport.abort()
        await _settle()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.connections
        self.connections += 1
        self._transports.append(writer.transport)
        task = asyncio.get_running_loop().create_task(self._converse(reader, writer, number))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        try:
            if self.tls:
                await writer.start_tls(context() if self.tls is True else self.tls)
            writer.write(self.greeting)
            while request := await _read(reader, number):
                if not await self._serve(request, writer):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether the connection goes on."""
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            async with self._arrived:
                self.requests.append(request)
                self._arrived.notify_all()
                await self._arrived.wait_for(lambda: len(self.requests) >= self.together)
            script = self._script(request.path)
            said = script if isinstance(script, bytes | Raw) else await script(request, writer)
        finally:
            self._busy -= 1
        if said is not None:
            writer.write(said.data if isinstance(said, Raw) else said)
            await writer.drain()
        return isinstance(said, bytes)

    def _script(self, path: str) -> Any:
        script = self.scripts.get(path, reply(b"nothing here", 404))
        if isinstance(script, list):
            return script.pop(0) if len(script) > 1 else script[0]
        return script


async def _settle() -> None:
    """A connection that was just accepted or aborted takes a few turns of the loop to begin or end."""
    for _ in range(10):
        await asyncio.sleep(0)


def context(certificate: Path = PEM) -> ssl.SSLContext:
    """What a server with that certificate speaks TLS by."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate)
    return made


async def _read(reader: asyncio.StreamReader, number: int) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    line, *fields = head.rstrip("\r\n").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, number, body)
