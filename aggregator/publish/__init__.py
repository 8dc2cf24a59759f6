"""From feeds and stories to the documents below the output folder.

Each function yields (path, bytes) in the order in which they are to be written: a feed before
the page that links to it. `files` puts them there, after `lint` found nothing to fault in a feed.
Nothing here reads the database, knows the time, or decides what is in a feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from aggregator.config.schema import Output, Site
from aggregator.model import Condition, Feed, Moved, Story
from aggregator.publish import entrypage, feedpage, moved, pages
from aggregator.publish.addresses import HEALTH, HOME, OPML, entry_path, feed_path, page_path, public_url, tag_uri
from aggregator.publish.archive import history, only, own_path
from aggregator.publish.compressed import copies, copy_paths
from aggregator.publish.feedpage import named
from aggregator.publish.files import put, read, remove, stamp, sweep, sync_folders
from aggregator.publish.formats import FORMATS, written
from aggregator.publish.health import health
from aggregator.publish.kept import Kept
from aggregator.publish.lint import faults as faults_of_feed
from aggregator.publish.listing import index
from aggregator.publish.opml import opml
from aggregator.publish.pages import Home, Nodes

__all__ = [
    "HEALTH",
    "OPML",
    "Home",
    "Kept",
    "archive_document",
    "copies",
    "copy_paths",
    "entry_documents",
    "faults",
    "feed_documents",
    "health_document",
    "home_documents",
    "index",
    "moved_documents",
    "named",
    "page_document",
    "put",
    "read",
    "remove",
    "site_documents",
    "stamp",
    "sweep",
    "sync_folders",
]


def feed_documents(
    feed: Feed, site: Site, output: Output, nodes: Nodes = pages.NO_NODES, kept: Kept | None = None
) -> Iterator[tuple[str, bytes]]:
    """A feed in every format, then the page beside it. `nodes` holds what is `named`, `kept` is of one round."""
    for kind, format in written(output).items():
        yield feed_path(feed.slug, kind), format.write(feed, site, output, kept)
    if output.pages:
        yield page_path(feed.slug), feedpage.newest(feed, site, output, nodes, kept)


def page_document(
    feed: Feed, site: Site, output: Output, nodes: Nodes = pages.NO_NODES, kept: Kept | None = None
) -> tuple[str, bytes]:
    """One of the numbered pages beside a feed."""
    return page_path(feed.slug, feed.paging.number), feedpage.numbered(feed, site, output, nodes, kept)


def archive_document(
    feed: Feed, site: Site, output: Output, old: bytes | None = None, kept: Kept | None = None
) -> tuple[str, bytes]:
    """A sealed part of a feed; Atom alone has archives. `old` is what stands there, if it is as we wrote it.

    Of that only what the feed no longer has is taken out, and the link to the archive before it follows that: all
    else stays as it was sealed.
    """
    ids = {tag_uri(site, story.uuid) for story in feed.stories}
    older = dict(history(feed, site)).get("prev-archive")
    return own_path(feed), (old and only(old, ids, older)) or FORMATS["atom"].write(feed, site, output, kept)


def moved_documents(gone: Moved, site: Site, output: Output) -> Iterator[tuple[str, bytes]]:
    """What stands under the addresses of a category that another one took the place of."""
    for kind, format in written(output).items():
        yield feed_path(gone.slug, kind), format.write(moved.feed(gone, site), site, output)
    if output.pages:
        yield page_path(gone.slug), pages.moved(gone, site)


def site_documents(home: Home, site: Site, output: Output) -> Iterator[tuple[str, bytes]]:
    """What there is once and changes only with the names of feeds: the list of them, and what pages need."""
    yield OPML, opml(home.nodes, site)
    if output.pages:
        yield from pages.static()


def home_documents(home: Home, site: Site, output: Output) -> Iterator[tuple[str, bytes]]:
    """The home page, which shows the newest stories, and of every feed how many it has."""
    if output.pages:
        yield HOME, pages.home(home, site, output)


def entry_documents(
    stories: Iterable[Story], site: Site, output: Output, nodes: Nodes = pages.NO_NODES
) -> Iterator[tuple[str, bytes]]:
    """Pages of the articles that have no address but ours; all others are rendered when asked for."""
    for story in stories:
        if output.pages and not story.url:
            yield entry_path(story.uuid), entrypage.entry(story, site, nodes)


def health_document(
    conditions: Sequence[Condition], created: datetime, site: Site, output: Output
) -> tuple[str, bytes]:
    """What is wrong, and was, as a feed; `created` is its date while there is nothing in it."""
    return HEALTH, health(conditions, created, site, output)


def faults(path: str, document: bytes, site: Site, kept: Kept | None = None) -> list[str]:
    """Why the document must not replace the last good one; empty for what is fine or is no feed.

    `kept` is what the document was made with: an entry that another document had is not looked at once more.
    """
    if path.rpartition(".")[2] not in FORMATS:
        return []
    return faults_of_feed(document, public_url(site, path), kept)
