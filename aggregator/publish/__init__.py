"""From feeds and stories to the documents below the output folder.

Each function yields (path, bytes) in the order in which they are to be written: a feed before
the page that links to it. `files` puts them there, after `lint` found nothing to fault in a feed.
Nothing here reads the database, knows the time, or decides what is in a feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aggregator.config.schema import Output, Site
from aggregator.model import Feed, Moved, Story
from aggregator.publish import moved, pages
from aggregator.publish.addresses import HOME, OPML, entry_path, feed_path, page_path, public_url
from aggregator.publish.files import put, remove, sweep, sync_folders
from aggregator.publish.formats import written
from aggregator.publish.lint import lint
from aggregator.publish.listing import index
from aggregator.publish.opml import opml
from aggregator.publish.pages import Home, Nodes

__all__ = [
    "Home",
    "entry_documents",
    "faults",
    "feed_documents",
    "index",
    "moved_documents",
    "put",
    "remove",
    "site_documents",
    "sweep",
    "sync_folders",
]


def feed_documents(
    feed: Feed, site: Site, output: Output, nodes: Nodes = pages.NO_NODES
) -> Iterator[tuple[str, bytes]]:
    """A feed in every format, then the page beside it. `nodes` is `index` of the whole tree."""
    for kind, format in written(output).items():
        yield feed_path(feed.slug, kind), format.write(feed, site, output)
    if output.pages:
        yield page_path(feed.slug), pages.category(feed, site, output, nodes)


def moved_documents(gone: Moved, site: Site, output: Output) -> Iterator[tuple[str, bytes]]:
    """What stands under the addresses of a category that another one took the place of."""
    for kind, format in written(output).items():
        yield feed_path(gone.slug, kind), format.write(moved.feed(gone, site), site, output)
    if output.pages:
        yield page_path(gone.slug), pages.moved(gone, site)


def site_documents(home: Home, site: Site, output: Output) -> Iterator[tuple[str, bytes]]:
    """What there is once: the list of feeds, what pages need, and the home page."""
    yield OPML, opml(home.nodes, site)
    if output.pages:
        yield from pages.static()
        yield HOME, pages.home(home, site, output)


def entry_documents(
    stories: Iterable[Story], site: Site, output: Output, nodes: Nodes = pages.NO_NODES
) -> Iterator[tuple[str, bytes]]:
    """Pages of the articles that have no address but ours; all others are rendered when asked for."""
    for story in stories:
        if output.pages and not story.url:
            yield entry_path(story.uuid), pages.entry(story, site, nodes)


def faults(path: str, document: bytes, site: Site) -> list[str]:
    """Why the document must not replace the last good one; empty for what is fine or is no feed."""
    return lint(document, public_url(site, path)) if path.endswith(".atom") else []
