"""What the checks find in each format: every rule has a document that breaks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from aggregator import publish
from aggregator.model import Enclosure
from aggregator.publish.addresses import feed_path, public_url
from aggregator.publish.findings import OURS, RULES
from aggregator.publish.formats import FORMATS
from aggregator.publish.lint import lint
from tests.published import NOON, OUTPUT, SITE, feed, story

SLUG = "金融/新浪财经"
URLS = {kind: public_url(SITE, feed_path(SLUG, kind)) for kind in FORMATS}
MADE = feed(story(0, "b", enclosures=(Enclosure("https://cdn.example/1.mp3", "audio/mpeg", 5),)), story(1))
GOOD = {kind: format.write(MADE, SITE, OUTPUT).decode() for kind, format in FORMATS.items()}
ZERO, ONE = story(0), story(1)


@dataclass(frozen=True)
class Broken:
    """The good document of a format with one thing replaced, and the rule that this breaks."""

    kind: str
    rule: str
    old: str
    new: str
    #: The finding names the entry.
    of_entry: bool = False


ATOM = [
    Broken("atom", "malformed", "</feed>", ""),
    Broken("atom", "unknown-format", 'xmlns="http://www.w3.org/2005/Atom"', 'xmlns="http://example.org/"'),
    Broken("atom", "missing", "<title>新浪财经</title>", ""),
    Broken("atom", "missing", "<title>第 0 篇</title>", "", of_entry=True),
    Broken("atom", "missing", '<category term="风电"/>', '<category term=" "/>', of_entry=True),
    Broken("atom", "missing", "<name>林若溪</name>", "<name/>", of_entry=True),
    Broken("atom", "missing", 'rel="via" href="https://b.example/1"', 'rel="via"', of_entry=True),
    Broken("atom", "missing", '<content type="html">', '<content src="https://a.example/" type="text/html">'),
    Broken("atom", "repeated", "<title>第 0 篇</title>", "<title>a</title><title>b</title>", of_entry=True),
    Broken("atom", "unknown-element", "<subtitle>", "<tagline>x</tagline><subtitle>"),
    Broken("atom", "wrong-value", "<title>新浪财经</title>", '<title type="markdown">新浪财经</title>'),
    Broken("atom", "wrong-value", "<title>新浪财经</title>", '<title type="html"><b>新浪</b></title>'),
    Broken("atom", "wrong-value", "<title>新浪财经</title>", '<title type="xhtml">新浪</title>'),
    Broken("atom", "wrong-value", '<content type="html">', '<content type="html"><p>x</p>', of_entry=True),
    Broken("atom", "wrong-value", '<content type="html">', '<content src="https://a.example/">', of_entry=True),
    Broken("atom", "wrong-value", 'rel="via"', 'rel=""', of_entry=True),
    Broken("atom", "bad-id", f"<id>tag:example.org,2026:{ZERO.uuid}", "<id>one", of_entry=True),
    Broken("atom", "bad-id", f"<id>tag:example.org,2026:{ZERO.uuid}", "<id>", of_entry=True),
    Broken("atom", "bad-date", "第 0 篇</title><updated>2026", "第 0 篇</title><updated>noon 2026", of_entry=True),
    Broken("atom", "bad-date", "第 0 篇</title><updated>2026-11", "第 0 篇</title><updated>2026-13", of_entry=True),
    Broken("atom", "bad-date", "<published>2026-11-21T12:00:00+00:00", "<published>2026-11-21T12:00:00", of_entry=True),
    Broken(
        "atom",
        "bad-address",
        'rel="via" href="https://b.example/1"',
        'rel="via" href="https://b.example/100%"',
        of_entry=True,
    ),
    Broken(
        "atom",
        "bad-address",
        'rel="via" href="https://b.example/1"',
        'rel="via" href="https://b.example/a b"',
        of_entry=True,
    ),
    Broken("atom", "relative-address", 'rel="via" href="https://b.example/1"', 'rel="via" href="/1"', of_entry=True),
    Broken("atom", "relative-address", "<name>林若溪</name>", "<name>林若溪</name><uri>lin</uri>", of_entry=True),
    Broken(
        "atom",
        "not-ascii",
        'rel="via" href="https://b.example/1"',
        'rel="via" href="https://b.example/路"',
        of_entry=True,
    ),
    Broken("atom", "bad-language", 'xml:lang="zh"', 'xml:lang="zh cn"'),
    Broken("atom", "bad-media-type", 'type="audio/mpeg"', 'type="audio"', of_entry=True),
    Broken("atom", "bad-number", 'length="5"', 'length="5 MB"', of_entry=True),
    Broken("atom", "bad-email", "<name>林若溪</name>", "<name>林若溪</name><email>lin</email>", of_entry=True),
    Broken("atom", "same-alternate", 'rel="via"', 'rel="alternate"', of_entry=True),
    Broken("atom", "same-id", str(ONE.uuid), str(ZERO.uuid)),
    Broken(
        "atom",
        "same-updated",
        "第 1 篇</title><updated>2026-11-21T11:59:00.000002",
        "第 1 篇</title><updated>2026-11-21T12:00:00.000001",
    ),
    Broken("atom", "old-updated", "第 0 篇</title><updated>2026", "第 0 篇</title><updated>2027"),
    Broken("atom", "odd-date", "<published>2026", "<published>1926", of_entry=True),
    Broken("atom", "odd-date", "<published>2026", "<published>2926", of_entry=True),
    Broken("atom", "odd-character", "近海", "近\x85海", of_entry=True),
    Broken("atom", "odd-character", "近海", "近&#x9f;海", of_entry=True),
    Broken("atom", "odd-character", "<title>新浪财经</title>", "<title>新浪\ufffd</title>"),
    Broken("atom", "no-self", 'rel="self"', 'rel="related"'),
    Broken("atom", "other-self", "feeds.example.org/news/feeds/", "127.0.0.1:8080/feeds/"),
    Broken("atom", "html-in-title", "第 0 篇", "&lt;b&gt;第&lt;/b&gt;", of_entry=True),
    Broken("atom", "html-in-title", "第 0 篇", "AT&amp;amp;T", of_entry=True),
    Broken("atom", "empty-title", "<title>新浪财经</title>", "<title> </title>"),
    Broken("atom", "empty-title", "<title>新浪财经</title>", '<title type="html"> </title>'),
]

RSS = [
    Broken("rss", "malformed", "</rss>", ""),
    Broken("rss", "wrong-value", 'version="2.0"', 'version="3"'),
    Broken("rss", "outdated", 'version="2.0"', 'version="0.91"'),
    Broken("rss", "missing", "<title>新浪财经</title>", ""),
    Broken("rss", "missing", "<description>汇流：新浪财经</description>", "<description/>"),
    Broken("rss", "missing", "<category>风电</category>", "<category/>", of_entry=True),
    Broken("rss", "missing", 'length="5" ', "", of_entry=True),
    Broken("rss", "missing", "<docs>", "<image><url>https://a.example/i.png</url></image><docs>"),
    Broken("rss", "repeated", "<title>第 0 篇</title>", "<title>a</title><title>b</title>", of_entry=True),
    Broken("rss", "repeated", "</channel>", "</channel><channel/>"),
    Broken("rss", "unknown-element", "<title>第 0 篇</title>", "<title>第 0 篇</title><body/>", of_entry=True),
    Broken("rss", "wrong-value", 'isPermaLink="false"', 'isPermaLink="no"', of_entry=True),
    Broken("rss", "wrong-value", "<docs>", "<skipHours><hour>25</hour></skipHours><docs>"),
    Broken("rss", "wrong-value", "<docs>", "<skipDays><day>montag</day></skipDays><docs>"),
    Broken("rss", "bad-id", f'isPermaLink="false">tag:example.org,2026:{ZERO.uuid}', ">first", of_entry=True),
    Broken("rss", "bad-id", f"tag:example.org,2026:{ZERO.uuid}", "", of_entry=True),
    Broken("rss", "bad-date", "<pubDate>Sat, 21 Nov 2026 12:00:00 +0000", "<pubDate>2026-11-21", of_entry=True),
    Broken("rss", "bad-date", "<pubDate>Sat, 21 Nov 2026 12:00:00 +0000", "<pubDate>Sat, 21 Nov 26 12:00:00 GMT"),
    Broken("rss", "bad-date", "<lastBuildDate>Sat, 21 Nov 2026 12:00:00 +0000", "<lastBuildDate>now"),
    Broken(
        "rss", "bad-address", "<link>https://news.example.com/0", "<link>https://news.example.com/ 0", of_entry=True
    ),
    Broken("rss", "relative-address", "<link>https://news.example.com/0", "<link>/0", of_entry=True),
    Broken("rss", "not-ascii", "<link>https://news.example.com/0", "<link>https://news.example.com/路", of_entry=True),
    Broken("rss", "bad-language", "<language>zh<", "<language>zh cn<"),
    Broken("rss", "bad-media-type", 'type="audio/mpeg"', 'type="audio"', of_entry=True),
    Broken("rss", "bad-number", 'length="5"', 'length="5 MB"', of_entry=True),
    Broken("rss", "bad-number", "<docs>", "<ttl>an hour</ttl><docs>"),
    Broken("rss", "bad-email", "<title>第 0 篇</title>", "<title>第 0 篇</title><author>lin</author>", of_entry=True),
    Broken("rss", "same-id", str(ONE.uuid), str(ZERO.uuid)),
    Broken("rss", "odd-date", "<pubDate>Sat, 21 Nov 2026", "<pubDate>Sat, 21 Nov 1926", of_entry=True),
    Broken("rss", "odd-character", "近海", "近\ufffd海", of_entry=True),
    Broken("rss", "no-self", 'rel="self"', 'rel="related"'),
    Broken("rss", "other-self", "feeds.example.org/news/feeds/", "127.0.0.1:8080/feeds/"),
    Broken("rss", "html-in-title", "第 0 篇", "&lt;b&gt;第&lt;/b&gt;", of_entry=True),
    Broken("rss", "empty-title", "<title>第 0 篇</title>", "<title/>", of_entry=True),
    Broken(
        "rss",
        "several-enclosures",
        "<enclosure ",
        '<enclosure url="https://cdn.example/2.mp3" length="1" type="audio/mpeg"/><enclosure ',
        of_entry=True,
    ),
]

JSON = [
    Broken("json", "malformed", '"items": [', '"items": '),
    Broken("json", "malformed", '"size_in_bytes": 5', '"size_in_bytes": NaN'),
    Broken("json", "unknown-format", GOOD["json"], '{"posts": []}'),
    Broken("json", "unknown-format", GOOD["json"], "[]"),
    Broken("json", "wrong-value", "version/1.1", "version/2"),
    Broken("json", "wrong-value", '"title": "第 0 篇"', '"title": 0', of_entry=True),
    Broken("json", "wrong-value", '"size_in_bytes": 5', '"size_in_bytes": "5"', of_entry=True),
    Broken("json", "wrong-value", '"tags": ["风电"', '"tags": [3', of_entry=True),
    Broken("json", "wrong-value", '"items": [', '"items": [null, '),
    Broken("json", "wrong-value", '"items": [', f'"next_url": {json.dumps(URLS["json"])}, "items": ['),
    Broken("json", "missing", '"title": "新浪财经", "home', '"home'),
    Broken("json", "missing", f'"id": "tag:example.org,2026:{ZERO.uuid}", ', "", of_entry=True),
    Broken("json", "missing", '"mime_type": "audio/mpeg", ', "", of_entry=True),
    Broken("json", "missing", '{"name": "林若溪"}', "{}", of_entry=True),
    Broken("json", "missing", '"items": [', '"hubs": [{"type": "WebSub"}], "items": ['),
    Broken("json", "bad-id", f'"tag:example.org,2026:{ZERO.uuid}"', '" "', of_entry=True),
    Broken("json", "bad-date", '"date_published": "2026-11-21T12', '"date_published": "2026-11-21 12', of_entry=True),
    Broken("json", "bad-address", '"https://news.example.com/0"', '"https://news.example.com/<0>"', of_entry=True),
    Broken("json", "relative-address", '"url": "https://news.example.com/0"', '"url": "0"', of_entry=True),
    Broken("json", "not-ascii", '"url": "https://news.example.com/0"', '"url": "https://x.example/路"', of_entry=True),
    Broken("json", "bad-language", '"language": "zh"', '"language": "zh cn"'),
    Broken("json", "bad-media-type", '"audio/mpeg"', '"audio"', of_entry=True),
    Broken("json", "no-content", '"content_html"', '"_content"', of_entry=True),
    Broken("json", "same-id", str(ONE.uuid), str(ZERO.uuid)),
    Broken("json", "same-updated", "11:59:00.000002", "12:00:00.000001"),
    Broken("json", "odd-date", '"date_published": "2026', '"date_published": "1926', of_entry=True),
    Broken("json", "odd-character", "近海", "近\\u0085海", of_entry=True),
    Broken("json", "no-self", f'"feed_url": {json.dumps(URLS["json"])}, ', ""),
    Broken("json", "other-self", "feeds.example.org/news/feeds/", "127.0.0.1:8080/feeds/"),
    Broken("json", "html-in-title", "第 0 篇", "<b>第</b>", of_entry=True),
    Broken("json", "empty-title", '"title": "第 0 篇"', '"title": ""', of_entry=True),
    Broken("json", "outdated", '"items": [', '"author": {"name": "a"}, "items": ['),
    Broken("json", "unknown-key", '"items": [', '"posts": [], "items": ['),
]

#: What stands in an entry's HTML, and the rule that it breaks.
HTML = [
    ("<script>x</script>", "unsafe-html"),
    ("<STYLE>x</STYLE>", "unsafe-html"),
    ('<p onclick="x()">a</p>', "unsafe-html"),
    ('<p class="a" style="color: red">a</p>', "unsafe-html"),
    ('<a href="javascript:x()">a</a>', "unsafe-html"),
    ('<a href=" java\nscript:x()">a</a>', "unsafe-html"),
    ('<a href="&#106;avascript:x()">a</a>', "unsafe-html"),
    ('<img alt="a > b" src="data:text/html,x">', "unsafe-html"),
    ("<img src=https://a.example/x onerror=x()", "unsafe-html"),
    ('<iframe src="https://player.example/"></iframe>', "frame"),
    ('<a href="/news">a</a>', "relative-in-html"),
    ("<img src='a.jpg'>", "relative-in-html"),
    ('<img srcset="https://a.example/1.jpg 1x, 2.jpg 2x">', "relative-in-html"),
    ('<img src="//a.example/1.jpg">', "relative-in-html"),
]
HARMLESS = [
    '<p title="onclick=x">a &lt;script&gt; href="/a"</p>',
    '<a href="#note">1</a>',
    '<a href="mailto:a@b.example">a</a>',
    '<img src="data:image/png;base64,AA==" alt="<script>">',
    '<img srcset="https://a.example/1.jpg 1x, https://a.example/2,3.jpg 2x">',
    "1 < 2 > 3",
]


def rules(document: str, kind: str, **known: Any) -> set[str]:
    return {finding.rule for finding in lint(document.encode(), URLS[kind], **known)}


@pytest.mark.parametrize("kind", FORMATS)
def test_our_own_documents_are_faultless_with_entries_and_without(kind: str):
    assert lint(GOOD[kind].encode(), URLS[kind], NOON) == []
    assert lint(FORMATS[kind].write(feed(), SITE, OUTPUT), URLS[kind], NOON) == []


@pytest.mark.parametrize("broken", [*ATOM, *RSS, *JSON], ids=lambda broken: f"{broken.kind} {broken.rule}")
def test_what_breaks_a_rule_is_found(broken: Broken):
    assert broken.old in GOOD[broken.kind]
    document = GOOD[broken.kind].replace(broken.old, broken.new, 1)
    found = [one for one in lint(document.encode(), URLS[broken.kind]) if one.rule == broken.rule]
    assert found, rules(document, broken.kind)
    if broken.of_entry:
        assert str(ZERO.uuid) in found[0].entry or "第 0 篇" in found[0].entry


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize(("html", "rule"), HTML)
def test_html_that_is_not_fit_for_readers_is_found(html: str, rule: str, kind: str):
    document = FORMATS[kind].write(feed(story(0, html=html)), SITE, OUTPUT)
    assert {finding.rule for finding in lint(document, URLS[kind])} == {rule}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("html", HARMLESS)
def test_html_that_only_looks_unfit_is_left_alone(html: str, kind: str):
    assert lint(FORMATS[kind].write(feed(story(0, html=html)), SITE, OUTPUT), URLS[kind]) == []


def test_xhtml_is_looked_at_like_html():
    inside = '<div xmlns="http://www.w3.org/1999/xhtml"><script/></div>'
    start = GOOD["atom"].index('<content type="html">')
    end = GOOD["atom"].index("</content>", start)
    document = GOOD["atom"][:start] + f'<content type="xhtml">{inside}' + GOOD["atom"][end:]
    assert rules(document, "atom") == {"unsafe-html"}


def without_author(document: str) -> str:
    return document.replace("<author><name>汇流</name></author>", "").replace(
        "<author><name>林若溪</name></author>", ""
    )


def without_content(document: str) -> str:
    start = document.index('<content type="html">')
    bare = document[:start] + document[document.index("</content>", start) + len("</content>") :]
    return bare.replace('rel="alternate" href="https://news.example.com/0"', 'rel="related" href="https://a.example/"')


@pytest.mark.parametrize(
    ("change", "kind", "rule"),
    [
        (without_author, "atom", "no-author"),
        (without_content, "atom", "no-content"),
        (
            lambda document: GOOD["rss"].replace("<guid", "<dc:identifier").replace("</guid", "</dc:identifier"),
            "rss",
            "no-id",
        ),
        (
            lambda document: GOOD["rss"].replace("<item>", "<item><x>", 1).replace("<x>", "</item><item>", 1),
            "rss",
            "no-content",
        ),
    ],
)
def test_what_takes_more_than_one_change_is_found(change: Callable[[str], str], kind: str, rule: str):
    assert rule in rules(change(GOOD[kind]), kind)


def test_an_entry_needs_no_author_where_the_feed_has_one():
    assert rules(GOOD["atom"].replace("<author><name>林若溪</name></author>", ""), "atom") == set()


def test_every_rule_is_broken_somewhere_above():
    tested = {broken.rule for broken in (*ATOM, *RSS, *JSON)} | {rule for _, rule in HTML}
    assert tested | {"no-author", "no-content", "no-id"} == set(RULES)


def test_a_date_ahead_of_now_is_odd_where_now_is_known():
    before = NOON - timedelta(days=2)
    assert all("odd-date" in rules(GOOD[kind], kind, now=before) for kind in FORMATS)
    assert all(rules(GOOD[kind], kind, now=NOON) == set() for kind in FORMATS)


def test_the_same_moment_may_be_written_in_any_zone():
    here, there = "2026-11-21T12:00:00.000001+00:00", "2026-11-21T20:00:00.000001+08:00"
    assert rules(GOOD["atom"].replace(here, there), "atom") == set()


@pytest.mark.parametrize("kind", FORMATS)
def test_a_fault_of_ours_names_the_entry_and_whose_it_is(kind: str):
    document = (
        GOOD[kind]
        .replace("2026-11-21T12:00:00+00:00", "noon")
        .replace("<pubDate>Sat, 21 Nov 2026", "<pubDate>Sat, 21 Nov")
    )
    first = publish.faults(feed_path(SLUG, kind), document.encode(), SITE)[0]
    assert f"“第 0 篇” (tag:example.org,2026:{ZERO.uuid}) from 新浪财经: " in first


def test_warnings_that_are_mistakes_of_ours_keep_a_document_back_and_others_do_not():
    path = feed_path(SLUG)
    unsafe, framed = (FORMATS["atom"].write(feed(story(0, html=html)), SITE, OUTPUT) for html, _ in (HTML[0], HTML[9]))
    assert publish.faults(path, unsafe, SITE)
    assert publish.faults(path, framed, SITE) == []
    assert all(RULES[rule] == "warning" for rule in OURS)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_mark_of_the_byte_order_is_no_fault(kind: str):
    assert lint(b"\xef\xbb\xbf" + GOOD[kind].encode(), URLS[kind]) == []


def test_errors_come_first():
    document = GOOD["atom"].replace('rel="self"', 'rel="related"').replace("<published>2026", "<published>x")
    levels = [finding.level for finding in lint(document.encode(), URLS["atom"])]
    assert levels == sorted(levels)
    assert set(levels) == {"error", "warning"}


@pytest.mark.parametrize(
    "document", [b"", b"\x00", b"<", b"{", b"[" * 100_000, b"secret", b"<feed/>", b"\xff\xfe", b"null"]
)
def test_anything_may_be_asked_about(document: bytes):
    assert [finding.level for finding in lint(document)] == ["error"]


def test_it_never_reads_what_a_document_points_to(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("leaked")
    entity = f'<!DOCTYPE feed [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    document = GOOD["atom"].replace("?>", f"?>{entity}", 1).replace("<title>新浪财经</title>", "<title>&s;</title>", 1)
    found = lint(document.encode(), URLS["atom"])
    assert "leaked" not in "".join(map(str, found))
    assert {finding.rule for finding in found} == {"empty-title"}
