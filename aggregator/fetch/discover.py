"""Where a site may have its feed, by what is known of sites; nothing is asked here. Pure.

Every address is a guess: who uses it fetches it, and keeps it if a feed comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit, urlunsplit

#: Below the address itself and below the root of its site; Atom first, which says most.
PATHS = ("atom.xml", "feed", "feed.xml", "rss.xml", "index.xml", "rss", "feed.json")

_GITHUB = r"github\.com/(?!orgs/|topics/|search|settings)([\w.-]+)"

#: `host/path?query` without `www.` and a final `/`, and where the feeds of such an address are, best first.
_SITES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        r"(?:m\.)?youtube\.com/channel/(UC[\w-]{22})(?:[/?].*)?",
        (r"https://www.youtube.com/feeds/videos.xml?channel_id=\1",),
    ),
    (
        r"(?:m\.)?youtube\.com/(?:playlist|watch)\?(?:.*&)?list=([\w-]+)(?:&.*)?",
        (r"https://www.youtube.com/feeds/videos.xml?playlist_id=\1",),
    ),
    (r"youtube\.com/user/([\w.-]+)(?:/.*)?", (r"https://www.youtube.com/feeds/videos.xml?user=\1",)),
    (
        _GITHUB + r"/([\w.-]+?)(?:\.git)?(?:/releases)?",
        (r"https://github.com/\1/\2/releases.atom", r"https://github.com/\1/\2/commits.atom"),
    ),
    (_GITHUB + r"/([\w.-]+)/tags", (r"https://github.com/\1/\2/tags.atom",)),
    (_GITHUB + r"/([\w.-]+)/commits", (r"https://github.com/\1/\2/commits.atom",)),
    (_GITHUB + r"/([\w.-]+)/(?:tree|commits)/([^?]+)", (r"https://github.com/\1/\2/commits/\3.atom",)),
    (_GITHUB, (r"https://github.com/\1.atom",)),
    (
        r"gitlab\.com/([\w.-]+(?:/[\w.-]+)+?)(?:/-/.*)?",
        (r"https://gitlab.com/\1/-/tags?format=atom", r"https://gitlab.com/\1.atom"),
    ),
    (
        r"(?:old\.|new\.)?reddit\.com/((?:r|u|user)/[\w-]+)(?:/(?:hot|new|top|rising))?",
        (r"https://www.reddit.com/\1/.rss",),
    ),
    (r"medium\.com/(@?[\w.-]+)(?:/.*)?", (r"https://medium.com/feed/\1",)),
    (r"([\w-]+)\.medium\.com(?:/.*)?", (r"https://\1.medium.com/feed",)),
    (r"([\w-]+)\.substack\.com(?:/.*)?", (r"https://\1.substack.com/feed",)),
    (r"([\w-]+\.blogspot\.[a-z.]+)(?:/.*)?", (r"https://\1/feeds/posts/default",)),
    (r"([\w-]+)\.wordpress\.com(?:/.*)?", (r"https://\1.wordpress.com/feed/",)),
    (r"([\w-]+)\.tumblr\.com(?:/.*)?", (r"https://\1.tumblr.com/rss",)),
    (r"bsky\.app/profile/([\w.:-]+)", (r"https://bsky.app/profile/\1/rss",)),
    (r"stackoverflow\.com/questions/tagged/([\w.+#%-]+)(?:\?.*)?", (r"https://stackoverflow.com/feeds/tag/\1",)),
    (r"dev\.to/([\w-]+)", (r"https://dev.to/feed/\1",)),
    (r"arxiv\.org/list/([\w.-]+)(?:/.*)?", (r"https://rss.arxiv.org/rss/\1",)),
    (r"cnblogs\.com/([\w-]+)", (r"https://www.cnblogs.com/\1/rss",)),
    (r"blog\.csdn\.net/(\w+)", (r"https://blog.csdn.net/\1/rss/list",)),
)
_KNOWN = tuple((re.compile(pattern, re.IGNORECASE), places) for pattern, places in _SITES)

#: Mastodon and its kin, on thousands of hosts.
_ACCOUNT = re.compile(r"/@[\w.-]+")


def known(address: str) -> tuple[str, ...]:
    """Feeds that an address of a well-known site has, best first; nothing for other sites."""
    parts = urlsplit(address)
    bare = parts.netloc.rpartition("@")[2].lower().removeprefix("www.") + parts.path.rstrip("/")
    bare += f"?{parts.query}" if parts.query else ""
    for pattern, places in _KNOWN:
        if match := pattern.fullmatch(bare):
            return tuple(match.expand(place) for place in places)
    if _ACCOUNT.fullmatch(parts.path.rstrip("/")):
        return (urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + ".rss", "", "")),)
    return ()


def usual(address: str) -> tuple[str, ...]:
    """Where sites of any kind have their feed: below the address, then at the root of its site; each once."""
    return tuple(dict.fromkeys(_usual(address)))


def _usual(address: str) -> Iterator[str]:
    parts = urlsplit(address)
    folder = parts.path if parts.path.endswith("/") or "." in parts.path.rpartition("/")[2] else parts.path + "/"
    for place in (folder, "/"):
        base = urlunsplit((parts.scheme, parts.netloc, place, "", ""))
        yield from (urljoin(base, path) for path in PATHS)
