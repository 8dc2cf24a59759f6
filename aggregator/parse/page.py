"""Says what a web page offers that came in place of a feed: the feeds that it links to."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aggregator.model import Failed, Outcome
from aggregator.parse import fields

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_START = re.compile(r"(?:\s|<!--.{0,5000}?-->)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)

_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")
#: Also what sitemaps, searches and players are called: the address must look like a feed, too.
_OTHER_TYPES = ("application/xml", "text/xml", "application/json", "")

#: Characters of a page that are read. Links to feeds stand in the head, or at the foot of a page.
_LONGEST = 1_000_000

_FEED_PATH = re.compile(
    r"\.(?:rss|atom|rdf)$|/(?:rss|atom|feeds?|feed/(?:rss2?|atom))/?$|/feeds/posts/default/?$"
    r"|/index\.xml$|/[^/]*(?:rss|atom|feed)[^/]*\.(?:xml|json)$",
    re.IGNORECASE,
)
_FEED_QUERY = re.compile(
    r"(?:^|&)(?:feed=(?:rss|atom|feed|rdf)|(?:format|type|alt|output)=(?:rss|atom))", re.IGNORECASE
)
_FEED_WORDS = re.compile(r"(?:rss|atom)(?:\s*(?:2\.0|1\.0|feeds?|订阅|訂閱))?", re.IGNORECASE)
_COMMENTS = re.compile(r"\bcomments?\b|评论|評論|コメント", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FeedLink:
    """An address that a page says, or that looks as if, there is a feed at."""

    url: str
    title: str | None = None
    #: The page declares it as a feed; else its address or its words only look like one.
    declared: bool = True


def is_page(text: str) -> bool:
    return _START.match(text) is not None


def refuse(text: str, base: str | None) -> Failed:
    """The failure, with the address of the page's feed where it names one."""
    feed = feed_link(text, base)
    if feed:
        return Failed(Outcome.NOT_A_FEED, f"This is a web page, not a feed; its feed is {feed}", f"Use {feed} as url.")
    return Failed(
        Outcome.NOT_A_FEED,
        "This is a web page, not a feed, and it names none.",
        "Look for the site's feed in a browser; some sites have none, or show visitors a check first.",
    )


def feed_link(text: str, base: str | None) -> str | None:
    """The feed that the page declares first; one of comments only where there is no other."""
    declared = [link for link in feed_links(text, base) if link.declared]
    best = next((link for link in declared if not is_of_comments(link.url, link.title)), None)
    return best.url if best else declared[0].url if declared else None


def feed_links(text: str, base: str | None) -> tuple[FeedLink, ...]:
    """All links to feeds, in the order of the page, each once: those declared, then those that look like one.

    Declared are `link` elements wherever they stand, and `a` elements with the type of a feed.
    `base` is the page's own address; its `base` element counts. Fetches nothing.
    """
    soup = _read(text)
    if soup is None:
        return ()
    stated = soup.select_one("base[href]")
    base = fields.absolute(base, str(stated["href"])) if stated else base
    found: dict[str, FeedLink] = {}
    links = [link for tag in soup.find_all(["link", "a"]) if (link := _link(tag, base))]
    for link in sorted(links, key=lambda link: not link.declared):
        found.setdefault(link.url, link)
    return tuple(found.values())


def is_of_comments(url: str, title: str | None) -> bool:
    """Whether a feed is of what readers say: sites declare one beside that of the articles."""
    parts = urlsplit(url)
    return bool(
        _COMMENTS.search(f"{parts.path}?{parts.query}".replace("_", "-")) or (title and _COMMENTS.search(title))
    )


def _read(text: str) -> BeautifulSoup | None:
    from bs4 import BeautifulSoup, SoupStrainer
    from bs4.exceptions import ParserRejectedMarkup

    with warnings.catch_warnings():
        # It warns of pages that begin like XML, or like an address.
        warnings.simplefilter("ignore", UserWarning)
        try:
            return BeautifulSoup(text[:_LONGEST], "lxml", parse_only=SoupStrainer(["base", "link", "a"]))
        except ParserRejectedMarkup:
            return None


def _link(tag: Tag, base: str | None) -> FeedLink | None:
    url = _address(str(tag.get("href") or ""), base)
    if url is None:
        return None
    title = fields.line(str(tag.get("title") or "")) or fields.line(tag.get_text(" "))
    media_type = str(tag.get("type") or "").partition(";")[0].strip().lower()
    rel = {str(word).lower() for word in tag.get_attribute_list("rel") if word}
    if media_type in _FEED_TYPES and (tag.name == "a" or "alternate" in rel or "feed" in rel):
        return FeedLink(url, title)
    if tag.name == "link":
        stated = rel & {"alternate", "feed"} and media_type in _OTHER_TYPES and _looks_like_feed(url)
        return FeedLink(url, title) if stated else None
    looks = _looks_like_feed(url) or (title and _FEED_WORDS.fullmatch(title))
    return FeedLink(url, title, declared=False) if looks else None


def _address(link: str, base: str | None) -> str | None:
    """As a request can have it: `feed:` in front of an address is how some pages call up feed readers."""
    link = re.sub(r"^\s*feed:(?://)?(?=https?:)", "", link, flags=re.IGNORECASE)
    link = re.sub(r"^\s*feed://", "https://", link, flags=re.IGNORECASE)
    url = fields.absolute(base, link)
    return url.partition("#")[0] if url and fields.is_web(url) else None


def _looks_like_feed(url: str) -> bool:
    parts = urlsplit(url)
    return bool(_FEED_PATH.search(parts.path) or _FEED_QUERY.search(parts.query))
