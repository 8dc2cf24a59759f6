"""What happens to HTML, one situation a line."""

from __future__ import annotations

import pytest

from aggregator.clean import plain
from aggregator.clean.html import Wishes, clean_html
from aggregator.clean.urls import Links

LINKS = Links("https://site.example/blog/post", ("https://proxy.example/?url=", "https://cors.zfour.workers.dev/?"))
IMG = 'loading="lazy" referrerpolicy="no-referrer"'


def cleaned(html: str) -> str:
    """Without the attributes that every image and every link has."""
    return clean_html(html, LINKS).replace(f" {IMG}", "").replace(' rel="noopener noreferrer"', "")


CLUTTER = {
    "comments": ("<p>a<!-- <p>b</p> -->c</p>", "<p>ac</p>"),
    "commented-out paragraphs": ("<p>a</p><!--<p>b</p>--><p>c</p>", "<p>a</p><p>c</p>"),
    "style blocks": ("<style>.x{color:red}</style><p>a</p>", "<p>a</p>"),
    "looks": ('<p cms-style="font-L" class="x" id="y" style="a:b">a</p>', "<p>a</p>"),
    "nested fonts": ("<p><font><font color=red>甲</font></font>乙</p>", "<p>甲乙</p>"),
    "spans": ('<p><span style="x">a</span> <span>b</span></p>', "<p>a b</p>"),
    "empty wrappers": ('<div class="img_wrapper"><span></span></div><p>a</p>', "<p>a</p>"),
    "empties in empties": ("<ul><li><a href='/x'><b> </b></a></li></ul><p>a</p>", "<p>a</p>"),
    "a space that an empty element held": ("<p>a<b> </b>c</p>", "<p>a c</p>"),
    "wrappers of blocks": ("<div><section><p>a</p>\n<p>b</p></section></div>", "<p>a</p>\n<p>b</p>"),
    "a wrapper of everything": (" <div>a<p>b</p></div> ", "a<p>b</p>"),
    "a wrapper with text of its own": ("<div>a</div><div>b</div>", "<div>a</div><div>b</div>"),
    "centred text stays a block": ("a<center>b</center>c", "a<div>b</div>c"),
    "forms": ("<form><p>a</p><input value=x><button>b</button></form>", "<p>a</p>"),
    "hidden elements": ("<p hidden>a</p><p>b</p>", "<p>b</p>"),
    "unknown elements": ("<p>a<o:p></o:p><x-y>b</x-y></p>", "<p>ab</p>"),
    "whitespace lines": ("<p>a</p>\n   \n\n\t\n<p>b</p>", "<p>a</p>\n<p>b</p>"),
    "brace entities": ("<p>&#123;a&#125;</p>", "<p>{a}</p>"),
    "control characters": ("<p>a&#1;b\x0bc\ufffe</p>", "<p>abc</p>"),
    "doctype and page around it": (
        "<!DOCTYPE html><html><head><title>t</title></head><body><p>a</p></body>",
        "<p>a</p>",
    ),
}


@pytest.mark.parametrize("name", CLUTTER)
def test_clutter_goes(name: str) -> None:
    html, expected = CLUTTER[name]
    assert cleaned(html) == expected


MENDED = {
    "share buttons": ("<p>a</p><div class='x bdsharebuttonbox'><a href='/q'>QQ</a></div>", "<p>a</p>"),
    "a list of share buttons": ("<p>a</p><ul class=sharedaddy><li>Tweet</li></ul>", "<p>a</p>"),
    "a text in a box that is called so": (f"<div class=share-box><p>{'长' * 200}</p></div>", f"<p>{'长' * 200}</p>"),
    "words like theirs": ("<div class=shareholders>甲</div>", "甲"),
    "links that only share": ("<p>a <a href='https://twitter.com/intent/tweet?url=x'>Tweet</a></p>", "<p>a </p>"),
    "links to a person": ("<p><a href='https://twitter.com/sharemind'>b</a></p>", '<p><a href="https://twitter.com/sharemind">b</a></p>'),
    "entities escaped twice": ("<p>a&amp;nbsp;b&amp;amp;ldquo;c&amp;#8221;</p>", "<p>a&nbsp;b“c”</p>"),
    "entities that are meant": ("<p>a &amp;lt; &amp;amp; &amp;nbspx</p>", "<p>a &amp;lt; &amp;amp; &amp;nbspx</p>"),
    "entities that code is about": ("<p><code>&amp;nbsp;</code></p>", "<p><code>&amp;nbsp;</code></p>"),
    "entities in a listing": ("<pre>&amp;nbsp;</pre>", "<pre>&amp;nbsp;</pre>"),
    "http": ("<img src='http://n.sinaimg.cn/i.png'>", '<img src="https://n.sinaimg.cn/i.png">'),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED)
