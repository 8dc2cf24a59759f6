"""Which addresses are dialled."""

from __future__ import annotations

import asyncio
import socket

import pytest
from yarl import URL

from aggregator.fetch.guard import Refused, allowed, check_target, guarded, host_name, permitted

PRIVATE = {
    "loopback": "127.0.0.1",
    "all of 127": "127.254.3.4",
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "private A": "10.1.2.3",
    "private B": "172.31.255.254",
    "private C": "192.168.0.1",
    "carrier-grade NAT": "100.64.0.1",
    "link-local, cloud metadata": "169.254.169.254",
    "IETF assignments": "192.0.0.1",
    "Oracle metadata": "192.0.0.192",
    "Azure platform": "168.63.129.16",
    "documentation": "192.0.2.1",
    "benchmarks, also Clash's fake addresses": "198.18.0.7",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with a zone": "fe80::1%eth0",
    "IPv6 unique local": "fd12:3456::1",
    "IPv6 site-local": "fec0::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, new": "3fff::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 not assigned": "4000::1",
    "IPv4-compatible": "::127.0.0.1",
    "IPv4-mapped": "::ffff:127.0.0.1",
    "IPv4-mapped, in hex": "::ffff:7f00:1",
    "IPv4-mapped private": "::ffff:10.0.0.1",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "NAT64": "64:ff9b::10.0.0.1",
    "NAT64, local use": "64:ff9b:1::10.0.0.1",
    "6to4": "2002:7f00:1::1",
    "6to4 of metadata": "2002:a9fe:a9fe::",
    "Teredo of 127.0.0.1": "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "ISATAP": "2001:470::5efe:10.0.0.1",
}

PUBLIC = {
    "IPv4": "93.184.215.14",
    "just outside 172.16/12": "172.32.0.1",
    "just outside 100.64/10": "100.128.0.1",
    "IPv6": "2606:4700::1111",
    "IPv4-mapped public": "::ffff:93.184.215.14",
    "NAT64 of a public one": "64:ff9b::93.184.215.14",
    "6to4 of a public one": "2002:5db8:d70e::1",
}


@pytest.mark.parametrize("address", PRIVATE.values(), ids=PRIVATE.keys())
def test_private_addresses_are_refused(address: str) -> None:
    assert not permitted(address)


@pytest.mark.parametrize("address", PUBLIC.values(), ids=PUBLIC.keys())
def test_public_addresses_are_dialled(address: str) -> None:
    assert permitted(address)


def test_allow_tells_names_from_networks() -> None:
    allow = allowed(["NAS.lan.", "10.0.0.0/8", "127.0.0.1", "[::1]", "例子.cn", "192.168.1.7/24", "a/b"])

    assert allow.names == {"nas.lan", "xn--fsqu00a.cn", "a/b"}
    assert [str(network) for network in allow.networks] == ["10.0.0.0/8", "127.0.0.1/32", "::1/128", "192.168.1.0/24"]


def test_allowed_networks_open_what_lies_in_them_and_nothing_else() -> None:
    networks = allowed(["10.0.0.0/8", "fd00::/8"]).networks

    assert permitted("10.9.9.9", networks)
    assert permitted("::ffff:10.9.9.9", networks)
    assert permitted("fd00::1", networks)
    assert not permitted("127.0.0.1", networks)
    assert not permitted("192.168.0.1", networks)


def test_the_factory_opens_sockets_to_public_addresses_only() -> None:
    factory = guarded(())

    factory((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))).close()
    with pytest.raises(Refused) as refused:
        factory((socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 80, 0, 0)))

    assert refused.value.address == "::1"
    assert "127" not in str(refused.value), "hosts with several addresses need one text for all"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "::1", "localhost"])
def test_what_a_proxy_is_to_dial_is_looked_up_here_as_well(host: str) -> None:
    with pytest.raises(Refused):
        asyncio.run(check_target(host, ()))


def test_a_name_that_only_the_proxy_knows_passes() -> None:
    asyncio.run(check_target("known-to-nobody.invalid", ()))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://EXAMPLE.org./x", "example.org"),
        ("http://例子.cn:8080/", "xn--fsqu00a.cn"),
        ("http://①②⑦.0.0.1/", "127.0.0.1"),
    ],
)
def test_a_host_has_one_spelling(url: str, name: str) -> None:
    assert host_name(URL(url)) == name
