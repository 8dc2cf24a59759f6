"""Which addresses may be dialled: public ones, and what `network.allow` names.

The check is made on the address of each socket before it is connected. That is the only place
that sees every dial: numeric hosts in odd spellings, names that resolve to private addresses,
redirects, IPv6.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from yarl import URL

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]
#: family, type, protocol, canonical name, socket address: as getaddrinfo gives it.
AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]

#: IPv6 prefixes whose last 32 bits are the IPv4 address that is really meant: IPv4-compatible
#: (RFC 4291; Python calls ::127.0.0.1 global), IPv4-mapped, IPv4-translated (RFC 2765), NAT64 (RFC 6052).
_CARRIES_IPV4 = tuple(IPv6Network(text) for text in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"))

#: All that is assigned for global unicast (RFC 4291); site-local and the like lie outside.
_GLOBAL_UNICAST = IPv6Network("2000::/3")

#: Global in Python's tables, yet never a publisher's: IETF protocol assignments, of which clouds
#: use some for their metadata; Azure's platform address; documentation (RFC 9637).
_NEVER = (IPv4Network("192.0.0.0/24"), IPv4Network("168.63.129.16/32"), IPv6Network("3fff::/20"))

Factory = Callable[[AddressInfo], socket.socket]


class Refused(PermissionError):  # noqa: N818 - names what happened, like `Outcome.REFUSED_ADDRESS`
    """The address is not one that we dial.

    The text is the same for all addresses: where a host has several, the connector raises this
    error itself only if all of them say the same.
    """

    def __init__(self, address: str) -> None:
        super().__init__(errno.EACCES, "not a public address")
        self.address = address


@dataclass(frozen=True, slots=True)
class Allowed:
    """`network.allow`: hosts and networks that are trusted although they are private."""

    names: frozenset[str]
    networks: Networks


def allowed(items: Iterable[str]) -> Allowed:
    """Tell names from addresses and CIDR blocks. Raises nothing: what is no address is a name."""
    names, networks = set(), []
    for item in items:
        text = item.strip().strip("[]")
        try:
            networks.append(ip_network(text, strict=False))
        except ValueError:
            names.add(_name(text))
    return Allowed(frozenset(names), tuple(networks))


def _name(text: str) -> str:
    try:
        return host_name(URL.build(scheme="http", host=text))
    except ValueError:  # no host has this name, so it allows nothing
        return text


def host_name(url: URL) -> str:
    """One spelling of the host: lower case, IDNA, without the root's dot; empty where there is none."""
    return (url.raw_host or "").lower().rstrip(".")


def reached(address: Address) -> Address:
    """The address that a packet ends up at: IPv4 inside IPv6 unwrapped (mapped, NAT64, 6to4, Teredo, ISATAP)."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _CARRIES_IPV4):
        return IPv4Address(address.packed[-4:])
    if address.packed[8:12] in (b"\0\0\x5e\xfe", b"\2\0\x5e\xfe"):  # ISATAP, RFC 5214
        return IPv4Address(address.packed[-4:])
    if address.teredo:
        return address.teredo[1]
    return address.sixtofour or address


def is_address(host: str) -> bool:
    """Whether a host is written as an address, so that no name server is asked."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def permitted(text: str, networks: Networks = ()) -> bool:
    """Whether an address, as a socket has it (IPv6 perhaps with a zone), may be dialled."""
    address = ip_address(text.partition("%")[0])
    target = reached(address)
    if any(address in network or target in network for network in networks):
        return True
    if any(target in network for network in _NEVER):
        return False
    if isinstance(target, IPv6Address) and target not in _GLOBAL_UNICAST:
        return False
    return target.is_global and not target.is_multicast


def guarded(networks: Networks) -> Factory:
    """A socket factory that raises `Refused` instead of opening a socket to a private address."""

    def factory(info: AddressInfo) -> socket.socket:
        family, kind, protocol, _, address = info
        if not permitted(str(address[0]), networks):
            raise Refused(str(address[0]))
        return socket.socket(family, kind, protocol)

    return factory


async def check_target(host: str, networks: Networks) -> None:
    """Raise `Refused` where a host that a proxy is to dial is private as seen from here.

    The proxy resolves the name by itself, so this is the best that can be done; a name that only
    the proxy can resolve passes.
    """
    for address in await _addresses(host):
        if not permitted(address, networks):
            raise Refused(address)


async def lies_in(host: str, networks: Networks) -> bool:
    """Whether a host is at an address of those networks; not where it cannot be looked up."""
    if not networks:
        return False
    found = {reached(ip_address(address.partition("%")[0])) for address in await _addresses(host)}
    return any(address in network for address in found for network in networks)


async def _addresses(host: str) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return [str(address[0]) for *_, address in found]