def test_what_is_mended(name: str) -> None:
    html, expected = MENDED[name]
    assert cleaned(html) == expected
    assert cleaned(expected) == expected


@pytest.mark.parametrize(
    ("url", "policy"),
    [
        ("https://n.sinaimg.cn/a.png", "no-referrer"),
        ("https://cdn.sspai.com/a.png", "strict-origin"),
        ("https://notsspai.com/a.png", "no-referrer"),
    ],
)
def test_the_page_is_named_to_hosts_that_want_it_only(url: str, policy: str) -> None:
    assert f'referrerpolicy="{policy}"' in clean_html(f"<img src={url} referrerpolicy=unsafe-url>", LINKS)


@pytest.mark.parametrize("tag", ["SPAN HIDDEN", "p hidden=''", "x-y", "o:p", "FONT"])
def test_foreign_elements_are_found_however_they_are_written(tag: str) -> None:
    name = tag.split()[0]
    html = clean_html(f"<p>a</p><{tag}><b>b</b></{name}>", LINKS)
    assert html == ("<p>a</p>" if "idden" in tag.lower() else "<p>a</p><b>b</b>")


PARAGRAPHS = {
    "indents": ("<p>　　甲</p><p>&nbsp;&nbsp;乙</p>", "<p>甲</p><p>乙</p>"),
    "indents within bold": ("<p><b>　　甲</b></p>", "<p><b>甲</b></p>"),
    "indent at the very start": ("　　甲<br>　　乙", "甲<br>乙"),
    "ideographic spaces elsewhere": ("<p>甲　乙</p>", "<p>甲　乙</p>"),
    "one break": ("<p>a<br>b</p>", "<p>a<br>b</p>"),
    "two breaks": ("<p>a<br><br/>b</p>", "<p>a</p><p>b</p>"),
    "many breaks": ("<p>a<br> <br>&nbsp;<br>b</p>", "<p>a</p><p>b</p>"),
    "two breaks outside paragraphs": ("a<br><br>b<br><br>c", "a<p>b</p><p>c</p>"),
    "two breaks within bold": ("<p><b>a<br><br>b</b></p>", "<p><b>a</b></p><p><b>b</b></p>"),
    "two breaks at the end of bold": ("<p><b>a<br><br></b>b</p>", "<p><b>a</b></p><p>b</p>"),
    "breaks at edges": ("<p><br>a<br></p><br><p>b</p><br>", "<p>a</p><p>b</p>"),
    "code keeps its lines": ("<pre>a\n\n  b<br><br>c\n</pre>", "<pre>a\n\n  b<br><br>c\n</pre>"),
    "code keeps its indents": ("<pre><code>　　a\n\tb</code></pre>", "<pre><code>　　a\n\tb</code></pre>"),
}


@pytest.mark.parametrize("name", PARAGRAPHS)
def test_paragraphs(name: str) -> None:
    html, expected = PARAGRAPHS[name]
    assert cleaned(html) == expected


KEPT = [
    '<figure><img src="https://a.example/i.png" alt="x"><figcaption>y</figcaption></figure>',
    '<picture><source srcset="https://a.example/i.webp 2x" type="image/webp"><img src="https://a.example/i.png"></picture>',
    "<p><ruby>漢<rp>(</rp><rt>かん</rt><rp>)</rp></ruby></p>",
    "<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>",
    '<table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td colspan="2">b</td><td></td></tr></tbody></table>',
    "<details><summary>a</summary><p>b</p></details>",
    '<p><del>a</del><ins>b</ins><sub>c</sub><sup>d</sup><abbr title="x">e</abbr><mark>f</mark><kbd>g</kbd></p>',
    "<dl><dt>a</dt><dd>b</dd></dl>",
    '<ol start="3"><li>a</li></ol>',
    '<video src="https://a.example/v.mp4" poster="https://a.example/p.jpg" controls=""></video>',
    '<audio src="https://a.example/a.mp3" controls=""></audio>',
    '<video controls=""><source src="https://a.example/v.mp4" type="video/mp4"></video>',
    '<p lang="ja" dir="ltr">a</p>',
    '<img src="data:image/png;base64,AAAA">',
    '<img src="https://a.example/i.png" width="640" height="480">',
]


