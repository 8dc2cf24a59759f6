"""Entries that are stored as their publisher writes them: they are known again without being cleaned.

Of most documents that changed all entries but one are what they were. Whoever reads one is handed the fingerprints
of what the source showed last, and cleans the rest; here it is decided whether that was right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from aggregator.dedupe.fingerprint import link_digest
from aggregator.dedupe.identity import Same, Sighted, Trust, names_of, trusted
from aggregator.model import Key, KnownEntry, ParsedEntry, Prepared, Recognized, Signature


def recognized(
    parsed: ParsedEntry, place: int, fingerprint: bytes, title: str, publisher: str, url: str | None
) -> Recognized:
    """An entry of this fingerprint, which is stored under this title."""
    signature = Signature(fingerprint, None, link_digest(url), 0)
    return Recognized(parsed, place, title, publisher, signature, tuple(names_of(parsed, url, title)))


def recognize(
    seen: Sequence[Recognized], others: Sequence[Prepared], known: Mapping[Key, KnownEntry], trust: Trust
) -> tuple[list[Same], list[Recognized]]:
    """Which of a document's entries are certainly what is stored, whatever their words are; and those in doubt.

    Certain is one that a key of its own leads to an entry of the same fingerprint, and no key elsewhere, as long as
    nothing else in the document leads to that entry: what `identify` decides of the others is then the same without
    it, and would be the same of it, had it its words.
    """
    everyone: list[Sighted] = [*seen, *others]
    counting = [[key for key in one.keys if trusted(key, trust)] for one in everyone]
    shared = Counter(key for keys in counting for key in keys)
    # An item that is listed twice counts once: what now looks shared with it may be another's own key.
    repeated = {key for keys in counting if keys and shared[keys[0]] > 1 for key in keys}
    leads = [{hit.id for key in keys if (hit := known.get(key))} for keys in counting]
    claims = Counter(entry_id for led in leads for entry_id in led)
    same, doubtful = [], []
    for one, keys in zip(seen, counting, strict=False):
        own = [key for key in keys if shared[key] == 1]
        hits = {hit.id: hit for key in own if (hit := known.get(key))}
        hit = next(iter(hits.values())) if len(hits) == 1 else None
        alone = own[:1] == keys[:1] and repeated.isdisjoint(keys)
        if hit and alone and claims[hit.id] == 1 and hit.fingerprint == one.signature.fingerprint:
            add = tuple(key for key in own if key not in known)
            same.append(Same(one, hit.id, add, (), "its fingerprint is known"))
        else:
            doubtful.append(one)
    return same, doubtful
