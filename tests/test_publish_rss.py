"""RSS documents: what they hold, and that they say what the Atom document says."""

from __future__ import annotations

from typing import Any

import feedparser
import pytest
from lxml import etree

from aggregator.config.schema import Output
from aggregator.model import Enclosure, Image, Origin, Person, Story, Term
from aggregator.publish.atom import atom
from aggregator.publish.lint import lint
from aggregator.publish.rss import rss
from tests.published import NOON, OUTPUT, SITE, feed, story

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
DC = "{http://purl.org/dc/elements/1.1/}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
MEDIA = "{http://search.yahoo.com/mrss/}"
SELF = "https://feeds.example.org/news/feeds/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F.rss"


def channel(*stories: Story, output: Output = OUTPUT, **changes: Any) -> etree._Element:
    return etree.fromstring(rss(feed(*stories, **changes), SITE, output))[0]


def item(one: Story) -> etree._Element:
    found = channel(one).find("item")
    assert found is not None
    return found


def test_a_channel_says_who_and_where_it_is():
    found = channel(story(0), description="每天早上", output=Output(hub="https://hub.example/"))
    assert found.findtext("title") == "新浪财经"
    assert found.findtext("description") == "每天早上"
    assert found.findtext("language") == "zh"
    assert (found.findtext("link") or "").endswith("/c/%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F/")
    assert (found.findtext("generator") or "").startswith("aggregator ")
    assert found.findtext("lastBuildDate") == "Sat, 21 Nov 2026 12:00:00 +0000"
    links = {link.get("rel"): link.get("href") for link in found.findall(f"{ATOM}link")}
    assert links == {"self": SELF, "hub": "https://hub.example/"}


def test_a_channel_without_entries_is_dated_by_its_birth():
    assert channel().findtext("lastBuildDate") == "Sat, 21 Nov 2026 12:00:00 +0000"


def test_an_item_says_what_the_entry_says():
    people = (Person("林若溪", email="lin@example.com"), Person("Ana"))
    one = story(0, authors=people, rights="© 晨报", terms=(Term(("能源",), "https://x.example/tags", "Energy"),))
    found = item(one)
    guid = found.find("guid")
    assert guid is not None
    assert (guid.text, guid.get("isPermaLink")) == (f"tag:example.org,2026:{one.uuid}", "false")
    assert found.findtext("link") == "https://news.example.com/0"
    assert found.findtext("pubDate") == "Sat, 21 Nov 2026 12:00:00 +0000"
    assert found.findtext(f"{ATOM}updated") == "2026-11-21T12:00:00.000001+00:00"
    assert [creator.text for creator in found.findall(f"{DC}creator")] == ["林若溪", "Ana"]
    assert [(one.text, one.get("domain")) for one in found.findall("category")] == [
        ("能源", "https://x.example/tags"),
        ("金融/新浪财经", None),
    ]
    assert found.findtext(f"{DC}rights") == "© 晨报"
    assert found.findtext(f"{DC}language") == "zh"
    source = found.find("source")
    assert source is not None
    assert (source.text, source.get("url")) == ("新浪财经", "https://sina.example/feed.xml")


def test_a_source_without_an_address_is_not_named():
    assert item(story(0, origin=Origin("articles", "tag:x"))).find("source") is None


def test_the_summary_is_the_description_and_the_text_stands_beside_it():
    found = item(story(0, html="<p>一 &amp; 二</p>", summary="1 < 2 & 3"))
    assert found.findtext("description") == "1 &lt; 2 &amp; 3"
    assert found.findtext(CONTENT) == "<p>一 &amp; 二</p>"


def test_an_item_without_any_text_is_described_by_its_title():
    found = item(story(0, html="", summary=""))
    assert found.findtext("description") == "第 0 篇"
    assert found.find(CONTENT) is None


def test_further_carriers_are_named_by_link():
    vias = [link for link in item(story(0, "b", "c")).findall(f"{ATOM}link") if link.get("rel") == "via"]
    assert [(link.get("href"), link.get("title")) for link in vias] == [
        ("https://b.example/1", "b"),
        ("https://c.example/1", "c"),
    ]


def test_one_enclosure_is_enclosed_and_the_others_are_media():
    first, second = Enclosure("https://cdn.example/1.mp3", "audio/mpeg", 5), Enclosure("https://cdn.example/2", None, 7)
    found = item(story(0, enclosures=(first, second), image=Image("https://img.example/a.jpg", 640)))
    assert [dict(one.attrib) for one in found.findall("enclosure")] == [
        {"url": "https://cdn.example/1.mp3", "length": "5", "type": "audio/mpeg"}
    ]
    assert [dict(one.attrib) for one in found.findall(f"{MEDIA}content")] == [
        {"url": "https://cdn.example/2", "type": "application/octet-stream", "fileSize": "7"}
    ]
    assert [dict(one.attrib) for one in found.findall(f"{MEDIA}thumbnail")] == [
        {"url": "https://img.example/a.jpg", "width": "640"}
    ]


def episode(number: int, *said: tuple[str, str]) -> Story:
    return story(number, enclosures=(Enclosure(f"https://cdn.example/{number}.mp3", "audio/mpeg", 9),), podcast=said)


def test_podcasts_keep_their_own_elements():
    said = (("itunes:duration", "12:30"), ("itunes:image", "https://img.example/路.jpg"), ("itunes:explicit", "yes"))
    found = channel(episode(0, *said), episode(1, ("itunes:episode", "0"), ("itunes:season", "2")))
    assert found.findtext(f"{ITUNES}author") == "汇流"
    assert found.findtext(f"{ITUNES}explicit") == "true"
    first, second = found.findall("item")
    assert first.findtext(f"{ITUNES}duration") == "12:30"
    image = first.find(f"{ITUNES}image")
    assert image is not None
    assert image.get("href") == "https://img.example/%E8%B7%AF.jpg"
    assert (second.findtext(f"{ITUNES}season"), second.find(f"{ITUNES}episode")) == ("2", None)


def test_a_feed_of_more_than_podcasts_is_none():
    assert b"itunes" not in rss(feed(episode(0, ("itunes:duration", "1:00")), story(1)), SITE, OUTPUT)


@pytest.mark.parametrize("year", [1, 999, 1970, 9999])
def test_years_have_four_digits(year: int):
    found = item(story(0, published=NOON.replace(year=year)))
    assert f" {year:04d} " in (found.findtext("pubDate") or "")


def test_what_is_withdrawn_leaves_no_empty_namespace():
    assert b"tombstones" not in rss(feed(story(0), deleted=((story(1).uuid, NOON),)), SITE, OUTPUT)


def test_readers_see_the_same_entries_as_in_atom():
    made = feed(*(story(number, "b") for number in range(5)))
    ours, theirs = (feedparser.parse(write(made, SITE, OUTPUT)) for write in (rss, atom))
    fields = ("id", "title", "link", "author", "published_parsed", "updated_parsed")
    assert [[entry[name] for name in fields] for entry in ours.entries] == [
        [entry[name] for name in fields] for entry in theirs.entries
    ]
    assert [entry.content[-1].value for entry in ours.entries] == [entry.content[0].value for entry in theirs.entries]


def test_it_is_faultless():
    assert lint(rss(feed(story(0, "b"), episode(1)), SITE, OUTPUT), SELF) == []
