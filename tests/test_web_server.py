"""The server in an event loop of ours: real sockets on the loopback."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from http.client import HTTPConnection

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from aggregator.errors import ConfigError
from aggregator.web.server import GuardedProtocol, listen, serving


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


class Impatient(GuardedProtocol):
    head_seconds = 0.05


@contextlib.contextmanager
def served(app: Starlette = APP, protocol: type[GuardedProtocol] = GuardedProtocol) -> Iterator[int]:
    """The server in a thread with a loop of its own; ends when the block does."""
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        async with serving(app, "127.0.0.1", 0, protocol) as port:
            started.set_result((port, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    port, loop, stop = started.result(10)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        assert not thread.is_alive()


def get(port: int) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def test_port_zero_is_any_free_one_and_is_told():
    with served() as port:
        assert port > 0
        assert get(port) == (200, b"hello")


def test_nothing_listens_afterwards():
    with served() as port:
        pass
    with pytest.raises(ConnectionRefusedError):
        connect(port)


def test_a_busy_port_is_named_with_what_to_do():
    with listen("127.0.0.1", 0) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1 port {port}: .*in use.*set server\.port"):
            listen("127.0.0.1", port)


def test_a_foreign_address_is_named_with_what_to_do():
    with pytest.raises(ConfigError, match=re.escape("192.0.2.1 port 0")) as caught:
        listen("192.0.2.1", 0)
    assert "set server.host" in str(caught.value)


def test_a_connection_stays_open_for_more_requests():
    with served() as port, contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        for _ in range(3):
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"hello"


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n"])
def test_a_request_whose_head_does_not_come_is_closed(sent: bytes):
    with served(protocol=Impatient) as port, connect(port) as client:
        client.sendall(sent)
        assert client.recv(100) == b""


def test_a_connection_that_asks_no_more_is_closed_after_its_answer():
    with served(protocol=Impatient) as port, connect(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(1000), b""))
        assert received.count(b"HTTP/1.1 200 OK") == 1


def test_a_head_that_is_too_long_is_closed():
    with served() as port, connect(port) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)
        with contextlib.suppress(ConnectionError):
            assert client.recv(100) == b""


def test_requests_in_one_go_are_answered_in_order():
    request = b"GET / HTTP/1.1\r\nHost: a\r\n"
    with served() as port, connect(port) as client:
        client.sendall(request + b"\r\n" + request + b"Connection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(1000), b""))
        assert received.count(b"hello") == 2


def test_an_open_connection_does_not_hold_up_the_end():
    with served() as port:
        idle, half = connect(port), connect(port)
        half.sendall(b"GET / HT")
    for client in (idle, half):
        with client, contextlib.suppress(ConnectionError):
            assert client.recv(100) == b""
