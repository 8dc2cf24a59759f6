"""Whether a page holds more of an article than its feed said. Pure."""

from __future__ import annotations

from aggregator.dedupe.fold import fold
from aggregator.dedupe.similar import GRAM, alike_text, gram_size
from aggregator.model import Entry

#: Folded characters that a text must have to prove anything, and the least that a page must add.
ENOUGH = 40
#: Share of the feed's text by which the page's must be longer.
MORE = 0.1

#: Share of the feed's text that the page must repeat; where its title shows that it is the article's,
#: the feed may have a summary in words of its own.
SAME, SUMMED_UP = 0.5, 0.12
#: Share of the title that the page's headline must have, and its text.
TITLED, MENTIONED = 0.6, 0.25


#: A page that ends in a wall may yet have the article, folded up: from so many characters on, and so many
#: times what the feed said.
LONG, TIMES = 1000, 3


def shortfall(feed: Entry, page: Entry, headline: str, *, walled: bool = False) -> str | None:
    """Why the page's text does not take the place of the feed's; None where it holds more of the article.

    Both are cleaned. Errs towards the feed: a notice, a form or another article that stands in the
    place of the article shares neither its words nor its title. `walled`: the page says that it is not all.
    """
    said, found = fold(feed.text).size, fold(page.text).size
    if found < ENOUGH:
        return "its page has hardly any text"
    if found < said + max(ENOUGH, MORE * said):
        return f"its page has no more text than the feed ({found} characters, {said} in the feed)"
    if walled and found < max(LONG, TIMES * said):
        return "its page has only the beginning for visitors"
    shared = alike_text(feed.text, page.text).containment
    if said >= ENOUGH and shared >= SAME:
        return None
    titled = _within(feed.title, headline) >= TITLED and _within(feed.title, page.text) >= MENTIONED
    if titled and (said < ENOUGH or shared >= SUMMED_UP):
        return None
    return "its page shows something else than the feed"


def _within(short: str, long: str) -> float:
    """Share of the shorter text's grams that the other has; titles are too short for long grams."""
    return alike_text(short, long, 2 if gram_size(fold(short)) == GRAM else GRAM).containment
