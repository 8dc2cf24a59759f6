"""What happens to a document that fails its check: the last good one stays, and somebody is told."""

from __future__ import annotations

import logging

import pytest

from aggregator.model import digest
from aggregator.rounds import Made, Round
from tests.world import World, item, rss

FEED = "feeds/科技.{}"


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("atom", b"<published>2026", b"<published>noon 2026"),
        ("rss", b"<pubDate>Sun", b"<pubDate>noon"),
        ("json", b'"date_published": "2026', b'"date_published": "noon 2026'),
    ],
)
def test_the_last_good_document_stays_and_the_fault_is_named(
    world: World, caplog: pytest.LogCaptureFixture, kind: str, old: bytes, new: bytes
):
    world.source("甲", url="https://a.example/feed", category="科技")
    world.network.answers["https://a.example/feed"] = rss(item(1, title="第一篇"), title="甲报")
    world.once()
    path = FEED.format(kind)
    good = world.published()[path]
    broken = good.replace(old, new, 1).replace(b"<pubDate>noon, 01 Mar 2026", b"<pubDate>noon")
    assert broken != good
    with world.writing() as means, caplog.at_level(logging.ERROR):
        this = Round(means, trusting=False)
        assert this.put([Made(path, broken)]) == []
        this.tell()
    assert world.published()[path] == good
    assert world.rows(f"SELECT digest FROM document WHERE path = '{path}'") == [(digest(good),)]
    ((told, message),) = world.rows("SELECT path, message FROM event WHERE kind = 'fault'")
    assert told == path
    assert message.startswith("not published: error: “第一篇” (tag:news.example.org,2026:")
    assert " from 甲报: " in message
    assert message in caplog.text
    assert path in caplog.text
