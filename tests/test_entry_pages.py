"""Pages of entries as a whole installation makes them: what is stored of an article's past is told on its page."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.test_stories_pipeline import WATER
from tests.world import World, article


@pytest.fixture
def folder(world: World) -> World:
    world.source("文章", path="articles")
    return world


def pages(world: World) -> list[LexborHTMLParser]:
    return [LexborHTMLParser(data.decode()) for path, data in world.published().items() if path.startswith("e/")]


def words(page: LexborHTMLParser, css: str) -> list[str]:
    return [" ".join(node.text().split()) for node in page.css(css)]


def test_an_edited_article_tells_what_changed_and_when(folder: World) -> None:
    folder.article("a.md", article("东湖管网切换", f"<p>{WATER}</p>"))
    folder.once()
    folder.clock.forward(days=1)
    folder.article("a.md", article("东湖管网切换", f"<p>{WATER.replace('四十七', '五十二')}</p>"))
    folder.once()
    [page] = pages(folder)
    assert words(page, "[aria-labelledby=versions] time") == ["2026 年 3 月 2 日 12:00", "2026 年 3 月 1 日 12:00"]
    assert words(page, "[aria-labelledby=versions] summary, [aria-labelledby=versions] small") == [
        "改动之处",
        "首次收到",
    ]
    assert (words(page, "del"), words(page, "ins")) == (["四", "七"], ["五", "二"])


def test_what_a_publisher_repeats_is_left_out_and_told(folder: World) -> None:
    notice = "<p>关注本报公众号，每天早上七点读到当天最要紧的十条新闻。</p>"
    texts = [
        f"这一篇说的是第{number}件事情，它与别的事情都没有关系，发生在第{number}个地方。"
        for number in "一二三四五六七八九十"
    ]
    for number, text in enumerate(texts):
        folder.article(f"{number}.md", article(f"第 {number} 件事", f"<p>{text * 3}</p>{notice}"))
    folder.once()
    told = [page for page in pages(folder) if page.css("#how")]
    assert told
    for page in told:
        assert words(page, "[aria-labelledby=how] li") == ["关注本报公众号，每天早上七点读到当天最要紧的十条新闻。"]
        assert "公众号" not in page.css_first(".prose").text()


def test_publishers_of_a_story_have_pages_that_it_leads_to(folder: World) -> None:
    folder.article("a.md", article("东湖管网切换", f"<p>{WATER}</p>", author="晨报"))
    folder.once()
    [page] = pages(folder)
    assert page.css_first(".byline a").attributes["href"] == "../s/%E6%99%A8%E6%8A%A5/index.html"
    assert "s/晨报/index.html" in folder.published()
