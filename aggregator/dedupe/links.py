"""The form of a URL under which two spellings of one address meet; never shown, never fetched."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

#: Parameters that say where a reader came from, not what is read.
TRACKING = (
    r"utm_\w+|spm|fbclid|gclid|dclid|msclkid|yclid|igshid|mc_cid|mc_eid|_hsenc|_hsmi|mkt_tok|"
    r"wt_mc|ref_src|scm|share_token|isappinstalled|from=(?:rss|feed|timeline|singlemessage)"
)
_TRACKER = re.compile(rf"^(?:{TRACKING})(?:=|$)", re.IGNORECASE)
_DEFAULT_PORT = re.compile(r":(?:80|443)$")


# An entry's link is asked for twice, as one of its keys and for its signature.
@lru_cache(maxsize=64)
def link_key(url: str) -> str:
    """Host and path of `url`, with the query that tells articles apart.

    Scheme, `www.`, default ports, user info, a final slash, fragments (but not `#!` and `#/`,
    which are addresses of their own) and tracking parameters do not count.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip()
    host = _DEFAULT_PORT.sub("", parts.netloc.rpartition("@")[2].lower()).removeprefix("www.")
    query = "&".join(sorted(pair for pair in parts.query.split("&") if pair and not _TRACKER.match(pair)))
    route = parts.fragment if parts.fragment.startswith(("!", "/")) else ""
    return host + parts.path.rstrip("/") + (f"?{query}" if query else "") + (f"#{route}" if route else "")
