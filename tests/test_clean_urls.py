"""Addresses: resolved, made safe, freed of proxies and trackers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.clean.urls import Links, base_of, normal

LINKS = Links("https://site.example/a/b?c", ("https://cors.example/?", "https://img.example/?url="))

LINKED = {
    "http://a.example": "http://a.example/",
    "HTTP://A.Example:80/X?y#z": "http://a.example/X?y#z",
    "https://a.example:443/": "https://a.example/",
    "https://a.example:8443/": "https://a.example:8443/",
    " \n https://a.example/x \t": "https://a.example/x",
    "https://a.example/a b|c": "https://a.example/a%20b%7Cc",
    "https://a.example/新闻?q=中": "https://a.example/%E6%96%B0%E9%97%BB?q=%E4%B8%AD",
    "https://a.example/100%": "https://a.example/100%25",
    "https://a.example/%E6%96%b0": "https://a.example/%E6%96%b0",
    "https://例子.example/": "https://xn--fsqu00a.example/",
    "x": "https://site.example/a/x",
    "../x": "https://site.example/x",
    "?x": "https://site.example/a/b?x",
    "//b.example/x": "https://b.example/x",
    "\\\\b.example\\x": "https://b.example/x",
    "#note": "#note",
    "mailto:a@b.example?subject=x": "mailto:a@b.example?subject=x",
    "https://web.archive.org/web/2020/http://x.example/": "https://web.archive.org/web/2020/http://x.example/",
    "http://a.example/bhttp://c.example/d.jpg": "http://c.example/d.jpg",
    "http://http://c.example/d": "http://c.example/d",
    "https://share.example/?u=http://c.example/": "https://share.example/?u=http://c.example/",
    "https://cors.example/?http://c.example/d.jpg": "http://c.example/d.jpg",
    "https://cors.example/?https://cors.example/?http://c.example/d": "http://c.example/d",
    "https://img.example/?url=https%3A%2F%2Fc.example%2Fd%3Fe&w=300": "https://c.example/d?e",
    "https://img.example/?url=c.example/d.jpg": "https://c.example/d.jpg",
    "https://img.example/?url=//c.example/d.jpg": "https://c.example/d.jpg",
    "https://img.example/about": "https://img.example/about",
}


@pytest.mark.parametrize("url", LINKED)
def test_links(url: str) -> None:
    assert LINKS.link(url) == LINKED[url]


REFUSED = [
    "javascript:alert(1)", "java\tscript:x", "JAVASCRIPT:x", "\x01javascript:x", "java\u200bscript:x", "data:text/html,x", "vbscript:x",
    "file:///etc/passwd", "ftp://a.example/", "mailto:", "mailto:a b@c", "http://", "http:///x", "https://[bad", "http://a b/", "http:x", "https:/x",
    "http://a.example<script>/", 'http://a"b/', "tel:123", "http://.", "http://\u3002/",
]  # fmt: skip


@pytest.mark.parametrize("url", REFUSED)
def test_no_links(url: str) -> None:
    assert LINKS.link(url) is None
    assert LINKS.web(url) is None
    assert LINKS.image(url) is None


UNTRACKED = {
    "?utm_source=a&b=2&utm_medium=c&a=1": "?b=2&a=1",
    "?z=1&fbclid=x&a=%E4%b8&b=+": "?z=1&a=%E4%b8&b=+",
    "?spm=1.2&scm=3&id=4": "?id=4",
    "?from=timeline&isappinstalled=0": "",
    "?from=2020-01-01": "?from=2020-01-01",
    "?a=1&amp;utm_source=b": "?a=1",
    "?ref=main&source=x": "?ref=main&source=x",
    "?vd_source=x&share_token=y&p=2": "?p=2",
    "?b&a&": "?b&a&",
    "#utm_source=x": "",
    "?a=1#wechat_redirect": "?a=1",
    "#rd": "",
    "#rd-7": "#rd-7",
    "#from=timeline": "",
    "#/article?id=7": "#/article?id=7",
    "?luicode=1&lfid=2&id=3": "?id=3",
    "?share_channel=qq&wxfrom=1&b=&a": "?b=&a",
    "#section": "#section",
}


@pytest.mark.parametrize("query", UNTRACKED)
def test_trackers_go_and_the_rest_keeps_its_order(query: str) -> None:
    assert normal(f"https://a.example/x{query}") == f"https://a.example/x{UNTRACKED[query]}"


def test_trackers_of_one_host_are_parameters_elsewhere() -> None:
    article = "/s?__biz=a&mid=1&idx=2&sn=b"
    assert normal(f"https://mp.weixin.qq.com{article}&chksm=c&scene=21#wechat_redirect") == (
        f"https://mp.weixin.qq.com{article}"
    )
    assert normal("https://game.example/?scene=21") == "https://game.example/?scene=21"
    assert normal("https://notsina.com.cn/?r=1") == "https://notsina.com.cn/?r=1"
    assert normal("https://finance.sina.com.cn/?r=1&x=2") == "https://finance.sina.com.cn/?x=2"


def test_pictures_within_an_address_are_the_true_ones() -> None:
    url = "https://www.meipai.example/media/https://img.example/5d.jpg!thumb420"
    assert LINKS.media(url) == "https://img.example/5d.jpg!thumb420"
    assert LINKS.link(url) == url


def test_any_proxy_in_front_of_a_picture_goes_without_being_named() -> None:
    assert LINKS.media("https://proxy.example/?http://c.example/d.jpg") == "http://c.example/d.jpg"
    assert LINKS.media("https://proxy.example/fetch/https://c.example/d.jpg") == "https://c.example/d.jpg"
    assert LINKS.link("https://proxy.example/?http://c.example/d") == "https://proxy.example/?http://c.example/d"
    named = "https://img.example/a.jpg?from=http://c.example/"
    assert LINKS.media(named) == named


def test_inline_images_are_small_and_no_documents() -> None:
    assert LINKS.image("data:image/png;base64,AAAA") == "data:image/png;base64,AAAA"
    assert LINKS.image("data:image/png;base64," + "A" * 70_000) is None
    assert LINKS.image("data:image/svg+xml;base64,AAAA") is None
    assert LINKS.media("data:image/png;base64,AAAA") is None


def test_the_base_is_the_first_absolute_one() -> None:
    assert base_of(None, "", "https://a.example/x/y", "https://b.example/") == "https://a.example/x/y"
    assert base_of("../c/", "https://a.example/x/y") == "https://a.example/c/"
    assert base_of("z/", "w/", "https://a.example/x/y") == "https://a.example/x/w/z/"
    assert base_of("c/", None) is None


@given(st.text(max_size=60) | st.text(alphabet="htps:/.?#&=@[]%\\ \tajvscrit", max_size=40))
def test_what_comes_out_is_safe_and_stable(text: str) -> None:
    for read in (LINKS.link, LINKS.web, LINKS.media, LINKS.image):
        url = read(text)
        if url is None:
            continue
        assert url.startswith(("http://", "https://", "#", "mailto:"))
        assert url.isascii() or url.startswith("mailto:")
        assert read(url) == url


OF_HOSTS = {
    "https://weibo.com/1/abc?refer_flag=1&type=comment": "https://weibo.com/1/abc?type=comment",
    "https://m.weibo.cn/status/1?sourceType=weixin&from=10B": "https://m.weibo.cn/status/1",
    "https://www.toutiao.com/a1/?req_id=2&group_id=1": "https://www.toutiao.com/a1/?group_id=1",
    "https://detail.tmall.com/item.htm?ut_sk=1&id=2&spm=3": "https://detail.tmall.com/item.htm?id=2",
    "https://www.163.com/dy/article/A.html?spss=dy&clickfrom=x": "https://www.163.com/dy/article/A.html",
}


@pytest.mark.parametrize("url", OF_HOSTS)
def test_trackers_of_single_hosts(url: str) -> None:
    assert LINKS.link(url) == OF_HOSTS[url]


def test_pictures_come_by_https_where_the_host_is_known_to_serve_it() -> None:
    assert LINKS.media("http://n.sinaimg.cn/a.png") == "https://n.sinaimg.cn/a.png"
    assert LINKS.image("http://i.imgur.com/a b.png") == "https://i.imgur.com/a%20b.png"
    assert LINKS.media("http://notsinaimg.cn/a.png") == "http://notsinaimg.cn/a.png"
    assert LINKS.media("http://sinaimg.cn:8080/a.png") == "http://sinaimg.cn:8080/a.png"
    assert LINKS.link("http://i.imgur.com/a.png") == "http://i.imgur.com/a.png"


@given(st.text(alphabet="htps:/.?#&=@[]%-_a0", max_size=40).map("https://a.b/".__add__))
def test_an_address_that_looks_good_is_left_as_it_would_be_made(url: str) -> None:
    """The short way for good addresses gives what the long one gives."""
    assert Links(None, ()).link(url) == Links(None, ()).link(f" {url}")
