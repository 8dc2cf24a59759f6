"""What stands in the feed of a category that another one took the place of: one entry, which says so.

The feed keeps its own id and its own address: to a reader it is the same feed with one more entry. With the
other's id it would be a second copy of a feed that the reader may have already.
"""

from __future__ import annotations

from html import escape
from uuid import uuid5

from aggregator.config.schema import Site
from aggregator.model import Carrier, Feed, Moved, Origin, Story
from aggregator.publish.addresses import feed_path, page_path, public_url, tag_uri
from aggregator.publish.phrases import phrases
from aggregator.publish.xmltext import one_line


def feed(gone: Moved, site: Site) -> Feed:
    """A feed whose single entry leads to the other category's feed and page."""
    words, page = phrases(site.language), public_url(site, page_path(gone.to))
    title = words["moved"] % one_line(gone.to_title)
    address = f'<a href="{escape(public_url(site, feed_path(gone.to)))}">{escape(one_line(gone.to_title))}</a>'
    # Another id for each new place: a reader would take the second move for an entry that was read.
    uuid = uuid5(gone.uuid, gone.to)
    story = Story(
        uuid=uuid,
        title=title,
        html=f"<p>{words['moved_text'] % address}</p>",
        summary="",
        url=page,
        publisher=site.title,
        authors=(),
        published=gone.at,
        updated=gone.at,
        paths=(),
        terms=(),
        origin=Origin(site.title, tag_uri(site, gone.uuid), url=page),
        carriers=(Carrier(uuid, site.title, title, page),),
    )
    # What it held before stays reachable: whoever was away then reads it there.
    older = gone.prev_archive
    return Feed(gone.uuid, gone.slug, gone.title, title, (), gone.at, (story,), count=1, prev_archive=older)