@pytest.mark.parametrize("html", KEPT)
def test_what_says_something_stays_as_it_is(html: str) -> None:
    assert cleaned(html) == html


ADDRESSES = {
    "relative": ("<a href='../x'>a</a>", '<a href="https://site.example/x">a</a>'),
    "protocol-relative": ("<a href='//b.example/x'>a</a>", '<a href="https://b.example/x">a</a>'),
    "a fragment": ("<a href='#fn1'>1</a>", '<a href="#fn1">1</a>'),
    "mail": ("<a href='mailto:a@b.example'>a</a>", '<a href="mailto:a@b.example">a</a>'),
    "another scheme": ("<a href='magnet:?x'>a</a>", "<a>a</a>"),
    "no address": ("<a name=top>a</a>", "<a>a</a>"),
    "a proxy": ("<img src='https://proxy.example/?url=http%3A%2F%2Fc.example%2Fi.png&w=2'>", '<img src="http://c.example/i.png">'),
    "srcset": ("<img src=i.png srcset='/a.png 1x, b.png 2x, javascript:x 3x'>", '<img src="https://site.example/blog/i.png" srcset="https://site.example/a.png 1x, https://site.example/blog/b.png 2x">'),
    "poster": ("<video src=v.mp4 poster='javascript:x'></video>", '<video src="https://site.example/blog/v.mp4" controls=""></video>'),
    "a player": ("<iframe src='//player.bilibili.com/player.html?aid=1' onload=x></iframe>", '<iframe src="https://player.bilibili.com/player.html?aid=1" loading="lazy" sandbox="allow-scripts allow-same-origin allow-popups allow-presentation"></iframe>'),
    "another frame": ("<p>a</p><iframe src='https://ads.example/'></iframe>", "<p>a</p>"),
}  # fmt: skip


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses(name: str) -> None:
    html, expected = ADDRESSES[name]
    assert cleaned(html) == expected


def test_without_a_base_relative_addresses_are_no_addresses() -> None:
    assert clean_html("<a href='/x'>a</a><img src='/i.png'>b", Links()) == '<a rel="noopener noreferrer">a</a>b'


REAL = '<img src="https://c.example/real.jpg">'
LAZY = [
    "<img data-src='https://c.example/real.jpg'>",
    "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' data-src='https://c.example/real.jpg'>",
    "<img src='thumb.jpg' data-original='https://c.example/real.jpg'>",
    "<img src='/loading.gif' data-lazy-src='//c.example/real.jpg'>",
    "<img src='x.jpg' data-actualsrc='https://c.example/real.jpg'>",
    "<img data-original-src='//c.example/real.jpg' data-original-width='9'>",
    "<img src='/blank.gif' data-url='https://c.example/real.jpg'>",
    "<img src='static/image/common/none.gif' zoomfile='https://c.example/real.jpg' file='https://c.example/small.jpg'>",
    "<img src='https://proxy.example/?url=https://c.example/real.jpg'>",
    "<img src='https://cors.zfour.workers.dev/?http://c.example/a.jpg' data-original='https://c.example/real.jpg'>",
    "<img src='https://d.example/media/https://c.example/real.jpg'>",
    "<img src='lazy.gif'><noscript><img src='https://c.example/real.jpg'></noscript>",
    "<noscript><img src='https://c.example/real.jpg'></noscript>",
    "<img class=lazy data-src='https://c.example/real.jpg'><noscript><img src='https://c.example/real.jpg'></noscript>",
]


@pytest.mark.parametrize("html", LAZY)
def test_lazy_and_wrapped_images_become_real(html: str) -> None:
    assert cleaned(html) == REAL


