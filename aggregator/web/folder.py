"""The output folder as it is served: which request may see which file, and as what."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from types import MappingProxyType

from aggregator.web.conditional import Representation, digest

#: Files whose digests are remembered; each entry is a few hundred bytes.
MOST_DIGESTS = 20_000

# The content policy of the pages: everything from here, but pictures and sound from anywhere.
PAGE_HEADERS = MappingProxyType(
    {
        # Asked for again each time, which costs a 304: an edited page shows at once.
        "Cache-Control": "public, no-cache",
        "Content-Security-Policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' https:; media-src https:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        # Publishers' picture servers refuse a foreign referrer more often than none.
        "Referrer-Policy": "no-referrer",
    }
)
#: Any page may read a feed from a script, as readers that run in a browser do.
FEED_HEADERS = MappingProxyType({"Cache-Control": "public, max-age=60", "Access-Control-Allow-Origin": "*"})
FILE_HEADERS = MappingProxyType({"Cache-Control": "public, max-age=3600"})

#: By a file's ending; the system's own table differs between machines and lacks feeds.
TYPES = MappingProxyType(
    {
        ".atom": ("application/atom+xml; charset=utf-8", FEED_HEADERS),
        ".rss": ("application/rss+xml; charset=utf-8", FEED_HEADERS),
        ".json": ("application/feed+json; charset=utf-8", FEED_HEADERS),
        ".xml": ("text/x-opml; charset=utf-8", FEED_HEADERS),
        ".html": ("text/html; charset=utf-8", PAGE_HEADERS),
        ".css": ("text/css; charset=utf-8", FILE_HEADERS),
        ".js": ("text/javascript; charset=utf-8", FILE_HEADERS),
        ".svg": ("image/svg+xml; charset=utf-8", FILE_HEADERS),
    }
)


class Folder:
    """Reads files below `root`, and remembers their digests while they do not change."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._digests: OrderedDict[tuple[str, int, int, int], str] = OrderedDict()

    def read(self, path: str) -> Representation | None:
        """The file at `path`, or None for what is not there or is not for the public."""
        target = self._target(path)
        if target is None or target.suffix not in TYPES:
            return None
        try:
            # Through one open file, for it may be replaced between two looks at its name.
            with open(target, "rb") as file:
                status = os.fstat(file.fileno())
                body = file.read()
        except (OSError, ValueError):
            return None
        media_type, headers = TYPES[target.suffix]
        key = (str(target), status.st_mtime_ns, status.st_size, status.st_ino)
        return Representation(body, media_type, self._digest(key, body), int(status.st_mtime), headers)

    def has(self, path: str) -> bool:
        target = self._target(path)
        # Not Path.is_file, which raises where a name is too long.
        return target is not None and os.path.isfile(target)

    def _target(self, path: str) -> Path | None:
        """Where `path` lies, unless it names anything hidden, temporary, or outside the folder."""
        parts = path.split("/")
        if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
            return None
        target = self._root.joinpath(*parts)
        try:
            # A symbolic link may lead out of the folder.
            inside = Path(os.path.realpath(target)).is_relative_to(self._root)
        except (OSError, ValueError):
            return None
        return target if inside else None

    def _digest(self, key: tuple[str, int, int, int], body: bytes) -> str:
        if key not in self._digests:
            self._digests[key] = digest(body)
            if len(self._digests) > MOST_DIGESTS:
                self._digests.popitem(last=False)
        return self._digests[key]
