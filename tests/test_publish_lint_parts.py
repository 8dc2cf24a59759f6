"""What was checked in one document and is not read again in another; and that nothing hides behind that."""

from __future__ import annotations

import pytest

from aggregator import publish
from aggregator.publish.addresses import feed_path
from aggregator.publish.formats import FORMATS
from aggregator.publish.kept import Kept
from aggregator.publish.lint_parts import apart
from tests.published import OUTPUT, SITE, feed, story

SHOWN = feed(*(story(number) for number in range(3)))
TAGS = {"atom": ("<entry", "</entry>"), "rss": ("<item", "</item>")}


def document(kind: str) -> bytes:
    return FORMATS[kind].write(SHOWN, SITE, OUTPUT)


def faults(kind: str, data: bytes, kept: Kept) -> list[str]:
    return publish.faults(feed_path(SHOWN.slug, kind), data, SITE, kept)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_fault_in_one_entry_of_many_that_are_known_is_found(kind: str) -> None:
    kept = Kept()
    assert faults(kind, document(kind), kept) == []
    broken = document(kind).replace("第 1 篇".encode(), b" ", 1)
    assert broken != document(kind)
    assert faults(kind, broken, kept) == faults(kind, broken, Kept()) != []


@pytest.mark.parametrize("kind", FORMATS)
def test_a_fault_is_told_again_of_the_next_document_that_has_it(kind: str) -> None:
    kept = Kept()
    broken = document(kind).replace("第 1 篇".encode(), b" ", 1)
    assert faults(kind, broken, kept) == faults(kind, broken, kept) != []


@pytest.mark.parametrize("kind", TAGS)
def test_what_entries_have_in_common_is_looked_at_whoever_is_known(kind: str) -> None:
    kept = Kept()
    faults(kind, document(kind), kept)
    start, end = (tag.encode() for tag in TAGS[kind])
    first = document(kind).index(start)
    twice = document(kind)[first : document(kind).index(end) + len(end)]
    doubled = document(kind)[:first] + twice + document(kind)[first:]
    assert any("same-id" in fault for fault in faults(kind, doubled, kept))


@pytest.mark.parametrize("kind", TAGS)
def test_a_known_entry_inside_another_vocabulary_is_read_there(kind: str) -> None:
    kept = Kept()
    faults(kind, document(kind), kept)
    start = {"atom": b'xmlns="http://www.w3.org/2005/Atom"', "rss": b'xmlns:dc="http://purl.org/dc/elements/1.1/"'}[
        kind
    ]
    bare = document(kind).replace(start, b"", 1)
    assert bare != document(kind)
    assert faults(kind, bare, kept) == faults(kind, bare, Kept()) != []


@pytest.mark.parametrize("kind", TAGS)
def test_an_entry_is_known_where_a_namespace_is_declared_that_it_does_not_use(kind: str) -> None:
    kept = Kept()
    faults(kind, document(kind), kept)
    more = document(kind).replace(b"xmlns:", b'xmlns:other="urn:other" xmlns:', 1)
    assert TAGS[kind][0].encode() not in apart(more, kept).document
    used = more.replace("第 1 篇".encode(), b"other: 1", 1)
    assert apart(used, kept).document.count(TAGS[kind][0].encode()) == 1


def test_halves_that_make_a_whole_together_are_not_known_by_themselves() -> None:
    """Two entries that are well-formed only beside each other: one without the other is not."""
    kept = Kept()
    good = document("atom")
    head, tail = good[: good.index(b"<entry")], b"</feed>"
    odd = head + b"<entry><x:a xmlns:x='urn:x'></entry><entry></entry></x:a></entry>" + tail
    faults("atom", odd, kept)
    faults("atom", head + b"<!--<entry></entry>--><entry></entry>" + tail, kept)
    half = head + b"<entry><x:a xmlns:x='urn:x'></entry>" + tail
    assert any("malformed" in fault for fault in faults("atom", half, kept))


def test_a_language_that_is_none_is_told_again() -> None:
    kept = Kept()
    wrong = document("atom").replace(b"<entry", b'<entry xml:lang="??"', 1)
    assert faults("atom", wrong, kept) == faults("atom", wrong, kept) == faults("atom", wrong, Kept())