def test_a_lazy_srcset_gives_the_image_too() -> None:
    html = "<img src='data:image/gif;base64,AAAA' data-srcset='/a.jpg 1x, /b.jpg 2x'>"
    assert 'src="https://site.example/a.jpg"' in cleaned(html.replace("data:image/gif;base64,AAAA", ""))
    assert 'srcset="https://site.example/a.jpg 1x, https://site.example/b.jpg 2x"' in cleaned(html)


def test_data_url_of_a_real_image_is_not_taken_for_it() -> None:
    html = "<img src='https://c.example/real.jpg' data-url='https://share.example/page'>"
    assert cleaned(html) == REAL


@pytest.mark.parametrize(
    "pixel",
    [
        "<img src='https://t.example/p.gif' width=1 height=1>",
        "<img src='https://t.example/p.gif' width='0' height='0'>",
        "<img src='https://t.example/p.gif' style='width:1px;height:1px'>",
        "<img src='https://feeds.feedburner.com/~r/x/~4/y' height=10>",
        "<img src='https://hm.baidu.com/hm.gif?x=1'>",
        "<img alt='nothing to see'>",
    ],
)
def test_tracking_pixels_go(pixel: str) -> None:
    assert cleaned(f"<p>a{pixel}</p>") == "<p>a</p>"


def test_every_image_says_how_to_load_it_always_in_the_same_order() -> None:
    """The sanitizer alone would write the two in another order in every process."""
    expected = '<img src="https://site.example/i.png" loading="lazy" referrerpolicy="no-referrer">'
    assert clean_html("<img src=/i.png loading=eager>", LINKS) == expected


def test_what_people_keep_remove_and_replace() -> None:
    html = "<nav>x</nav><article class=post><p>责任编辑：甲 a&lt;b</p><p class=ad>ad</p></article>"
    assert clean_html(html, LINKS, Wishes(remove=("nav", ".ad"))) == "<p>责任编辑：甲 a&lt;b</p>"
    assert clean_html(html, LINKS, Wishes(keep=(".post", ".post p"))) == "<p>责任编辑：甲 a&lt;b</p><p>ad</p>"
    assert clean_html(html, LINKS, Wishes(keep=(".missing",))).startswith("<nav>")
    replaced = clean_html(html, LINKS, Wishes(keep=("p",), replace=(("责任编辑：.", "<i>"), ("(a)d", r"\1"))))
    assert replaced == "<p>&lt;i&gt; a&lt;b</p><p>a</p>"


def test_a_replacement_that_takes_too_long_is_left_out() -> None:
    html = f"<p>{'a' * 40}!</p>"
    assert clean_html(html, LINKS, Wishes(replace=(("(a|aa)+$", "x"),))) == html


PLAIN = [
    ("<p>a</p><p>b</p>", "a\nb"),
    ("<p>a<br>b</p>", "a\nb"),
    ("<p>a\n  b <b>c</b>d</p>", "a b cd"),
    ("<pre>a\n  b</pre>", "a\nb"),
    ("<ul><li>a</li><li>b</li></ul>c", "a\nb\nc"),
    ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
    ('<p>1 &lt; 2 &amp;amp; <img alt="a&gt;b" src="x">3&nbsp;4</p>', "1 < 2 &amp; 3 4"),
    ("", ""),
]


@pytest.mark.parametrize(("html", "text"), PLAIN)
def test_plain_text(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize("name", ["app-kaihu-qr", "qrcode", "qr_code", "article-ewm", "erweima box"])
def test_a_box_with_a_code_to_be_scanned_goes(name: str) -> None:
    box = f'<div class="{name}"><span>扫一扫，领取福利</span><img src="https://a.example/b.png"></div>'
    assert cleaned(f"<p>正文。</p>{box}") == "<p>正文。</p>"


@pytest.mark.parametrize(
    "kept",
    [
        '<div class="qr"><p>扫码支付已经普及。</p></div>',
        '<div class="square"><img src="https://a.example/b.png"></div>',
        f'<div class="qr"><p>{"正文很长。" * 40}</p><img src="https://a.example/b.png"></div>',
    ],
)
def test_what_is_only_called_so_stays(kept: str) -> None:
    assert "<p>" in cleaned(kept) or "<img" in cleaned(kept)
