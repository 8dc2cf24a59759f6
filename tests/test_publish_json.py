"""JSON Feed documents: what they hold."""

from __future__ import annotations

import json
from typing import Any

from aggregator.config.schema import Output
from aggregator.model import Enclosure, Image, Origin, Person, Story
from aggregator.publish.jsonfeed import jsonfeed
from aggregator.publish.lint import lint
from tests.published import OUTPUT, SITE, feed, story

BASE = "https://feeds.example.org/news"
SLUG = "%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F"


def document(*stories: Story, output: Output = OUTPUT, **changes: Any) -> dict[str, Any]:
    return dict(json.loads(jsonfeed(feed(*stories, **changes), SITE, output)))


def item(one: Story) -> dict[str, Any]:
    return dict(document(one)["items"][0])


def test_a_feed_says_who_and_where_it_is():
    found = document(description="每天早上", output=Output(hub="https://hub.example/"))
    assert found == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "新浪财经",
        "home_page_url": f"{BASE}/c/{SLUG}/",
        "feed_url": f"{BASE}/feeds/{SLUG}.json",
        "description": "每天早上",
        "language": "zh",
        "authors": [{"name": "汇流"}],
        "hubs": [{"type": "WebSub", "url": "https://hub.example/"}],
        "items": [],
    }


def test_an_item_says_what_the_entry_says():
    one = story(
        0,
        "b",
        authors=(Person("林若溪", "https://lin.example/"),),
        enclosures=(Enclosure("https://cdn.example/1.mp3", "audio/mpeg", 5, "一"), Enclosure("https://cdn.example/2")),
        image=Image("https://img.example/a.jpg"),
        rights="©",
    )
    found = item(one)
    html = found.pop("content_html")
    assert html.startswith("<p>近海风电首次承担三成负荷。</p>")
    assert found == {
        "id": f"tag:example.org,2026:{one.uuid}",
        "url": "https://news.example.com/0",
        "title": "第 0 篇",
        "summary": "近海风电首次承担三成负荷。",
        "image": "https://img.example/a.jpg",
        "date_published": "2026-11-21T12:00:00+00:00",
        "date_modified": "2026-11-21T12:00:00.000001+00:00",
        "authors": [{"name": "林若溪", "url": "https://lin.example/"}],
        "tags": ["风电", "新浪财经"],
        "language": "zh",
        "attachments": [
            {"url": "https://cdn.example/1.mp3", "mime_type": "audio/mpeg", "title": "一", "size_in_bytes": 5},
            {"url": "https://cdn.example/2", "mime_type": "application/octet-stream"},
        ],
        "_aggregator": {
            "source": {
                "id": "https://sina.example/feed",
                "title": "新浪财经",
                "url": "https://sina.example/",
                "feed_url": "https://sina.example/feed.xml",
            },
            "via": [{"url": "https://b.example/1", "title": "b"}],
            "rights": "©",
        },
    }


def test_what_is_not_known_has_no_key():
    found = item(story(0, language=None, origin=Origin("articles", "tag:x,2026:y")))
    assert not {"image", "attachments", "language", "content_text"} & found.keys()
    assert found["_aggregator"] == {"source": {"id": "tag:x,2026:y", "title": "articles"}}


def test_an_item_without_html_has_text():
    found = item(story(0, html="", summary=""))
    assert "content_html" not in found
    assert found["content_text"] == "第 0 篇"


def test_chinese_is_written_as_it_is_and_a_line_ends_it():
    body = jsonfeed(feed(story(0)), SITE, OUTPUT)
    assert "近海风电".encode() in body
    assert body.endswith(b"}\n")


def test_it_is_faultless():
    assert lint(jsonfeed(feed(story(0, "b"), story(1)), SITE, OUTPUT), f"{BASE}/feeds/{SLUG}.json") == []
