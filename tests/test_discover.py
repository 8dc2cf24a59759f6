"""Finding the feeds of an address: what a page says, what is known of its site, and how little is asked for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aggregator import app
from aggregator.config.load import load
from aggregator.config.schema import Source
from aggregator.discovery import MOST_REQUESTS, Found, find
from aggregator.fetch import discover
from aggregator.model import Outcome
from aggregator.parse import page
from tests.e2e.service import configure
from tests.played import Server, redirect, reply
from tests.world import Clock, item, rss

ATOM = (
    "<feed xmlns='http://www.w3.org/2005/Atom'><title>{title}</title><id>urn:x</id><updated>2026-03-01T08:00:00Z</updated>"
    "<entry><id>urn:y</id><title>t</title><updated>2026-03-02T08:00:00Z</updated></entry></feed>"
)


def html(head: str = "", body: str = "") -> str:
    return f"<!doctype html><html><head><title>T</title>{head}</head><body>{body}</body></html>"


def link(href: str, kind: str = "application/rss+xml", rel: str = "alternate", title: str = "") -> str:
    return f'<link rel="{rel}" type="{kind}" title="{title}" href="{href}">'


# --- pages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (html(link("/feed")), "https://example.com/feed"),
        (html(link("feed.xml")), "https://example.com/blog/feed.xml"),
        (html(link("//cdn.example/feed.xml")), "https://cdn.example/feed.xml"),
        (html('<base href="https://other.example/a/">' + link("feed.xml")), "https://other.example/a/feed.xml"),
        (html(link("/comments/feed/") + link("/feed/")), "https://example.com/feed/"),
        (html(link("/c", title="某站 » 评论 Feed") + link("/f")), "https://example.com/f"),
        (html(link("/comments/feed/")), "https://example.com/comments/feed/"),
        (html(link("/feed", "Application/Atom+XML; charset=utf-8", "Alternate")), "https://example.com/feed"),
        (html(link("/feed.xml", "text/xml")), "https://example.com/feed.xml"),
        (html(link("/sitemap.xml", "application/xml")), None),
        (html(link("/wp-json/", "application/json")), None),
        (html(link("/style.css", "text/css", "stylesheet")), None),
        (html(link("javascript:feed()")), None),
        (html(link("feed:https://example.com/f")), "https://example.com/f"),
        (html("", f"<p>{'x' * 400_000}</p>{link('/late.xml')}"), "https://example.com/late.xml"),
        (html("", '<a type="application/rss+xml" href="/typed">feed</a>'), "https://example.com/typed"),
        (html("", '<a href="/feed">RSS</a>'), None),
        (html(), None),
    ],
)
def test_the_feed_that_a_page_declares_is_named(text: str, expected: str | None) -> None:
    assert page.feed_link(text, "https://example.com/blog/post") == expected
    assert (expected or "names none") in page.refuse(text, "https://example.com/blog/post").message


@pytest.mark.parametrize(
    ("anchor", "looks"),
    [
        ('<a href="/rss">x</a>', True),
        ('<a href="/index.php?feed=rss2">x</a>', True),
        ('<a href="/news.atom">x</a>', True),
        ('<a href="/data/9f3">RSS 订阅</a>', True),
        ('<a href="/data/9f3"><img alt=""> Atom</a>', True),
        ('<a href="/feedback">Feedback</a>', False),
        ('<a href="/about/rss-explained">What is RSS?</a>', False),
        ('<a href="mailto:rss@example.com">RSS</a>', False),
        ("<a>RSS</a>", False),
    ],
)
def test_links_that_look_like_feeds_come_after_declared_ones(anchor: str, looks: bool) -> None:
    found = page.feed_links(html("", anchor + link("/feed")), "https://example.com/")
    assert found[0] == page.FeedLink("https://example.com/feed", None)
    assert [one.declared for one in found[1:]] == ([False] if looks else [])


# --- addresses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "https://www.youtube.com/channel/UCabcdefghijklmnopqrstuv/videos",
            "https://www.youtube.com/feeds/videos.xml?channel_id=UCabcdefghijklmnopqrstuv",
        ),
        ("https://youtube.com/playlist?list=PL_1-a", "https://www.youtube.com/feeds/videos.xml?playlist_id=PL_1-a"),
        ("https://github.com/owner/repo", "https://github.com/owner/repo/releases.atom"),
        ("https://github.com/owner/repo.git", "https://github.com/owner/repo/releases.atom"),
        ("https://github.com/owner/repo/tree/main", "https://github.com/owner/repo/commits/main.atom"),
        ("https://github.com/owner/", "https://github.com/owner.atom"),
        ("https://gitlab.com/group/sub/project", "https://gitlab.com/group/sub/project/-/tags?format=atom"),
        ("https://old.reddit.com/r/python/top/", "https://www.reddit.com/r/python/.rss"),
        ("https://medium.com/@someone", "https://medium.com/feed/@someone"),
        ("https://someone.medium.com/a-story", "https://someone.medium.com/feed"),
        ("https://letters.substack.com/p/one", "https://letters.substack.com/feed"),
        ("https://some.blogspot.com/2020/", "https://some.blogspot.com/feeds/posts/default"),
        ("https://some.wordpress.com", "https://some.wordpress.com/feed/"),
        ("https://bsky.app/profile/some.one", "https://bsky.app/profile/some.one/rss"),
        ("https://mastodon.example/@someone", "https://mastodon.example/@someone.rss"),
        ("https://www.cnblogs.com/someone/", "https://www.cnblogs.com/someone/rss"),
    ],
)
def test_feeds_of_well_known_sites_need_no_page(address: str, expected: str) -> None:
    assert discover.known(address)[0] == expected


def test_nothing_is_known_of_other_sites() -> None:
    assert discover.known("https://example.com/github.com/owner/repo") == ()


def test_usual_places_are_below_the_address_first_and_each_is_named_once() -> None:
    assert discover.usual("https://example.com/blog/post.html?x=1")[0] == "https://example.com/blog/atom.xml"
    assert len(discover.usual("https://example.com/blog")) == 2 * len(discover.PATHS)
    assert discover.usual("https://example.com") == tuple(f"https://example.com/{path}" for path in discover.PATHS)


# --- the search ----------------------------------------------------------------------------


class Pauses:
    """Counts what would be waited."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def search(folder: Path, address: str, pauses: Pauses | None = None, *, allow_private: bool = True) -> Found:
    configure(folder, [])
    means = app.build(load(folder / "config.yaml", {}), clock=Clock())
    source = Source(name="x", url=address, allow_private=allow_private)

    async def run() -> Found:
        async with means.fetcher:
            return await find(means, source, pauses or Pauses())

    return asyncio.run(run())


