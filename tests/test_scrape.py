"""Pages without a feed, read by selectors."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aggregator.config.schema import Select, Source
from aggregator.model import Document, Failed, ParsedFeed
from aggregator.parse import parse
from tests.world import World

PAGE = """<!doctype html><html><head><title>通告 · 市图书馆</title><base href="/news/"></head><body>
<ul><li class="n"><a href="1.html">周日<b>闭馆</b></a> <time datetime="2026-02-20T09:00:00+08:00">二月二十日</time><p>检修电梯。</p></li>
<li class="n"><a href="2.html">新书上架</a> <span class="d">2026-02-18</span></li>
<li class="n"></li></ul></body></html>"""
SELECT = {"item": "li.n", "date": "time, .d", "content": "p"}


def read(page: str, **select: str) -> ParsedFeed | Failed:
    source = Source(name="图书馆", page="https://lib.example/index.html", select=Select(**(SELECT | select)))
    return parse(Document(page.encode(), url="https://lib.example/index.html"), source, "Asia/Shanghai")


def test_each_item_is_an_entry() -> None:
    feed = read(PAGE)
    assert isinstance(feed, ParsedFeed)
    first, second = feed.entries
    assert (first.title.value if first.title else "", first.url) == ("周日 闭馆", "https://lib.example/news/1.html")
    assert first.published == datetime(2026, 2, 20, 1, tzinfo=UTC)
    assert first.content is not None
    assert first.content.value == "检修电梯。"
    assert second.published == datetime(2026, 2, 17, 16, tzinfo=UTC)
    assert feed.title == "通告 · 市图书馆"


@pytest.mark.parametrize("page", ["", "<p>nothing here</p>", "<li class=n></li>"])
def test_a_page_that_changed_its_shape_is_a_failure_with_a_remedy(page: str) -> None:
    failed = read(page)
    assert isinstance(failed, Failed)
    assert "select" in failed.message + failed.remedy


def test_a_page_becomes_a_feed(world: World) -> None:
    address = "https://lib.example/index.html"
    world.source("图书馆", page=address, select=SELECT, category="通告")
    world.network.answers[address] = PAGE
    world.once()
    assert sorted(world.titles("通告")) == ["周日 闭馆", "新书上架"]
    world.network.answers[address] = PAGE.replace("新书上架", "新书昨日上架")
    world.clock.forward(hours=1)
    world.once()
    assert sorted(world.titles("通告")) == ["周日 闭馆", "新书昨日上架"]
