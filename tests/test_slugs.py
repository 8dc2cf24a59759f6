"""Names as addresses: readable where they are safe, altered where they are not."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.slugs import MOST_BYTES, distinct, segment, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("新浪财经", "新浪财经"),
        ("C++ & Rust", "C++ & Rust"),
        ("Cafe\u0301", "Café"),
        ("A/B testing", "A_B testing"),
        ("a\\b\0c", "a_b_c"),
        ("tab\there\x7f", "tabhere"),
        ("..", "_"),
        ("", "_"),
        (". .", "_"),
        (".hidden", "hidden"),
        ("Inc. \u3000.", "Inc"),
        (" leading blank", " leading blank"),
        ("news.atom", "news.atom_"),
        ("package.json", "package.json_"),
        ("page-2.html", "page-2.html_"),
        (".rss", "rss"),
        ("archive", "archive_"),
        ("archives", "archives"),
        ("all", "all"),
        ("\ud800x", "x"),
    ],
)
def test_a_segment(name: str, expected: str) -> None:
    assert segment(name) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("金融", "新浪财经"), "金融/新浪财经"),
        (("AI/ML", "a"), "AI_ML/a"),
        (("all",), "all_"),
        (("index",), "index_"),
        (("archive",), "archive_"),
        (("科技", "all"), "科技/all"),
        (("all", "news"), "all/news"),
        (("科技", "archive"), "科技/archive_"),
        (("..", ".."), "_/_"),
        ((), "_"),
    ],
)
def test_a_slug(path: tuple[str, ...], expected: str) -> None:
    assert slug(path) == expected


def test_a_long_name_is_cut_at_a_character_and_closed_with_its_digest() -> None:
    long, other = segment("财" * 100), segment("财" * 99 + "经")
    assert long.startswith("财" * 63 + "~")
    assert len(long) == 63 + 1 + 8
    assert long != other
    assert segment("x" * MOST_BYTES) == "x" * MOST_BYTES
    assert len(segment("x" * (MOST_BYTES + 1))) == MOST_BYTES


def test_the_later_of_two_gets_a_number() -> None:
    assert distinct("a", set()) == "a"
    assert distinct("a", {"a"}) == "a-2"
    assert distinct("a", {"a", "a-2"}) == "a-3"


NAMES = st.text(st.characters() | st.sampled_from("./\\ \0\u3000\u0301"), max_size=300)


@given(NAMES)
@example("财" * 300)
@example("x" * 190 + ". .json")
def test_every_segment_is_safe(name: str) -> None:
    made = segment(name)
    assert made == unicodedata.normalize("NFC", made)
    assert 1 <= len(made.encode()) <= MOST_BYTES
    assert not set(made) & set("/\\\0\r\n\t")
    assert not made.startswith(".")
    assert made == made.rstrip(". \u3000")
    assert not made.endswith((".atom", ".rss", ".json", ".html"))
    assert made != "archive"


@given(NAMES)
def test_a_segment_is_its_own_segment(name: str) -> None:
    assert segment(segment(name)) == segment(name)


@given(st.lists(NAMES, min_size=1, max_size=8).map(tuple))
def test_a_slug_is_its_own_slug(path: tuple[str, ...]) -> None:
    made = slug(path)
    assert made.count("/") == len(path) - 1
    assert slug(tuple(made.split("/"))) == made
