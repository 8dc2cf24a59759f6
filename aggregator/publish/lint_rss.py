"""The rules of RSS 2.0: the RSS Advisory Board's specification and profile, and what validators warn of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial

from lxml import etree

from aggregator.publish import findings
from aggregator.publish.findings import Finding, names
from aggregator.publish.lint_parts import Apart, Checked
from aggregator.publish.lint_xml import Children, children, languages, own_addresses, text, whole_text

_ATOM = "{http://www.w3.org/2005/Atom}"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"

#: Children of each element and whether there may be more than one.
_CHANNEL: Mapping[str, bool] = dict.fromkeys(names("category item"), True) | dict.fromkeys(
    names("""title link description language copyright managingEditor webMaster pubDate lastBuildDate generator docs
    cloud ttl image rating textInput skipHours skipDays"""),
    False,
)
# More than one enclosure is a matter of advice, and told as such.
_ITEM: Mapping[str, bool] = dict.fromkeys(names("category enclosure"), True) | dict.fromkeys(
    names("title link description author comments guid pubDate source"), False
)
_HOURS = frozenset(str(hour) for hour in range(25))
_DAYS = names("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
_OLD = frozenset(("0.91", "0.92"))


def check(root: etree._Element, url: str | None, now: datetime | None, *, odd: bool, parts: Apart) -> Iterator[Finding]:
    """Findings of an RSS document. `odd`: it may hold characters that are worth a search."""
    version = root.get("version", "")
    if version in _OLD:
        yield Finding("outdated", f"RSS {version}: expected version 2.0")
    elif version != "2.0":
        yield Finding("wrong-value", f"version is {version[:20]!r}: expected 2.0")
    channels = root.findall("channel")
    if len(channels) != 1:
        yield Finding("repeated" if channels else "missing", f"expected one channel, found {len(channels)}")
        return
    channel, found = children(channels[0], "channel", _CHANNEL)
    yield from found
    yield from _channel(channel, now)
    yield from findings.own_address(own_addresses(channels[0].findall(f"{_ATOM}link")), url)
    yield from languages(root)
    if odd:
        yield from findings.characters(whole_text(child for child in channels[0] if child.tag != "item"))
    items = parts.entries(channel.get("item", ()), partial(_whole, now=now, odd=odd))
    for item in items:
        yield from item.findings
    yield from findings.same("same-id", "guid", (item.identity for item in items))


def _whole(element: etree._Element, now: datetime | None, *, odd: bool) -> Checked:
    item, found = children(element, "item", _ITEM)
    told = findings.about(_name(item), [*found, *_item(element, item, now, odd=odd)])
    return Checked(_guid(element), "", (*told, *languages(element)))


def _channel(channel: Children, now: datetime | None) -> Iterator[Finding]:
    for name in ("title", "link", "description"):
        if not text(channel, name):
            yield Finding("missing", f"channel without {name}")
    if text(channel, "title"):
        yield from findings.title("title", text(channel, "title"))
    yield from findings.address("<link>", text(channel, "link"), required=False)
    yield from _dates(channel, ("pubDate", "lastBuildDate"), now)
    for name in ("managingEditor", "webMaster"):
        if name in channel:
            yield from findings.email(f"<{name}>", text(channel, name))
    if "language" in channel:
        yield from findings.language("language", text(channel, "language"))
    if "ttl" in channel:
        yield from findings.number("<ttl>", text(channel, "ttl"))
    for image in channel.get("image", ()):
        for name in ("url", "title", "link"):
            if not (image.findtext(name) or "").strip():
                yield Finding("missing", f"image without {name}")
        yield from findings.address("<image url>", image.findtext("url"), required=False)
    yield from _skipped(channel)


def _skipped(channel: Children) -> Iterator[Finding]:
    for hours in channel.get("skipHours", ()):
        for hour in hours.findall("hour"):
            written = (hour.text or "").strip()
            if written not in _HOURS:
                yield Finding("wrong-value", f"skipHours: no hour: {written[:20]!r}")
    for days in channel.get("skipDays", ()):
        for day in days.findall("day"):
            if (day.text or "").strip() not in _DAYS:
                yield Finding("wrong-value", f"skipDays: no day: {(day.text or '')[:20]!r}")


def _item(element: etree._Element, item: Children, now: datetime | None, *, odd: bool) -> Iterator[Finding]:
    if "title" not in item and "description" not in item:
        yield Finding("no-content", "neither title nor description")
    if "title" in item:
        yield from findings.title("title", text(item, "title"))
    yield from findings.address("<link>", text(item, "link"), required="link" in item)
    yield from findings.address("<comments>", text(item, "comments"), required="comments" in item)
    yield from _dates(item, ("pubDate",), now)
    yield from _identity(item)
    if "author" in item:
        yield from findings.email("<author>", text(item, "author"))
    for source in item.get("source", ()):
        yield from findings.address("<source url>", source.get("url"))
    for category in item.get("category", ()):
        if not (category.text or "").strip():
            yield Finding("missing", "a category without a name")
    yield from _enclosures(item)
    yield from findings.html(text(item, "description"))
    encoded = element.findall(_CONTENT)
    if len(encoded) > 1:
        yield Finding("repeated", f"expected one content:encoded, found {len(encoded)}")
    for content in encoded[:1]:
        yield from findings.html(content.text or "")
    for updated in element.findall(f"{_ATOM}updated"):
        yield from findings.date("atom:updated", findings.read_date(updated.text or ""), updated.text or "", now)
    for link in element.findall(f"{_ATOM}link"):
        yield from findings.address("<atom:link>", link.get("href"))
    if odd:
        yield from findings.characters(whole_text([element]))


def _identity(item: Children) -> Iterator[Finding]:
    for guid in item.get("guid", ()):
        said = guid.get("isPermaLink", "true")
        if said not in ("true", "false"):
            yield Finding("wrong-value", f"isPermaLink is {said[:20]!r}: expected true or false")
        written = (guid.text or "").strip()
        if not written:
            yield Finding("bad-id", "guid is empty")
        elif said == "true":
            yield from (Finding("bad-id", finding.message) for finding in findings.address("a permanent guid", written))
    if "guid" not in item:
        yield Finding("no-id", "no guid: readers cannot tell when it changes")


def _enclosures(item: Children) -> Iterator[Finding]:
    found = item.get("enclosure", [])
    if len(found) > 1:
        yield Finding("several-enclosures", f"{len(found)} enclosures: most readers take the first or the last only")
    for enclosure in found:
        for name in ("url", "length", "type"):
            if enclosure.get(name) is None:
                yield Finding("missing", f"enclosure without {name}")
        yield from findings.address("<enclosure url>", enclosure.get("url"), required=False)
        if (length := enclosure.get("length")) is not None:
            yield from findings.number("<enclosure length>", length)
        if (kind := enclosure.get("type")) is not None:
            yield from findings.media_type("<enclosure type>", kind)


def _dates(inside: Children, wanted: tuple[str, ...], now: datetime | None) -> Iterator[Finding]:
    for name in wanted:
        if name in inside:
            written = text(inside, name)
            yield from findings.date(name, _rfc822(written), written, now)


def _rfc822(written: str) -> datetime | None:
    """The time that RFC 822 reads in it, with a year of four digits and a zone."""
    try:
        when = parsedate_to_datetime(written)
    except (ValueError, IndexError, OverflowError):
        return None
    return when if when.tzinfo is not None and f"{when.year:04d}" in written else None


def _guid(element: etree._Element) -> str:
    return (element.findtext("guid") or "").strip()


def _name(item: Children) -> str:
    return findings.named(text(item, "title"), text(item, "guid") or text(item, "link"), text(item, "source"))
