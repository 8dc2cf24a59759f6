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
from aggregator.model import (
    Carrier,
    Enclosure,
    Feed,
    Image,
    Node,
    Origin,
    Paging,
    ParsedEntry,
    Past,
    Person,
    Story,
    Text,
    Version,
)
from aggregator.publish import entrypage, feedpage, pages
from aggregator.publish.prose import cut, on_page
from tests.published import ENGLISH, NOON, OUTPUT, SITE, TREE, carrier, feed, story

NODES = publish.index(TREE)
WORDS = {"table": "Table", "code": "Code", "embedded": "Embedded: %s", "picture": "Picture"}


def read(page: bytes) -> LexborHTMLParser:
    return LexborHTMLParser(page.decode())


def words(page: bytes | LexborHTMLParser, css: str) -> list[str]:
    tree = read(page) if isinstance(page, bytes) else page
    return [" ".join(node.text().split()) for node in tree.css(css)]


def entry(one: Story, site: Site = SITE) -> bytes:
    return entrypage.entry(one, site, NODES)


def home(*stories: Story, site: Site = SITE) -> bytes:
    everything = feed(*stories, slug="all", path=(), title="全部文章")
    return pages.home(publish.Home(everything, TREE, 128), site, OUTPUT)


def category(given: Feed, site: Site = SITE, output: Output = OUTPUT) -> bytes:
    return feedpage.newest(given, site, output, NODES)


# --- the whole of it ------------------------------------------------------------------------


def published(site: Site) -> dict[str, bytes]:
    """A whole output folder."""
    stories = [story(0, "b"), story(1, url=None), story(2, paths=(("科技",),))]
    everything = feed(*stories, slug="all", path=())
    feeds = [everything, feed(*stories), feed(*stories, slug="金融", path=("金融",), children=TREE[0].children)]
    feeds.append(feed(slug="科技", path=("科技",)))
    documents = [document for one in feeds for document in publish.feed_documents(one, site, OUTPUT, NODES)]
    home = publish.Home(everything, TREE, 3)
    documents += [*publish.site_documents(home, site, OUTPUT), *publish.home_documents(home, site, OUTPUT)]
    documents += publish.entry_documents(stories, site, OUTPUT, NODES)
    # What the server would render when asked for.
    documents += [(f"e/{one.uuid}.html", entrypage.entry(one, site, NODES)) for one in stories]
    documents += [("search", b""), ("status", b""), ("health.atom", b"")]
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
        "feeds/金融/新浪财经.atom",
        "feeds/金融/新浪财经.rss",
        "feeds/金融/新浪财经.json",
    ]
    assert [path for path, _ in publish.site_documents(publish.Home(feed(), TREE, 1), SITE, output)] == ["opml.xml"]
    assert list(publish.home_documents(publish.Home(feed(), TREE, 1), SITE, output)) == []
    assert list(publish.entry_documents([alone], SITE, output, NODES)) == []


def test_only_entries_without_an_address_of_their_own_lie_on_the_disk():
    here, elsewhere = story(0, url=None), story(1)
    written = [path for path, _ in publish.entry_documents([here, elsewhere], SITE, OUTPUT, NODES)]
    assert written == [f"e/{here.uuid}.html"]


def test_equal_input_gives_equal_pages():
    assert published(SITE) == published(SITE)


def sources(*kinds: str) -> str:
    """Code and templates that make pages."""
    folder = Path(str(files("aggregator")))
    found = [file for part in ("publish", "web") for kind in kinds for file in sorted((folder / part).rglob(kind))]
    return "".join(file.read_text("utf-8") for file in found)


def all_phrases() -> dict[str, dict[str, str]]:
    return json.loads(files("aggregator").joinpath("web", "strings.json").read_text("utf-8"))


