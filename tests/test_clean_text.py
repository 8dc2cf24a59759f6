"""Titles, names and summaries: plain text that fits."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from aggregator.clean import text

TITLES = {
    ("  a\n\t b\u3000c  ", "text"): "a b c",
    ("AT&amp;T &lt;b&gt;", "text"): "AT&T <b>",
    ("AT&amp;amp;T", "text"): "AT&amp;T",
    ("AT&T &copy", "text"): "AT&T &copy",
    ("a &#123;b&#x7d;", "text"): "a {b}",
    ("<b>a</b> <em>b <i>c</i></em><br>d", "text"): "a b c d",
    ("The <template> element", "text"): "The <template> element",
    ("1 < 2 > 0", "text"): "1 < 2 > 0",
    ("List<String> and Map<K, V>", "text"): "List<String> and Map<K, V>",
    ("<p>a &amp; <script>x</script>b</p>", "html"): "a & b",
    ("a<br>b<!-- c -->", "html"): "a b",
    ("<template>", "html"): "<template>",
    ("a\u202eb\u200bc\ufeffd\x07e", "text"): "abcde",
    ("👨\u200d👩\u200d👧 ok", "text"): "👨\u200d👩\u200d👧 ok",
    ("TypeError_ this.x", "text"): "TypeError_ this.x",
    ("''你的快递''？", "text"): "''你的快递''？",
    ("%a% \"b\" 'c' #", "text"): "%a% \"b\" 'c' #",
}


@pytest.mark.parametrize(("value", "kind"), TITLES)
def test_titles(value: str, kind: str) -> None:
    assert text.line(value, kind) == TITLES[value, kind]


def test_columns_count_wide_characters_twice() -> None:
    assert text.columns("abc") == 3
    assert text.columns("中文a") == 5
    assert text.columns("e\u0301") == 1
    assert text.columns("👨\u200d👩\u200d👧") == 2


SENTENCES = {
    "short": ("短。", "短。"),
    "at a Chinese stop": ("一" * 30 + "。" + "二" * 30 + "。" + "三" * 60, "一" * 30 + "。" + "二" * 30 + "。"),
    "no stop": ("一" * 100, "一" * 79 + "…"),
    "a stop too early": ("一。" + "二" * 100, "一。" + "二" * 77 + "…"),
    "English words stay whole": ("word " * 50, "word " * 31 + "word…"),
    "a stop within a number": ("x" * 60 + " 3.5 " + "y" * 20 + ". " + "z" * 100, "x" * 60 + " 3.5 " + "y" * 20 + "."),
    "a quotation's end": ("一" * 40 + "。”" + "二" * 60, "一" * 40 + "。”"),
    "lines become one": ("一\n二", "一 二"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_summaries_end_with_a_sentence(name: str) -> None:
    given_text, expected = SENTENCES[name]
    assert text.sentences(given_text, 160) == expected


@given(st.text(max_size=200), st.integers(4, 80))
def test_nothing_is_cut_inside_a_grapheme_or_too_wide(value: str, most: int) -> None:
    start = text.head(value, most)
    assert value.startswith(start)
    assert text.columns(start) <= most
    assert regex.findall(r"\X", value)[: len(regex.findall(r"\X", start))] == regex.findall(r"\X", start)
    assert text.columns(text.cut(value, most)) <= most or text.cut(value, most) == value


def test_a_stand_in_for_a_title_is_the_first_sentence() -> None:
    assert text.first_sentence("今天天气很好。明天也好。") == "今天天气很好"
    assert text.first_sentence("第一行没有句号\n第二行。") == "第一行没有句号"
    assert text.first_sentence("Hi. And then more happened") == "Hi. And then more happened"
    assert text.columns(text.first_sentence("一" * 100)) == 79


def test_titles_have_a_most_and_end_with_a_whole_grapheme() -> None:
    assert text.title_length("a" * 500) == "a" * 500
    long = text.title_length("👨\u200d👩\u200d👧" * 200)
    assert len(long) <= 500
    assert long.endswith("👨\u200d👩\u200d👧…")
