"""The search page and its feeds, over the application: marked safely, narrowed by a form, never an error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import feedparser
import pytest
from selectolax.lexbor import LexborHTMLParser
from starlette.applications import Starlette

from aggregator import publish
from aggregator.errors import StoreError
from aggregator.model import Answer, Asked, Feed, Hit, Node, Story
from aggregator.publish.lint import lint
from aggregator.publish.searchpage import Choices, marked
from aggregator.web.app import Web, make_app
from aggregator.web.folder import Folder
from aggregator.web.search import Finder
from tests import test_web as web
from tests.published import ENGLISH, NOON, OUTPUT, TREE, story, uuid

ONE = Hit(
    story(0, "甲", "乙"),
    (("近海", False), ("储能", True)),
    (("<b>三座", False), ("储能", True), ("电站 & 同步放电", False)),
)
FOUND = Answer((ONE,), 1, True, None, ("储能",), 3904, 0)
NONE = Answer((), 0, True, None, ("量子灯笼",), 3904, 0)


CHINESE = ENGLISH.model_copy(update={"language": "zh"})


class Played:
    """Answers every search alike, and keeps what was asked."""

    def __init__(self, answer: Answer = FOUND) -> None:
        self.given = answer
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.given

    def feed(self, asked: Asked) -> Feed:
        self.asked.append(asked)
        stories: tuple[Story, ...] = tuple(hit.story for hit in self.given.hits)
        updated = max((one.updated for one in stories), default=NOON)
        return Feed(
            uuid("search"), "/search", asked.words or "?", "", (), updated, stories, query="q=%E5%82%A8%E8%83%BD"
        )


def application(played: Played, root: Path) -> Starlette:
    choices = Choices(publish.index(TREE), [Node(("青禾财经",), "/s/青禾财经", "青禾财经", 3)])
    finder = Finder(played.answer, played.feed, lambda: choices, OUTPUT)
    return make_app(Web(Folder(root), CHINESE, lambda _: None, finder=finder))


def get(played: Played, root: Path, path: str, if_none_match: str = "", **given: str) -> web.Answer:
    headers = {"if_none_match": if_none_match} if if_none_match else {}
    return web.ask(application(played, root), path, query=urlencode(given), **headers)


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., tuple[LexborHTMLParser, Played]]:
    def page(answer: Answer = FOUND, path: str = "/search", **given: str) -> tuple[LexborHTMLParser, Played]:
        played = Played(answer)
        shown = get(played, tmp_path, path, **given)
        assert shown.status == 200
        assert shown.headers["x-robots-tag"] == "noindex, follow"
        return LexborHTMLParser(shown.body.decode()), played

    return page


Ask = Callable[..., tuple[LexborHTMLParser, Played]]


def words(tree: LexborHTMLParser, css: str) -> list[str]:
    return [" ".join(node.text().split()) for node in tree.css(css)]


def test_before_anything_is_asked_there_is_only_the_form(ask: Ask) -> None:
    page, played = ask()
    assert played.asked == []
    assert page.css_first("form[role=search] input[name=q]") is not None
    assert page.css_first("ol .entry") is None
    assert words(page, "select[name=category] option")[:2] == ["全部", TREE[0].title]
    assert [node.attributes["value"] for node in page.css("datalist option")] == ["青禾财经"]


def test_everything_that_the_form_sends_is_asked_for_and_shown_again(ask: Ask) -> None:
    slug = TREE[0].slug
    given = {
        "q": "储能",
        "category": slug,
        "source": "青禾财经",
        "from": "2026-10-01",
        "to": "2026-11-21",
        "order": "best",
    }
    page, played = ask(**given, start="40")
    assert played.asked == [Asked("储能", slug, "青禾财经", date(2026, 10, 1), date(2026, 11, 21), True, 40)]
    for name in ("q", "source", "from", "to"):
        assert page.css_first(f"input[name={name}]").attributes["value"] == given[name]
    assert [node.attributes["value"] for node in page.css("option[selected]")] == [slug, "best"]


@pytest.mark.parametrize(
    "given", [{"from": "gestern", "to": "2026-02-30"}, {"start": "-5"}, {"start": "٣"}, {"start": "1e9"}]
)
def test_what_makes_no_sense_counts_for_nothing(ask: Ask, given: dict[str, str]) -> None:
    _, played = ask(q="x", **given)
    assert played.asked == [Asked("x")]


def test_what_is_typed_is_bounded(ask: Ask) -> None:
    _, played = ask(q="储" * 5000, source="源" * 5000, start="99999999")
    assert (len(played.asked[0].words), len(played.asked[0].source), played.asked[0].first) == (200, 200, 10_000)


def test_a_result_shows_where_it_was_found_and_who_carried_it(ask: Ask) -> None:
    page, _ = ask(q="储能")
    assert words(page, ".results .title mark") == ["储能"]
    assert words(page, ".results .summary") == ["<b>三座储能电站 & 同步放电"]
    assert page.css_first(".results b") is None
    assert page.css_first(".title a").attributes["href"] == f"e/{ONE.story.uuid}.html"
    assert len(page.css(".meta .tally i")) == 2
    assert words(page, ".facts span")[0] == "找到 1 篇"


def test_below_a_slash_links_lead_one_level_up(ask: Ask) -> None:
    page, _ = ask(path="/search/", q="储能")
    assert page.css_first(".title a").attributes["href"] == f"../e/{ONE.story.uuid}.html"
    assert page.css_first("form").attributes["action"] == "./"


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def test_nothing_that_is_typed_or_found_becomes_markup(ask: Ask) -> None:
    bad = replace(
        ONE, story=replace(ONE.story, publisher=HOSTILE), title=((HOSTILE, True),), excerpt=((HOSTILE, False),)
    )
    for answer in (replace(FOUND, hits=(bad,)), replace(NONE, terms=(HOSTILE, "a"), unknown=(HOSTILE,))):
        page, _ = ask(answer, q=HOSTILE, source=HOSTILE, category=HOSTILE)
        assert [node.attributes.get("src") for node in page.css("script")] == ["static/copy.js"]
        assert page.css("img") == []
        assert page.css("[onerror]") == []
        assert page.css_first("input[name=q]").attributes["value"] == HOSTILE


def test_marks_are_the_only_markup() -> None:
    assert marked([("<i>", True), ("&\x00\x0b", False)]) == "<mark>&lt;i&gt;</mark>&amp;"


def test_the_next_page_asks_the_same_from_where_this_one_ends(ask: Ask) -> None:
    page, _ = ask(replace(FOUND, next=20), q="储能", source="青禾财经")
    link = page.css_first("a[rel=next]").attributes["href"] or ""
    assert parse_qs(urlsplit(link).query) == {"q": ["储能"], "source": ["青禾财经"], "start": ["20"]}


def test_nothing_found_says_what_to_try(ask: Ask) -> None:
    page, _ = ask(NONE, q="量子灯笼", **{"from": "2026-10-01"})
    assert words(page, ".empty h2") == ["没有找到“量子灯笼”"]
    assert words(page, ".empty li a") == ["量子", "灯笼"]
    assert len(page.css(".empty li")) == 3
    assert "search.atom" in (page.css_first(".empty a[type='application/atom+xml']").attributes["href"] or "")


def test_other_empty_pages(ask: Ask) -> None:
    page, _ = ask(replace(NONE, terms=()), q="***")
    assert "没有可以查找的字" in words(page, ".empty")[0]
    page, _ = ask(replace(NONE, unknown=("路透",)), q="储能", source="路透")
    assert "路透" in words(page, ".empty li")[0]
    page, _ = ask(NONE, q="储能", start="40")
    assert words(page, ".empty h2") == ["这一页之后没有别的结果了。"]


def test_what_is_not_indexed_yet_is_told(ask: Ask) -> None:
    page, _ = ask(replace(FOUND, waiting=1200), q="储能")
    assert "1,200" in words(page, ".facts")[0]


@pytest.mark.parametrize("kind", ["atom", "rss", "json"])
def test_a_search_is_a_feed_in_every_format(tmp_path: Path, kind: str) -> None:
    played = Played()
    shown = get(played, tmp_path, f"/search.{kind}", q="储能", order="best", start="9")
    assert played.asked == [Asked("储能")]
    assert shown.headers["access-control-allow-origin"] == "*"
    assert [fault for fault in lint(shown.body) if fault.level == "error"] == []
    address = f"https://feeds.example.org/search.{kind}?q=%E5%82%A8%E8%83%BD"
    assert address in shown.body.decode()
    if kind == "atom":
        assert feedparser.parse(shown.body).entries[0].title == ONE.story.title


def test_a_feed_that_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    first = get(Played(), tmp_path, "/search.atom", q="储能")
    again = get(Played(), tmp_path, "/search.atom", q="储能", if_none_match=first.headers["etag"])
    assert (first.status, again.status, again.body) == (200, 304, b"")


def test_an_empty_search_is_a_valid_feed(tmp_path: Path) -> None:
    shown = get(Played(NONE), tmp_path, "/search.atom", q="量子灯笼")
    assert [fault for fault in lint(shown.body) if fault.level == "error"] == []


def test_a_database_that_cannot_be_asked_is_no_fault_of_the_page(tmp_path: Path) -> None:
    played = Played()

    def broken(asked: Asked) -> Answer:
        raise StoreError("no such table")

    played.answer = broken  # type: ignore[method-assign]
    shown = get(played, tmp_path, "/search", q="x")
    assert (shown.status, shown.headers["retry-after"]) == (503, "60")


def test_without_a_finder_there_is_no_search(tmp_path: Path) -> None:
    app = make_app(Web(Folder(tmp_path), ENGLISH, lambda _: None))
    assert web.ask(app, "/search").status == 404
