"""One Atom document (RFC 4287) from one Feed.

feedgen writes the document; what it cannot say, or says wrongly, is written by the extensions at
the end of this file. Nothing here knows a clock: equal feeds give equal bytes on any machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from aggregator import __version__
from aggregator.config.schema import Output, Site
from aggregator.model import Carrier, Feed, Image, Person, Story
from aggregator.publish.addresses import as_uri, entry_path, feed_path, page_path, public_url, tag_uri
from aggregator.publish.feedgen_ext import EntryExtension, FeedExtension, Link, SourceElement
from aggregator.publish.phrases import phrases
from aggregator.publish.prose import cut
from aggregator.publish.xmltext import one_line, shortened, xml_text

TITLE_CHARACTERS = 500
SUMMARY_CHARACTERS = 1000
CONTENT_BYTES = 1_000_000
MEDIA_TYPE = "application/atom+xml"
UNKNOWN_TYPE = "application/octet-stream"

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


def atom(feed: Feed, site: Site, output: Output) -> bytes:
    """The document of the feed's newest `output.entries` stories, in the order in which they come."""
    stories = feed.stories[: output.entries]
    document = FeedGenerator()
    document.register_extension("ours", _feed_extension(feed, stories, site), EntryExtension, atom=True, rss=False)
    _describe(document, feed, site)
    for story in stories:
        _add(document.add_entry(order="append"), story, site)
    return bytes(document.atom_str())


def _feed_extension(feed: Feed, stories: Sequence[Story], site: Site) -> type[FeedExtension]:
    # feedgen takes a class and makes the instance itself.
    deleted = tuple((tag_uri(site, uuid), _utc(when).isoformat()) for uuid, when in feed.deleted)
    media = any(story.image for story in stories)
    return type("Extension", (FeedExtension,), {"media": media, "deleted": deleted})


def _describe(document: FeedGenerator, feed: Feed, site: Site) -> None:
    words = phrases(site.language)
    document.id(tag_uri(site, feed.uuid))
    document.title(entry_title(feed.title, site))
    document.subtitle(one_line(feed.description) or words["feed_about"] % (one_line(site.title), one_line(feed.title)))
    document.updated(_utc(feed.updated))
    document.author(name=one_line(site.author or "") or one_line(site.title) or "aggregator")
    document.generator("aggregator", version=__version__)
    document.link(href=public_url(site, feed_path(feed.slug)), rel="self", type=MEDIA_TYPE)
    document.link(href=public_url(site, page_path(feed.slug)), rel="alternate", type="text/html")
    document.language(_language(feed.language) or _language(site.language))


def _add(entry: FeedEntry, story: Story, site: Site) -> None:
    entry.id(tag_uri(site, story.uuid))
    entry.title(entry_title(story.title, site))
    entry.updated(_utc(story.updated))
    entry.published(_utc(story.published))
    for author in _authors(story):
        entry.author(author)
    for term in _categories(story):
        entry.category(term)
    html, whole = _content(story, site)
    if html:
        entry.content(html, type="html")
    if not whole:
        entry.summary(shortened(one_line(story.summary), SUMMARY_CHARACTERS) or entry_title(story.title, site))
    if rights := one_line(story.rights or ""):
        entry.rights(rights)
    links = tuple(_links(story, site))
    # For feedgen's own check that an entry has one; the extension writes all of them anew.
    entry.link(href=links[0]["href"], rel="alternate")
    entry.ours.links = links
    entry.ours.source = tuple(_source(story, site))
    entry.ours.language = _language(story.language)
    entry.ours.thumbnail = _thumbnail(story.image)


def entry_title(title: str, site: Site) -> str:
    """Plain text of 1 to 500 characters."""
    return shortened(one_line(title), TITLE_CHARACTERS) or phrases(site.language)["untitled"]


def article_address(story: Story, site: Site) -> str:
    """The article's own address, else our page of it."""
    return (as_uri(story.url) if story.url else None) or public_url(site, entry_path(story.uuid))


