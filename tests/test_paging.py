"""Numbered pages beside feeds: all that was published is within reach, and a full page stays what it is."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote

import pytest
from selectolax.lexbor import LexborHTMLParser

from aggregator.store import paging
from tests.world import World, item, rss

FEED = "https://blog.example/feed"
NEWEST = "c/技术/index.html"


def dated(number: int, **changes: str) -> str:
    hour, minute = divmod(number, 60)
    return item(number, date=f"Sun, 01 Feb 2026 {hour:02d}:{minute:02d}:00 GMT", **changes)


@pytest.fixture
def blog(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A feed shows two entries, a page holds three."""
    monkeypatch.setattr(paging, "SIZE", 3)
    world.config["output"] = {"entries": 2, "formats": ["atom"]}
    world.source("Blog", url=FEED, category="技术")
    return world


def bring(blog: World, *items: str) -> None:
    blog.network.answers[FEED] = rss(*items)
    blog.once()


def numbered(blog: World) -> dict[str, bytes]:
    return {path: data for path, data in blog.published().items() if re.search(r"/page-\d+\.html$", path)}


def titles(blog: World, path: str) -> list[str]:
    page = LexborHTMLParser(blog.published()[path].decode())
    return [node.text().strip() for node in page.css(".entry .title")]


def leads(blog: World, path: str) -> dict[str, str]:
    """Where the page's links to others lead, by their relation."""
    page = LexborHTMLParser(blog.published()[path].decode())
    links = page.css("nav.paging a[rel]")
    found = {node.attributes["rel"] or "": node.attributes["href"] or "" for node in links}
    assert found == {
        node.attributes["rel"]: node.attributes["href"] for node in page.css("link[rel=next], link[rel=prev]")
    }
    return {rel: normpath(join(dirname(path), unquote(link))) for rel, link in found.items()}


def walked(blog: World) -> list[list[str]]:
    """What a reader sees who goes from the newest page to older ones as far as they lead."""
    path, seen = NEWEST, []
    while path:
        seen.append(titles(blog, path))
        path = leads(blog, path).get("next", "") if LexborHTMLParser(blog.published()[path]).css("nav.paging") else ""
    return seen


def test_pages_are_numbered_from_the_oldest_and_lead_to_each_other(blog: World) -> None:
    bring(blog, *map(dated, range(8)))
    assert titles(blog, "c/技术/page-1.html") == ["Item 2", "Item 1", "Item 0"]
    assert walked(blog) == [["Item 7", "Item 6"], ["Item 5", "Item 4", "Item 3"], ["Item 2", "Item 1", "Item 0"]]
    assert leads(blog, "c/技术/page-1.html") == {"prev": "c/技术/page-2.html"}
    assert leads(blog, "c/技术/page-2.html") == {"prev": NEWEST, "next": "c/技术/page-1.html"}


@pytest.mark.parametrize("folder", ["c/all", "c/技术", "s/Blog"])
def test_every_feed_has_them(blog: World, folder: str) -> None:
    bring(blog, *map(dated, range(8)))
    assert {path for path in numbered(blog) if path.startswith(folder)} == {
        f"{folder}/page-1.html",
        f"{folder}/page-2.html",
    }


def test_what_waits_for_its_page_to_be_full_is_on_the_newest(blog: World) -> None:
    bring(blog, *map(dated, range(10, 17)))
    before = numbered(blog)
    bring(blog, *map(dated, range(10, 17)), dated(1))
    assert titles(blog, NEWEST) == ["Item 16", "Item 15", "Item 1"]  # the last came late, with an old date
    assert numbered(blog) == before


def test_without_a_full_page_there_is_no_paging(blog: World) -> None:
    bring(blog, *map(dated, range(2)))
    assert numbered(blog) == {}
    assert b"paging" not in blog.published()[NEWEST]


def test_a_full_page_is_written_once_more_when_the_next_one_is_there_and_then_never(blog: World) -> None:
    bring(blog, *map(dated, range(6)))
    first, second = (blog.published()[f"c/技术/page-{number}.html"] for number in (1, 2))
    bring(blog, *map(dated, range(9)))
    pages = numbered(blog)
    assert pages["c/技术/page-1.html"] == first
    assert pages["c/技术/page-2.html"] != second
    second = pages["c/技术/page-2.html"]
    bring(blog, *map(dated, range(20)))
    assert numbered(blog)["c/技术/page-1.html"] == first
    assert numbered(blog)["c/技术/page-2.html"] == second


