"""The blocks of an entry, when one is learned, and an entry without them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.clean import plain
from aggregator.clean.blocks import FEW, Reach, blocks, reach, without
from aggregator.model import Entry, Image

OWN = "渡口的老船工说，今年的水位比往年低了两尺，过江要多绕半里路。"
MORE = "镇上为此添了一班渡船，清晨五点就开，赶集的人不必再摸黑走山路。"
TAIL = "更多本地消息请关注我们的公众号。"


def entry(html: str, *, publisher: str = "晨报", image: str | None = None, summary: str = "") -> Entry:
    return Entry(
        title="渡口",
        html=html,
        text=plain(html),
        summary=summary,
        publisher=publisher,
        url=None,
        authors=(),
        published=None,
        published_claimed=None,
        updated=None,
        paths=((publisher,),),
        terms=(),
        image=Image(image) if image else None,
    )


def key(html: str, **of: str) -> int:
    (only,) = blocks(entry(html, **of), "源")
    return only


def left(html: str, *learned: str, at: Reach = Reach.ANYWHERE) -> str:
    return without(entry(html), "源", {one: at for part in learned for one in blocks(entry(part), "源")}).html


# --- when a block is learned ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (2, 2, Reach.NOWHERE),  # a quotation that two articles share
        (4, 4, Reach.NOWHERE),
        (5, 5, Reach.ANYWHERE),
        (5, 20, Reach.ANYWHERE),
        (5, 21, Reach.EDGES),
        (5, 100, Reach.EDGES),
        (5, 101, Reach.NOWHERE),
        (20, 100_000, Reach.EDGES),
        (19, 100_000, Reach.NOWHERE),
    ],
)
def test_a_block_is_learned_from_enough_articles_and_a_share_of_them(count: int, total: int, expected: Reach) -> None:
    assert reach(count, total) is expected


# --- what is one block ---------------------------------------------------------------------

SAME = {
    "white space and width": (f"<p>{TAIL}</p>", "<p>更多本地消息 请关注我们的公众号。 </p>"),
    "markup within": (f"<p>{TAIL}</p>", "<div><b>更多本地消息</b>请关注我们的公众号。</div>"),
    "a line between breaks": (f"<p>{TAIL}</p>", f"{TAIL}"),
    "the editor's name": ("<p>责任编辑：王蒙 </p>", "<p>（责任编辑:李思阳 SF085）</p>"),
    "the original title": ("<p>原标题：渡口添船</p>", "<p>原标题：水位下降两尺</p>"),
    "a picture's query": ('<p><img src="https://a.example/qr.png?v=1"></p>', '<img src="http://a.example/qr.png?v=2">'),
}
DIFFERENT = {
    "other words": (f"<p>{TAIL}</p>", f"<p>{OWN}</p>"),
    "numbers": ("<p>第118期，本周值得一看</p>", "<p>第121期，本周值得一看</p>"),
    "a sentence that begins like a line": (f"<p>来源：{OWN * 3}</p>", f"<p>来源：{MORE * 3}</p>"),
    "pictures made by a query": ('<img src="https://a.example/p?id=1">', '<img src="https://a.example/p?id=2">'),
}


@pytest.mark.parametrize("case", SAME)
def test_blocks_are_one_whatever(case: str) -> None:
    one, other = SAME[case]
    assert key(one) == key(other)


@pytest.mark.parametrize("case", DIFFERENT)
def test_blocks_differ_by(case: str) -> None:
    one, other = DIFFERENT[case]
    assert key(one) != key(other)


def test_the_same_words_are_another_block_at_another_publisher_or_source() -> None:
    one = entry(f"<p>{TAIL}</p>")
    other = entry(f"<p>{TAIL}</p>", publisher="晚报")
    assert blocks(one, "源").keys().isdisjoint(blocks(other, "源"))
    assert blocks(one, "源").keys().isdisjoint(blocks(one, "另一源"))


def test_code_is_never_a_block() -> None:
    assert not blocks(entry("<pre><code>import os</code></pre>"), "源")


def test_lists_of_related_articles_are_one_block_below_their_heading() -> None:
    def related(*names: str) -> str:
        items = "".join(f'<li><a href="https://a.example/{name}">{name}</a></li>' for name in names)
        return f"<p>{OWN}</p><p>{MORE}</p><p>相关阅读：</p><ul>{items}</ul>"

    learned = dict.fromkeys(blocks(entry(related("甲", "乙")), "源"), Reach.EDGES)
    own = {one: Reach.EDGES for one in learned if one not in blocks(entry(f"<p>{OWN}</p><p>{MORE}</p>"), "源")}
    assert without(entry(related("丙", "丁", "戊")), "源", own).html == f"<p>{OWN}</p><p>{MORE}</p>"


# --- an entry without what was learned -----------------------------------------------------

CUT = {
    "a last paragraph with its rule": (f"<p>{OWN}</p><hr><p>{TAIL}</p>", f"<p>{OWN}</p>"),
    "a last line after a break": (f"<p>{OWN}<br>{TAIL}</p>", f"<p>{OWN}</p>"),
    "a line between breaks": (f"{OWN}<br>{TAIL}<br>{MORE}", f"{OWN}<br>{MORE}"),
    "a paragraph after a break": (f"{OWN}<br><p>{TAIL}</p>{MORE}", f"{OWN}<br>{MORE}"),
    "a paragraph between loose lines": (f"{OWN}<p>{TAIL}</p>{MORE}", f"{OWN}<br>{MORE}"),
    "the only item of a list": (f"<p>{OWN}</p><ul><li>{TAIL}</li></ul>", f"<p>{OWN}</p>"),
    "with its wrappers": (f"<p>{OWN}</p><blockquote><p><b>{TAIL}</b></p></blockquote>", f"<p>{OWN}</p>"),
    "everywhere": (f"<p>{TAIL}</p><p>{OWN}</p><p>{TAIL}</p><p>{MORE}</p>", f"<p>{OWN}</p><p>{MORE}</p>"),
}


@pytest.mark.parametrize("case", CUT)
def test_a_learned_block_goes(case: str) -> None:
    html, expected = CUT[case]
    assert left(html, f"<p>{TAIL}</p>") == expected


STAYS = {
    "the whole article": f"<p>{TAIL}</p>",
    "most of an article": f"<p>渡口停航。</p><p>{TAIL}</p>",
    "beside a picture only": f'<p><img src="https://a.example/1.jpg"></p><p>{TAIL}</p>',
    "as a heading": f"<p>{OWN}</p><h2>{TAIL}</h2><p>{MORE}</p>",
}


@pytest.mark.parametrize("case", STAYS)
def test_a_learned_block_stays(case: str) -> None:
    assert left(STAYS[case], f"<p>{TAIL}</p>") == STAYS[case]


def test_what_is_learned_for_the_edges_stays_between_the_articles_own_words() -> None:
    html = f"<p>{TAIL}</p><p>{OWN}</p><p>{TAIL}</p><p>{MORE}</p><p>{TAIL}</p>"
    assert left(html, f"<p>{TAIL}</p>", at=Reach.EDGES) == f"<p>{OWN}</p><p>{TAIL}</p><p>{MORE}</p>"


def test_a_line_known_by_its_first_word_goes_at_the_edges_only() -> None:
    html = f"<p>原标题：渡口</p><p>{OWN}</p><p>来源：县志</p><p>{MORE}</p><p>责任编辑：王蒙</p>"
    rest = left(html, "<p>原标题：甲</p>", "<p>来源：乙</p>", "<p>责任编辑：丙</p>")
    assert rest == f"<p>{OWN}</p><p>来源：县志</p><p>{MORE}</p>"


def test_an_article_made_of_what_others_say_too_stays_whole() -> None:
    parts = [f"<p>{OWN}{number}{MORE}</p>" for number in range(12)]
    assert sum(map(len, parts)) > 2 * FEW
    html = "".join(parts) + f"<p>{TAIL}</p>"
    assert left(html, *parts, at=Reach.EDGES) == html
    assert left(html, *parts) == html


def test_three_signatures_go_also_from_an_article_that_is_shorter_than_they_are() -> None:
    signatures = [f"<p>{TAIL}{mark}</p>" for mark in "甲乙丙"]
    assert left(f"<p>{OWN}</p>" + "".join(signatures), *signatures) == f"<p>{OWN}</p>"


def test_the_lead_picture_is_the_first_that_was_not_learned() -> None:
    qr, own = "https://a.example/qr.png", "https://a.example/own.jpg?a=1&amp;b=2"
    html = f'<p><img src="{qr}"></p><p>{OWN}</p><p><img src="{own}"></p>'
    rest = without(entry(html, image=qr), "源", {key(f'<img src="{qr}">'): Reach.ANYWHERE})
    assert rest.image == Image("https://a.example/own.jpg?a=1&b=2")
    head = "https://a.example/logo.png"
    marked = without(entry(f"<p>{OWN}</p>", image=head), "源", {key(f'<img src="{head}">'): Reach.ANYWHERE})
    assert marked.image is None
    assert marked.html == f"<p>{OWN}</p>"


def test_a_summary_made_of_the_text_is_made_anew_and_one_of_the_publisher_stays() -> None:
    html = f"<p>{TAIL}</p><p>{OWN}</p>"
    learned = {key(f"<p>{TAIL}</p>"): Reach.EDGES}
    assert without(entry(html, summary=f"{TAIL} {OWN}"), "源", learned).summary == OWN
    assert without(entry(html, summary="渡口水位下降"), "源", learned).summary == "渡口水位下降"


LINES = st.sampled_from(
    [OWN, MORE, TAIL, "责任编辑：王蒙", "完", '<img src="https://a.example/qr.png">', "<b>广告</b>", "a &amp; b", " "]
)
SHAPES = st.sampled_from(
    [
        "<p>{}</p>",
        "{}",
        "{}<br>",
        "<div>{}<p>x</p></div>",
        "<ul><li>{}</li></ul>",
        "<h2>{}</h2>",
        "<hr>{}",
        "<pre>{}</pre>",
    ]
)
DOCUMENTS = st.lists(st.builds(str.format, SHAPES, LINES), min_size=1, max_size=12).map("".join)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, st.sets(LINES), st.sampled_from([Reach.EDGES, Reach.ANYWHERE]))
def test_doing_it_again_changes_nothing(html: str, learned: Iterable[str], at: Reach) -> None:
    keys = {one: at for line in learned for one in blocks(entry(f"<p>{line}</p>"), "源")}
    once = without(entry(html), "源", keys)
    assert without(once, "源", keys) == once
    assert not blocks(once, "源").keys() - blocks(entry(html), "源").keys()
