"""Entries as publishers wrote them -> entries fit to store and publish. Pure.

`clean` does the fixed cleaning and what config.yaml asks for; what a publisher repeats in all its
articles is learned elsewhere. `plain` gives the text of cleaned HTML, for whoever stores it again.
"""

from __future__ import annotations

from datetime import datetime

from aggregator.clean.draft import STEPS, Draft, address_of
from aggregator.clean.rules import Rules, rules_for
from aggregator.clean.text import plain
from aggregator.model import Dropped, Entry, ParsedEntry, ParsedFeed

__all__ = ["Rules", "address_of", "clean", "plain", "rules_for"]


def clean(parsed: ParsedEntry, feed: ParsedFeed, base: str | None, rules: Rules, now: datetime) -> Entry | Dropped:
    """The entry with every field present and safe, or the reason why it is refused.

    `base` is the address of the document, None for files. `now` only tells which dates are
    implausible: with any later one the same entry comes out, unless its date lay in the future.
    """
    draft = Draft(parsed, feed, base, rules, now)
    for step in STEPS:
        if dropped := step(draft):
            return dropped
    return draft.entry()