def test_an_edit_changes_the_page_where_the_story_stands_and_no_other(blog: World) -> None:
    items = [dated(number) for number in range(12)]
    bring(blog, *items)
    before = numbered(blog)
    blog.clock.forward(days=1)
    items[1] = dated(1, title="Quite another title than before", body="<p>And quite another text, which is news.</p>")
    bring(blog, *items)
    after = numbered(blog)
    assert {path for path in after if after[path] != before[path]} == {
        f"{folder}/page-1.html" for folder in ("c/all", "c/技术", "s/Blog")
    }
    assert titles(blog, "c/技术/page-1.html") == ["Item 2", "Quite another title than before", "Item 0"]


def test_a_story_that_leaves_makes_a_gap_and_nothing_moves(blog: World) -> None:
    bring(blog, *map(dated, range(12)))
    before = numbered(blog)
    blog.config["sources"][0]["rules"] = [{"when": {"title": "Item 4"}, "drop": True}]
    blog.replay()
    assert titles(blog, "c/技术/page-2.html") == ["Item 5", "Item 3"]
    changed = {path for path, data in numbered(blog).items() if data != before[path]}
    assert changed == {f"{folder}/page-2.html" for folder in ("c/all", "c/技术", "s/Blog")}


def test_a_page_of_which_nothing_is_left_is_taken_away_and_the_others_lead_past_it(blog: World) -> None:
    bring(blog, *map(dated, range(12)))
    blog.config["sources"][0]["rules"] = [{"when": {"title": "Item [345]$"}, "drop": True}]
    blog.replay()
    assert "c/技术/page-2.html" not in blog.published()
    assert leads(blog, "c/技术/page-3.html")["next"] == "c/技术/page-1.html"
    assert leads(blog, "c/技术/page-1.html")["prev"] == "c/技术/page-3.html"
    del blog.config["sources"][0]["rules"]
    blog.replay()
    bring(blog, *map(dated, range(13)))
    assert "c/技术/page-2.html" not in blog.published()  # what comes back arrives anew
    assert {one for page in walked(blog) for one in page} == {f"Item {number}" for number in range(13)}


def test_publishing_everything_anew_changes_no_byte(blog: World) -> None:
    bring(blog, *map(dated, range(12)))
    before = blog.published()
    assert blog.publish(everything=True) == []
    assert blog.published() == before


def test_a_lost_page_is_written_again(blog: World) -> None:
    bring(blog, *map(dated, range(12)))
    before = blog.published()
    Path(blog.folder / "public/c/技术/page-2.html").unlink()
    assert blog.publish() == ["c/技术/page-2.html"]
    assert blog.published() == before


def test_another_name_stands_on_every_page(blog: World) -> None:
    bring(blog, *map(dated, range(8)))
    blog.config["categories"] = [{"path": "技术", "title": "科技"}]
    blog.publish()
    for path in ("c/技术/page-1.html", "c/技术/page-2.html"):
        page = LexborHTMLParser(blog.published()[path].decode())
        assert (page.css_first("h1").text(), page.css_first("title").text()) == (
            f"科技 · 第 {path[-6]} 页",
            f"科技 · 第 {path[-6]} 页 · 试刊",
        )


def test_pages_asked_for_late_hold_everything(blog: World) -> None:
    blog.config["output"]["pages"] = False
    bring(blog, *map(dated, range(8)))
    assert numbered(blog) == {}
    blog.config["output"]["pages"] = True
    blog.publish()
    assert {one for page in walked(blog) for one in page} == {f"Item {number}" for number in range(8)}


def test_saved_searches_have_pages_as_well(blog: World) -> None:
    blog.config["categories"] = [{"path": "偶数", "query": "even"}]
    bring(blog, *(dated(n, body=f"<p>The {'even' if n % 2 == 0 else 'odd'} item {n} of many.</p>") for n in range(16)))
    assert titles(blog, "q/偶数/page-1.html") == ["Item 4", "Item 2", "Item 0"]
