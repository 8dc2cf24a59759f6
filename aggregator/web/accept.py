"""Which of several media types a client would rather have (RFC 9110, 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The offered type that the header wants most; the first where it does not say.

    Of equally wanted ones a type by its own name goes before a wildcard, and among those the one
    named first: so a browser, which names text/html first, gets a page, and `*/*` the default.
    Nothing acceptable is answered like no wish at all: a feed is more use than an error.
    """
    ranges = [_range(part, place) for place, part in enumerate(accept.split(",")) if part.strip()]
    ratings = {media_type: _rating(media_type, ranges) for media_type in offered}
    # max() keeps the first of equals: the order of `offered` decides among them.
    best = max(offered, key=lambda media_type: ratings[media_type])
    return best if ratings[best][0] > 0 else offered[0]


def _range(part: str, place: int) -> tuple[str, float, int]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                quality = min(max(float(value), 0.0), 1.0)
            except ValueError:
                quality = 0.0
    return name, quality, place


def _rating(media_type: str, ranges: Sequence[tuple[str, float, int]]) -> tuple[float, int, int]:
    """Quality, how exactly it is named, and how early; of all ranges that match the most exact counts."""
    exactness = {media_type: 2, media_type.partition("/")[0] + "/*": 1, "*/*": 0}
    matching = [(exactness[name], -place, quality) for name, quality, place in ranges if name in exactness]
    if not matching:
        return (0.0 if ranges else 1.0), 0, 0
    exact, early, quality = max(matching)
    # Among wildcards the place says nothing of this type.
    return quality, exact, early if exact == 2 else 0
