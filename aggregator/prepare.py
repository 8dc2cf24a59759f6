"""All pure work on one document: parse, clean, sign. Runs wherever there is a processor free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.clean import Rules, clean
from aggregator.config.schema import Source
from aggregator.dedupe.fingerprint import sign
from aggregator.dedupe.identity import keys
from aggregator.model import Document, Dropped, Failed, ParsedEntry, ParsedFeed, Prepared, Refused
from aggregator.parse import parse


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the config says of one source, ready to be sent to another process."""

    source: Source
    timezone: str
    rules: Rules


@dataclass(frozen=True, slots=True)
class Read:
    """One document with everything that could be taken from it."""

    feed: ParsedFeed
    prepared: tuple[Prepared, ...]
    refused: tuple[Refused, ...]


def prepare(document: Document, recipe: Recipe, now: datetime) -> Read | Failed:
    """Parse a document, clean each of its entries, take their signatures and keys.

    Fails only as a whole, where it is no feed or article; an entry that cannot be taken is
    refused with its reason and the others go on.
    """
    feed = parse(document, recipe.source, recipe.timezone)
    if isinstance(feed, Failed):
        return feed
    prepared, refused = [], list(feed.refused)
    for parsed in feed.entries:
        entry = clean(parsed, feed, document.url, recipe.rules, now)
        if isinstance(entry, Dropped):
            refused.append(Refused(_place(parsed, entry), entry.reason))
        else:
            signature = sign(parsed, entry)
            prepared.append(Prepared(parsed, entry, signature, keys(parsed, entry, signature.digest)))
    return Read(feed, tuple(prepared), tuple(refused))


def _place(parsed: ParsedEntry, dropped: Dropped) -> str:
    """What a person can find an entry by."""
    return parsed.path or parsed.url or parsed.id or dropped.title or "an entry without any name"
