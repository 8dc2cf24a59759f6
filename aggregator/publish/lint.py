"""Is this a feed that no validator faults? Asked of every document before it replaces the last good one.

Covers what RFC 4287 demands and what feed validators warn of; it reads only the document, never
the network. The messages are for people.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


def lint(document: bytes, url: str | None) -> list[str]:
    """Problems of an Atom document; none where it is fit to be published.

    `url` is where it is published: its rel=self must say so. None where that is not known.
    """
    # Neither entities nor external files: the document may be anybody's.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        feed = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        return [f"not well-formed XML: {error}"]
    if feed.tag != f"{ATOM}feed":
        return [f"expected an Atom feed, found <{etree.QName(feed).localname}>"]
    entries = feed.findall(f"{ATOM}entry")
    problems = [*_feed(feed, url), *_distinct(entries), *_addresses(feed)]
    for entry in entries:
        name = _text(entry, "id") or _text(entry, "title") or "an entry"
        problems += [f"{name}: {problem}" for problem in _entry(entry, feed)]
    return problems


def _feed(feed: etree._Element, url: str | None) -> Iterator[str]:
    yield from _required(feed)
    own = [link.get("href") for link in feed.findall(f"{ATOM}link") if link.get("rel") == "self"]
    if url is not None and own != [url]:
        yield f"rel=self should be {url}, found {', '.join(map(str, own)) or 'none'}"
    updated = _date(_text(feed, "updated"))
    stamps = [_date(_text(entry, "updated")) for entry in feed.findall(f"{ATOM}entry")]
    if updated and any(stamp and stamp > updated for stamp in stamps):
        yield "updated is older than an entry's"


def _entry(entry: etree._Element, feed: etree._Element) -> Iterator[str]:
    yield from _required(entry)
    if feed.find(f"{ATOM}author") is None and entry.find(f"{ATOM}author") is None:
        yield "no author, and the feed has none"
    alternates = [link for link in entry.findall(f"{ATOM}link") if link.get("rel", "alternate") == "alternate"]
    if not alternates and entry.find(f"{ATOM}content") is None:
        yield "neither content nor a link rel=alternate"
    kinds = Counter((link.get("type"), link.get("hreflang")) for link in alternates)
    if any(count > 1 for count in kinds.values()):
        yield "two links rel=alternate of one type"
    if any(not (category.get("term") or "").strip() for category in entry.findall(f"{ATOM}category")):
        yield "a category without term"


def _required(element: etree._Element) -> Iterator[str]:
    """RFC 4287, 4.1.1 and 4.1.2: exactly one each."""
    for name in ("id", "title", "updated"):
        count = len(element.findall(f"{ATOM}{name}"))
        if count != 1:
            yield f"expected one {name}, found {count}"
        elif not _text(element, name):
            yield f"{name} is empty"
    identity = _text(element, "id")
    if identity and not _ADDRESS.fullmatch(identity):
        yield f"id is no absolute URI: {identity}"
    for name in ("updated", "published"):
        text = _text(element, name)
        if text and _date(text) is None:
            yield f"{name} is no RFC 3339 date: {text}"


def _distinct(entries: Iterable[etree._Element]) -> Iterator[str]:
    entries = list(entries)
    for name in ("id", "updated"):
        counts = Counter(_text(entry, name) for entry in entries)
        yield from (f"{count} entries have the {name} {value}" for value, count in counts.items() if count > 1)


def _addresses(feed: etree._Element) -> Iterator[str]:
    for element in feed.iter(f"{ATOM}link", f"{ATOM}uri", f"{ATOM}icon", f"{ATOM}logo"):
        address = element.get("href") if element.tag == f"{ATOM}link" else element.text
        if not _ADDRESS.fullmatch(address or ""):
            yield f"<{etree.QName(element).localname}> holds no absolute, escaped address: {address!r}"
    for element in feed.iter(etree.Element):
        if not _LANGUAGE.fullmatch(element.get(_XML_LANG, "en")):
            yield f"xml:lang is no language tag: {element.get(_XML_LANG)!r}"


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _RFC3339.fullmatch(text) else None
    except ValueError:
        return None


def _text(element: etree._Element, name: str) -> str:
    return (element.findtext(f"{ATOM}{name}") or "").strip()
