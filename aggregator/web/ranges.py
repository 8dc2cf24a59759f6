"""One part of an answer (RFC 9110, 14): for downloads that go on where they broke off."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


def part(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for; an empty range where there are none such (416).

    None where the whole is to be sent: for what is no range of bytes, which is ignored, and for
    several ranges, which a server need not honour.
    """
    found = _ONE.fullmatch(header)
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(size - int(found[2]), 0), size)
    start = int(found[1])
    if found[2] and int(found[2]) < start:
        return None
    return range(start, min(int(found[2]) + 1 if found[2] else size, size))
