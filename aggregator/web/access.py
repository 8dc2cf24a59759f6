"""Who may see details: this machine, and who has the token."""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address

from starlette.requests import Request

#: Set by proxies: behind one, everybody connects from this machine.
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def may_see(request: Request, token: str | None) -> bool:
    """Whether the request comes from this machine itself, or shows `server.token`.

    A proxy in front must name the client (all of ours in deploy/ do), or it makes everybody local.
    A page of a stranger may not look either, though the reader's browser runs on this machine: its
    requests carry the stranger's host name, whatever that name resolves to.
    """
    given = _given(request)
    if token and given:
        # In a time that does not tell how much of it was right.
        return compare_digest(given.encode(), token.encode())
    return _local(request)


def _given(request: Request) -> str:
    """The token that the request shows: as a header, or where only an address can be given."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return request.query_params.get("token", "")


def _local(request: Request) -> bool:
    forwarded = any(name in request.headers for name in FORWARDED)
    return not forwarded and _loopback(request.client.host if request.client else "") and _named_local(request)


def _named_local(request: Request) -> bool:
    name = request.url.hostname or ""
    return name == "localhost" or name.endswith(".localhost") or _loopback(name)


def _loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
