"""Atom documents: what they hold, and that nothing that comes in makes one that a validator faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser
import pytest
from lxml import etree

from aggregator.config.schema import Output
from aggregator.model import Carrier, Enclosure, Image, Origin, Story, Term
from aggregator.publish.addresses import as_uri, feed_path, public_url
from aggregator.publish.atom import atom
from aggregator.publish.values import CONTENT_BYTES
from tests.published import ENGLISH, NOON, OUTPUT, SITE, feed, story, uuid

A = "{http://www.w3.org/2005/Atom}"
MEDIA = "{http://search.yahoo.com/mrss/}"
SELF = public_url(SITE, feed_path("金融/新浪财经"))


def document(*stories: Story, **changes: Any) -> etree._Element:
    return etree.fromstring(atom(feed(*stories, **changes), SITE, OUTPUT))


def entry(one: Story) -> etree._Element:
    found = document(one).find(f"{A}entry")
    assert found is not None
    return found


def links(element: etree._Element, rel: str) -> list[etree._Element]:
    return [link for link in element.findall(f"{A}link") if link.get("rel") == rel]


def test_a_feed_says_who_and_where_it_is():
    root = document(story(0), description="每天早上")
    assert root.findtext(f"{A}id") == f"tag:example.org,2026:{uuid('feed 金融/新浪财经')}"
    assert root.findtext(f"{A}subtitle") == "每天早上"
    assert root.findtext(f"{A}author/{A}name") == "汇流"
    assert root.findtext(f"{A}generator") == "aggregator"
    assert [link.get("href") for link in links(root, "self")] == [
        "https://feeds.example.org/news/feeds/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F.atom"
    ]
    assert [link.get("href") for link in links(root, "alternate")] == [
        "https://feeds.example.org/news/c/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F/"
    ]
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "zh"


def test_updated_is_the_feeds_own_to_the_microsecond_also_without_entries():
    when = datetime(2020, 2, 29, 1, 2, 3, 456789, tzinfo=UTC)
    assert document(updated=when).findtext(f"{A}updated") == "2020-02-29T01:02:03.456789+00:00"


def test_equal_stories_give_equal_bytes():
    made = [atom(feed(story(0, "b"), story(1)), SITE, OUTPUT) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0] != atom(feed(story(0, "c"), story(1)), SITE, OUTPUT)


def test_the_newest_entries_come_first():
    made = atom(feed(*map(story, range(3))), SITE, OUTPUT)
    titles = [one.findtext(f"{A}title") for one in etree.fromstring(made).findall(f"{A}entry")]
    assert titles == ["第 0 篇", "第 1 篇", "第 2 篇"]


def test_an_entry_has_its_own_dates_to_the_microsecond():
    found = entry(story(0, updated=NOON + timedelta(days=1, microseconds=7)))
    assert found.findtext(f"{A}published") == "2026-11-21T12:00:00+00:00"
    assert found.findtext(f"{A}updated") == "2026-11-22T12:00:00.000007+00:00"


def test_an_entry_has_one_link_of_each_kind_and_none_without():
    found = entry(story(0, "b", enclosures=(Enclosure("https://cdn.example/1.mp3"),)))
    assert [link.get("rel") for link in found.findall(f"{A}link")] == ["alternate", "via", "enclosure"]


def test_an_article_without_an_address_links_to_our_page():
    one = story(0, url=None)
    assert links(entry(one), "alternate")[0].get("href") == f"https://feeds.example.org/news/e/{one.uuid}.html"


def test_further_carriers_are_named_by_link_and_in_the_text():
    found = entry(story(0, "b", "c"))
    assert [(link.get("href"), link.get("title")) for link in links(found, "via")] == [
        ("https://b.example/1", "b"),
        ("https://c.example/1", "c"),
    ]
    line = (found.findtext(f"{A}content") or "").rpartition("<p>")[2]
    assert "刊登这篇文章的来源：" in line
    assert all(name in line for name in ("新浪财经", ">b<", ">c<"))
    assert line.count("、") == 2


def test_a_carrier_without_an_address_is_linked_by_our_page_of_it():
    alone = Carrier(uuid("alone"), "只有这里", "标题", None)
    one = story(0)
    found = entry(replace(one, carriers=(*one.carriers, alone)))
    assert links(found, "via")[0].get("href") == f"https://feeds.example.org/news/e/{alone.uuid}.html"


def test_a_single_carrier_is_not_named_in_the_text():
    assert "刊登" not in (entry(story(0)).findtext(f"{A}content") or "")


def test_the_line_of_carriers_speaks_the_sites_language():
    made = etree.fromstring(atom(feed(story(0, "b", "c")), ENGLISH, OUTPUT))
    assert "Carried by: " in (made.findtext(f"{A}entry/{A}content") or "")


def test_source_comes_last_and_holds_the_origin():
    found = entry(story(0, "b", image=Image("https://img.example/a.jpg", 640, None)))
    source = found[-1]
    assert source.tag == f"{A}source"
    assert source.findtext(f"{A}id") == "https://sina.example/feed"
    assert source.findtext(f"{A}updated") == found.findtext(f"{A}updated")
    assert [link.get("rel") for link in source.findall(f"{A}link")] == ["alternate", "self"]


def test_an_origin_whose_id_is_no_uri_gets_one():
    found = entry(story(0, origin=Origin("x", "not a uri")))
    assert (found.findtext(f"{A}source/{A}id") or "").startswith("tag:example.org,2026:")


def test_enclosures_and_the_thumbnail():
    podcast = Enclosure("https://cdn.example/第1集.mp3", "audio/mpeg", 12345, "第 1 集")
    unknown = Enclosure("https://cdn.example/2", "not a type", -1)
    relative = Enclosure("/3.mp3")
    found = entry(story(0, image=Image("https://img.example/a.jpg", 640, 0), enclosures=(podcast, unknown, relative)))
    assert [dict(link.attrib) for link in links(found, "enclosure")] == [
        {
            "rel": "enclosure",
            "href": "https://cdn.example/%E7%AC%AC1%E9%9B%86.mp3",
            "type": "audio/mpeg",
            "length": "12345",
            "title": "第 1 集",
        },
        {"rel": "enclosure", "href": "https://cdn.example/2", "type": "application/octet-stream", "length": "0"},
    ]
    thumbnail = found.find(f"{MEDIA}thumbnail")
    assert thumbnail is not None
    assert dict(thumbnail.attrib) == {"url": "https://img.example/a.jpg", "width": "640"}


def test_categories_are_the_publishers_terms_and_our_paths_each_once():
    terms = (
        Term(("风电",)),
        Term(("金融", "新浪财经")),
        Term(("能源",), "https://x.example/tags", "Energy"),
        Term(("a",), "no uri"),
    )
    found = entry(story(0, terms=terms, paths=(("金融", "新浪财经"), ("科技",))))
    assert [dict(category.attrib) for category in found.findall(f"{A}category")] == [
        {"term": "风电"},
        {"term": "金融/新浪财经"},
        {"term": "能源", "scheme": "https://x.example/tags", "label": "Energy"},
        {"term": "a"},
        {"term": "科技"},
    ]


def test_without_authors_the_publisher_is_the_author():
    assert entry(story(0, authors=())).findtext(f"{A}author/{A}name") == "新浪财经"


def test_what_is_too_long_is_cut_and_its_rest_lies_behind_a_link():
    found = entry(story(0, "b", html="<p>" + "风" * 400_000 + "</p>", summary="短"))
    content = found.findtext(f"{A}content") or ""
    assert len(content.encode()) <= CONTENT_BYTES
    assert len(content.encode()) > CONTENT_BYTES * 0.9
    assert '</p><p><a href="https://news.example.com/0">阅读全文</a></p>' in content
    assert found.findtext(f"{A}summary") == "短"


def test_what_is_whole_has_no_summary():
    assert entry(story(0)).find(f"{A}summary") is None


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("", "无标题"),
        (" \n\x00\ud800", "无标题"),
        ("a\n b", "a b"),
        ("长" * 501, "长" * 499 + "…"),
    ],
)
def test_titles_are_plain_text_that_is_never_empty(title: str, expected: str):
    found = entry(story(0, title=title)).find(f"{A}title")
    assert found is not None
    assert (found.text, found.get("type")) == (expected, None)


def test_a_title_that_looks_like_html_is_said_to_be_html_that_shows_it():
    read = feedparser.parse(atom(feed(story(0, title="Use <b>1 & 2</b>")), SITE, OUTPUT)).entries[0]
    assert read.title_detail.type == "text/html"
    assert read.title == "Use &lt;b&gt;1 &amp; 2&lt;/b&gt;"


def test_a_hub_is_named():
    found = etree.fromstring(atom(feed(story(0)), SITE, Output(hub="https://hub.example/")))
    assert [link.get("href") for link in links(found, "hub")] == ["https://hub.example/"]
    assert links(document(story(0)), "hub") == []


def test_podcasts_own_elements_are_kept_where_every_entry_can_be_played():
    said = (("itunes:duration", "12:30"), ("itunes:explicit", "maybe"), ("podcast:person", "林若溪"))
    played = story(0, enclosures=(Enclosure("https://cdn.example/1.mp3", "audio/mpeg"),), podcast=said)
    assert entry(played).findtext("{http://www.itunes.com/dtds/podcast-1.0.dtd}duration") == "12:30"
    assert entry(played).find("{http://www.itunes.com/dtds/podcast-1.0.dtd}explicit") is None
    assert b"itunes" not in atom(feed(played, story(1)), SITE, OUTPUT)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://例子.example/路?b=文#节", "https://xn--fsqu00a.example/%E8%B7%AF?b=%E6%96%87#%E8%8A%82"),
        ("https://a.example/%E8%B7%AF", "https://a.example/%E8%B7%AF"),
        ("https://a.example/a b\n", "https://a.example/a%20b"),
        ("https://a.example/100%?a=%zz&b=%20", "https://a.example/100%25?a=%25zz&b=%20"),
        ("https://%/", None),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("http://[::1", None),
        ("https://a.example:port/", None),
        ("javascript:alert(1)", None),
        ("/relative", None),
        ("https://", None),
        ("https://a b.example/", None),
        ("https://" + "长" * 80 + ".example/", None),
    ],
)
def test_addresses_are_absolute_and_escaped_or_left_out(address: str, expected: str | None):
    assert as_uri(address) == expected
