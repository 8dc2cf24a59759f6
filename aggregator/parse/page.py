"""Says what a web page offers that came in place of a feed."""

from __future__ import annotations

import re
import warnings

from aggregator.model import Failed, Outcome
from aggregator.parse import fields

_START = re.compile(r"(?:\s|<!--.{0,5000}?-->)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)

_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")

#: Links to feeds stand in the head; the rest of a large page is not read.
_HEAD = 300_000


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
    """The first feed that the page's head links to."""
    from bs4 import BeautifulSoup, SoupStrainer
    from bs4.exceptions import ParserRejectedMarkup

    with warnings.catch_warnings():
        # It warns of pages that begin like XML, or like an address.
        warnings.simplefilter("ignore", UserWarning)
        try:
            soup = BeautifulSoup(text[:_HEAD], "lxml", parse_only=SoupStrainer(["base", "link"]))
        except ParserRejectedMarkup:
            return None
    stated = soup.select_one("base[href]")
    base = fields.absolute(base, str(stated["href"])) if stated else base
    for link in soup.select("link[rel~=alternate][type][href]"):
        if str(link["type"]).partition(";")[0].strip().lower() in _FEED_TYPES:
            return fields.absolute(base, str(link["href"]))
    return None
