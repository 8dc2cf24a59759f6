"""The last step: nothing leaves that is not on the lists of `allowed`."""

from __future__ import annotations

from functools import cache

import nh3

from aggregator.clean import allowed
from aggregator.clean.urls import Links

_EXACT = Links(unwrap=())


def sanitize(html: str) -> str:
    """Safe HTML of any HTML. Relative links stay as they are; resolve them before.

    A filter in Python halves the speed, so only the few documents get one that hold what the
    fast lists cannot tell apart: `data:` images from `data:` links, players from other frames.
    """
    careful = '"data:' in html or "<iframe" in html
    return _cleaner(careful).clean(html)


@cache
def _cleaner(careful: bool) -> nh3.Cleaner:
    """One of each kind in a process: making one costs more than cleaning a short text."""
    return nh3.Cleaner(
        tags=set(allowed.ELEMENTS),
        clean_content_tags={"script", "style"},
        attributes={tag: set(names.split()) for tag, names in allowed.ATTRIBUTES.items()},
        tag_attribute_values={
            tag: {name: set(values) for name, values in by_name.items()} for tag, by_name in allowed.VALUES.items()
        },
        url_schemes=set(allowed.SCHEMES) | ({"data"} if careful else set()),
        set_tag_attribute_values=allowed.ALWAYS,
        attribute_filter=_exact if careful else None,
        link_rel="noopener noreferrer",
    )


def _exact(tag: str, name: str, value: str) -> str | None:
    if tag == "iframe" and name == "src":
        return value if allowed.is_player(value) else None
    if value[:5].lower() == "data:":
        return value if tag == "img" and name == "src" and _EXACT.image(value) else None
    return value
