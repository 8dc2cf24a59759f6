"""Pages: every link leads somewhere, nothing that publishers write becomes markup, no clock."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from aggregator import publish
from aggregator.config.schema import Output, Site
from aggregator.model import Carrier, Enclosure, Feed, Image, Person, Story
from aggregator.publish import pages
from aggregator.publish.prose import cut, on_page
from tests.published import ENGLISH, NOON, OUTPUT, SITE, TREE, carrier, feed, story

NODES = publish.index(TREE)
WORDS = {"table": "Table", "code": "Code"}


def read(page: bytes) -> LexborHTMLParser:
    return LexborHTMLParser(page.decode())


def words(page: bytes | LexborHTMLParser, css: str) -> list[str]:
    tree = read(page) if isinstance(page, bytes) else page
    return [" ".join(node.text().split()) for node in tree.css(css)]


def entry(one: Story, site: Site = SITE) -> bytes:
    return pages.entry(one, site, NODES)


def home(*stories: Story, site: Site = SITE) -> bytes:
    everything = feed(*stories, slug="all", path=(), title="全部文章")
    return pages.home(publish.Home(everything, TREE, 128), site, OUTPUT)


def category(given: Feed, site: Site = SITE, output: Output = OUTPUT) -> bytes:
    return pages.category(given, site, output, NODES)


# --- the whole of it ------------------------------------------------------------------------


def published(site: Site) -> dict[str, bytes]:
    """A whole output folder."""
    stories = [story(0, "b"), story(1, url=None), story(2, paths=(("科技",),))]
    everything = feed(*stories, slug="all", path=())
    feeds = [everything, feed(*stories), feed(*stories, slug="金融", path=("金融",), children=TREE[0].children)]
    feeds.append(feed(slug="科技", path=("科技",)))
    documents = [document for one in feeds for document in publish.feed_documents(one, site, OUTPUT, NODES)]
    documents += publish.site_documents(publish.Home(everything, TREE, 3), site, OUTPUT)
    documents += publish.entry_documents(stories, site, OUTPUT, NODES)
    # What the server would render when asked for.
    documents += [(f"e/{one.uuid}.html", pages.entry(one, site, NODES)) for one in stories]
    return dict(documents)


@pytest.mark.parametrize("site", [SITE, ENGLISH])
def test_every_link_between_pages_leads_to_a_file(site: Site):
    documents = published(site)
    followed = 0
    for path, page in documents.items():
        if not path.endswith(".html"):
            continue
        tree = read(page)
        for node in tree.css("[href], [src]"):
            link = node.attributes.get("href") or node.attributes.get("src") or ""
            if link.startswith(site.url):
                target = unquote(link.removeprefix(site.url))
                target = target + "index.html" if target == "" or target.endswith("/") else target
            elif link.startswith(("https://", "#")):
                continue
            else:
                target = normpath(str(PurePosixPath(path).parent / unquote(link.partition("#")[0])))
            assert target in documents, (path, link)
            followed += 1
    assert followed > 100


@pytest.mark.parametrize("site", [SITE, ENGLISH])
def test_ids_on_a_page_are_distinct_and_every_anchor_exists(site: Site):
    for path, page in published(site).items():
        if path.endswith(".html"):
            ids = [node.attributes["id"] for node in read(page).css("[id]")]
            assert len(ids) == len(set(ids)), path
            for node in read(page).css('[href^="#"], [aria-labelledby], label[for]'):
                named = (node.attributes.get("href") or "").removeprefix("#")
                assert (named or node.attributes.get("aria-labelledby") or node.attributes.get("for")) in ids, path


def test_without_pages_only_feeds_are_written():
    output = Output(pages=False)
    alone = story(0, url=None)
    assert [path for path, _ in publish.feed_documents(feed(alone), SITE, output, NODES)] == [
        "feeds/金融/新浪财经.atom"
    ]
    assert [path for path, _ in publish.site_documents(publish.Home(feed(), TREE, 1), SITE, output)] == ["opml.xml"]
    assert list(publish.entry_documents([alone], SITE, output, NODES)) == []


def test_only_entries_without_an_address_of_their_own_lie_on_the_disk():
    here, elsewhere = story(0, url=None), story(1)
    written = [path for path, _ in publish.entry_documents([here, elsewhere], SITE, OUTPUT, NODES)]
    assert written == [f"e/{here.uuid}.html"]


def test_equal_input_gives_equal_pages():
    assert published(SITE) == published(SITE)


def test_both_languages_have_the_same_phrases_and_every_one_is_used():
    package = files("aggregator")
    phrases = json.loads(package.joinpath("web", "strings.json").read_text("utf-8"))
    singular = {key for key in phrases["en"] if key.endswith("1") and key[:-1] in phrases["en"]}
    assert set(phrases["en"]) - singular == set(phrases["zh"])
    folder = Path(str(package))
    written = [
        file for part in ("publish", "web") for kind in ("*.py", "*.html") for file in (folder / part).rglob(kind)
    ]
    sources = "".join(file.read_text("utf-8") for file in written)
    unused = {key for key in phrases["zh"] if not re.search(rf"words\.{key}\b|[\"']{key}[\"']", sources)}
    assert unused == set()


# --- home and category ----------------------------------------------------------------------


def test_home_lists_the_newest_thirty_and_every_category_with_its_feed():
    page = read(home(*(story(number) for number in range(40))))
    assert words(page, ".entry .title") == [f"第 {number} 篇" for number in range(30)]
    assert words(page, ".tree .node > a") == ["金融", "新浪财经", "科技"]
    assert words(page, ".tree .count") == ["1,284", "1", "0"]
    assert [node.attributes["value"] for node in page.css("input.address")][:2] == [
        "https://feeds.example.org/news/feeds/all.atom",
        "https://feeds.example.org/news/feeds/%E9%87%91%E8%9E%8D.atom",
    ]
    assert words(page, ".facts span span.n") == ["128", "40"]


def test_an_empty_home_says_what_will_happen():
    page = read(home())
    assert words(page, ".empty h2") == ["还没有文章"]
    assert page.css(".day") == []


def test_days_are_the_sites_own_and_newest_first():
    # 16:00 UTC is midnight in Shanghai.
    late, early = (
        story(0, published=NOON + timedelta(hours=4)),
        story(1, published=NOON + timedelta(hours=3, minutes=59)),
    )
    page = read(category(feed(early, late)))
    assert words(page, ".day .label") == ["2026 年 11 月 22 日，星期日", "11 月 21 日，星期六"]
    assert words(page, ".when") == ["00:00", "23:59"]
    assert page.css_first(".when").attributes["datetime"] == "2026-11-22T00:00+08:00"


def test_the_first_day_of_each_year_names_it():
    days = (0, 1, 365, 366)
    page = category(feed(*(story(n, published=NOON - timedelta(days=n)) for n in days)), ENGLISH)
    assert words(page, ".day .label") == [
        "Saturday 21 November 2026",
        "Friday 20 November",
        "Friday 21 November 2025",
        "Thursday 20 November",
    ]


def test_an_edited_article_stays_on_its_day():
    edited = replace(story(5), updated=NOON + timedelta(days=1))
    assert words(category(feed(edited, story(0))), ".title") == ["第 0 篇", "第 5 篇"]


@pytest.mark.parametrize(
    ("others", "strokes", "said"), [(0, 0, []), (1, 1, ["另见 1 个来源"]), (11, 8, ["另见 11 个来源"])]
)
def test_the_tally_has_a_stroke_for_each_further_source_up_to_eight(others: int, strokes: int, said: list[str]):
    page = read(category(feed(story(0, *(f"c{number}" for number in range(others))))))
    assert len(page.css(".tally i")) == strokes
    assert words(page, ".meta a") == said


def test_one_further_source_is_singular_in_english():
    assert words(category(feed(story(0, "b")), ENGLISH), ".meta a") == ["also in 1 source"]


def test_a_category_names_its_way_its_children_and_its_sources():
    narrower = feed(story(0), story(1, publisher="b"), story(2, publisher="b"), children=TREE[0].children)
    page = read(category(narrower))
    assert words(page, ".crumbs a") == ["首页", "金融"]
    assert words(page, "[aria-labelledby=narrower] li") == ["新浪财经 1"]
    assert words(page, "[aria-labelledby=sources] li") == ["b 2", "新浪财经 1"]
    assert page.css_first("link[rel=canonical]").attributes["href"] == (
        "https://feeds.example.org/news/c/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F/"
    )
    assert [node.attributes["type"] for node in page.css("link[rel=alternate]")] == ["application/atom+xml"]


def test_an_empty_category_points_to_the_wider_one():
    assert words(category(feed()), ".empty a") == ["金融"]


def test_a_category_shows_no_more_than_its_feed():
    assert len(read(category(feed(*map(story, range(5))), output=Output(entries=2))).css(".entry")) == 2


# --- languages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "en"),
        ("zh", None),
        ("zh-CN", None),
        ("zh-TW", "zh-Hant"),
        ("zh_HK", "zh-Hant"),
        (None, None),
        ("ja", "ja"),
    ],
)
def test_a_title_says_its_language_where_it_is_not_the_pages(language: str | None, expected: str | None):
    title = read(category(feed(story(0, language=language)))).css_first(".title")
    assert title.attributes.get("lang") == expected


def test_reading_text_always_says_its_language():
    assert read(entry(story(0))).css_first(".prose").attributes["lang"] == "zh-Hans"


@pytest.mark.parametrize(("site", "language"), [(SITE, "zh-Hans"), (ENGLISH, "en")])
def test_a_page_says_its_language(site: Site, language: str):
    root = read(home(site=site)).css_first("html")
    assert (root.attributes["lang"], root.attributes["dir"]) == (language, "ltr")


# --- entries --------------------------------------------------------------------------------


def test_an_entry_has_its_byline_its_original_and_its_categories():
    page = read(entry(story(0, "b", authors=(Person("林若溪"), Person("新浪财经")))))
    assert words(page, "h1") == ["第 0 篇"]
    assert words(page, ".byline span") == ["林若溪", "2026 年 11 月 21 日 20:00 发布"]
    assert words(page, ".original") == ["阅读原文 news.example.com"]
    assert words(page, "[aria-labelledby=categories] a") == ["金融 / 新浪财经"]
    assert page.css_first("link[rel=canonical]").attributes["href"] == "https://news.example.com/0"


def test_an_entry_without_an_address_has_no_original_and_is_its_own():
    page = read(entry(story(0, url=None)))
    assert page.css(".original") == []
    assert page.css_first("link[rel=canonical]").attributes["href"].startswith("https://feeds.example.org/news/e/")


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(microseconds=900), []),
        (timedelta(minutes=29), ["20:29 更新"]),
        (timedelta(days=2), ["2026 年 11 月 23 日 20:00 更新"]),
    ],
)
def test_an_update_is_told_where_it_is_another_minute(later: timedelta, said: list[str]):
    assert words(entry(story(0, updated=NOON + later)), ".byline span")[2:] == said


def test_carriers_are_listed_with_other_titles():
    one = story(0)
    others = (carrier("b", title="另一个题"), Carrier(one.uuid, "c", "第 0 篇", None))
    page = read(entry(replace(one, carriers=(*one.carriers, *others))))
    assert words(page, "[aria-labelledby=carriers] li") == ["新浪财经本页采用的版本", "b标题不同：《另一个题》", "c"]
    assert words(page, "[aria-labelledby=carriers] a") == ["新浪财经", "b"]


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("<p>text</p>", 1),
        ('<img src="https://img.example/a.jpg?x=1&amp;y=2">', 1),
        ('<p><img src="https://img.example/a.jpg"></p>', 1),
        ('<p><img src="https://img.example/b.jpg"></p>', 2),
    ],
)
def test_the_lead_image_is_shown_once(html: str, shown: int):
    page = read(entry(story(0, html=html, image=Image("https://img.example/a.jpg?x=1&y=2", 640, 360))))
    assert len(page.css(".prose img")) == shown


def test_attachments_are_listed_by_name():
    files = (Enclosure("https://cdn.example/%E7%AC%AC1%E9%9B%86.mp3", "audio/mpeg"), Enclosure("javascript:alert(1)"))
    assert words(entry(story(0, enclosures=files)), "[aria-labelledby=attachments] li") == ["第1集.mp3audio/mpeg"]


def test_an_entry_without_text_shows_its_summary():
    assert words(entry(story(0, html="", summary="1 < 2")), ".prose p") == ["1 < 2"]


HOSTILE = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def test_nothing_that_a_publisher_writes_in_plain_text_becomes_markup():
    one = story(
        0,
        title=HOSTILE,
        summary=HOSTILE,
        publisher=HOSTILE,
        authors=(Person(HOSTILE),),
        paths=((HOSTILE,),),
        url="https://a.example/" + HOSTILE,
        language='en"><script>',
        carriers=(carrier(HOSTILE, title=HOSTILE, url=HOSTILE), carrier("b", title=HOSTILE)),
        enclosures=(Enclosure("https://a.example/" + HOSTILE, HOSTILE, None, HOSTILE),),
    )
    hostile = feed(one, title=HOSTILE, description=HOSTILE, slug="x", path=(HOSTILE,))
    for page in (entry(one), category(hostile), home(one), pages.missing(SITE, HOSTILE)):
        tree = read(page)
        assert len(tree.css("script")) == 1
        assert tree.css("[onerror]") == []
        assert tree.css("img") == []


# --- reading text ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>a <b>b</b></h1><p>c</p>", "<h2>a <b>b</b></h2><p>c</p>"),
        ("<pre>x</pre>", '<pre tabindex="0" role="region" aria-label="Code">x</pre>'),
        ('<img src="a"><img src="b">', '<img src="a"><img src="b" loading="lazy">'),
        (
            "<table><caption>of <i>a</i></caption><tbody><tr><td>1</td></tr></tbody></table>",
            (
                '<div class="scroll" tabindex="0" role="region" aria-label="Table: of a">'
                "<table><caption>of <i>a</i></caption><tbody><tr><td>1</td></tr></tbody></table></div>"
            ),
        ),
        ("plain &lt;b&gt; text", "plain &lt;b&gt; text"),
        ("", ""),
    ],
)
def test_reading_text_is_fitted_to_the_page(html: str, expected: str):
    assert on_page(html, WORDS) == expected


def test_a_table_in_a_table_is_wrapped_once():
    nested = "<table><tbody><tr><td><table><tbody><tr><td>1</td></tr></tbody></table></td></tr></tbody></table>"
    assert on_page(nested * 2, WORDS).count('class="scroll"') == 2


def test_markup_in_an_attribute_stays_there():
    fitted = on_page('<img src="a" alt="<table><pre>"><table><tbody><tr><td>1</td></tr></tbody></table>', WORDS)
    assert fitted.count("aria-label") == 1


@settings(deadline=None)
@given(st.text(max_size=400), st.integers(0, 600))
def test_cutting_is_never_longer_than_asked_for(html: str, size: int):
    assert len(cut(html, size).encode()) <= max(size, 0)


@pytest.mark.parametrize(
    ("html", "size", "expected"),
    [
        ("<p>abc</p>", 10, "<p>abc</p>"),
        ("<p>" + "a" * 300 + "</p>", 200, "<p>" + "a" * 193 + "</p>"),
        ("<p>abc</p>" + '<a href="' + "x" * 300 + '">', 200, "<p>abc</p>"),
        ("<p>" + "a" * 189 + "&amp;" + "b" * 99 + "</p>", 200, "<p>" + "a" * 189 + "</p>"),
        # Closing would make it longer than asked for: nothing is better than half a thing.
        ("<b>" * 100, 200, ""),
    ],
)
def test_cutting_closes_what_is_open_and_leaves_no_half_tag(html: str, size: int, expected: str):
    assert cut(html, size) == expected


# --- missing --------------------------------------------------------------------------------


def test_a_missing_page_names_the_address_and_the_way_home():
    page = read(pages.missing(SITE, "c/科技/量子/"))
    assert words(page, "h1") == ["没有这一页"]
    assert words(page, "code") == ["/c/科技/量子/"]
    assert page.css_first(".empty a").attributes["href"] == "../../../index.html"
