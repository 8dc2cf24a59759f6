"""The fast and the lenient path make the same of a well-formed feed: one that breaks stays itself."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from aggregator.model import ParsedEntry, ParsedFeed, Text
from aggregator.parse import charset, feed, lenient

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
    fast = feed.read(text.encode(), "https://source.example/feed", "Asia/Shanghai")
    slow = lenient.read(text, "https://source.example/feed", "Asia/Shanghai")
    assert fast is not None
    assert slow is not None
    return fast, slow


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
    text = f'<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>{channel}</channel></rss>'
    fast, slow = read_both(text)
    names = [field.name for field in dataclasses.fields(ParsedEntry)]
    assert len(fast.entries) == len(slow.entries) == len(items)
    assert [differing(*pair, names) for pair in zip(fast.entries, slow.entries, strict=True)] == [set()] * len(items)
