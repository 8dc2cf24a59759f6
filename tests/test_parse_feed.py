"""Feeds in all formats, one situation each; whole documents lie in data/feeds as x.xml with x.json."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config.schema import Source
from aggregator.model import Document, Failed, Outcome, ParsedEntry, ParsedFeed, Person, Text
from aggregator.parse import parse

FEEDS = Path(__file__).parent / "data" / "feeds"
SOURCE = Source(name="source", url="https://source.example/feed")
SY = 'xmlns="http://purl.org/rss/1.0/modules/syndication/"'
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def read(body: bytes | str, *, limit: int | None = None, charset: str | None = None) -> ParsedFeed | Failed:
    body = body.encode() if isinstance(body, str) else body
    document = Document(body, url="https://source.example/dir/feed.xml", charset=charset)
    return parse(document, SOURCE.model_copy(update={"limit": limit}), "Asia/Shanghai")


def feed(body: bytes | str, **options: int | None) -> ParsedFeed:
    found = read(body, **options)
    assert isinstance(found, ParsedFeed)
    return found


def rss(*items: str, head: str = "") -> str:
    names = (
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
        'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
    )
    return f'<rss version="2.0" {names}><channel><title>Feed</title>{head}{"".join(items)}</channel></rss>'


def item(inside: str) -> ParsedEntry:
    (entry,) = feed(rss(f"<item><title>T</title>{inside}</item>")).entries
    return entry


def plain(value: object) -> object:
    """As JSON holds it; fields that say nothing are left out, so that the files stay readable."""
    if dataclasses.is_dataclass(value):
        fields = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(part) for name, part in fields if part not in (None, (), 0.0, False)}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    return value.isoformat() if isinstance(value, datetime) else value


@pytest.mark.parametrize("path", sorted(FEEDS.glob("*.xml")), ids=lambda path: path.stem)
def test_documents_are_read_as_expected(path: Path) -> None:
    expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert plain(feed(path.read_bytes())) == expected


# --- titles --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("AT&amp;T", Text("AT&T")),
        ("AT&amp;amp;T", Text("AT&amp;T", "html")),
        ("1 &lt; 2", Text("1 < 2")),
        ("Using &lt;iostream&gt; in C++", Text("Using <iostream> in C++")),
        ("Why &lt;T&gt;&lt;/T&gt; is empty", Text("Why <T></T> is empty")),
        ("The &lt;p&gt; element", Text("The <p> element")),
        ("A &lt;b&gt;bold&lt;/b&gt; one", Text("A <b>bold</b> one", "html")),
        ("two&lt;br/&gt;lines", Text("two<br/>lines", "html")),
        ("it&amp;#8217;s", Text("it&#8217;s", "html")),
        ("R&amp;D; more", Text("R&D; more")),
        ("<![CDATA[Q&A]]>", Text("Q&A")),
        ("  spread\n over  lines ", Text("spread over lines")),
        ("it&#146;s", Text("it’s")),
        ("before<!-- comment --><?php x ?> after", Text("before after")),
    ],
)
def test_title_of_rss_is_html_only_where_that_can_only_help(written: str, title: Text) -> None:
    (entry,) = feed(rss(f"<item><title>{written}</title><link>https://x.example/</link></item>")).entries
    assert entry.title == title


def test_title_of_atom_is_what_its_type_says() -> None:
    entry = '<entry><id>a</id><title type="text">&lt;b&gt;x&lt;/b&gt;</title></entry>'
    (found,) = feed(f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>').entries
    assert found.title == Text("<b>x</b>")


# --- links and ids -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<link>/a</link>", "https://source.example/a"),
        ("<link>//cdn.example/a</link>", "https://cdn.example/a"),
        ("<link>http://[broken</link>", "http://[broken"),
        ("<link>/[broken</link>", "https://source.example/[broken"),
        ("<link/><guid>https://x.example/g</guid>", "https://x.example/g"),
        ('<guid isPermaLink="false">https://x.example/g</guid>', "https://x.example/g"),
        ('<link>https://x.example/l</link><guid isPermaLink="true">https://x.example/g</guid>', "https://x.example/l"),
        ("<guid>4711</guid>", None),
        (
            "<link>https://count.example/1</link><feedburner:origLink>https://x.example/</feedburner:origLink>",
            "https://x.example/",
        ),
    ],
)
def test_link_of_an_item(inside: str, url: str | None) -> None:
    assert item(inside).url == url


def test_link_is_resolved_against_the_nearest_base() -> None:
    document = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="/one/"><entry xml:base="two/"><title>T</title>'
        '<link href="three"/><content type="html">x</content></entry></feed>'
    )
    (entry,) = feed(document).entries
    assert entry.url == "https://source.example/one/two/three"
    assert entry.content == Text("x", "html", base="https://source.example/one/two/")


def test_id_does_not_depend_on_the_address_of_the_feed() -> None:
    broken = rss("<item><title>T</title><guid>7</guid></item>") + "junk &"
    assert item("<guid>7</guid>").id == "7"
    assert feed(broken).entries[0].id == "7"


# --- texts ---------------------------------------------------------------------------------


def test_description_alone_is_the_content() -> None:
    entry = item("<description>all there is</description>")
    assert (entry.content, entry.summary) == (Text("all there is", "html"), None)


def test_description_beside_content_is_the_summary() -> None:
    entry = item("<content:encoded>long</content:encoded><description>short</description>")
    assert (entry.content, entry.summary) == (Text("long", "html"), Text("short", "html"))


def test_blank_content_leaves_the_description() -> None:
    assert item("<content:encoded> </content:encoded><description>d</description>").content == Text("d", "html")


def test_plain_content_keeps_its_lines() -> None:
    entry = "<entry><id>a</id><title> T\n U </title><content>one\n\ntwo &lt; three</content></entry>"
    (found,) = feed(f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>').entries
    assert (found.title, found.content) == (Text("T U"), Text("one\n\ntwo < three"))


def test_caption_of_a_picture_is_neither_title_nor_text() -> None:
    caption = "<media:title>Caption</media:title><media:description>More caption</media:description>"
    entry = item(f'<link>/a</link><media:content url="/p.jpg" medium="image">{caption}</media:content>')
    assert (entry.title, entry.content) == (Text("T"), None)


def test_texts_hold_nothing_that_xml_forbids() -> None:
    document = (
        b'{"version": "https://jsonfeed.org/version/1", "items": [{"id": "a\\u0000", "title": "x\\ud800\\ufffey"}]}'
    )
    (entry,) = feed(document).entries
    assert (entry.id, entry.title) == ("a", Text("xy"))


# --- dates and people ----------------------------------------------------------------------


def test_rival_dates() -> None:
    entry = item("<dc:date>2020-01-01T00:00:00Z</dc:date><pubDate>Mon, 05 Jan 2026 12:00:00 GMT</pubDate>")
    assert entry.published == NOON


def test_date_that_is_none_gives_way() -> None:
    entry = item("<pubDate>0000-00-00</pubDate><dc:date>2026-01-05T12:00:00Z</dc:date>")
    assert entry.published == NOON


def test_date_without_zone_is_taken_in_the_sources() -> None:
    assert item("<pubDate>2026-01-05 20:00:00</pubDate>").published == NOON


def test_atom_entry_with_only_an_update_was_published_then() -> None:
    document = "<entry><id>a</id><title>T</title><updated>2026-01-05T12:00:00Z</updated></entry>"
    (entry,) = feed(f'<feed xmlns="http://www.w3.org/2005/Atom">{document}</feed>').entries
    assert (entry.published, entry.updated) == (NOON, NOON)


@pytest.mark.parametrize(
    ("author", "person"),
    [
        ("ann@x.example (Ann Pier)", Person("Ann Pier", email="ann@x.example")),
        ("Ann Pier &lt;ann@x.example&gt;", Person("Ann Pier", email="ann@x.example")),
        ("ann@x.example", Person("ann@x.example", email="ann@x.example")),
        ("mailto:ann@x.example", Person("ann@x.example", email="ann@x.example")),
        ("记者 李明", Person("记者 李明")),
        ("Ann (Pier)", Person("Ann (Pier)")),
    ],
)
def test_author_of_rss(author: str, person: Person) -> None:
    assert item(f"<author>{author}</author>").authors == (person,)


def test_same_author_said_twice_is_one() -> None:
    entry = item(
        "<dc:creator>Ann</dc:creator><author>ann@x.example (ann)</author><itunes:author>Station</itunes:author>"
    )
    assert entry.authors == (Person("Ann", email="ann@x.example"),)


def test_mail_that_is_none_is_left_out() -> None:
    entry = "<entry><id>a</id><title>T</title><author><name>Ann</name><email>hidden</email></author></entry>"
    (found,) = feed(f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>').entries
    assert found.authors == (Person("Ann"),)


def test_copied_entry_keeps_its_own_id_and_takes_the_sources_author() -> None:
    entry = (
        "<entry><source><id>feed</id><title>Feed</title><author><name>Ann</name></author></source>"
        "<id>own</id><title>Own</title></entry>"
    )
    (found,) = feed(f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>').entries
    assert (found.id, found.title, found.authors) == ("own", Text("Own"), (Person("Ann"),))


# --- the feed itself -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "wait"),
    [
        ("<ttl>60</ttl>", 3600.0),
        ("<ttl>soon</ttl>", 0.0),
        ("<ttl>-5</ttl>", 0.0),
        (f"<updatePeriod {SY}>daily</updatePeriod>", 86400.0),
        (
            f"<ttl>1</ttl><updatePeriod {SY}>hourly</updatePeriod><updateFrequency {SY}>4</updateFrequency>",
            900.0,
        ),
    ],
)
def test_wait_that_a_feed_asks_for(head: str, wait: float) -> None:
    assert feed(rss(head=head)).wait == wait


SKIPS = (
    "<skipHours><hour>0</hour><hour> 5 </hour><hour>24</hour><hour>25</hour><hour>soon</hour></skipHours>"
    "<skipDays><day>Sunday</day><day>monday</day><day>Someday</day></skipDays>"
)


@pytest.mark.parametrize("broken", ["", "<link>https://example.com/?a&b</link>"], ids=["well-formed", "broken"])
def test_hours_and_days_in_which_a_feed_asks_not_to_be_checked(broken: str) -> None:
    found = feed(rss("<item><title>T</title><link>/1</link></item>", head=SKIPS + broken))
    assert found.skip_hours == (0, 5)
    assert found.skip_days == (0, 6)


def test_a_feed_that_skips_nothing_says_so() -> None:
    found = feed(rss(head="<skipHours/><skipDays></skipDays>"))
    assert (found.skip_hours, found.skip_days) == ((), ())


def test_limit_takes_the_first_entries() -> None:
    items = [f"<item><title>{n}</title><link>/{n}</link></item>" for n in range(5)]
    assert [entry.title for entry in feed(rss(*items), limit=2).entries] == [Text("0"), Text("1")]


def test_item_with_nothing_in_it_is_refused_and_named() -> None:
    found = feed(rss("<item><title>T</title><link>/1</link></item>", "<item/>"))
    assert [refused.path for refused in found.refused] == ["item 2"]


# --- JSON Feed -----------------------------------------------------------------------------


def test_json_feed() -> None:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Notes",
        "home_page_url": "/",
        "language": "en",
        "authors": [{"name": "Ann", "url": "/ann"}],
        "items": [
            {
                "id": 7,
                "url": "/7",
                "title": "A <b> title",
                "content_html": "<p>x</p>",
                "content_text": "x",
                "summary": "s",
                "image": "/i.png",
                "date_published": "2026-01-05T12:00:00Z",
                "tags": ["a", "", "a", None],
                "attachments": [{"url": "/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 12}],
            },
            {"id": "https://x.example/8", "content_text": "one\ntwo <3"},
            {},
            "not an object",
        ],
    }
    found = feed(json.dumps(document))
    first, second = found.entries
    assert (found.title, found.url, found.authors) == (
        "Notes",
        "https://source.example/",
        (Person("Ann", "https://source.example/ann"),),
    )
    assert (first.id, first.url, first.title) == ("7", "https://source.example/7", Text("A <b> title"))
    assert (first.content, first.summary, first.published) == (Text("<p>x</p>", "html"), Text("s"), NOON)
    assert [term.path for term in first.terms] == [("a",)]
    assert [(each.url, each.length) for each in first.enclosures] == [("https://source.example/a.mp3", 12)]
    assert [image.url for image in first.images] == ["https://source.example/i.png"]
    assert (second.url, second.content) == ("https://x.example/8", Text("one\ntwo <3"))
    assert len(found.refused) == 1


# --- broken and foreign documents ----------------------------------------------------------


def test_whole_feed_is_read_as_it_stands() -> None:
    assert not feed(rss("<item><title>T</title><link>/1</link></item>")).degraded


@pytest.mark.parametrize(
    "document",
    [
        rss("<item><title>T &amp; U</title><link>https://x.example/1</link></item>")[:-20],
        rss("<item><title>T & U</title><link>https://x.example/1</link></item>"),
        rss("<item><title>T &amp; U</title><link>https://x.example/1</link><description>a&nbsp;b</description></item>"),
        rss("<item><title>T &amp; U</title><link>https://x.example/1</link><x:y>z</x:y></item>"),
        rss("<item><title>T &amp; U</title><link>https://x.example/1</link></item>") + "<script>x</script>",
        "Warning: something<br>\n" + rss("<item><title>T &amp; U</title><link>https://x.example/1</link></item>"),
    ],
    ids=["cut off", "bare ampersand", "HTML entity", "undeclared prefix", "something after it", "something before it"],
)
def test_broken_feed_still_brings_its_entries(document: str) -> None:
    found = feed(document)
    assert found.degraded
    assert [(entry.title, entry.url) for entry in found.entries] == [(Text("T & U"), "https://x.example/1")]


def test_broken_feed_keeps_markup_for_the_cleaning_to_judge() -> None:
    html = '<p onclick="x" style="color:red"><a href="/rel">a</a></p><script>x</script>'
    found = feed(rss(f"<item><title>T & U</title><description><![CDATA[{html}]]></description></item>"))
    assert found.entries[0].content == Text(html, "html")


def test_items_in_an_unknown_place_are_found() -> None:
    found = feed("<rss><news><item><title>T</title><link>/1</link></item></news></rss>")
    assert ([entry.title for entry in found.entries], found.degraded) == ([Text("T")], False)


@pytest.mark.parametrize("junk", ["\x0b", "\0", "&#11;", "&#x0;", "&#xD800;", "&#x110000;", "&#99999999999;"])
def test_forbidden_characters_do_not_break_a_feed(junk: str) -> None:
    found = feed(rss(f"<item><title>T{junk}U</title><link>/1</link></item>"))
    assert (found.entries[0].title, found.degraded) == (Text("TU"), False)


def test_entities_that_a_document_declares_are_read() -> None:
    document = '<!DOCTYPE rss [\n<!ENTITY who "Ann">\n]>' + rss("<item><title>By &who;</title><link>/1</link></item>")
    assert feed(document).entries[0].title == Text("By Ann")


def test_entities_from_elsewhere_are_not_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret words")
    declared = f'<!DOCTYPE rss [<!ENTITY far SYSTEM "{secret.as_uri()}">]>'
    found = read(declared + rss("<item><title>By &far;</title><link>/1</link></item>"))
    assert "secret words" not in repr(found)


def test_entities_that_multiply_are_not_expanded() -> None:
    declared = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(12))
    document = f"<!DOCTYPE rss [{declared}]>" + rss("<item><title>&e11;</title><link>/1</link></item>")
    assert len(repr(read(document))) < 1_000_000


def test_deep_nesting_is_survived() -> None:
    assert read("<rss><channel>" + "<a>" * 5000) is not None


@pytest.mark.parametrize(
    ("body", "outcome", "word"),
    [
        ("", Outcome.NOT_A_FEED, "empty"),
        (" \n\ufeff", Outcome.NOT_A_FEED, "empty"),
        ('{"items": []}', Outcome.NOT_A_FEED, "JSON"),
        ("[1, 2]", Outcome.NOT_A_FEED, "JSON"),
        ('{"version": "https://jsonfeed.org/version/1", "items": [', Outcome.UNPARSABLE, "broken"),
        ("[" * 100_000, Outcome.UNPARSABLE, "broken"),
        ("plain words", Outcome.NOT_A_FEED, "no feed"),
        ('<?xml version="1.0"?><opml version="2.0"><body/></opml>', Outcome.NOT_A_FEED, "no feed"),
        ("<!DOCTYPE html><title>Hello</title>", Outcome.NOT_A_FEED, "web page"),
        ('<!-- c --><html xmlns="http://www.w3.org/1999/xhtml"><head/></html>', Outcome.NOT_A_FEED, "web page"),
        (bytes(range(256)), Outcome.NOT_A_FEED, "no feed"),
        ("<rss><channel><item><title>x</title></item></width>", Outcome.UNPARSABLE, "broken"),
        ("<rss><channel><title>Cut", Outcome.UNPARSABLE, "broken"),
        ("<rss><channel><item>" + "&" * 200, Outcome.UNPARSABLE, "broken"),
        ("<rss><channel><item>" + "&" * 5_000_001, Outcome.UNPARSABLE, "large"),
        ("<item", Outcome.NOT_A_FEED, "no feed"),
    ],
)
def test_what_is_no_feed(body: bytes | str, outcome: Outcome, word: str) -> None:
    found = read(body)
    assert isinstance(found, Failed)
    assert (found.outcome, word in found.message, bool(found.remedy)) == (outcome, True, True)


def test_page_names_its_feed() -> None:
    page = (
        "<!doctype html><html><head><base href='/sub/'><link rel='stylesheet' type='text/css' href='x.css'>"
        "<link rel='alternate' type='application/atom+xml; charset=utf-8' href='atom.xml'></head><body>x</body></html>"
    )
    found = read(page)
    assert isinstance(found, Failed)
    assert "https://source.example/sub/atom.xml" in found.remedy


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_feed_never_raises(data: st.DataObject) -> None:
    whole = (FEEDS / "rss-everything.xml").read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, 40))
    junk = data.draw(
        st.one_of(st.binary(max_size=12), st.sampled_from([b"<![", b"]]>", b"<", b"&", b"&#0;", b"http://["]))
    )
    assert isinstance(read(whole[:start] + junk + whole[start + length :]), (ParsedFeed, Failed))
