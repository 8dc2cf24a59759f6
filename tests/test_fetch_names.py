"""From names to addresses: look-ups that change, fail or are repeated, and IPv6."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from aggregator.config.schema import Network, Source
from aggregator.fetch.http import HttpFetcher
from aggregator.model import Failed, Outcome, Validators
from tests.fetching import FEED, NOW, Came, body, failure, feed_server, fetch, network, source
from tests.played import Raw, Server, redirect, reply


class Names(AbstractResolver):
    """The DNS, played: each look-up of a name gets the next of its answers, of which the last one stays."""

    def __init__(self, **answers: list[list[str] | int]) -> None:
        self.answers = {f"{name}.example": list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self.answers[host]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, int):
            raise socket.gaierror(answer, "played")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in answer
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with feed_server() as played:
        yield played


def fetch_with(names: Names, *sources: Source, settings: Network | None = None) -> list[Came]:
    async def run() -> list[Came]:
        async with HttpFetcher(settings or network(), "aggregator/test", resolver=names) as fetcher:
            return [await fetcher.fetch(each, each.url or "", Validators(), NOW) for each in sources]

    return asyncio.run(run())


def test_a_name_is_looked_up_once_for_many_requests(server: Server) -> None:
    names = Names(news=[["127.0.0.1"]])
    server.scripts["/feed"] = Raw(reply(FEED, headers={"Connection": "close"}))
    came = fetch_with(names, *[source(server.url("/feed", "news.example"))] * 5)

    assert [body(each) for each in came] == [FEED] * 5
    assert server.connections == 5
    assert names.asked == ["news.example"]


def test_a_name_that_turns_to_a_private_address_is_refused_when_it_is_dialled(server: Server) -> None:
    names = Names(news=[["127.0.0.2"], ["127.0.0.1"]])
    settings = network(allow=["127.0.0.2"])
    with Server({"/feed": redirect(server.url("/feed", "news.example"))}, host="127.0.0.2") as other:
        [came] = fetch_with(names, source(other.url("/feed", "news.example")), settings=settings)

    assert "127.0.0.1" in failure(came, Outcome.REFUSED_ADDRESS).message
    assert names.asked == ["news.example"] * 2
    assert not server.requests


def test_of_several_addresses_only_the_permitted_ones_are_dialled(server: Server) -> None:
    names = Names(news=[["10.0.0.1", "169.254.169.254", "127.0.0.1"]], bad=[["10.0.0.1", "169.254.169.254"]])
    asked = [source(server.url("/feed", f"{name}.example")) for name in ("news", "bad")]
    good, bad = fetch_with(names, *asked, settings=network(allow=["127.0.0.1"]))

    assert body(good) == FEED
    failure(bad, Outcome.REFUSED_ADDRESS)


def scopes(came: list[Came]) -> list[str]:
    return [each.scope if isinstance(each, Failed) else "ok" for each in came]


def test_name_servers_that_do_not_answer_at_all_are_nobodys_fault(server: Server) -> None:
    names = Names(a=[socket.EAI_AGAIN], b=[socket.EAI_AGAIN], c=[socket.EAI_NONAME])
    came = fetch_with(names, *[source(server.url("/feed", f"{name}.example")) for name in "abc"])

    assert scopes(came) == ["everybody", "everybody", "host"]
    assert "name server" in failure(came[0], Outcome.UNREACHABLE).message
    assert "not known" in failure(came[2], Outcome.UNREACHABLE).message


def test_a_name_whose_servers_do_not_answer_while_others_do_is_its_own_fault(server: Server) -> None:
    names = Names(good=[["127.0.0.1"]], fine=[["127.0.0.1"]], dead=[socket.EAI_AGAIN], late=[socket.EAI_AGAIN])
    order = ["good", "dead", "fine", "dead", "late", "fine", "late"]
    came = fetch_with(names, *[source(server.url("/feed", f"{name}.example")) for name in order])

    # Two in a row are taken for the network: who of them is to blame shows when somebody answers.
    assert scopes(came) == ["ok", "host", "ok", "host", "everybody", "ok", "host"]


def test_an_answer_from_an_address_tells_nothing_about_name_servers(server: Server) -> None:
    names = Names(a=[socket.EAI_AGAIN])
    came = fetch_with(names, source(server.url("/feed")), source(server.url("/feed", "a.example")))
    assert scopes(came) == ["ok", "everybody"]


@pytest.mark.parametrize(
    ("settings", "keys", "outcome"),
    [
        ({"allow": ["::1"]}, {}, None),
        ({"allow": []}, {"allow_private": True}, None),
        ({"allow": ["127.0.0.0/8"]}, {}, Outcome.REFUSED_ADDRESS),
    ],
)
def test_ipv6_is_dialled_and_guarded_like_ipv4(
    settings: dict[str, Any], keys: dict[str, Any], outcome: Outcome | None
) -> None:
    with Server(feed_server().scripts, host="::1") as server:
        came = fetch(f"http://[::1]:{server.port}/feed", network(**settings), **keys)
        assert server.connections == (outcome is None)
    if outcome:
        failure(came, outcome)
    else:
        assert body(came) == FEED


def test_a_name_with_both_kinds_of_address_is_reached_by_the_one_that_answers(server: Server) -> None:
    names = Names(both=[["::1", "127.0.0.1"]])
    [came] = fetch_with(
        names, source(server.url("/feed", "both.example")), settings=network(allow=["::1", "127.0.0.1"])
    )
    assert body(came) == FEED