def test_an_address_that_is_a_feed_costs_one_request(tmp_path: Path) -> None:
    with Server({"/f": reply(rss(item(1), title="Blog").encode())}) as server:
        found = search(tmp_path, server.url("/f"))
        assert [(one.url, one.title, one.entries) for one in found.candidates] == [(server.url("/f"), "Blog", 1)]
        assert len(server.requests) == 1


def test_a_permanent_move_is_taken_a_temporary_one_is_not(tmp_path: Path) -> None:
    feed = reply(rss(item(1)).encode())
    with Server({"/old": redirect("/new", 301), "/now": redirect("/new", 302), "/new": feed}) as server:
        assert search(tmp_path, server.url("/old")).candidates[0].url == server.url("/new")
        assert search(tmp_path, server.url("/now")).candidates[0].url == server.url("/now")


def test_of_one_feed_in_several_formats_atom_is_best_and_comments_come_last(tmp_path: Path) -> None:
    declared = (
        link("/comments/feed") + link("/empty") + link("/rss") + link("/atom", "application/atom+xml") + link("/py")
    )
    scripts = {
        "/": reply(html(declared).encode()),
        "/comments/feed": reply(rss(item(1), title="Comments on Blog").encode()),
        "/empty": reply(rss(title="Empty").encode()),
        "/rss": reply(rss(item(1), title="Blog").encode()),
        "/atom": reply(ATOM.format(title="Blog").encode()),
        "/py": reply(rss(item(1), title="Blog: Python").encode()),
    }
    with Server(scripts) as server:
        found = search(tmp_path, server.url("/"))
        paths = [one.url.removeprefix(server.url("")) for one in found.candidates]
        assert paths == ["/atom", "/rss", "/py", "/empty", "/comments/feed"]
        assert found.candidates[0].newest is not None
        assert found.candidates[0].format == "atom"
        assert len(server.requests) == len(scripts), "no usual place is asked where a page declares feeds"


