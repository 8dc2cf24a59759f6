"""Which of a document's entries are new, changed, or what they were: identity within one source.

Decides only: what is known is handed in as `Known`, and what follows from a decision is the
store's work. A publisher's ids and links are believed as far as its own documents have shown
them to be distinct (`Trust`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aggregator.dedupe.counters import without_counters
from aggregator.dedupe.facts import names, numbers
from aggregator.dedupe.fingerprint import ENOUGH
from aggregator.dedupe.fold import fold, folded
from aggregator.dedupe.links import link_key
from aggregator.dedupe.similar import alike_text, changed_characters
from aggregator.model import Entry, Key, KnownEntry, ParsedEntry, Prepared, Recognized, digest

#: A weak key makes an update only where the texts share this much, or the titles are equal.
ALIKE = 0.3

#: After so many changes only substance counts: some entries contain the current time.
MOST_CHANGES = 24

#: An entry of a document, whether its words are at hand or not.
Sighted = Prepared | Recognized

#: Touch-up: less than this share of the characters, or fewer than this many.
TOUCH_UP, TOUCH_UP_CHARACTERS = 0.02, 10

#: Share of distinct ids or links among a document's articles from which they can be keys. One
#: slip of a publisher costs only the entries concerned.
DISTINCT = 0.8


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether a source's ids and links have shown to be distinct; believed until shown otherwise."""

    guid: bool = True
    link: bool = True