def test_both_languages_have_the_same_phrases_and_every_one_is_used():
    phrases = all_phrases()
    singular = {key for key in phrases["en"] if key.endswith("1") and key[:-1] in phrases["en"]}
    assert set(phrases["en"]) - singular == set(phrases["zh"])
    text = sources("*.py", "*.html")
    unused = {key for key in phrases["zh"] if not re.search(rf"words\.{key}\b|[\"']{re.escape(key)}[\"']", text)}
    # Some are one of a kind, by what they are said of: f"do_{outcome}".
    made = tuple(re.findall(r"f[\"'](\w+_)\{", text))
    assert {key for key in unused if not key.startswith(made)} == set()


def test_every_phrase_that_is_used_is_there():
    used = set(re.findall(r"\bwords\.(\w+)", sources("*.html")))
    used |= set(re.findall(r"""(?:words\[|say\.(?:say|counted)\()\s*["'](\w+)["']""", sources("*.py")))
    assert len(used) > 50
    assert used - set(all_phrases()["zh"]) == set()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_phrases_leave_room_for_the_same_values_in_both_languages(language: str):
    phrases = all_phrases()
    for key, words in phrases[language].items():
        assert words.count("%s") == phrases["zh"].get(key, phrases["zh"].get(key[:-1], "")).count("%s"), key


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
    assert [node.attributes["type"] for node in page.css("link[rel=alternate]")] == [
        "application/atom+xml",
        "application/rss+xml",
        "application/feed+json",
    ]


def test_an_empty_category_points_to_the_wider_one():
    assert words(category(feed()), ".empty a") == ["金融"]


def test_a_category_shows_no_more_than_its_feed():
    assert len(read(category(feed(*map(story, range(5))), output=Output(entries=2))).css(".entry")) == 2


def test_what_waits_for_a_numbered_page_is_shown_after_the_newest():
    waiting = replace(feed(*map(story, range(3))), late=(story(7),))
    assert words(category(waiting, output=Output(entries=2)), ".title") == ["第 0 篇", "第 1 篇", "第 7 篇"]


def numbered(given: Feed, **paging: int) -> LexborHTMLParser:
    return read(feedpage.numbered(replace(given, paging=Paging(**paging)), SITE, OUTPUT, NODES))


def test_a_numbered_page_says_which_it_is_and_leads_to_its_neighbours():
    page = numbered(feed(story(0), count=400), number=4, older=3, newer=5, oldest=1)
    assert words(page, "title, h1") == ["新浪财经 · 第 4 页 · 汇流", "新浪财经 · 第 4 页"]
    assert [(node.text(), node.attributes["href"]) for node in page.css(".paging a")] == [
        ("较新的文章", "../../../c/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F/page-5.html"),
        ("较旧的文章", "../../../c/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F/page-3.html"),
        ("最早一页", "../../../c/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F/page-1.html"),
    ]
    assert page.css_first("link[rel=canonical]").attributes["href"].endswith("/page-4.html")
    assert words(page, ".crumbs a") == ["首页", "金融", "新浪财经"]


def test_a_numbered_page_holds_nothing_that_changes_with_other_pages():
    few, many = (numbered(feed(story(0), count=count, children=TREE), number=1).html for count in (50, 5000))
    assert few == many


def publisher(*stories: Story, name: str = "新浪财经") -> LexborHTMLParser:
    return read(category(feed(*stories, slug=f"/s/{name}", path=(), title=name, count=2416)))


def test_a_publishers_page_names_its_site_and_the_categories_it_is_in():
    own = story(0, url="https://www.sina.example/0")
    page = publisher(own, story(1, paths=(("科技",),)), story(2, "新浪财经", publisher="b"))
    assert words(page, "h1, .facts span:not(.n), .facts a") == ["新浪财经", "2,416 篇", "sina.example", "sina.example"]
    assert words(page, ".subscribe h2") == ["只订阅这个来源"]
    assert page.css_first(".address").attributes["value"].startswith("https://feeds.example.org/news/s/")
    assert words(page, "[aria-labelledby=places] li") == ["金融 / 新浪财经 2", "科技 1"]
    # The publisher is named where it is another one, whose words a story of both shows.
    assert words(page, ".meta a:not([href$=carriers]), .meta bdi") == [
        "金融 / 新浪财经",
        "科技",
        "b",
        "金融 / 新浪财经",
    ]


