"""The rules of JSON Feed, versions 1 and 1.1 (jsonfeed.org), and what validators warn of in any feed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any

from aggregator.publish import findings
from aggregator.publish.findings import Finding, names
from aggregator.publish.kept import Kept

_VERSIONS = ("https://jsonfeed.org/version/1.1", "https://jsonfeed.org/version/1")

#: What may stand where, by the type that JSON gives it.
_FEED: Mapping[str, type] = {
    **dict.fromkeys(
        names("version title home_page_url feed_url description user_comment next_url icon favicon language"), str
    ),
    **dict.fromkeys(("authors", "hubs", "items"), list),
    "author": dict,
    "expired": bool,
}
_ITEM: Mapping[str, type] = {
    **dict.fromkeys(
        names("""id url external_url title content_html content_text summary image banner_image date_published
        date_modified language"""),
        str,
    ),
    **dict.fromkeys(("authors", "tags", "attachments"), list),
    "author": dict,
}
_AUTHOR: Mapping[str, type] = dict.fromkeys(("name", "url", "avatar"), str)
_HUB: Mapping[str, type] = dict.fromkeys(("type", "url"), str)
_ATTACHMENT: Mapping[str, type] = {
    **dict.fromkeys(("url", "mime_type", "title"), str),
    **dict.fromkeys(("size_in_bytes", "duration_in_seconds"), float),
}


def check(
    feed: Mapping[str, Any], url: str | None, now: datetime | None, *, odd: bool, kept: Kept | None = None
) -> Iterator[Finding]:
    """Findings of a JSON Feed. `odd`: it may hold characters that are worth a search."""
    if feed.get("version") not in _VERSIONS:
        yield Finding("wrong-value", f"version should be {_VERSIONS[0]}, found {str(feed.get('version'))[:80]!r}")
    yield from _keys("feed", feed, _FEED, required=("version", "title", "items"))
    if "title" in feed:
        yield from findings.title("title", _string(feed, "title"))
    for name in ("home_page_url", "feed_url", "next_url", "icon", "favicon"):
        yield from findings.address(name, _string(feed, name), required=name in feed)
    yield from _people(feed)
    yield from _language(feed)
    for hub in _objects(feed, "hubs"):
        yield from _keys("hub", hub, _HUB, required=("type", "url"))
    if "next_url" in feed and feed["next_url"] == feed.get("feed_url"):
        yield Finding("wrong-value", "next_url is the feed itself")
    yield from findings.own_address([_string(feed, "feed_url")] if "feed_url" in feed else [], url)
    if odd:
        yield from findings.characters("".join(value for value in feed.values() if isinstance(value, str)))
    yield from _items(feed, now, odd=odd, kept=kept)


def _items(feed: Mapping[str, Any], now: datetime | None, *, odd: bool, kept: Kept | None) -> Iterator[Finding]:
    items = list(_objects(feed, "items"))
    if len(items) != len(_list(feed, "items")):
        yield Finding("wrong-value", "an item is no object")
    for item in items:
        yield from _once(item, kept, partial(_whole, item, now, odd=odd))
    yield from findings.same("same-id", "id", (str(item.get("id", "")) for item in items))
    stamps = (_string(item, "date_modified") for item in items)
    yield from findings.same("same-updated", "date_modified", stamps)


def _once(item: Mapping[str, Any], kept: Kept | None, check: Callable[[], Iterator[Finding]]) -> tuple[Finding, ...]:
    """The findings of one item, from `kept` where another document had the same."""
    if kept is None:
        return tuple(check())
    own = blake2b(json.dumps(item).encode(), digest_size=16).digest()
    found: tuple[Finding, ...] | None = kept.known(own)
    if found is None:
        found = tuple(check())
    kept.keep(own, found)
    return found


def _whole(item: Mapping[str, Any], now: datetime | None, *, odd: bool) -> Iterator[Finding]:
    return findings.about(_name(item), _item(item, now, odd=odd))


def _item(item: Mapping[str, Any], now: datetime | None, *, odd: bool) -> Iterator[Finding]:
    yield from _keys("item", item, _ITEM, required=("id",))
    if "id" in item and not str(item["id"]).strip():
        yield Finding("bad-id", "id is empty")
    if "content_html" not in item and "content_text" not in item:
        yield Finding("no-content", "neither content_html nor content_text")
    if "title" in item:
        yield from findings.title("title", _string(item, "title"))
    for name in ("url", "external_url", "image", "banner_image"):
        yield from findings.address(name, _string(item, name), required=name in item)
    for name in ("date_published", "date_modified"):
        if name in item:
            text = _string(item, name)
            yield from findings.date(name, findings.read_date(text), text, now)
    yield from _people(item)
    yield from _language(item)
    if any(not isinstance(tag, str) or not tag.strip() for tag in _list(item, "tags")):
        yield Finding("wrong-value", "a tag that is no text, or is empty")
    for attachment in _objects(item, "attachments"):
        yield from _keys("attachment", attachment, _ATTACHMENT, required=("url", "mime_type"))
        yield from findings.address("attachment", _string(attachment, "url"), required=False)
        if "mime_type" in attachment:
            yield from findings.media_type("mime_type", _string(attachment, "mime_type"))
    yield from findings.html(_string(item, "content_html"))
    if odd:
        yield from findings.characters("".join(value for value in item.values() if isinstance(value, str)))


def _keys(
    kind: str, given: Mapping[str, Any], known: Mapping[str, type], required: tuple[str, ...]
) -> Iterator[Finding]:
    """Keys that are missing, of another type, or not of the format; what begins with `_` is anybody's."""
    for name in required:
        if name not in given:
            yield Finding("missing", f"{kind} without {name}")
    for name, value in given.items():
        if name.startswith("_"):
            continue
        if name not in known:
            yield Finding("unknown-key", f"{name[:80]} is no key of a {kind}: begin extensions with _")
        elif not _FITS[known[name]](value):
            yield Finding("wrong-value", f"{name} is of the wrong type: {str(value)[:80]!r}")


_FITS: Mapping[type, Callable[[Any], bool]] = {
    str: lambda value: isinstance(value, str),
    list: lambda value: isinstance(value, list),
    dict: lambda value: isinstance(value, dict),
    bool: lambda value: isinstance(value, bool),
    float: lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0,
}


def _people(given: Mapping[str, Any]) -> Iterator[Finding]:
    if "author" in given:
        yield Finding("outdated", "author is of version 1: expected authors")
    for author in _objects(given, "authors"):
        yield from _keys("author", author, _AUTHOR, required=())
        if not author.keys() & _AUTHOR.keys():
            yield Finding("missing", "an author without name, url and avatar")
        for name in ("url", "avatar"):
            yield from findings.address(f"author's {name}", _string(author, name), required=name in author)


def _language(given: Mapping[str, Any]) -> Iterator[Finding]:
    if "language" in given:
        yield from findings.language("language", _string(given, "language"))


def _name(item: Mapping[str, Any]) -> str:
    ours = item.get("_aggregator")
    source = ours.get("source") if isinstance(ours, dict) else None
    title = _string(source, "title") if isinstance(source, dict) else ""
    return findings.named(_string(item, "title"), str(item.get("id", "")), title)


def _string(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) else ""


def _list(given: Mapping[str, Any], name: str) -> list[Any]:
    value = given.get(name)
    return value if isinstance(value, list) else []


def _objects(given: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    return (value for value in _list(given, name) if isinstance(value, dict))
