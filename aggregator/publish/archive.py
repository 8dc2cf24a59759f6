"""The history of a feed (RFC 5005, section 4): where its documents lie, how they are linked, what may leave them.

A sealed document never names a newer one but `current`: it would change when that one came.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lxml import etree

from aggregator.config.schema import Site
from aggregator.model import Feed
from aggregator.publish.addresses import archive_path, feed_path, public_url

_ENTRY, _ID, _LINK = (f"{{http://www.w3.org/2005/Atom}}{name}" for name in ("entry", "id", "link"))


def own_path(feed: Feed, kind: str = "atom") -> str:
    """Where the document of this feed lies."""
    return feed_path(feed.slug, kind) if feed.archive is None else archive_path(feed.slug, feed.archive)


def history(feed: Feed, site: Site) -> Iterator[tuple[str, str]]:
    """Relation and address of the feed's other documents; nothing where it has no archive."""
    if feed.archive is not None or feed.prev_archive is not None:
        yield "current", public_url(site, feed_path(feed.slug))
    if feed.prev_archive is not None:
        yield "prev-archive", public_url(site, archive_path(feed.slug, feed.prev_archive))


def only(document: bytes, ids: Collection[str], older: str | None = None) -> bytes | None:
    """The document without entries of other ids, leading to the archive at `older`; None if it is no feed of ours.

    Byte for byte as it was besides.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        feed = etree.fromstring(document, parser)
    except etree.XMLSyntaxError:
        return None
    for entry in feed.findall(_ENTRY):
        if entry.findtext(_ID) not in ids:
            feed.remove(entry)
    for link in feed.findall(_LINK):
        if link.get("rel") == "prev-archive" and older:
            link.set("href", older)
        elif link.get("rel") == "prev-archive":
            feed.remove(link)
    # As feedgen ends it, so that what stays is the same to the byte.
    return bytes(etree.tostring(feed, pretty_print=False, encoding="UTF-8", xml_declaration=True))
