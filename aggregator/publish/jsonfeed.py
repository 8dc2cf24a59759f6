"""One JSON Feed 1.1 document (jsonfeed.org) from one Feed: what the Atom document says, in the same order.

What JSON Feed has no key for, the origin and the other carriers, stands under `_aggregator`.
"""

from __future__ import annotations

import json
from typing import Any

from aggregator.config.schema import Output, Site
from aggregator.model import Enclosure, Feed, Person
from aggregator.publish.kept import Kept
from aggregator.publish.values import EntryValues, FeedValues, feed_values

MEDIA_TYPE = "application/feed+json"
VERSION = "https://jsonfeed.org/version/1.1"


def jsonfeed(feed: Feed, site: Site, output: Output, kept: Kept | None = None) -> bytes:
    """The document of the feed's newest `output.entries` stories, in the order in which they come."""
    kept = kept or Kept()
    values = feed_values(feed, site, output, "json", kept)
    items = (_kept_item(entry, kept) for entry in values.entries)
    return _text(_feed(values)).removesuffix(b"}") + b', "items": [' + b", ".join(items) + b"]}\n"


def _kept_item(entry: EntryValues, kept: Kept) -> bytes:
    return kept.part(("json", entry.id), lambda: _text(_item(entry)), entry)


def _text(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _feed(feed: FeedValues) -> dict[str, Any]:
    return _given(
        version=VERSION,
        title=feed.title,
        home_page_url=feed.page,
        feed_url=feed.address,
        description=feed.subtitle,
        language=feed.language,
        authors=[{"name": feed.author}],
        hubs=[{"type": "WebSub", "url": feed.hub}] if feed.hub else None,
    )


def _item(entry: EntryValues) -> dict[str, Any]:
    return _given(
        id=entry.id,
        url=entry.url,
        title=entry.title,
        content_html=entry.html,
        # An item must have a content.
        content_text=None if entry.html else entry.summary,
        summary=entry.summary,
        image=entry.image.url if entry.image else None,
        date_published=entry.published.isoformat(),
        date_modified=entry.updated.isoformat(),
        authors=[_author(author) for author in entry.authors],
        tags=list(dict.fromkeys(category.label or category.term for category in entry.categories)),
        language=entry.language,
        attachments=[_attachment(enclosure) for enclosure in entry.enclosures],
        _aggregator=_origin(entry),
    )


def _author(author: Person) -> dict[str, Any]:
    return _given(name=author.name, url=author.uri)


def _attachment(enclosure: Enclosure) -> dict[str, Any]:
    return _given(
        url=enclosure.url,
        mime_type=enclosure.type,
        title=enclosure.title,
        size_in_bytes=enclosure.length or None,
    )


def _origin(entry: EntryValues) -> dict[str, Any]:
    source = entry.source
    return _given(
        source=_given(id=source.id, title=source.title, url=source.url, feed_url=source.feed_url),
        via=[_given(url=href, title=title) for href, title in entry.via],
        rights=entry.rights,
    )


def _given(**values: Any) -> dict[str, Any]:
    """Without what is not known: a key that is there must hold something."""
    return {name: value for name, value in values.items() if value}