def test_a_publishers_page_shows_nothing_of_where_it_is_fetched_from():
    secret = "https://user:word@sina.example/feed?token=1"
    page = publisher(story(0, origin=Origin("新浪财经", secret, "https://sina.example/", secret))).html or ""
    assert not re.search("token|user|word@", page)


@pytest.mark.parametrize("url", [None, "https://elsewhere.example/1"])
def test_the_site_of_a_collection_is_not_its_publishers(url: str | None):
    assert words(publisher(story(0, url=url)), ".facts a") == []


def test_publishers_lead_to_their_pages():
    one = story(0)
    known = replace(one, carriers=(replace(one.carriers[0], slug="/s/新浪财经"),))
    for page in (category(feed(known)), entry(known), home(known)):
        links = [node.attributes["href"] for node in read(page).css("a") if node.text() == "新浪财经"]
        assert any(link.endswith("s/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F/index.html") for link in links)


def test_no_more_names_stand_beside_stories_than_people_read():
    stories = [story(number, publisher=f"p{number}") for number in range(50)]
    assert len(read(category(feed(*stories))).css("[aria-labelledby=sources] li")) == 30


def test_hundreds_of_categories_are_all_in_the_tree():
    nodes = tuple(Node((f"类{number}",), f"类{number}", f"类{number}", 1) for number in range(300))
    page = read(pages.home(publish.Home(feed(), nodes, 1), SITE, OUTPUT))
    assert len(page.css(".tree .node")) == 300


@pytest.mark.parametrize("site", [SITE, ENGLISH])
def test_every_page_has_what_others_show_of_it(site: Site):
    for path, page in published(site).items():
        if path.endswith(".html"):
            tree = read(page)
            title, about = (
                tree.css_first("title").text(),
                tree.css_first("meta[name=description]").attributes["content"],
            )
            assert title
            assert about
            said = {node.attributes["property"]: node.attributes["content"] for node in tree.css("meta[property]")}
            assert (said["og:title"], said["og:description"], said["og:site_name"]) == (title, about, site.title)
            assert said["og:type"] == ("article" if path.startswith("e/") else "website")
            assert len(tree.css("link[rel=canonical]")) == 1, path
            assert len(tree.css("h1")) == 1, path


def test_the_style_sheet_stays_small():
    sheet = files("aggregator").joinpath("web", "static", "style.css").read_bytes()
    assert len(sheet) < 14_000


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


def test_a_text_of_unknown_language_without_han_is_not_taken_for_chinese():
    latin, han = story(0, title="What’s new", html="<p>It’s</p>", language=None), story(1, language=None)
    assert read(entry(latin)).css_first("h1").attributes["lang"] == ""
    assert read(entry(latin)).css_first(".prose").attributes["lang"] == ""
    assert "lang" not in read(entry(han)).css_first("h1").attributes
    assert "lang" not in read(entry(latin, ENGLISH)).css_first("h1").attributes


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


@pytest.mark.parametrize(
    ("address", "kind", "player"),
    [
        ("https://cdn.example/1.mp3", "audio/mpeg", "audio"),
        ("https://cdn.example/1.mp4", "video/mp4", "video"),
        ("https://cdn.example/1.pdf", "application/pdf", None),
        ("http://cdn.example/1.mp3", "audio/mpeg", None),  # a page that came by https would not play it
    ],
)
def test_sound_and_pictures_that_move_can_be_played(address: str, kind: str, player: str | None):
    page = read(entry(story(0, enclosures=(Enclosure(address, kind),))))
    found = page.css(".about audio, .about video")
    assert [node.tag for node in found] == ([player] if player else [])
    for node in found:
        assert (node.attributes["src"], node.attributes["preload"]) == (address, "none")
        assert "controls" in node.attributes


