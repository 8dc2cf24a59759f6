"""Words as search sees them: what is found by what, in every spelling, and never an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe import words
from aggregator.dedupe.words import Query, parse


def found(asked: str, text: str) -> bool:
    return words.matches(parse(asked), words.flat(text))


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("储能", "三座储能电站同步放电"),
        ("儲能", "三座储能电站同步放电"),
        ("储能", "三座儲能電站同步放電"),
        ("放电 储能", "三座储能电站同步放电"),
        ("储能电站", "三座储能电站同步放电"),
        ("茶", "下午喝茶"),
        ("cafe", "Le Café de Flore"),
        ("CAFÉ", "le cafe\u0301 de Flore"),
        ("ＧＰＴ４", "gpt4 来了"),
        ("iphone手机", "iPhone 手机降价"),
        ('"new york"', "In New York, today"),
        ("1234", "共 1,234 人"),
        ("3.14", "π 约为 3.14 左右"),
        ("ラーメン", "ﾗｰﾒﾝを食べる"),
        ("서울", "서울에서 만나요"),
        ("无 OR 储能", "三座储能电站"),
        ("a | 储能", "三座储能电站"),
        ("储能 -补偿", "三座储能电站"),
    ],
)
def test_found(asked: str, text: str) -> None:
    assert found(asked, text)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("储能 补偿", "三座储能电站同步放电"),
        ("储能电站", "储能与电站"),
        ("储能", "存储，能源"),
        ("art", "the party starts"),
        ("cat", "cat\u0301s"),
        ("new york", "newyork"),
        ('"york new"', "new york"),
        ("234", "共 1,234 人"),
        ("储能 -电站", "三座储能电站"),
        ('储能 -"同步放电"', "三座储能电站同步放电"),
        ("-储能", "别的"),
        ("", "三座"),
        ("*** ()", "三座 ***"),
    ],
)
def test_not_found(asked: str, text: str) -> None:
    assert not found(asked, text)


def test_how_a_query_is_read() -> None:
    query = parse('儲能 -补偿 "New York" OR 北京 －"旧 闻"')
    assert query == Query((("储能",), ("new york", "北京")), ("补偿", "旧 闻"))


@pytest.mark.parametrize("asked", ["OR", "OR 储能", "储能 OR", "| |", '"', '储能 "', "-", "--", '-"', "NEAR(储能"])
def test_half_of_a_query_is_no_error(asked: str) -> None:
    assert parse(asked).terms in ((), ("储能",), ("near 储能",))


def test_a_query_is_bounded() -> None:
    assert len(parse(" ".join(f"w{n}" for n in range(500))).terms) == words.MOST_TERMS
    assert len(parse("储" * 5000).terms[0]) == words.MOST_CHARACTERS


def test_a_single_character_is_looked_for_in_titles_where_nothing_else_narrows() -> None:
    assert words.wanted(parse("茶")) == ((("t:茶",),),)
    assert words.wanted(parse("茶 市场")) == ((("市场",),),)
    assert "t:茶" in words.title_tokens("下午茶")


def test_an_index_of_tokens_never_misses_what_matches() -> None:
    text = "在 iPhone 手机上，Café 与儲能電站：1,234 元"
    held = words.tokens(text) | words.title_tokens(text)
    for asked in ("储能电站", "iphone手机", '"cafe 与"', "1234", "没有 OR 储能", "元", "上"):
        assert found(asked, text)
        assert all(any(held.issuperset(one) for one in group) for group in words.wanted(parse(asked)))


@given(st.text(max_size=60), st.data())
def test_what_matches_any_piece_of_a_text_is_found_through_its_tokens(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    query = parse(text[start : start + 20])
    if words.matches(query, words.flat(text)):
        held = words.tokens(text) | words.title_tokens(text)
        assert all(any(held.issuperset(one) for one in group) for group in words.wanted(query))


@given(st.text(max_size=300), st.text(max_size=100))
def test_anything_may_be_typed_and_no_character_is_lost_in_marking(asked: str, text: str) -> None:
    query = parse(asked)
    assert "".join(piece for piece, _ in words.mark(text, query)) == text
    words.excerpt(text, query, 40)
    for token in (token for group in words.wanted(query) for one in group for token in one):
        assert all(not one.isascii() or one.isalnum() or one == ":" for one in token)


def test_flat_text_is_as_long_as_the_text() -> None:
    text = "A，1,234\u0301 ½ 儲\ud800 \U0001f600。"
    assert len(words.flat(text)) == len(text)


def test_marks_stand_in_the_text_as_it_was_written() -> None:
    assert words.mark("在臺灣與台湾", parse("台湾")) == (("在", False), ("臺灣", True), ("與", False), ("台湾", True))


def test_marks_that_overlap_are_one() -> None:
    assert words.mark("储能电站", parse("储能 能电 电站")) == (("储能电站", True),)


def test_an_excerpt_shows_where_most_of_the_words_stand_together() -> None:
    text = "储能一次。" + "别的话。" * 60 + "储能电站与放电都在这里。" + "再说别的。" * 60
    excerpt = "".join(piece for piece, _ in words.excerpt(text, parse("储能 放电"), 60))
    assert "储能电站与放电" in excerpt
    assert excerpt.startswith("…")
    assert excerpt.endswith("…")
    assert len(excerpt) <= 62


def test_without_a_hit_an_excerpt_is_the_beginning() -> None:
    assert words.excerpt("短文一篇", parse("没有"), 60) == (("短文一篇", False),)


def test_a_title_counts_more_than_mentions() -> None:
    query = parse("储能")
    assert words.score(query, "储能补偿办法", "正文") > words.score(query, "别的", "储能 " * 50)
    assert words.score(query, "别的", "储能，储能，储能") > words.score(query, "别的", "储能")
