"""uvicorn inside our own event loop: no signals, no logging and no exit of its own."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from aggregator.errors import ConfigError

#: Seconds within which the head of a request must be complete.
HEAD_SECONDS = 15.0
#: Bytes of a request's head; longer ones are no reader's.
HEAD_BYTES = 32_768
#: Seconds that answers under way are given at the end.
STOP_SECONDS = 4

_REMEDIES = {
    errno.EADDRINUSE: "another program listens there: stop it, or set server.port (0 takes any free one)",
    errno.EACCES: "ports below 1024 need a right of their own: set server.port to 1024 or more",
    errno.EADDRNOTAVAIL: "this machine has no such address: set server.host",
}


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that do not come to the point.

    uvicorn itself waits for ever for the rest of a request's head, of any size.
    """

    head_seconds = HEAD_SECONDS
    _timer: asyncio.TimerHandle | None = None
    _bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if self._timer:
            self._bytes += len(data)
            if self._bytes > HEAD_BYTES:
                self.transport.close()
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._disarm()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing():
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._disarm()
        self._bytes = 0
        self._timer = self.loop.call_later(self.head_seconds, self.transport.close)

    def _disarm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


class _Server(uvicorn.Server):
    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]  # the service has its own
        return nullcontext()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the address; port 0 takes any free one.

    Bound here, for uvicorn ends the whole process where a port is busy. Raises ConfigError with the
    address, the system's words and what to do.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return _bound(family, kind, protocol, address)
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "look at server.host and server.port")
        raise ConfigError([f"cannot listen on {host} port {port}: {error.strerror or error}; {remedy}"]) from error


def _bound(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    listening = socket.socket(family, kind, protocol)
    try:
        # Else a restart fails for as long as the last connections linger.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(512)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


@asynccontextmanager
async def serving(
    app: ASGIApp, host: str, port: int, protocol: type[asyncio.Protocol] = GuardedProtocol
) -> AsyncIterator[int]:
    """Serve `app` until the block ends, which takes at most five seconds more; yields the real port."""
    listening = listen(host, port)
    with listening:
        server = _Server(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = True
            stopped, _ = await asyncio.wait([task], timeout=STOP_SECONDS + 1)
            if stopped:
                await task
            else:
                task.cancel()
