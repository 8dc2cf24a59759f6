"""Whatever comes in, only what is on our lists comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from aggregator.clean import allowed, plain
from aggregator.clean.html import clean_html
from aggregator.clean.nesting import flatten
from aggregator.clean.sanitize import sanitize
from aggregator.clean.urls import Links

LINES = (Path(__file__).parent / "data/clean/attacks.txt").read_text(encoding="utf-8").splitlines()
ATTACKS = [line for line in LINES if line and not line.startswith("# ")]
LINKS = Links("https://site.example/blog/post")

SAFE_ADDRESS = re.compile(
    r"(?:https?://[^\s]+|mailto:[^\s]+@[^\s]+|#.*|data:image/(?:png|jpeg|gif|webp);base64,[\w+/=]+)"
)
ADDRESSES = ("href", "src", "poster")


def faults(html: str) -> list[str]:
    """What a browser would find in it that we do not allow."""
    found = []
    for node in LexborHTMLParser(f"<body>{html}").body.traverse():  # type: ignore[union-attr]
        tag = node.tag or ""
        if tag == "body":
            continue
        if tag not in allowed.ELEMENTS | {"div"}:
            found.append(f"element {tag}")
        names = set(f"{allowed.ATTRIBUTES['*']} {allowed.ATTRIBUTES.get(tag, '')} rel".split())
        for name, value in node.attributes.items():
            if value in allowed.VALUES.get(tag, {}).get(name, ()):
                continue
            if name not in names:
                found.append(f"{tag} {name}")
            if name in ADDRESSES and not SAFE_ADDRESS.fullmatch(value or ""):
                found.append(f"{tag} {name}={value}")
            if name == "srcset" and any(not part.strip().startswith("http") for part in (value or "").split(", ")):
                found.append(f"{tag} {name}={value}")
            if tag != "img" and (value or "").startswith("data:"):
                found.append(f"{tag} {name}={value}")
        if tag == "iframe" and ("sandbox" not in node.attributes or not allowed.is_player(node.attributes.get("src"))):
            found.append(f"frame {node.attributes}")
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_of_an_attack_survives(attack: str) -> None:
    for html in (attack, f"<p>{attack}</p>", f"<div>vor {attack} nach", f"<table><tr><td>{attack}", f"<math>{attack}"):
        assert faults(clean_html(html, LINKS)) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_nor_when_it_was_flattened_or_cleaned_twice(attack: str) -> None:
    assert faults(clean_html(flatten(attack), LINKS)) == []
    once = clean_html(attack, LINKS)
    assert faults(clean_html(once, LINKS)) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_sanitizer_does_not_rely_on_the_steps_before_it(attack: str) -> None:
    for fault in faults(sanitize(attack)):
        # Relative and odd http addresses and srcset are the other steps' work; none runs anything.
        assert re.match(r"\w+ (?:href|src|poster|srcset)=(?:https?:|(?![a-z]+:))|\w+ srcset=|frame", fault), fault


def test_the_check_above_can_fail() -> None:
    assert faults("<p onclick=x><script></script><a href='javascript:x'>y</a><img srcset='x 1x'>")


PIECES = [
    *re.findall(
        r"<[^<]*|&\S+;",
        "<p></p><div></div><b></b><a href='/x?utm_source=y&a=1'></a><br><br/><ul><li></li></ul><td><table></table><tr>"
        "<span class=x></span><font color=red></font><center></center><img src=/i.png><noscript></noscript><pre></pre>"
        "<h2></h2><figure></figure><blockquote></blockquote><em></em><section></section><video src=/v></video><o:p></o:p>"
        "<img width=1 src=http://t.example/p><img data-src=//i.example/a.jpg src=loading.gif><script>x</script><!--x-->"
        "<iframe src=https://player.vimeo.com/video/1></iframe><img srcset='a.png 1x, b.png 2x'><math><mi>x</mi></math>"
        "<a href=javascript:x><svg></svg><style></style><textarea></textarea><select></select><template></template>",
    ),
    *("&nbsp;", "&amp;", "&lt;b&gt;", "&#123;", "\u3000", "\n", "一二。", "word ", " ", "\n\n", "{"),
]
SOUP = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


@settings(max_examples=400, deadline=None)
@given(SOUP | st.text(max_size=80) | st.text(alphabet="<>/=\"' abpimgdivscrtonhef:&#x;!-\n", max_size=60))
def test_only_what_is_allowed_comes_out(html: str) -> None:
    assert faults(clean_html(html, LINKS)) == []


def nested(names: str, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from(names.split()),
        st.lists(inner, max_size=4),
    )


WORDS = st.sampled_from(["一二。", "word ", "<br>", "<br><br>", " ", "\n", "&nbsp;", "\u3000", "<img src=/i.png>", "<!-- x -->", "<img width=1 src=/t>"])  # fmt: skip
INLINE = st.recursive(WORDS, lambda inner: nested("b em span a font x-y", inner), max_leaves=6)
#: No blocks inside inline elements, no list items in list items: a parser may move those once more.
BLOCKS = st.recursive(
    st.just("<hr>") | nested("p h2 li", INLINE),
    lambda inner: nested("div section center blockquote form", inner | INLINE),
    max_leaves=10,
)


@settings(max_examples=500, deadline=None)
@given(st.lists(INLINE | BLOCKS, max_size=5).map("".join))
def test_cleaning_what_is_clean_changes_nothing(html: str) -> None:
    once = clean_html(html, LINKS)
    assert clean_html(once, LINKS) == once


@settings(max_examples=200, deadline=None)
@given(SOUP)
def test_plain_text_holds_no_tag_and_no_blank_line(html: str) -> None:
    text = plain(clean_html(html, LINKS))
    assert "\n\n" not in text
    text = text.replace("<b>", "")  # that one was text from the start
    assert not re.search(r"</?(?:p|div|b|br|img|table)\b", text)


DEEP = [
    "<div>", "<b>", "<p><b>", "<ul><li>", "<div></b>", '<div a="</div>">', "<div><!-- </div> -->", "<table><tr><td>", "<svg><td>", "<rt>",
    "<optgroup>", "<math><mtd>", "<li><span></li>", "<span><div></span>", "<font color=%d><p>", "<!--", "<a href='", "<script>", "</br>", "<pre>",
]  # fmt: skip


@pytest.mark.parametrize("unit", DEEP)
def test_hostile_nesting_is_bounded(unit: str) -> None:
    """Quadratic time would be minutes here; what can be asserted without a clock is the depth."""
    html = "".join(unit.replace("%d", str(number)) for number in range(20_000)) + "text"
    cleaned = clean_html(html, LINKS)
    assert cleaned.count("<div>") <= 500
    assert depth(flatten(html)) <= 520


@pytest.mark.parametrize(
    "unit",
    ["<br>", "x<br> ", "<div>x</div>", "<p> </p>", "<b></b>", "<noscript><img src=/i></noscript>", "&nbsp;", "</p>"],
)
def test_long_runs_of_one_thing_take_linear_time(unit: str) -> None:
    """Each of these once took time in proportion to the square of its length, or was made to try."""
    html = clean_html(f"<p>a</p>{unit * 30_000}<p>b</p>", LINKS)
    assert html.startswith("<p>a</p>")
    assert html.endswith("<p>b</p>")


def depth(html: str) -> int:
    deepest = level = 0
    for match in re.finditer(r"<(/?)[a-z]", html):
        level += -1 if match[1] else 1
        deepest = max(deepest, level)
    return deepest


def test_flattening_keeps_the_text_and_the_usual_structure() -> None:
    html = '<ul><li>one<li>two <a href="/x" title="a > b">link</a></ul><p>three<p>four <br> & <b class=x>five</b>'
    assert plain(sanitize(flatten(html))) == plain(sanitize(html)) == "one\ntwo link\nthree\nfour\n& five"
    assert '<a href="/x" title="a &gt; b">' in flatten(html)
    assert plain(flatten("<div>" * 9000 + "deep")) == "deep"


def test_a_tag_of_endless_attributes_keeps_few() -> None:
    html = "<img src=/i.png " + " ".join(f"a{number}" for number in range(50_000)) + ">"
    assert len(flatten(html)) < 1000
    assert 'src="https://site.example/i.png"' in clean_html(html, LINKS)


def test_unclosed_formatting_is_not_copied_into_every_block() -> None:
    html = "<p>" + "".join(f"<b id={number}>" for number in range(400)) + "<div>x</div>" * 400
    assert len(clean_html(html, LINKS)) < 20 * len(html)
