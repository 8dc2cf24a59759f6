"""The formats of a feed, as a table: one more function and one more line is one more format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from aggregator.config.schema import Output, Site
from aggregator.model import Feed
from aggregator.publish import atom, jsonfeed, rss
from aggregator.publish.kept import Kept


class Write(Protocol):
    """Makes the document of a feed; of `kept`, what other documents have as well."""

    def __call__(self, feed: Feed, site: Site, output: Output, kept: Kept | None = None) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Format:
    #: As people call it.
    name: str
    media_type: str
    write: Write


#: By the ending of the file; the first is what readers are offered first.
FORMATS = {
    "atom": Format("Atom", atom.MEDIA_TYPE, atom.atom),
    "rss": Format("RSS", rss.MEDIA_TYPE, rss.rss),
    "json": Format("JSON Feed", jsonfeed.MEDIA_TYPE, jsonfeed.jsonfeed),
}


def written(output: Output) -> dict[str, Format]:
    """The configured ones, in our order."""
    return {key: FORMATS[key] for key in FORMATS if key in output.formats}