def test_a_link_that_only_looks_like_a_feed_counts_when_it_is_one(tmp_path: Path) -> None:
    body = '<a href="/rss">RSS</a><a href="/feed-of-thoughts">x</a><a href="/data">Atom</a>'
    scripts = {"/": reply(html("", body).encode()), "/data": reply(ATOM.format(title="Blog").encode())}
    with Server(scripts) as server:
        found = search(tmp_path, server.url("/"))
        assert [one.url for one in found.candidates] == [server.url("/data")]
        assert [address for address, _ in found.tried] == [server.url("/"), server.url("/rss")]


def test_usual_places_are_tried_slowly_and_only_up_to_the_first_feed(tmp_path: Path) -> None:
    scripts = {"/": reply(html().encode()), "/feed.xml": reply(rss(item(1)).encode())}
    pauses = Pauses()
    with Server(scripts) as server:
        found = search(tmp_path, server.url("/"), pauses)
        assert [one.url for one in found.candidates] == [server.url("/feed.xml")]
        assert [request.path for request in server.requests] == ["/", "/atom.xml", "/feed", "/feed.xml"]
    assert pauses.seconds == [1.0] * 3
    assert server.busiest == 1


def test_a_site_without_feeds_is_asked_a_bounded_number_of_times(tmp_path: Path) -> None:
    many = "".join(link(f"/{number}.rss") for number in range(100))
    many += "".join(f'<a href="/{number}.atom">x</a>' for number in range(100))
    with Server({"/a/": reply(html(many).encode())}) as server:
        found = search(tmp_path, server.url("/a/"))
        assert found.candidates == ()
        assert len(found.tried) == len(server.requests) <= MOST_REQUESTS


def test_after_a_429_nothing_more_is_asked(tmp_path: Path) -> None:
    limited = reply(b"", 429, {"Retry-After": "60"})
    with Server({"/": reply(html(link("/f") + link("/g")).encode()), "/f": limited}) as server:
        found = search(tmp_path, server.url("/"))
        assert [request.path for request in server.requests] == ["/", "/f"]
        assert found.tried[-1][1].outcome is Outcome.RATE_LIMITED


def test_a_page_does_not_lead_to_private_addresses_of_others(tmp_path: Path) -> None:
    with Server({"/f": reply(rss(item(1)).encode())}) as inner:
        elsewhere = inner.url("/f").replace("127.0.0.1", "127.0.0.2")
        with Server({"/": reply(html(link(elsewhere)).encode())}) as server:
            found = search(tmp_path, server.url("/"))
        assert found.candidates == ()
        assert dict(found.tried)[elsewhere].outcome is Outcome.REFUSED_ADDRESS
        assert inner.requests == []


def test_without_leave_a_private_address_is_not_asked(tmp_path: Path) -> None:
    with Server() as server:
        found = search(tmp_path, server.url("/"), allow_private=False)
        assert [failed.outcome for _, failed in found.tried] == [Outcome.REFUSED_ADDRESS]
        assert server.requests == []