@dataclass(frozen=True, slots=True)
class Remembered:
    """The stored words of an entry, as they were cleaned last."""

    title: str
    text: str
    image: str | None = None
    enclosures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What the store hands over about one source."""

    #: Of all keys of the batch, those that the alias table has.
    entries: Mapping[Key, KnownEntry]
    #: Asked only where something changed.
    recall: Callable[[int], Remembered]
    #: Fingerprints of entries whose files were listed before and are not there now.
    vanished: Mapping[bytes, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class New:
    """Store it under a new id, made from `key`."""

    prepared: Prepared
    key: Key
    #: All keys by which the source knows it from now on.
    add: tuple[Key, ...]
    #: Those among them that belong to another entry now, which loses them.
    take: tuple[Key, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A new version of a known entry; `substance` tells whether readers are told."""

    prepared: Prepared
    entry_id: int
    substance: bool
    add: tuple[Key, ...]
    take: tuple[Key, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Same:
    """Seen again as it was, perhaps under more keys."""

    prepared: Sighted
    entry_id: int
    add: tuple[Key, ...]
    take: tuple[Key, ...]
    why: str


Decision = New | Changed | Same


def keys(parsed: ParsedEntry, entry: Entry, text: bytes | None = None) -> tuple[Key, ...]:
    """Every key that the entry could be known by, in the order in which they count.

    Which of them do count depends on the document and the source: see `identify`. `text` is the
    digest of the folded text where that has been taken, in the entry's signature.
    """
    words = titled(parsed, entry.title)
    text = text or digest(fold(entry.text).astype("<u4").tobytes())
    return (*names_of(parsed, entry.url, entry.title), Key("text", f"{words} {text.hex()}".strip()))


def names_of(parsed: ParsedEntry, url: str | None, title: str) -> Iterator[Key]:
    """All keys but that of the text."""
    if parsed.id and parsed.id.strip():
        yield Key("guid", parsed.id.strip())
    if url:
        yield Key("link", link_key(url))
    if parsed.path is not None:
        yield Key("path", parsed.path)
    if words := titled(parsed, title):
        yield Key("date", words)


def titled(parsed: ParsedEntry, title: str) -> str:
    """The folded title and when it was published: together they may name an entry."""
    date = parsed.published.isoformat() if parsed.published and not parsed.crawled else ""
    return f"{folded(title)} {date}".strip()


def trust_of(batch: Sequence[Sighted], before: Trust) -> Trust:
    """What this document shows of the source's ids and links; `before` where it shows nothing.

    An item listed twice word for word says nothing, and neither does a single item.
    """
    articles = [(one, _called(one)) for one in {one.signature.fingerprint: one for one in batch}.values()]
    return Trust(_distinct(articles, "guid", before.guid), _distinct(articles, "link", before.link))


def _distinct(articles: Iterable[tuple[Sighted, str | bytes]], kind: str, before: bool) -> bool:
    """An edited article may be listed beside its old version: one key and one title are one."""
    seen = {(key.text, called) for one, called in articles for key in one.keys if key.kind == kind}
    if len(seen) < 2:
        return before
    return len({text for text, _ in seen}) >= DISTINCT * len(seen)


def _called(one: Sighted) -> str | bytes:
    return folded(one.title) or one.signature.fingerprint


def identify(batch: Sequence[Prepared], known: Known, *, trust: Trust) -> list[Decision]:
    """Decide for each entry of one document, or of one folder's new and changed files.

    In the order of the batch. An item that the document repeats gets no decision of its own. The
    kinds of keys are gone through one after the other over the whole batch, so that a strong
    key of a later entry wins over a weak key of an earlier one.
    """
    entries = _usable(batch, trust)
    found: dict[int, tuple[KnownEntry, str]] = {}
    claimed: set[int] = set()
    for kind in ("guid", "link", "path", "date", "text"):
        for place, (prepared, usable) in enumerate(entries):
            hit = None if place in found else _hit(prepared, usable, kind, known)
            if hit and hit.id not in claimed:
                found[place] = (hit, f"known by its {_WORDS[kind]}")
                claimed.add(hit.id)
    found |= _renamed(entries, found, claimed, known)
    return [_decide(prepared, usable, found.get(place), known) for place, (prepared, usable) in enumerate(entries)]


_WORDS = {"guid": "id", "link": "link", "path": "path", "date": "title and date", "text": "title and text"}

#: An entry with the keys that count for it.
_Usable = tuple[Prepared, tuple[Key, ...]]


def _usable(batch: Sequence[Prepared], trust: Trust) -> list[_Usable]:
    """The batch without repetitions, each entry with the keys that nothing else in it shares."""
    entries = _without_repeats(batch, trust)
    shared = Counter(key for one in entries for key in one.keys)
    result = []
    for one in entries:
        distinct = [key for key in one.keys if trusted(key, trust) and shared[key] == 1]
        result.append((one, _counting(distinct) or one.keys[-1:]))
    return result


def trusted(key: Key, trust: Trust) -> bool:
    """Whether keys of this kind name entries of the source at all."""
    return {"guid": trust.guid, "link": trust.link}.get(key.kind, True)


def _counting(distinct: list[Key]) -> tuple[Key, ...]:
    """A file is its path: an equal text elsewhere in its folder is a copy, not the same entry.

    Title and date stand beside id and link, to bridge a change of both; the text is the last resort.
    """
    path = tuple(key for key in distinct if key.kind == "path")
    return path or tuple(key for key in distinct if key.kind != "text") or tuple(distinct)


def _without_repeats(batch: Sequence[Prepared], trust: Trust) -> list[Prepared]:
    """Items listed twice count once: the same id, link or path over a text that is alike.

    So do items that nothing at all tells apart but a picture.
    """
    kept: list[Prepared] = []
    by_key: dict[Key, Prepared] = {}
    for one in batch:
        own = [key for key in one.keys if key.kind in ("guid", "link", "path") and trusted(key, trust)]
        key = own[0] if own else one.keys[-1]
        first = by_key.setdefault(key, one)
        same_words = first.keys[-1] == one.keys[-1]
        if first is one or not (same_words or _alike(remembered(first.entry), one.entry, by_text=True)):
            kept.append(one)
    return kept


def remembered(entry: Entry) -> Remembered:
    """What is compared of an entry."""
    image = entry.image.url if entry.image else None
    return Remembered(entry.title, entry.text, image, tuple(enclosure.url for enclosure in entry.enclosures))


def _hit(prepared: Prepared, usable: tuple[Key, ...], kind: str, known: Known) -> KnownEntry | None:
    """The entry that has this kind of key, where the key makes an update."""
    key = next((key for key in usable if key.kind == kind), None)
    hit = known.entries.get(key) if key else None
    if key is None or hit is None or hit.fingerprint == prepared.signature.fingerprint:
        return hit
    if strong(key, usable, prepared):
        return hit
    return hit if _alike(known.recall(hit.id), prepared.entry, by_text=kind == "date") else None


def strong(key: Key, usable: tuple[Key, ...], prepared: Prepared) -> bool:
    """Whether the key makes an update by itself.

    An id is believed, unless it is no more than the title, which recurs; so is an equal text. Title and
    date are believed where the entry has nothing better, for a better key has failed.
    """
    if key.kind == "guid":
        return folded(key.text) != folded(prepared.entry.title)
    if key.kind == "date":
        return usable[0] == key and prepared.parsed.published is not None
    return key.kind == "text"


def _alike(old: Remembered, new: Entry, *, by_text: bool = False) -> bool:
    """Whether a weak key can mean one entry: the same title, or part of the same text.

    Without a title and without text the pictures decide. `by_text`: the title has been compared.
    """
    title = folded(new.title)
    if title and title == folded(old.title) and not by_text:
        return True
    if fold(old.text).size < 4 and fold(new.text).size < 4:
        pictured = remembered(new)
        return (old.image, old.enclosures) == (pictured.image, pictured.enclosures)
    return folded(old.text) == folded(new.text) or alike_text(old.text, new.text).containment >= ALIKE


def _renamed(
    entries: list[_Usable], found: Mapping[int, tuple[KnownEntry, str]], claimed: set[int], known: Known
) -> dict[int, tuple[KnownEntry, str]]:
    """Files moved: exactly one vanished and one new file of one fingerprint, with enough text."""
    moved: dict[bytes, list[int]] = {}
    for place, (prepared, _) in enumerate(entries):
        enough = prepared.parsed.path is not None and prepared.signature.length >= ENOUGH
        if place not in found and enough:
            moved.setdefault(prepared.signature.fingerprint, []).append(place)
    result = {}
    for fingerprint, places in moved.items():
        gone = [entry_id for entry_id in known.vanished.get(fingerprint, ()) if entry_id not in claimed]
        if len(gone) == 1 and len(places) == 1:
            title = entries[places[0]][0].entry.title
            result[places[0]] = (KnownEntry(gone[0], fingerprint, title), "its file was renamed")
    return result


def _decide(
    prepared: Prepared, usable: tuple[Key, ...], found: tuple[KnownEntry, str] | None, known: Known
) -> Decision:
    entry_id = found[0].id if found else None
    held = {key: holder.id for key in usable if (holder := known.entries.get(key))}
    add = tuple(key for key in usable if held.get(key) != entry_id or key not in held)
    take = tuple(key for key in add if key in held)
    if found is None:
        why = "nothing like it is known" if not take else f"its {_WORDS[take[0].kind]} was another article's"
        return New(prepared, usable[0], add, take, why)
    entry, why = found
    if entry.fingerprint == prepared.signature.fingerprint:
        return Same(prepared, entry.id, add, take, why)
    substance = substantial(known.recall(entry.id), prepared.entry)
    if substance is None and entry.changes >= MOST_CHANGES:
        return Same(prepared, entry.id, add, take, f"{why}; touched up more than {MOST_CHANGES} times")
    return Changed(prepared, entry.id, substance is not None, add, take, f"{why}; {substance or 'touched up'}")


def substantial(old: Remembered, new: Entry) -> str | None:
    """What of substance differs, in words; None for a touch-up.

    Substance is the lead image, an enclosure, a number, a name, or more than 2 % of the
    characters and at least 10.
    """
    now = remembered(new)
    before, after = without_counters(old.text), without_counters(now.text)
    if old.image != now.image:
        return "its picture changed"
    if old.enclosures != now.enclosures:
        return "an enclosure changed"
    return (
        _stated_anew("title", old.title, now.title)
        or _stated_anew("text", before, after)
        or _reworded(f"{old.title}\n{before}", f"{now.title}\n{after}")
    )


def _stated_anew(part: str, old: str, new: str) -> str | None:
    if folded(old) == folded(new):
        return None
    if numbers(old) != numbers(new):
        return f"a number in its {part} changed"
    return f"a name in its {part} changed" if names(old) != names(new) else None


def _reworded(old: str, new: str) -> str | None:
    before, after = fold(old), fold(new)
    changed = changed_characters(before, after)
    least = max(TOUCH_UP_CHARACTERS, TOUCH_UP * max(before.size, after.size))
    return f"{changed} characters of its words changed" if changed >= least else None
