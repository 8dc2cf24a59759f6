"""What systemd is told of a service of `Type=notify`, by the protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping


def notify(*assignments: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send lines such as `READY=1`; tell whether there was anybody to tell.

    Does nothing where systemd did not start this process. Raises nothing: a service goes on
    working where its manager does not listen.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        try:
            # `@` stands for the NUL of Linux's abstract names.
            out.sendto("\n".join(assignments).encode(), address.replace("@", "\0", 1))
        except OSError:
            return False
    return True


def watchdog(environ: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between signs of life: half of what systemd waits for; None where it does not wait."""
    limit, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    meant = not pid or pid == str(os.getpid())
    return int(limit) / 2_000_000 if limit.isdigit() and int(limit) and meant else None
