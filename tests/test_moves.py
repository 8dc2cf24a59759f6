"""Where a source is asked after its address redirected for good."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import pytest
from click.testing import CliRunner

from aggregator.cli import cli
from aggregator.config.schema import Source
from aggregator.model import Document, Failed, Fetched, Move, NotModified, Outcome, Result, Validators, digest
from aggregator.moving import address, after_failure, after_feed, final, told, usable, validators
from tests.days import live
from tests.world import World, item, rss

OLD, NEW, NEWER = "https://old.example/feed", "https://new.example/feed", "https://newer.example/feed"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DOWN = Failed(Outcome.UNREACHABLE, "no answer", "wait")


def source(url: str = OLD, **keys: Any) -> Source:
    return Source.model_validate({"name": "blog", "url": url, **keys})


# --- what is decided -----------------------------------------------------------------------


def test_a_target_that_gave_a_feed_is_asked_next() -> None:
    move = after_feed(source(), None, NEW, NOW)
    assert move == Move(NEW, NOW)
    assert address(source(), move) == NEW


def test_it_is_adopted_after_three_sightings_over_a_day_and_neither_alone_suffices() -> None:
    quick = Move(NEW, NOW)
    for hours in range(1, 24):
        quick = after_feed(source(), quick, None, NOW + timedelta(hours=hours)) or quick
    assert (quick.seen, quick.adopted) == (24, None)

    slow = after_feed(source(), Move(NEW, NOW), None, NOW + 5 * DAY)
    assert slow is not None
    assert (slow.seen, slow.adopted) == (2, None)
    assert (after_feed(source(), slow, None, NOW + 6 * DAY) or slow).adopted == NOW + 6 * DAY


def test_a_target_that_fails_gives_the_configured_address_its_turn_and_then_they_alternate() -> None:
    asked = []
    move: Move | None = Move(NEW, NOW, 5, NOW)
    for _ in range(4):
        move = after_failure(move, DOWN)
        asked.append(address(source(), move))
    assert asked == [OLD, NEW, OLD, NEW]


@pytest.mark.parametrize(
    "failure",
    [
        replace(DOWN, scope="everybody"),
        Failed(Outcome.RATE_LIMITED, "slow down", wait=60),
        Failed(Outcome.INTERNAL, "a fault of ours"),
    ],
)
def test_failures_that_say_nothing_of_the_target_leave_it_its_turn(failure: Failed) -> None:
    assert after_failure(Move(NEW, NOW), failure) == Move(NEW, NOW)


def test_validators_are_only_shown_to_the_address_that_gave_them() -> None:
    known = Validators("etag", "date", b"digest")
    assert validators(known, None) == known
    assert validators(known, Move(NEW, NOW)) == known
    assert validators(known, Move(NEW, NOW, doubted=True)) == Validators(digest=b"digest")


def test_a_configured_address_that_leads_there_again_confirms_the_target() -> None:
    move = after_feed(source(), Move(NEW, NOW, 2, doubted=True), NEW, NOW + DAY)
    assert move == Move(NEW, NOW, 3, NOW + DAY)


def test_a_configured_address_that_has_the_feed_itself_again_ends_the_move() -> None:
    assert after_feed(source(), Move(NEW, NOW, 9, NOW, doubted=True), None, NOW + DAY) is None


def test_a_target_that_moves_on_is_on_trial_from_the_beginning() -> None:
    assert after_feed(source(), Move(NEW, NOW, 9, NOW), NEWER, NOW + DAY) == Move(NEWER, NOW + DAY)


def test_a_target_that_leads_back_ends_the_move() -> None:
    assert after_feed(source(), Move(NEW, NOW), OLD, NOW + DAY) is None


def test_gone_is_final_only_from_the_configured_address() -> None:
    gone = Failed(Outcome.GONE, "gone")
    assert final(None, gone)
    assert not final(Move(NEW, NOW, 9, NOW), gone)
    assert final(Move(NEW, NOW, 9, NOW, doubted=True), gone)
    assert not final(None, DOWN)


TRUSTED: list[dict[str, Any]] = [
    {"auth": {"username": "me", "password": "secret"}},
    {"cookies": {"session": "1"}},
    {"headers": {"X-Key": "1"}},
    {"allow_private": True},
]


@pytest.mark.parametrize("trusted", TRUSTED)
def test_what_is_for_one_host_is_not_given_to_another_by_its_redirect(trusted: dict[str, Any]) -> None:
    careful = source(**trusted)
    assert after_feed(careful, None, NEW, NOW) is None
    assert after_feed(careful, None, "https://old.example/new", NOW) is not None
    plain = source("https://old.example/feed", **trusted)
    assert after_feed(plain, None, "http://old.example/feed", NOW) is None


def test_a_login_in_the_address_stays_with_it() -> None:
    assert after_feed(source("https://me:secret@old.example/feed"), None, "https://old.example/new", NOW) is None


def test_a_login_that_was_configured_since_ends_what_was_adopted() -> None:
    move = usable(source(**TRUSTED[0]), Move(NEW, NOW, 9, NOW))
    assert address(source(), move) == OLD
    assert validators(Validators("etag"), move) == Validators()
    assert usable(source(), Move(NEW, NOW)) == Move(NEW, NOW)


def test_every_turn_is_told_once() -> None:
    move = Move(NEW, NOW)
    assert NEW in (told(None, move) or "")
    assert "adopted" in (told(move, replace(move, seen=3, adopted=NOW)) or "")
    assert "configured" in (told(move, None) or "")
    assert told(move, replace(move, seen=2)) is None
    assert told(None, None) is None


# --- in an installation --------------------------------------------------------------------


@dataclass
class Web:
    """Pages by address: a text, a failure, or `->` and where it leads for good. Gives each body an ETag."""

    pages: dict[str, str | Failed] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def fetch(self, source: Source, url: str, known: Validators, now: datetime) -> Fetched | NotModified | Failed:
        self.asked.append((url, known.etag))
        page, moved = self.pages[url], None
        if isinstance(page, str) and page.startswith("->"):
            moved = url = page.removeprefix("->")
            page = self.pages[url]
        if isinstance(page, Failed):
            return page
        own = Validators(f"{url} {len(page)}", None, digest(page.encode()))
        if own.etag == known.etag or own.digest == known.digest:
            return NotModified(own, moved=moved)
        return Fetched(Document(page.encode(), url=url, digest=own.digest or b""), own, moved=moved)


@pytest.fixture
def web(world: World) -> Web:
    """OLD leads to NEW for good, where there is a feed."""
    network = Web({OLD: f"->{NEW}", NEW: rss(item(1))})
    world.network = network  # type: ignore[assignment]  # another way to play it
    world.source("Blog", url=OLD, interval="9h")
    return network


def urls(web: Web) -> list[str]:
    return [url for url, _ in web.asked]


def test_a_move_is_tried_adopted_and_told(world: World, web: Web) -> None:
    live(world, hours=28)

    assert urls(web) == [OLD, NEW, NEW, NEW]
    assert {etag for _, etag in web.asked[1:]} == {f"{NEW} {len(rss(item(1)))}"}
    assert world.rows("SELECT location, moved_to, moved_seen, moved_for_good IS NOT NULL FROM source") == [
        (OLD, NEW, 4, 1)
    ]
    messages = [message for (message,) in world.rows("SELECT message FROM event WHERE kind = 'moved' ORDER BY id")]
    assert len(messages) == 2
    assert NEW in messages[0]
    assert "adopted" in messages[1]


def test_a_redirect_to_what_is_no_feed_is_not_tried(world: World, web: Web) -> None:
    web.pages[NEW] = "<html><body>down for maintenance</body></html>"
    live(world, days=3)
    assert set(urls(web)) == {OLD}
    assert world.rows("SELECT moved_to FROM source") == [(None,)]


def test_an_adopted_target_that_dies_gives_way_to_the_configured_address(world: World, web: Web) -> None:
    live(world, days=2)
    web.pages |= {NEW: DOWN, OLD: rss(item(1), item(2))}
    web.asked.clear()
    live(world, days=2)

    assert urls(web)[:2] == [NEW, OLD]
    assert set(urls(web)[2:]) == {OLD}
    assert web.asked[1] == (OLD, None), "what NEW gave is nothing to OLD"
    assert sorted(world.titles()) == ["Item 1", "Item 2"]


def test_a_target_that_is_down_for_an_hour_comes_back_though_the_old_address_is_dead(world: World, web: Web) -> None:
    live(world, days=2)
    web.pages |= {NEW: DOWN, OLD: DOWN}
    live(world, days=2)
    web.pages[NEW] = rss(item(1), item(2))
    live(world, days=3)

    assert sorted(world.titles()) == ["Item 1", "Item 2"]
    assert world.rows("SELECT failures, moved_to FROM source") == [(0, NEW)]


def test_a_target_that_is_gone_stops_nothing_before_the_configured_address_says_so(world: World, web: Web) -> None:
    live(world, days=2)
    web.pages[NEW] = Failed(Outcome.GONE, "410", "remove it")
    web.asked.clear()
    live(world, days=9)

    assert urls(web) == [NEW, OLD]
    assert world.rows("SELECT disabled FROM source") == [("gone",)]


def test_a_new_address_in_the_configuration_forgets_the_move(world: World, web: Web) -> None:
    live(world, days=2)
    web.pages[NEWER] = rss(item(1))
    world.config["sources"][0]["url"] = NEWER
    web.asked.clear()
    live(world, days=1)

    assert set(urls(web)) == {NEWER}
    assert world.rows("SELECT moved_to, moved_seen, moved_for_good FROM source") == [(None, 0, None)]


def test_status_names_the_address_that_is_asked(world: World, web: Web) -> None:
    live(world, days=2)
    told = CliRunner().invoke(cli, ["status", "--json", "-c", str(world.folder / "config.yaml")])
    (row,) = json.loads(told.output)["sources"]
    assert (row["url"], row["moved_to"], row["message"]) == (OLD, NEW, None)
    assert row["moved_for_good"]
    assert NEW in CliRunner().invoke(cli, ["status", "-c", str(world.folder / "config.yaml")]).output


def test_an_edit_during_a_check_is_not_overwritten_by_what_it_brought(world: World, web: Web) -> None:
    """The answer is about the address that is configured no more."""
    from aggregator import app, pipeline
    from aggregator.store import sources

    with world.writing() as means:
        with means.database.read() as connection:
            (state,) = sources.by_name(connection, ["Blog"])
        world.config["sources"][0]["url"] = NEWER
        app.settle(world.open())
        result: Result = asyncio.run(pipeline.check(means, state))

    assert result.outcome is Outcome.OK
    assert world.rows("SELECT location, etag, moved_to, next_check FROM source") == [
        (NEWER, None, None, int(world.clock.now.timestamp()) * 1_000_000)
    ]
