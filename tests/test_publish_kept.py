"""Parts of documents that several of them hold: made once, and the same as if each were made by itself."""

from __future__ import annotations

from collections import namedtuple

import pytest

from aggregator import publish
from aggregator.publish.addresses import feed_path
from aggregator.publish.formats import FORMATS
from aggregator.publish.kept import Kept, filled
from aggregator.store.order import in_turn
from aggregator.store.types import EPOCH
from tests.published import OUTPUT, SITE, feed, story

Row = namedtuple("Row", "category_id number oldest")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_document_is_the_same_whatever_was_made_before_it(kind: str) -> None:
    stories = [story(number) for number in range(4)]
    kept = Kept()
    write = FORMATS[kind].write
    write(feed(*stories[1:]), SITE, OUTPUT, kept)
    assert write(feed(*stories), SITE, OUTPUT, kept) == write(feed(*stories), SITE, OUTPUT)


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_wrong_with_an_entry_keeps_every_document_from_being_published_that_has_it(kind: str) -> None:
    kept = Kept()
    bad = feed(story(0, html='<p onclick="x()">b</p>'))
    path = feed_path(bad.slug, kind)
    for _ in range(2):
        document = FORMATS[kind].write(bad, SITE, OUTPUT, kept)
        assert any("unsafe-html" in fault for fault in publish.faults(path, document, SITE, kept))


def test_the_oldest_part_gives_way() -> None:
    kept = Kept(most=2)
    for name in "abc":
        kept.part(name, lambda name=name: name.upper())  # type: ignore[misc]  # the default is what binds the name
    assert [kept.part(name, lambda: "made anew") for name in "cba"] == ["C", "B", "made anew"]


def test_a_document_that_ends_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="at the end"):
        filled(b"<feed/>", [], b"</feed>")


def test_parts_of_the_same_stories_come_together_and_each_feed_keeps_its_order() -> None:
    early, late = (EPOCH.replace(year=year) for year in (2020, 2021))
    rows = [Row(1, 1, early), Row(1, 2, late), Row(2, 1, early), Row(2, 2, late), Row(3, 1, late), Row(3, 2, early)]
    assert in_turn(rows) == [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2)]
    assert in_turn([Row(1, 1, None)]) == [(1, 1)]
