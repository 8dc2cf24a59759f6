"""What the entries of a document are to its source: new, changed, known as they are. Stores nothing.

The decisions are `dedupe.identity`'s and pure; here they meet what the store knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from aggregator.dedupe import buried, identity, recognition
from aggregator.means import Means
from aggregator.model import Prepared, Recognized, SourceState
from aggregator.prepare import NOTHING, Recipe, Titles
from aggregator.store import entries, retention

#: Cleans what was recognized too soon; None where rules leave it out.
Complete = Callable[[Recognized], Prepared | None]


def titles(means: Means, state: SourceState, recipe: Recipe) -> Titles:
    """What the source showed last, by fingerprint: it need not be cleaned again.

    Nothing of a source whose entries have the words of other pages, and nothing where rules look at the age of an
    entry: each check judges it anew.
    """
    if not state.arrivals or recipe.source.full_text or any("age" in rule.when for rule in recipe.rules.people):
        return NOTHING
    with means.database.read() as connection:
        return entries.titles(connection, state.id)


def decide(
    connection: Connection,
    state: SourceState,
    batch: Sequence[Prepared],
    recognized: Sequence[Recognized] = (),
    complete: Complete = lambda _: None,
) -> tuple[list[identity.Decision], identity.Trust]:
    """What each of these entries is, and how far the source's ids and links are believed from now on.

    Nothing is decided of those that were purged: they are known, and stay away. What was recognized and is in
    doubt is cleaned after all, until nothing is, which is seldom more than once.
    """
    listed: list[identity.Sighted | None] = list(batch)
    for one in recognized:
        listed.insert(one.place, one)
    while True:
        seen = [one for one in listed if isinstance(one, Recognized)]
        others = [one for one in listed if isinstance(one, Prepared)]
        before = identity.Trust(state.ids_distinct, state.links_distinct)
        trust = identity.trust_of([one for one in listed if one], before)
        known = _known(connection, state.id, others, seen)
        sure, doubtful = recognition.recognize(seen, others, known.entries, trust)
        if not doubtful:
            decisions = identity.identify(others, known, trust=trust)
            return [*_without_purged(connection, state.id, decisions), *sure], trust
        places = {one.place for one in doubtful}
        listed = [complete(one) if isinstance(one, Recognized) and one.place in places else one for one in listed]


def _without_purged(
    connection: Connection, source_id: int, decisions: Sequence[identity.Decision]
) -> list[identity.Decision]:
    keys = [key for item in decisions if isinstance(item, identity.New) for key in item.add]
    graves = retention.buried(connection, source_id, keys)
    return [item for item in decisions if not (isinstance(item, identity.New) and buried.returns(item, graves))]


def _known(
    connection: Connection, source_id: int, batch: Sequence[Prepared], recognized: Sequence[Recognized]
) -> identity.Known:
    everyone: list[identity.Sighted] = [*batch, *recognized]
    keys = [key for one in everyone for key in one.keys]
    fingerprints = {item.signature.fingerprint for item in batch if item.parsed.path is not None}

    def recall(entry_id: int) -> identity.Remembered:
        old = entries.recall(connection, entry_id)
        enclosures = tuple(enclosure.url for enclosure in old.enclosures)
        return identity.Remembered(old.title, old.text, old.image.url if old.image else None, enclosures)

    return identity.Known(
        entries.known(connection, source_id, keys), recall, entries.vanished(connection, source_id, fingerprints)
    )
