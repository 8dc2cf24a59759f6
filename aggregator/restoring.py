"""The output folder as it should be: what somebody deleted or altered there, and what is wanted no more."""

from __future__ import annotations

from sqlalchemy import Connection

from aggregator import publish
from aggregator.means import Means
from aggregator.publish.addresses import is_feed
from aggregator.publish.compressed import COPIES
from aggregator.publish.formats import FORMATS
from aggregator.store import archives, documents, paging


def restore(means: Means) -> None:
    """Look at every file: documents that somebody deleted or altered are forgotten, and what they show is behind."""
    with means.database.read() as connection:
        lost = [
            row
            for row in documents.all_of_them(connection)
            if publish.stamp(means.root, row.path) != (row.size, row.mtime)
        ]
    if not lost:
        return
    with means.database.write(beside=True) as connection:
        documents.forget(connection, [row.path for row in lost])
        archives.outdate(connection, [(row.category_id, row.archive) for row in lost if row.archive is not None])
        paging.outdate(connection, [(row.category_id, row.page) for row in lost if row.page is not None])
        feeds = [row.category_id for row in lost if row.archive is None and row.category_id is not None]
        documents.outdate(connection, feeds, [row.story_id for row in lost if row.story_id is not None])
        if any(row.category_id is None and row.story_id is None for row in lost):
            documents.outdate_site(connection, names=True)


def drop_unwanted(connection: Connection, means: Means) -> None:
    """Take away feeds in formats, and compressed copies, that the configuration asks for no more."""
    output = means.config.output
    formats = [f".{kind}" for kind in FORMATS if kind not in output.formats]
    copies = [ending + copy for ending in (formats if output.precompress else [""]) for copy in COPIES]
    paths = [path for path in documents.ending(connection, copies) if is_feed(path)]
    # Archives stay: what is sealed is there for whoever was away.
    paths += [path for path in documents.ending(connection, formats) if is_feed(path) and "/archive/" not in path]
    for path in paths:
        publish.remove(means.root, path)
    documents.forget(connection, paths)