def _content(story: Story, site: Site) -> tuple[str, bool]:
    """The HTML, and whether it is the whole of it."""
    words = phrases(site.language)
    html = xml_text(story.html) or (f"<p>{escape(xml_text(story.summary))}</p>" if story.summary else "")
    credit = _credit(story, site, words["carried"], words["comma"])
    rest = f'<p><a href="{escape(article_address(story, site))}">{escape(words["rest"])}</a></p>'
    kept = cut(html, CONTENT_BYTES - len((rest + credit).encode()))
    return (kept + credit, True) if kept == html else (kept + rest + credit, False)


def _credit(story: Story, site: Site, words: str, comma: str) -> str:
    """A line that readers see: a `source` element alone is invisible in most of them."""
    if len(story.carriers) < 2:
        return ""
    named = (
        f'<a href="{escape(url)}">{escape(one_line(carrier.publisher) or url)}</a>'
        for carrier, url in ((carrier, _carrier_address(carrier, site)) for carrier in story.carriers)
    )
    return f"<p><small>{words % comma.join(named)}</small></p>"


def _authors(story: Story) -> Iterator[dict[str, str]]:
    people = [person for person in story.authors if one_line(person.name)]
    for person in people or [Person(one_line(story.publisher) or one_line(story.origin.name) or "?")]:
        author = {"name": one_line(person.name)}
        if uri := as_uri(person.uri) if person.uri else None:
            author["uri"] = uri
        if person.email and _EMAIL.fullmatch(person.email):
            author["email"] = xml_text(person.email)
        yield author


def _categories(story: Story) -> Iterator[dict[str, str]]:
    """The publisher's own terms, then our paths where no term says the same."""
    seen: set[tuple[str, str]] = set()
    own = ((term.path, term.scheme, term.label) for term in story.terms)
    for path, given, name in (*own, *((path, None, path[-1]) for path in story.paths)):
        term, label = one_line("/".join(path)), one_line(name or "")
        scheme = given if given and _SCHEME.fullmatch(given) else ""
        if term and (term, scheme) not in seen:
            seen.add((term, scheme))
            optional = {"scheme": scheme, "label": label if label != term else ""}
            yield {"term": term} | {name: value for name, value in optional.items() if value}


def _links(story: Story, site: Site) -> Iterator[Link]:
    """`alternate` first; then a `via` for each further carrier (RFC 4287, 4.2.7.2), then enclosures."""
    yield {"rel": "alternate", "href": article_address(story, site), "type": "text/html"}
    via = {_carrier_address(carrier, site): one_line(carrier.publisher) for carrier in story.carriers[1:]}
    for href, title in via.items():
        yield {"rel": "via", "href": href, "type": "text/html", "title": title}
    enclosures = {as_uri(enclosure.url): enclosure for enclosure in story.enclosures}
    for address, enclosure in enclosures.items():
        if address:
            yield {
                "rel": "enclosure",
                "href": address,
                "type": enclosure.type if enclosure.type and _MEDIA_TYPE.fullmatch(enclosure.type) else UNKNOWN_TYPE,
                "length": str(max(enclosure.length or 0, 0)),
                "title": one_line(enclosure.title or ""),
            }


def _source(story: Story, site: Site) -> Iterator[SourceElement]:
    """`atom:source` (RFC 4287, 4.2.11): what a reader needs to credit the origin."""
    yield "id", story.origin.id if _SCHEME.fullmatch(story.origin.id) else tag_uri(site, story.uuid), {}
    yield "title", one_line(story.origin.name) or one_line(story.publisher) or "?", {}
    yield "updated", _utc(story.updated).isoformat(), {}
    for rel, address in (("alternate", story.origin.url), ("self", story.origin.feed_url)):
        if href := as_uri(address) if address else None:
            yield "link", "", {"rel": rel, "href": href}


def _thumbnail(image: Image | None) -> dict[str, str]:
    url = as_uri(image.url) if image else None
    if not image or not url:
        return {}
    sizes = {"width": image.width, "height": image.height}
    return {"url": url} | {name: str(size) for name, size in sizes.items() if size and size > 0}


def _carrier_address(carrier: Carrier, site: Site) -> str:
    return (as_uri(carrier.url) if carrier.url else None) or public_url(site, entry_path(carrier.uuid))


def _language(tag: str | None) -> str | None:
    tag = (tag or "").replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def _utc(when: datetime) -> datetime:
    """Microseconds stay: they keep the dates of entries apart."""
    return when.astimezone(UTC)