def version(days: int, html: str, title: str = "题") -> Version:
    return Version(NOON + timedelta(days=days), ParsedEntry(title=Text(title), content=Text(html, "html")))


def test_versions_are_told_newest_first_with_what_changed():
    first, second = (
        version(0, "<p>功率 170 万千瓦。</p><p>其余不变。</p>"),
        version(1, "<p>功率 180 万千瓦。</p><p>其余不变。</p>"),
    )
    third = version(2, "<div><p>功率 180 万千瓦。</p>\n<p>其余不变。</p></div>")
    page = read(entry(story(0, past=Past((first, second, third)))))
    assert words(page, "[aria-labelledby=versions] li") == [
        "第 3 版、2026 年 11 月 23 日 20:00 文字没有改动",
        "第 2 版、2026 年 11 月 22 日 20:00 改动之处 功率 170180 万千瓦。",
        "第 1 版、2026 年 11 月 21 日 20:00 首次收到",
    ]
    assert words(page, "del") == ["170"]
    assert words(page, "ins") == ["180"]


def test_an_article_that_never_changed_has_no_versions():
    assert read(entry(story(0, past=Past((version(0, "<p>a</p>"),))))).css("#versions") == []


def test_of_many_versions_the_newest_are_told():
    past = Past(tuple(version(day, f"<p>Text {day}</p>") for day in range(30)))
    told = words(entry(story(0, past=past), ENGLISH), "[aria-labelledby=versions] li")
    assert len(told) == 10
    assert told[0].startswith("Version 30, 20 December 2026")


def test_what_was_done_to_an_entry_is_told():
    page = read(entry(story(0, past=Past(omitted=("扫码关注我们", "责任编辑：某某"), full=True, rules=1))))
    assert words(page, "[aria-labelledby=how] > p") == [
        "来源的订阅只有摘要，正文取自原文页面。",
        "去掉 2 段该来源反复刊登的文字。",
        "按本站的 1 条规则整理过。",
    ]
    assert words(page, "[aria-labelledby=how] li") == ["扫码关注我们", "责任编辑：某某"]
    assert read(entry(story(0))).css("#how") == []


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
        past=Past((version(0, "<p>a</p>"), version(1, HOSTILE, HOSTILE)), omitted=(HOSTILE,)),
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
        (
            '<p><iframe src="https://player.example/1?a=1&amp;b" title="A film"></iframe></p>',
            '<p><a href="https://player.example/1?a=1&amp;b">Embedded: A film</a></p>',
        ),
        (
            '<iframe src="https://player.example/1"></iframe>',
            '<a href="https://player.example/1">Embedded: player.example</a>',
        ),
        ('<video src="a" controls=""></video>', '<video src="a" controls="" preload="none"></video>'),
        ("<h3>a</h3><h5 id='x'>b</h5><h3>c</h3>", '<h2>a</h2><h3 id="x">b</h3><h2>c</h2>'),
        ("<h1>a</h1><h2>b</h2>", "<h2>a</h2><h3>b</h3>"),
        (
            "".join(f"<h{level}></h{level}>" for level in range(1, 7)),
            "<h2></h2><h3></h3><h4></h4><h5></h5><h6></h6><h6></h6>",
        ),
        (
            "<pre>x</pre><pre>y</pre>",
            '<pre tabindex="0" role="region" aria-label="Code 1">x</pre><pre tabindex="0" role="region" aria-label="Code 2">y</pre>',
        ),
        ('<a href="x"><img src="a" alt=""></a>', '<a href="x" aria-label="Picture"><img src="a" alt=""></a>'),
        ('<a href="x"><img src="a" alt="A"></a>', '<a href="x"><img src="a" alt="A"></a>'),
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
