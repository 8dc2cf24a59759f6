"""Compressed copies beside feeds, formats that are switched off, and documents that come back to us."""

from __future__ import annotations

import gzip

import brotli
import pytest
import zstandard

from aggregator.publish.addresses import HEALTH
from aggregator.publish.compressed import COPIES, copies
from tests.world import World, item, rss

OPEN = {
    ".gz": gzip.decompress,
    ".br": brotli.decompress,
    ".zst": lambda data: zstandard.ZstdDecompressor().decompress(data),
}
FEED = "feeds/科技.atom"


@pytest.fixture
def world(world: World) -> World:
    world.source("甲", url="https://a.example/feed", category="科技")
    world.network.answers["https://a.example/feed"] = rss(item(1))
    world.config["output"] = {"precompress": True}
    return world


def packed(world: World) -> dict[str, bytes]:
    return {path: data for path, data in world.published().items() if path.endswith(tuple(COPIES))}


def test_every_feed_has_its_copies_and_nothing_else_has(world: World):
    world.once()
    published = world.published()
    feeds = [path for path in published if path.endswith((".atom", ".rss", ".json")) and path != HEALTH]
    assert FEED in feeds
    assert packed(world).keys() == {path + ending for path in feeds for ending in COPIES}
    for path, data in packed(world).items():
        plain, dot, ending = path.rpartition(".")
        assert OPEN[dot + ending](data) == published[plain]


def test_copies_change_with_their_feed_and_only_then(world: World):
    world.once()
    before = packed(world)
    world.clock.forward(minutes=30)
    world.once()
    assert packed(world) == before
    world.network.answers["https://a.example/feed"] = rss(item(1), item(2))
    world.once()
    after = packed(world)
    assert all(after[f"{FEED}{ending}"] != before[f"{FEED}{ending}"] for ending in COPIES)
    assert gzip.decompress(after[f"{FEED}.gz"]) == world.published()[FEED]


def test_a_copy_that_somebody_deleted_comes_back(world: World):
    world.once()
    before = packed(world)
    (world.folder / "public" / f"{FEED}.br").unlink()
    world.publish()
    assert packed(world) == before


def test_copies_go_when_they_are_switched_off_and_come_when_they_are_switched_on(world: World):
    world.once()
    kept = packed(world)
    world.config["output"] = {}
    world.publish()
    assert packed(world) == {}
    assert world.rows("SELECT path FROM document WHERE path LIKE '%.gz'") == []
    world.config["output"] = {"precompress": True}
    world.publish()
    assert packed(world) == kept


def test_a_format_that_is_switched_off_leaves_no_stale_feeds_behind(world: World):
    world.once()
    world.config["output"] = {"precompress": True, "formats": ["atom", "json"]}
    world.publish()
    assert not [path for path in world.published() if ".rss" in path]
    assert {FEED, f"{FEED}.gz", "feeds/科技.json"} <= world.published().keys()
    world.config["output"] = {}
    world.publish()
    assert "feeds/科技.rss" in world.published()


def test_equal_bytes_give_equal_copies():
    data = "近海风电".encode() * 1000
    assert dict(copies("a", data)) == dict(copies("a", data))
    # No time in the header (RFC 1952, 2.3.1).
    assert dict(copies("a", data))["a.gz"][4:8] == bytes(4)


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_what_we_published_ourselves_is_not_taken_in_again(world: World, kind: str):
    world.once()
    ours = world.published()[f"feeds/科技.{kind}"].decode()
    world.source("回", url="https://mirror.example/feed", category="回")
    world.network.answers["https://mirror.example/feed"] = ours
    result = world.once()["回"]
    assert (result.tally.new, result.tally.refused) == (0, 1)
    assert result.message is None
    ((message, source),) = world.rows("SELECT message, source FROM event WHERE kind = 'refused'")
    assert source == "回"
    assert message.startswith("published by this installation itself (tag:news.example.org,2026:")


def test_another_installations_output_is_a_source_like_any_other(world: World):
    world.once()
    theirs = world.published()[FEED].decode().replace("news.example.org,2026", "other.example.org,2026")
    world.source("邻", url="https://other.example/feed", category="邻")
    world.network.answers["https://other.example/feed"] = theirs
    assert world.once()["邻"].tally.new == 1
