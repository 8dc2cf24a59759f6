"""The status pages, as those see them who look after a site, and as others do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser as Html

from aggregator import health, watching
from aggregator.model import Failed, Outcome
from aggregator.publish.charts import bars
from aggregator.web.app import Web, make_app
from aggregator.web.folder import Folder
from aggregator.web.status import Watch
from tests.test_web import Answer, ask
from tests.world import World, item, rss

GOOD, BAD, OFF = "https://good.example/feed", "https://bad.example/feed?key=sesame", "https://off.example/feed"
REFUSED = Failed(Outcome.HTTP_ERROR, "bad.example answered 403 <b>Forbidden</b>", "Set `headers`.")


@pytest.fixture
def site(world: World) -> World:
    world.source("晨报", url=GOOD, category="新闻")
    world.source("海港/新闻", url=BAD, category="新闻")
    world.source("旧闻", url=OFF, enabled=False)
    world.network.answers = {GOOD: rss(item(1), item(2)), BAD: REFUSED}
    for _ in range(3):
        world.once()
        world.clock.forward(days=1)
    return world


def get(world: World, path: str, query: str = "", *, token: str | None = None, **headers: str) -> Answer:
    means = world.open()
    watch = Watch(
        board=lambda everything, first, given: watching.board(means, everything=everything, first=first, token=given),
        source=lambda name, given: watching.source(means, name, token=given),
    )
    web = Web(Folder(means.root), means.config.site, lambda _: None, watch=watch, token=token)
    return ask(make_app(web), path, query=query, **({"host": "127.0.0.1:8080"} | headers))


def page(answer: Answer) -> Html:
    assert answer.status == 200, answer
    return Html(answer.body.decode())


def rows(answer: Answer) -> list[str]:
    return [node.text() for node in page(answer).css("table.status tbody a")]


def test_the_worst_come_first_and_those_that_are_fine_only_when_all_are_asked_for(site: World):
    assert rows(get(site, "/status")) == ["海港/新闻", "旧闻"]
    assert rows(get(site, "/status", "all")) == ["海港/新闻", "旧闻", "晨报"]
    text = page(get(site, "/status")).css_first("main").text()
    assert "3 个来源，1 个正常" in text
    assert "服务器返回错误，已连续 3 次。" in text


def test_a_page_is_made_anew_for_each_request_and_kept_by_nobody(site: World):
    answer = get(site, "/status")
    assert answer.headers["cache-control"] == "no-store"
    assert "noindex" in answer.headers["x-robots-tag"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    site.network.answers[BAD] = rss(item(3))
    site.once()
    assert rows(get(site, "/status")) == ["旧闻"]


def test_every_row_keeps_its_roles_for_phones(site: World):
    table = page(get(site, "/status")).css_first("table.status")
    assert {node.attributes["role"] for node in table.css("tr")} == {"row"}
    assert {node.attributes["role"] for node in table.css("tbody th, tbody td")} == {"rowheader", "cell"}


def test_what_was_said_by_others_is_escaped(site: World):
    for path in ("/status", "/status/海港/新闻"):
        assert b"<b>Forbidden" not in get(site, path).body
        assert b"&lt;b&gt;Forbidden" in get(site, path).body


def test_every_link_of_the_pages_leads_somewhere(site: World):
    for path in ("/status", "/status/海港/新闻"):
        for node in page(get(site, path)).css("table.status a, .crumbs a, .status+.note a"):
            target = urlsplit(urljoin(f"http://127.0.0.1{path}", node.attributes["href"] or ""))
            assert get(site, unquote(target.path), target.query).status == 200, node.html


def test_a_source_has_a_page_with_its_checks_and_what_was_wrong(site: World):
    tree = page(get(site, "/status/海港/新闻"))
    assert tree.css_first("h1").text() == "海港/新闻"
    assert tree.css_first(".state.bad").text().startswith("失败，自 2026-03-03")
    assert len(tree.css("section[aria-labelledby=checks] tbody tr")) == 3
    assert "检查失败" in tree.css_first("section[aria-labelledby=history] tbody").text()
    assert "仍在继续" in tree.css_first("section[aria-labelledby=history] tbody").text()


def test_the_page_of_a_folder_names_the_files_that_were_refused(site: World):
    site.source("文章", path="articles")
    site.article("empty.md", "")
    site.once()
    refused = page(get(site, "/status/文章")).css_first("section[aria-labelledby=refusals]")
    assert "empty.md" in refused.text()


def test_a_source_that_nobody_knows_is_not_found(site: World):
    answer = get(site, "/status/<b>nobody")
    assert answer.status == 404
    assert b"<b>nobody" not in answer.body


def test_documents_and_a_configuration_with_faults_stand_on_top(site: World):
    health.misconfigured(site.open(), "config.yaml:3:7: expected a number")
    (fault,) = page(get(site, "/status")).css(".fault")
    assert "改过的配置没有生效" in fault.text()
    assert "expected a number" in fault.text()


def test_charts_have_a_stroke_for_each_day_with_anything(site: World):
    tree = page(get(site, "/status", "all"))
    charts = {row.css_first("th a").text(): row for row in tree.css("tbody tr")}
    assert charts["晨报"].css_first("path.bar").attributes["d"].count("M") == 1
    assert charts["海港/新闻"].css_first("path.miss").attributes["d"].count("M") == 3
    assert "一共 2 篇" in charts["晨报"].css_first("svg").attributes["aria-label"]
    site.clock.forward(days=40)
    tree = page(get(site, "/status", "all"))
    assert not tree.css("svg.spark")
    assert page(get(site, "/status/海港/新闻")).css_first(".chart path.miss")


@pytest.mark.parametrize(
    ("days", "strokes"),
    [([], 0), ([(0, 0)] * 5, 0), ([(3, 0), (0, 1), (0, 0), (2, 7)], 3), ([(10**9, 0), (1, 0)], 2)],
)
def test_bars_stay_inside_their_picture(days: list[tuple[int, int]], strokes: int):
    svg = bars(days, 'a "label"', kind="spark", width=112, height=20)
    assert svg.count("M") == strokes
    assert "&#34;label&#34;" in svg
    for stroke in svg.split("M")[1:]:
        x, y = (float(number) for number in stroke.split("h")[0].split(" "))
        assert 0 <= x <= 112
        assert 2 <= y < 20


def test_many_sources_come_in_pages(world: World):
    for number in range(430):
        world.source(f"S{number:03}", url=f"https://example.com/{number}", enabled=False)
    world.once()
    seen, query = [], ""
    for _ in range(3):
        answer = get(world, "/status", query)
        seen += rows(answer)
        more = page(answer).css_first(".paging a")
        query = (more.attributes["href"] or "").removeprefix("?") if more else ""
    assert len(seen) == len(set(seen)) == 430
    assert not query


# --- who may see them ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/status", "/status/海港/新闻", "/status/nobody"])
@pytest.mark.parametrize("headers", [{"host": "news.example.org"}, {"x_forwarded_for": "203.0.113.7"}])
def test_others_are_told_how_to_see_them_and_nothing_else(site: World, path: str, headers: dict[str, Any]):
    answer = get(site, path, token="s3cret", **headers)
    assert answer.status == 403
    assert answer.headers["cache-control"] == "no-store"
    text = answer.body.decode()
    assert "server.token" in text
    assert "health.atom" in text
    assert "sesame" not in text
    assert "海港" not in text


def test_who_has_the_token_sees_them_and_keeps_it_in_links(site: World):
    elsewhere = {"x_forwarded_for": "203.0.113.7"}
    answer = get(site, "/status", "token=s3cret", token="s3cret", **elsewhere)
    links = [node.attributes["href"] for node in page(answer).css("tbody a, .status+.note a")]
    assert links
    assert all((link or "").endswith("token=s3cret") for link in links)
    header = get(site, "/status", token="s3cret", authorization="Bearer s3cret", **elsewhere)
    assert b"token=s3cret" not in header.body


@pytest.mark.sqlite
def test_a_database_without_these_tables_is_not_ready(world: World):
    answer = get(world, "/status")
    assert answer.status == 503
    assert answer.headers["retry-after"]


def test_times_of_another_day_carry_their_date(site: World):
    site.clock.forward(hours=-1)
    site.once()
    last, upcoming = page(get(site, "/status", "all")).css("tbody tr:last-child time")
    assert last.text() == "11:00"
    site.clock.now += timedelta(days=1)
    last, upcoming = page(get(site, "/status", "all")).css("tbody tr:last-child time")
    assert last.text() == "03-04 11:00"
    assert upcoming.attributes["datetime"].startswith("2026-03-04T")
