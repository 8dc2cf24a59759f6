"""Reads a web page without a feed by the CSS selectors that a person gave for it."""

from __future__ import annotations

import warnings

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

from aggregator.config.schema import Select
from aggregator.model import Failed, Outcome, ParsedEntry, ParsedFeed, Text
from aggregator.parse import characters, fields
from aggregator.parse.dates import Claimed, parse_date


def read(text: str, base: str | None, select: Select, timezone: str) -> ParsedFeed | Failed:
    """One entry for each element that `select.item` finds; what an item lacks is left out.

    Without `select.link` an item's first link counts, without `select.title` the text of that link.
    Items with neither are passed over. Fails where nothing on the page matches.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of pages that begin like XML, or like an address
            soup = BeautifulSoup(text, "lxml")
    except ParserRejectedMarkup:
        return Failed(Outcome.UNPARSABLE, "The page cannot be read as HTML.", "Look at it in a browser.")
    stated = soup.select_one("base[href]")
    base = fields.absolute(base, str(stated["href"])) if stated else base
    items = soup.select(select.item)
    entries = tuple(entry for item in items if (entry := _entry(item, base, select, timezone)))
    if not entries:
        found = f"select.item ({select.item}) finds {len(items)} elements and none has a title or a link"
        return Failed(Outcome.NOT_A_FEED, found, "Look at the page's source and change `select`.")
    title = soup.title.get_text() if soup.title else ""
    return ParsedFeed(entries, title=_clean(title) or None, url=base)


def _entry(item: Tag, base: str | None, select: Select, timezone: str) -> ParsedEntry | None:
    link = _one(item, select.link) or (item if item.name == "a" else item.select_one("a[href]"))
    title = _one(item, select.title) or link
    words = _clean(title.get_text(" ")) if title else ""
    url = fields.absolute(base, str(link["href"])) if link and link.get("href") else None
    if not words and not url:
        return None
    content = _one(item, select.content)
    date = _date(_one(item, select.date), timezone)
    return ParsedEntry(
        url=url,
        title=Text(words) if words else None,
        content=Text(characters.clean(content.decode_contents()), "html", base) if content else None,
        published=date.moment if date else None,
    )


def _one(item: Tag, selector: str | None) -> Tag | None:
    return item.select_one(selector) if selector else None


def _date(element: Tag | None, timezone: str) -> Claimed | None:
    """What a machine is told, else what people read."""
    if element is None:
        return None
    told = element.get("datetime") or element.get("content") or element.get("title")
    return (parse_date(str(told), timezone) if told else None) or parse_date(_clean(element.get_text(" ")), timezone)


def _clean(text: str) -> str:
    return " ".join(characters.clean(text).split())
