"""All pure work on one document: parse, clean, sign. Runs wherever there is a processor free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from aggregator.clean import Rules, address_of, clean
from aggregator.clean.blocks import blocks
from aggregator.config.schema import Source
from aggregator.dedupe.fingerprint import fingerprint, sign
from aggregator.dedupe.identity import keys
from aggregator.dedupe.recognition import recognized
from aggregator.model import Document, Dropped, Failed, ParsedEntry, ParsedFeed, Prepared, Recognized, Refused
from aggregator.parse import parse

#: Entries that need not be cleaned again: the titles under which they are stored, by fingerprint.
Titles = Mapping[bytes, str]

NOTHING: Titles = {}


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
    #: Entries that are stored as they are written here; there are none where nothing was said to be known.
    recognized: tuple[Recognized, ...] = ()


def prepare(document: Document, recipe: Recipe, now: datetime, known: Titles = NOTHING) -> Read | Failed:
    """Parse a document, clean each of its entries, take their signatures, keys and blocks.

    What is `known` is not cleaned. Fails only as a whole, where it is no feed or article; an entry that cannot be
    taken is refused with its reason and the others go on.
    """
    feed = parse(document, recipe.source, recipe.timezone)
    if isinstance(feed, Failed):
        return feed
    prepared: list[Prepared] = []
    seen: list[Recognized] = []
    refused = list(feed.refused)
    for parsed in feed.entries:
        written = fingerprint(parsed)
        if written in known:
            url = address_of(parsed, feed, document.url, recipe.rules)
            place = len(prepared) + len(seen)
            seen.append(recognized(parsed, place, written, known[written], recipe.source.name, url))
            continue
        one = _cleaned(parsed, written, feed, document.url, recipe, now)
        if isinstance(one, Refused):
            refused.append(one)
        else:
            prepared.append(one)
    return Read(feed, tuple(prepared), tuple(refused), tuple(seen))


def complete(one: Recognized, feed: ParsedFeed, base: str | None, recipe: Recipe, now: datetime) -> Prepared | Refused:
    """What there would be of the entry had it not been recognized."""
    return _cleaned(one.parsed, one.signature.fingerprint, feed, base, recipe, now)


def _cleaned(
    parsed: ParsedEntry, written: bytes, feed: ParsedFeed, base: str | None, recipe: Recipe, now: datetime
) -> Prepared | Refused:
    entry = clean(parsed, feed, base, recipe.rules, now)
    if isinstance(entry, Dropped):
        return Refused(_place(parsed, entry), entry.reason)
    signature = sign(parsed, entry, written)
    found = tuple(sorted(blocks(entry, recipe.source.name)))
    return Prepared(parsed, entry, signature, keys(parsed, entry, signature.digest), found)


def _place(parsed: ParsedEntry, dropped: Dropped) -> str:
    """What a person can find an entry by."""
    return parsed.path or parsed.url or parsed.id or dropped.title or "an entry without any name"
