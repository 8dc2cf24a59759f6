"""The fast and the lenient path make the same of a well-formed feed: one that breaks stays itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from pathlib import Path
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from aggregator.config.schema import Source
from aggregator.model import Document, ParsedEntry, ParsedFeed, Text
from aggregator.parse import charset, feed, lenient, parse

FEEDS = Path(__file__).parent / "data" / "feeds"
DOCUMENTS = sorted(FEEDS.glob("*.xml"))

#: What feedparser does not keep, by document and field; the elements stand in that document. A line
#: that is no longer needed fails too.
DIFFERENCES = {
    ("differences", "updated"),  # in RSS it does not tell atom:updated from dc:date
    ("differences", "authors"),  # nor itunes:author, which mostly repeats, from dc:creator
    ("differences", "images"),  # it drops the image of an item
    ("differences", "podcast"),  # of elements of one name it keeps the last, and of explicit only yes and clean
    ("differences", "content"),  # it drops a relative xml:base, and captions pass for content
    ("differences", "summary"),
}


def both(path: Path) -> tuple[ParsedFeed, ParsedFeed]:
    return read_both(charset.decode(path.read_bytes(), None))


def read_both(text: str) -> tuple[ParsedFeed, ParsedFeed]:
    slow = lenient.read(text, "https://source.example/feed", "Asia/Shanghai")
    assert slow is not None
    return fast(text), slow


def comparable(value: object) -> object:
    """HTML as a browser would have it, and lists without their order, which feedparser changes."""
    if isinstance(value, Text) and value.type == "html":
        body = LexborHTMLParser(value.value).body
        return (body.html if body else "", value.base, value.language)
    return sorted(map(repr, value)) if isinstance(value, tuple) else value


def differing(fast: object, slow: object, fields: list[str]) -> set[str]:
    return {name for name in fields if comparable(getattr(fast, name)) != comparable(getattr(slow, name))}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_both_paths_agree(path: Path) -> None:
    fast, slow = both(path)
    names = [field.name for field in dataclasses.fields(ParsedEntry)]
    heads = [field.name for field in dataclasses.fields(ParsedFeed) if field.name != "entries"]
    assert differing(fast, slow, heads) == set()
    assert len(fast.entries) == len(slow.entries)
    found = {name for pair in zip(fast.entries, slow.entries, strict=True) for name in differing(*pair, names)}
    assert found == {field for stem, field in DIFFERENCES if stem == path.stem}


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.stem != "empty"], ids=lambda path: path.stem)
def test_keys_of_entries_survive_when_a_feed_breaks(path: Path) -> None:
    fast, _ = both(path)
    broken = lenient.read(charset.decode(path.read_bytes(), None) + "&", "https://source.example/feed", "Asia/Shanghai")
    assert broken is not None
    keys = [(entry.id, entry.url, entry.title, entry.published) for entry in fast.entries]
    assert [(entry.id, entry.url, entry.title, entry.published) for entry in broken.entries] == keys


# --- generated documents ---------------------------------------------------------------------

words = st.text("ab 中文é’0&<>\"'#;-", min_size=1, max_size=12).map(str.strip).filter(bool)
stamps = st.integers(0, 2_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
items = st.fixed_dictionaries(
    {"title": words, "link": st.integers(1, 99).map("https://source.example/{}".format)},
    optional={
        "guid": words,
        "description": words.map("<p>{}</p>".format),
        "category": words,
        "dc:creator": st.sampled_from(["Ann", "王芳", "ann@house.example (Ann)"]),
        "pubDate": stamps.map(format_datetime),
    },
)


@given(st.lists(items, min_size=1, max_size=4))
def test_both_paths_agree_on_generated_feeds(items: list[dict[str, str]]) -> None:
    parts = ("".join(f"<{name}>{escape(value)}</{name}>" for name, value in item.items()) for item in items)
    channel = "".join(f"<item>{part}</item>" for part in parts)
    agree(f'<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>{channel}</channel></rss>')


def fast(text: str) -> ParsedFeed:
    found = feed.read(text.encode(), "https://source.example/feed", "Asia/Shanghai")
    assert found is not None
    return found


def agree(text: str) -> ParsedFeed:
    fast, slow = read_both(text)
    names = [field.name for field in dataclasses.fields(ParsedEntry)]
    assert len(fast.entries) == len(slow.entries)
    assert [differing(*pair, names) for pair in zip(fast.entries, slow.entries, strict=True)] == [set()] * len(
        fast.entries
    )
    return fast


# --- generated documents that are written oddly ----------------------------------------------

#: The ways in which XML can have one text.
WAYS = (
    lambda text: f"<![CDATA[{text}]]>",
    lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    lambda text: "".join(f"&#x{ord(letter):X};" for letter in text),
    lambda text: f"<![CDATA[{text[:2]}]]><![CDATA[{text[2:]}]]>",
    lambda text: f"{escape(text[:2])}<!-- <b> & -->{escape(text[2:])}",
    lambda text: f"<![CDATA[{text[:1]}]]><?php x?>{escape(text[1:])}",
    lambda text: f"\n  {escape(text)}\n\t",
)
DATES = (
    "Mon, 05 Jan 2026 10:30:00 GMT",
    "Mon, 5 Jan 2026 10:30 +0800",
    "05 Jan 26 10:30:00 EST",
    "2026-01-05T10:30:00.5+08:00",
    "2026-01-05 10:30:00",
    "20260105T103000Z",
    "2026年1月5日 10:30",
    "Mon, 31 Feb 2026 10:30:00 GMT",
    "yesterday",
)
html = words.map("<p>{}</p>".format)
#: feedparser takes any id for a link where there is none.
ids = st.integers(1, 99).map("https://id.example/{}".format)
links = st.integers(1, 99).map("https://source.example/{}".format)

#: (name, value) of children of an item, and of an entry.
RSS = st.tuples(
    st.tuples(st.just("title"), words),
    st.tuples(st.just("link"), links),
    st.tuples(st.just("guid"), ids),
    st.tuples(st.just("description"), html),
    # Else feedparser's path takes it for the summary: it cannot tell a second description from content.
    st.tuples(st.just("content:encoded"), html.map("<p>at any rate the longer one of the two</p>{}".format)),
    st.tuples(st.just("category"), words),
    st.tuples(st.just("dc:creator"), st.sampled_from(["Ann", "王芳"])),
    st.tuples(st.just("pubDate"), st.sampled_from(DATES) | stamps.map(format_datetime)),
)
ATOM = st.tuples(
    st.tuples(st.just("id"), ids),
    st.tuples(st.just("title"), words),
    st.tuples(st.just("summary type='html'"), html),
    st.tuples(st.just("content type='html'"), html),
    st.tuples(st.just("published"), st.sampled_from(DATES) | stamps.map(datetime.isoformat)),
    st.tuples(st.just("updated"), stamps.map(datetime.isoformat)),
)
#: Elements of the same names in namespaces that nobody knows, and empty ones.
BESIDE = st.sampled_from(
    (
        "",
        "<z:title>foreign</z:title>",
        "<z:x><z:link>foreign</z:link></z:x>",
        "<title xmlns='urn:z'>z</title>",
        "<z:e/>",
    )
)


def oddly(data: st.DataObject) -> Callable[[str], str]:
    """Writes each text in another way. feedparser is not asked to read that: it has its own ideas of CDATA."""

    def write(text: str) -> str:
        way = data.draw(st.sampled_from(WAYS))
        return way(text)

    return write


def written(children: tuple[tuple[str, str], ...], write: Callable[[str], str], prefix: str = "") -> str:
    return "".join(f"<{prefix}{name}>{write(text)}</{prefix}{name.split()[0]}>" for name, text in children)


@given(st.lists(RSS, min_size=1, max_size=3), st.data())
def test_rss_is_the_same_however_its_texts_are_written(
    items: list[tuple[tuple[str, str], ...]], data: st.DataObject
) -> None:
    names = (
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:z="urn:z" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"'
    )

    def feed_of(write: Callable[[str], str]) -> str:
        channel = "".join(f"<item>{written(item, write)}{data.draw(BESIDE)}</item>" for item in items)
        return f'<rss version="2.0" {names}><channel>{channel}</channel></rss>'

    assert fast(feed_of(oddly(data))) == agree(feed_of(escape))


@given(st.lists(ATOM, min_size=1, max_size=3), st.sampled_from(["", "a:", "atom:"]), st.data())
def test_atom_is_the_same_however_it_is_written(
    entries: list[tuple[tuple[str, str], ...]], prefix: str, data: st.DataObject
) -> None:
    """Also where the default namespace is another one."""

    def feed_of(write: Callable[[str], str], prefix: str) -> str:
        names = f'xmlns:{prefix[:-1]}="{ATOM_NAMESPACE}" xmlns="urn:y"' if prefix else f'xmlns="{ATOM_NAMESPACE}"'
        inside = "".join(
            f"<{prefix}entry>{written(entry, write, prefix)}{data.draw(BESIDE)}</{prefix}entry>" for entry in entries
        )
        return f'<{prefix}feed {names} xmlns:z="urn:z">{inside}</{prefix}feed>'

    assert fast(feed_of(oddly(data), prefix)) == agree(feed_of(escape, ""))


ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
BASES = st.sampled_from(["one/", "/two/", "https://three.example/x/", "../"])


@given(st.lists(BASES, min_size=3, max_size=3), st.sampled_from(["de", "zh_CN", ""]))
def test_bases_and_languages_are_inherited_from_level_to_level(bases: list[str], language: str) -> None:
    """Of feedparser nothing is learnt here: it drops relative bases."""
    top, middle, bottom = bases
    found = fast(
        f'<feed xmlns="{ATOM_NAMESPACE}" xml:base="{top}" xml:lang="{language}">'
        f'<entry xml:base="{middle}"><id>urn:x:1</id><link href="a"/><content type="html" xml:base="{bottom}">x</content>'
        '</entry><entry><id>urn:x:2</id><link href="b"/><title xml:lang="fr">t</title></entry></feed>'
    )
    outer = urljoin("https://source.example/feed", top)
    inner = urljoin(outer, middle)
    first, second = found.entries
    assert (first.url, second.url) == (urljoin(inner, "a"), urljoin(outer, "b"))
    assert first.content == Text("x", "html", urljoin(inner, bottom))
    assert (found.language, second.language) == (language.replace("_", "-") or None, "fr")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "big5"])
@pytest.mark.parametrize("declared", [True, False])
def test_the_encoding_makes_no_difference(codec: str, declared: bool) -> None:
    text = "<rss><channel><item><title>人民日報今天的新聞中心</title><link>https://x.example/</link></item></channel></rss>"
    declaration = f'<?xml version="1.0" encoding="{codec.removesuffix("-sig")}"?>' if declared else ""
    source = Source(name="source", url="https://x.example/feed")
    read = [
        parse(Document(body, url=source.url), source, "UTC")
        for body in (text.encode(), (declaration + text).encode(codec))
    ]
    if declared or codec.startswith("utf"):
        assert read[0] == read[1]
    else:
        assert isinstance(read[1], ParsedFeed)
