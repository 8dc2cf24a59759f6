"""The DNS, played: a name server on the loopback, and the program run so that it asks there.

    with Names({"moving.test": [["127.0.0.1"], ["10.0.0.1"]]}) as names:
        ... names.command("once", "--all") ... names.asked

Each look-up of a name gets the next of its answers, of which the last one stays; what is not in
the zone does not exist. As a module it is the program with that name server for its system's:
`python -m tests.played_names PORT ARGUMENTS…`.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import TracebackType
from typing import Any, Self

_A, _AAAA = 1, 28
_NO_SUCH_NAME = 3
_HEADER = struct.Struct("!6H")
_RECORD = struct.Struct("!3HIH")


@dataclass
class Names:
    """The name server; use it as a context manager."""

    zone: dict[str, list[list[str]]]
    #: Names in the order in which they were looked up.
    asked: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
            ending.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    def command(self, *arguments: str) -> list[str]:
        """How the program is started so that it asks here."""
        return [sys.executable, "-m", __name__, str(self.port), *arguments]

    def _serve(self) -> None:
        while True:
            query, sender = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), sender)

    def _answer(self, query: bytes) -> bytes:
        number = _HEADER.unpack_from(query)[0]
        question = query[_HEADER.size :]
        name, kind = _name(question), struct.unpack("!H", question[-4:-2])[0]
        answers = self.zone.get(name)
        if answers is None:
            return _HEADER.pack(number, 0x8180 | _NO_SUCH_NAME, 1, 0, 0, 0) + question
        if kind == _A:
            self.asked.append(name)
        found = map(ip_address, answers[min(self.asked.count(name), len(answers)) - 1])
        wanted = [address.packed for address in found if (address.version == 4) == (kind == _A)]
        # 0xC00C points to the name in the question; nothing may be kept (a TTL of 0).
        records = b"".join(_RECORD.pack(0xC00C, kind, 1, 0, len(packed)) + packed for packed in wanted)
        return _HEADER.pack(number, 0x8180, 1, len(wanted), 0, 0) + question + records


def _name(question: bytes) -> str:
    labels, at = [], 0
    while length := question[at]:
        labels.append(question[at + 1 : at + 1 + length])
        at += 1 + length
    return b".".join(labels).decode().lower()


def _ask(port: int, name: str, kind: int) -> list[str]:
    labels = b"".join(bytes([len(label)]) + label for label in name.encode("idna").rstrip(b".").split(b"."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.sendto(
            _HEADER.pack(1, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1), ("127.0.0.1", port)
        )
        answer = asking.recv(4096)
    _, flags, _, count, _, _ = _HEADER.unpack_from(answer)
    if flags & 15:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    size = 16 if kind == _AAAA else 4
    records = answer[len(answer) - count * (_RECORD.size + size) :]
    step = _RECORD.size + size
    return [str(ip_address(records[at + _RECORD.size : at + step])) for at in range(0, len(records), step)]


def _is_numeric(host: str) -> bool:
    """Whether the system reads it as an address: that needs no name server, also for `0x7f.1`."""
    try:
        socket.inet_aton(host)
    except OSError:
        return ":" in host
    return True


def _main(port: int, arguments: list[str]) -> None:
    system = socket.getaddrinfo

    def getaddrinfo(host: Any, port_: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> list[Any]:
        if host is None or _is_numeric(host):
            return system(host, port_, family, type, proto, flags)
        found = [address for kind in (_A, _AAAA) for address in _ask(port, host, kind)]
        if not found:
            raise socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")
        return [info for address in found for info in system(address, port_, 0, type, proto, socket.AI_NUMERICHOST)]

    socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]  # without the overloads of its result
    from aggregator.cli import main

    main(arguments)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2:])
