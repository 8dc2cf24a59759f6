"""Reads documents into entries, as their publishers wrote them: nothing is judged or cleaned here.

article file -> article      JSON -> jsonfeed      well-formed XML -> feed      the rest -> lenient
a page that the source has selectors for -> scrape
"""

from __future__ import annotations

import re
from dataclasses import replace

from aggregator.config.schema import Source
from aggregator.model import Document, Failed, Outcome, ParsedFeed
from aggregator.parse import characters, charset, feed, jsonfeed, lenient, page

_EMPTY = Failed(Outcome.NOT_A_FEED, "The answer is empty.", "It mends itself if the site does; else remove the source.")
_OTHER = Failed(Outcome.NOT_A_FEED, "The answer is no feed in any format we know.", "Check the address in a browser.")
_BROKEN = Failed(
    Outcome.UNPARSABLE,
    "The feed is so broken that nothing in it can be read.",
    "Tell its publisher; validators of feeds show where it breaks.",
)
_BROKEN_AND_LARGE = Failed(
    Outcome.UNPARSABLE,
    "The feed is broken XML, and too large to be mended.",
    "Tell its publisher, or ask for a feed of fewer entries.",
)

#: What a feed in XML has somewhere, however broken.
_FEED_TAG = re.compile(r"<(?:[\w.-]{1,20}:)?(?:rss|feed|rdf|channel|item|entry)[\s>]", re.IGNORECASE)


def parse(document: Document, source: Source, timezone: str) -> ParsedFeed | Failed:
    """Read one document: an article file where it has a path, a page where the source has selectors, else a feed.

    `timezone` is the zone of dates that name none. At most `source.limit` entries are taken, in
    the document's order. A valid feed without entries is a feed. Needs no clock and fetches
    nothing. Raises nothing for bad input: that comes to `Failed`.
    """
    if document.path is not None:
        from aggregator.parse import article

        return article.parse_article(document, source, timezone)
    if source.select is not None:
        from aggregator.parse import scrape

        text = charset.decode(document.body, document.charset)
        found = scrape.read(text, document.url, source.select, timezone)
    else:
        found = _at_once(document, timezone) or _read(document, timezone)
    if isinstance(found, Failed) or source.limit is None:
        return found
    return replace(found, entries=found.entries[: source.limit])


def _at_once(document: Document, timezone: str) -> ParsedFeed | None:
    """What most documents are, well-formed XML in UTF-8, read without making a text of it first."""
    data = charset.undisputed(document.body, document.charset)
    return feed.read(data, document.url, timezone) if data else None


def _read(document: Document, timezone: str) -> ParsedFeed | Failed:
    """By what the text is; what the server calls it says little."""
    text, base = charset.decode(document.body, document.charset), document.url
    if not text or text.isspace():
        return _EMPTY
    if text.startswith(("{", "[")):
        return jsonfeed.read(text, base, timezone)
    found = feed.read(text.encode(), base, timezone)
    if found is None and (mended := characters.mend(text)) != text:
        text = mended
        found = feed.read(text.encode(), base, timezone)
    if found:
        return found
    if page.is_page(text):
        return page.refuse(text, base)
    if not _FEED_TAG.search(text):
        return _OTHER
    if len(text) > lenient.LONGEST:
        return _BROKEN_AND_LARGE
    return lenient.read(text, base, timezone) or _BROKEN
