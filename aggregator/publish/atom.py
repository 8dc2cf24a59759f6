"""One Atom document (RFC 4287) from one Feed.

feedgen writes the document; what it cannot say, or says wrongly, is written by the extensions in
`feedgen_ext`. Nothing here knows a clock: equal feeds give equal bytes on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from aggregator import __version__
from aggregator.config.schema import Output, Site
from aggregator.model import Feed
from aggregator.publish.feedgen_ext import NAMESPACES, EntryExtension, FeedExtension, Link, Node
from aggregator.publish.kept import Kept, filled, text_of
from aggregator.publish.values import EntryValues, FeedValues, SourceValues, feed_values
from aggregator.publish.xmltext import looks_like_html

MEDIA_TYPE = "application/atom+xml"


def atom(feed: Feed, site: Site, output: Output, kept: Kept | None = None) -> bytes:
    """The document of the feed's stories, in the order in which they come."""
    kept = kept or Kept()
    return write(feed_values(feed, site, output, "atom", kept), kept)


def write(values: FeedValues, kept: Kept) -> bytes:
    """The document that says all this and no more."""
    document = FeedGenerator()
    document.register_extension("ours", FeedExtension.of(values), atom=True, rss=False)
    _describe(document, values)
    entries = (_entry(entry, kept, podcast=values.podcast) for entry in values.entries)
    return filled(bytes(document.atom_str()), entries, b"</feed>")


def _entry(values: EntryValues, kept: Kept, *, podcast: bool) -> bytes:
    def make() -> bytes:
        entry = FeedEntry()
        entry.register_extension("ours", EntryExtension, atom=True, rss=False)
        _add(entry, values, podcast=podcast)
        return text_of(entry.atom_entry(), NAMESPACES)

    return kept.part(("atom", values.id, podcast), make, values)


def _describe(document: FeedGenerator, feed: FeedValues) -> None:
    document.id(feed.id)
    document.title(feed.title)
    document.subtitle(feed.subtitle)
    document.updated(feed.updated)
    document.author(name=feed.author)
    document.generator("aggregator", version=__version__)
    document.link(href=feed.address, rel="self", type=MEDIA_TYPE)
    document.link(href=feed.page, rel="alternate", type="text/html")
    if feed.hub:
        document.link(href=feed.hub, rel="hub")
    for rel, address in feed.history:
        document.link(href=address, rel=rel, type=MEDIA_TYPE)
    document.language(feed.language)


def _add(entry: FeedEntry, values: EntryValues, *, podcast: bool) -> None:
    entry.id(values.id)
    entry.title(values.title)
    entry.updated(values.updated)
    entry.published(values.published)
    for author in values.authors:
        named = {"name": author.name, "uri": author.uri, "email": author.email}
        entry.author({name: value for name, value in named.items() if value})
    for category in values.categories:
        optional = {"scheme": category.scheme, "label": category.label}
        entry.category({"term": category.term} | {name: value for name, value in optional.items() if value})
    if values.html:
        entry.content(values.html, type="html")
    if not values.whole or not values.html:
        entry.summary(values.summary)
    if values.rights:
        entry.rights(values.rights)
    # For feedgen's own check that an entry has one; the extension writes all of them anew.
    entry.link(href=values.url, rel="alternate")
    entry.ours.values = values
    entry.ours.podcast = podcast
    entry.ours.links = tuple(_links(values))
    entry.ours.source = tuple(_source(values.source, values.updated.isoformat()))
    # A title is plain text. One that looks like HTML is told so: readers guess where nothing does.
    entry.ours.escaped = tuple(
        name for name, text in (("title", values.title), ("summary", values.summary)) if looks_like_html(text)
    )


def _links(entry: EntryValues) -> Iterator[Link]:
    """`alternate` first; then a `via` for each further carrier (RFC 4287, 4.2.7.2), then enclosures."""
    yield {"rel": "alternate", "href": entry.url, "type": "text/html"}
    for href, title in entry.via:
        yield {"rel": "via", "href": href, "type": "text/html", "title": title}
    for enclosure in entry.enclosures:
        yield {
            "rel": "enclosure",
            "href": enclosure.url,
            "type": enclosure.type or "",
            "length": str(enclosure.length),
            "title": enclosure.title or "",
        }


def _source(source: SourceValues, updated: str) -> Iterator[Node]:
    """`atom:source` (RFC 4287, 4.2.11): what a reader needs to credit the origin."""
    yield "id", source.id, {}
    yield "title", source.title, {"type": "html"} if looks_like_html(source.title) else {}
    yield "updated", updated, {}
    for rel, href in (("alternate", source.url), ("self", source.feed_url)):
        if href:
            yield "link", "", {"rel": rel, "href": href}
