"""The rules of Atom: RFC 4287, and what feed validators warn of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from html import unescape

from lxml import etree

from aggregator.publish import findings
from aggregator.publish.findings import Finding
from aggregator.publish.lint_parts import Apart, Checked
from aggregator.publish.lint_xml import Children, children, languages, own_addresses, text, whole_text

ATOM = "{http://www.w3.org/2005/Atom}"
_XHTML = "{http://www.w3.org/1999/xhtml}"

_MANY = ("author", "category", "contributor", "link")
_ONE_IN_FEED = ("generator", "icon", "id", "logo", "rights", "subtitle", "title", "updated")
_ONE_IN_ENTRY = ("content", "id", "published", "rights", "source", "summary", "title", "updated")
#: Children of each element and whether there may be more than one (RFC 4287, 4.1 and 3.2).
_CHILDREN: Mapping[str, Mapping[str, bool]] = {
    "feed": dict.fromkeys((*_MANY, "entry"), True) | dict.fromkeys(_ONE_IN_FEED, False),
    "entry": dict.fromkeys(_MANY, True) | dict.fromkeys(_ONE_IN_ENTRY, False),
    "source": dict.fromkeys(_MANY, True) | dict.fromkeys(_ONE_IN_FEED, False),
    "person": dict.fromkeys(("name", "uri", "email"), False),
}
_REQUIRED = ("id", "title", "updated")


def check(root: etree._Element, url: str | None, now: datetime | None, *, odd: bool, parts: Apart) -> Iterator[Finding]:
    """Findings of a feed document. `odd`: it may hold characters that are worth a search."""
    feed, found = _children(root, "feed")
    yield from found
    yield from _common(feed, now)
    yield from findings.own_address(own_addresses(feed.get("link", ())), url)
    yield from languages(root)
    if odd:
        yield from findings.characters(whole_text(child for child in root if child.tag != f"{ATOM}entry"))
    entries = parts.entries(feed.get("entry", []), partial(_whole, feed=feed, now=now, odd=odd))
    for entry in entries:
        yield from entry.findings
    yield from findings.same("same-id", "id", (entry.identity for entry in entries))
    yield from findings.same("same-updated", "updated", (entry.updated for entry in entries))
    updated = findings.read_date(text(feed, "updated"))
    stamps = (findings.read_date(entry.updated) for entry in entries) if updated else ()
    if updated and any(stamp and stamp > updated for stamp in stamps):
        yield Finding("old-updated", "updated is older than an entry's")


def _whole(element: etree._Element, feed: Children, now: datetime | None, *, odd: bool) -> Checked:
    entry, found = _children(element, "entry")
    told = [*found, *_entry(element, entry, feed, now, odd=odd)]
    if told:
        told = list(findings.about(_name(entry), told))
    identity, updated = ((element.findtext(f"{ATOM}{name}") or "").strip() for name in ("id", "updated"))
    return Checked(identity, updated, (*told, *languages(element)))


def _children(element: etree._Element, kind: str) -> tuple[Children, list[Finding]]:
    found, wrong = children(element, kind, _CHILDREN[kind], ATOM)
    if kind in ("feed", "entry"):
        wrong += [Finding("missing", f"expected one {name}, found 0") for name in _REQUIRED if name not in found]
    return found, wrong


def _common(inside: Children, now: datetime | None) -> Iterator[Finding]:
    """What feeds, entries and sources have alike."""
    if "id" in inside:
        value = text(inside, "id")
        yield from findings.identity("id", value) if value else [Finding("bad-id", "id is empty")]
    for name in ("updated", "published"):
        if name in inside:
            written = text(inside, name)
            yield from findings.date(name, findings.read_date(written), written, now)
    for name in ("title", "subtitle", "summary", "rights"):
        for construct in inside.get(name, ()):
            yield from _construct(name, construct)
    for name in ("author", "contributor"):
        for person in inside.get(name, ()):
            yield from _person(name, person)
    for link in inside.get("link", ()):
        yield from _link(link)
    for name in ("icon", "logo"):
        for element in inside.get(name, ()):
            yield from findings.address(f"<{name}>", element.text)
    if any(not (category.get("term") or "").strip() for category in inside.get("category", ())):
        yield Finding("missing", "a category without term")


def _entry(
    element: etree._Element, entry: Children, feed: Children, now: datetime | None, *, odd: bool
) -> Iterator[Finding]:
    yield from _common(entry, now)
    for source in entry.get("source", ()):
        inside, found = _children(source, "source")
        yield from found
        # Not its dates: they are its publisher's.
        yield from _common({name: elements for name, elements in inside.items() if name != "updated"}, now)
        if "author" in inside:
            feed = {**feed, "author": inside["author"]}
    if "author" not in feed and "author" not in entry:
        yield Finding("no-author", "no author, and the feed has none")
    yield from _content(entry)
    links = [link for link in entry.get("link", ()) if link.get("rel", "alternate") == "alternate"]
    if not links and "content" not in entry:
        yield Finding("no-content", "neither content nor a link rel=alternate")
    kinds = Counter((link.get("type"), link.get("hreflang")) for link in links)
    if any(count > 1 for count in kinds.values()):
        yield Finding("same-alternate", "two links rel=alternate of one type")
    if odd:
        yield from findings.characters(whole_text([element]))


def _construct(name: str, construct: etree._Element) -> Iterator[Finding]:
    """A text construct (RFC 4287, 3.1)."""
    kind = construct.get("type", "text")
    value = whole_text([construct]) if kind == "xhtml" else construct.text or ""
    if kind not in ("text", "html", "xhtml"):
        yield Finding("wrong-value", f"{name} is of type {kind[:80]!r}: expected text, html or xhtml")
    elif kind != "xhtml" and construct.find("*") is not None:
        yield Finding("wrong-value", f"{name} of type {kind} holds elements")
    elif kind == "xhtml" and [child.tag for child in construct.iterchildren(etree.Element)] != [f"{_XHTML}div"]:
        yield Finding("wrong-value", f"{name} of type xhtml holds something else than one div")
    if name == "title":
        yield from findings.title(name, value if kind == "text" else _plain(value))
    elif kind == "html":
        yield from findings.html(value)


def _plain(html: str) -> str:
    """Enough to tell whether a title of HTML says anything, and that it is told to be HTML."""
    return unescape(html).replace("<", "").replace("&", "")


def _content(entry: Children) -> Iterator[Finding]:
    """RFC 4287, 4.1.3."""
    for content in entry.get("content", ()):
        kind, source = content.get("type", "text"), content.get("src")
        if source is not None:
            yield from findings.address("<content src>", source)
            if (content.text or "").strip() or len(content):
                yield Finding("wrong-value", "content has src and is not empty")
            if "summary" not in entry:
                yield Finding("missing", "content lies elsewhere, and there is no summary")
        if kind == "html":
            if content.find("*") is not None:
                yield Finding("wrong-value", "content of type html holds elements: escape them")
            yield from findings.html(content.text or "")
        elif kind == "xhtml":
            yield from findings.html(etree.tostring(content, encoding="unicode"))
        elif kind != "text":
            yield from findings.media_type("<content type>", kind)


def _person(name: str, person: etree._Element) -> Iterator[Finding]:
    inside, found = _children(person, "person")
    yield from (Finding(finding.rule, f"{name}: {finding.message}") for finding in found)
    if not text(inside, "name"):
        yield Finding("missing", f"{name} without a name")
    if "uri" in inside:
        yield from findings.address("<uri>", text(inside, "uri"))
    if "email" in inside:
        yield from findings.email("<email>", text(inside, "email"))


def _link(link: etree._Element) -> Iterator[Finding]:
    """RFC 4287, 4.2.7."""
    yield from findings.address("<link>", link.get("href"))
    if (rel := link.get("rel")) is not None and not rel.strip():
        yield Finding("wrong-value", "a link whose rel is empty")
    if (kind := link.get("type")) is not None:
        yield from findings.media_type("<link type>", kind)
    if (length := link.get("length")) is not None:
        yield from findings.number("<link length>", length)
    if (language := link.get("hreflang")) is not None:
        yield from findings.language("hreflang", language)


def _name(entry: Children) -> str:
    source = entry["source"][0].findtext(f"{ATOM}title") if "source" in entry else None
    return findings.named(text(entry, "title"), text(entry, "id"), source or "")
