"""One RSS 2.0 document (RSS Advisory Board) from one Feed, for readers that know no Atom.

It says what the Atom document says, in the same order: where RSS has no word for it, in the words of
Atom, Dublin Core, Media RSS and iTunes. Written by feedgen and the extensions in `feedgen_ext`.
"""

from __future__ import annotations

from html import escape

from feedgen.entry import FeedEntry
from feedgen.feed import FeedGenerator

from aggregator import __version__
from aggregator.config.schema import Output, Site
from aggregator.model import Feed
from aggregator.publish.feedgen_ext import NAMESPACES, RssEntryExtension, RssFeedExtension
from aggregator.publish.kept import Kept, filled, text_of
from aggregator.publish.values import EntryValues, FeedValues, feed_values

MEDIA_TYPE = "application/rss+xml"


def rss(feed: Feed, site: Site, output: Output, kept: Kept | None = None) -> bytes:
    """The document of the feed's newest `output.entries` stories, in the order in which they come."""
    kept = kept or Kept()
    values = feed_values(feed, site, output, "rss", kept)
    document = FeedGenerator()
    document.register_extension("ours", RssFeedExtension.of(values), atom=False, rss=True)
    _describe(document, values)
    items = (_item(entry, kept, podcast=values.podcast) for entry in values.entries)
    return filled(bytes(document.rss_str()), items, b"</channel></rss>")


def _item(values: EntryValues, kept: Kept, *, podcast: bool) -> bytes:
    def make() -> bytes:
        item = FeedEntry()
        item.register_extension("ours", RssEntryExtension, atom=False, rss=True)
        _add(item, values, podcast=podcast)
        return text_of(item.rss_entry(), NAMESPACES)

    return kept.part(("rss", values.id, podcast), make, values)


def _describe(document: FeedGenerator, feed: FeedValues) -> None:
    document.title(feed.title)
    document.description(feed.subtitle)
    document.generator(f"aggregator {__version__}")
    document.language(feed.language)
    document.link(href=feed.address, rel="self", type=MEDIA_TYPE)
    # The last one becomes the channel's own link.
    document.link(href=feed.page, rel="alternate")
    # feedgen sets this to now, cannot be told to leave it out, and writes a date by switching the
    # locale of the whole process, which other threads see: the extension writes it.
    document._FeedGenerator__rss_lastBuildDate = None


def _add(item: FeedEntry, entry: EntryValues, *, podcast: bool) -> None:
    item.id(entry.id)
    item.title(entry.title)
    item.link(href=entry.url, rel="alternate")
    # A description is HTML; the summary is plain text.
    item.summary(escape(entry.summary, quote=False))
    if entry.html:
        item.content(entry.html, type="html")
    for category in entry.categories:
        optional = {"scheme": category.scheme} if category.scheme else {}
        item.category({"term": category.term} | optional)
    for enclosure in entry.enclosures[:1]:
        item.enclosure(enclosure.url, str(enclosure.length), enclosure.type)
    if entry.source.feed_url:
        item.source(entry.source.feed_url, entry.source.title)
    item.ours.values = entry
    item.ours.podcast = podcast
