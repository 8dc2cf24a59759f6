"""Which articles are one: the exact decision about a pair, and stories as groups of pairs.

Candidates come from the store by shared digests and bands; nothing is decided by a sketch. Both
steps are pure and err towards *different*: a copy shown twice is a blemish, an article that
vanishes behind another is a loss.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import product
from threading import Lock

import numpy as np

from aggregator.config.schema import Duplicates
from aggregator.dedupe.conflict import Article, article, conflict
from aggregator.dedupe.fingerprint import ENOUGH
from aggregator.dedupe.fold import folded
from aggregator.dedupe.similar import GRAM, Likeness, alike_text, gram_set, measure
from aggregator.model import Member, Pair

#: Across publishers: this much shared text; or less of it under like titles, if it is most of the
#: shorter one: reports of one event share its title and a quotation.
ACROSS, ACROSS_LIKE_TITLES, ACROSS_MOSTLY = 0.6, 0.4, 0.8

#: Within a publisher, whose articles share templates: more of it, and soon; still more where the
#: titles are unlike, for all that such posts may share is what stands below each of them.
WITHIN, WITHIN_RETITLED, WITHIN_DAYS = 0.8, 0.9, timedelta(days=3)

#: Across publishers: nearly all of the shorter text, and half of both.
ENLARGED = 0.5

#: Unless it is an article sent out again with a new beginning: nearly all of the shorter text, a
#: like title, on the same day.
EDITED, EDITED_WITHIN = 0.9, timedelta(days=1)

#: A truncated or a longer copy: this much of the shorter text, which is itself this long or is
#: this share of the longer; else a digest of the day would swallow every flash in it.
CONTAINED, CONTAINED_LENGTH, CONTAINED_SHARE = 0.8, 80, 0.4

#: A text with less of its title in it is a blurb; by pairs of characters, or by this many letters.
TOLD, WORD_GRAM = 0.3, 5

#: Titles are like from this share of their pairs of characters.
LIKE_TITLES = 0.5
TITLE_GRAM = 2

#: A copy counts as complete from this share of the longest one's text.
COMPLETE = 0.9

#: Two ids, the smaller first.
Ids = tuple[int, int]


def compare(a: Member, b: Member, options: Duplicates) -> Pair | None:
    """Whether two candidates are one article, how surely, and why; None for different ones."""
    if abs(a.published - b.published) > options.window or not (options.exact or options.near):
        return None
    for rule in (_by_address, _by_text, _by_likeness):
        decided = rule(a, b, options)
        if decided:
            strength, why = decided
            return Pair(min(a.id, b.id), max(a.id, b.id), strength, why)
    return None


_Decided = tuple[float, str] | None


def _by_address(a: Member, b: Member, options: Duplicates) -> _Decided:
    """One address at two publishers. Within one, identity has already told them apart."""
    if not options.exact or a.link is None or a.link != b.link or a.publisher == b.publisher:
        return None
    return 0.99, "same address"


def _by_text(a: Member, b: Member, options: Duplicates) -> _Decided:
    if not options.exact or a.digest is None or a.digest != b.digest or contradict(a, b):
        return None
    return 1.0, "same text"


def _by_likeness(a: Member, b: Member, options: Duplicates) -> _Decided:
    """By shared runs of characters, unless a fact differs; too little text never decides."""
    if not options.near or min(_length(a), _length(b)) < ENOUGH:
        return None
    same = alike_text(a.text, b.text)
    rule = _within if a.publisher == b.publisher else _across
    why = rule(a, b, same)
    if why is None or contradict(a, b):
        return None
    return min(0.98, max(same.jaccard, 0.5 * same.containment)), why


def _within(a: Member, b: Member, same: Likeness) -> str | None:
    apart = abs(a.published - b.published)
    like = same.jaccard >= ACROSS and like_titles(a.title, b.title)
    if same.jaccard >= (WITHIN if like else WITHIN_RETITLED) and apart <= WITHIN_DAYS:
        return f"text alike ({same.jaccard:.2f})"
    edited = like and same.containment >= EDITED and apart <= EDITED_WITHIN
    return f"re-edited ({same.jaccard:.2f})" if edited else None


def _across(a: Member, b: Member, same: Likeness) -> str | None:
    if same.jaccard >= ACROSS:
        return f"text alike ({same.jaccard:.2f})"
    if same.containment < min(ACROSS_MOSTLY, CONTAINED):
        return None  # whatever the titles: most candidates end here
    like = like_titles(a.title, b.title)
    if same.jaccard >= ACROSS_LIKE_TITLES and same.containment >= ACROSS_MOSTLY and like:
        return f"titles and text alike ({same.jaccard:.2f})"
    if same.containment >= EDITED and same.jaccard >= ENLARGED:
        return f"one is the other enlarged ({same.containment:.2f})"
    if same.containment >= CONTAINED and _contained(a, b, like):
        return f"one is part of the other ({same.containment:.2f})"
    return None


def _contained(a: Member, b: Member, like: bool) -> bool:
    short, long = sorted((_length(a), _length(b)))
    return short >= CONTAINED_LENGTH and (like or short >= CONTAINED_SHARE * long)


def _length(member: Member) -> int:
    return measure(member.text)[0]


def like_titles(one: str, other: str) -> bool:
    """Whether two titles are one, re-worded or cut."""
    mine, theirs = folded(one), folded(other)
    if not mine or not theirs:
        return False
    if mine == theirs or (min(len(mine), len(theirs)) >= 8 and (mine in theirs or theirs in mine)):
        return True
    return alike_text(one, other, TITLE_GRAM).jaccard >= LIKE_TITLES


def contradict(a: Member, b: Member) -> bool:
    """Whether the facts of two articles differ."""
    # In the order in which they were stored, whoever asks: then each pair is judged once.
    one, other = sorted((a, b), key=lambda member: member.id)
    return _blurbs(one, other) or _judged.differ(one, other)


class Judged:
    """Whether the words of two articles state different facts, of those that were compared last; for any thread.

    Grouping asks what comparing has asked, and with each copy that joins a story, of all that are in it.
    """

    def __init__(self, most: int = 30_000) -> None:
        """Two hundred bytes for each of `most` pairs."""
        self._most = most
        self._pairs: dict[bytes, bool] = {}
        self._lock = Lock()

    def differ(self, one: Member, other: Member) -> bool:
        if one.mark == other.mark:
            return False
        key = one.mark + other.mark
        known = self._pairs.get(key)
        return self._keep(key, bool(conflict(_article(one), _article(other)))) if known is None else known

    def _keep(self, key: bytes, verdict: bool) -> bool:
        with self._lock:
            self._pairs[key] = verdict
            if len(self._pairs) > self._most:
                del self._pairs[next(iter(self._pairs))]
        return verdict


_judged = Judged()


def _blurbs(a: Member, b: Member) -> bool:
    """Two titles of one publisher over a text that tells of neither: a channel's standing words."""
    if a.publisher != b.publisher or folded(a.title) == folded(b.title):
        return False
    return not (_told(a) or _told(b))


def _told(member: Member) -> bool:
    size = TITLE_GRAM if measure(member.title)[1] == GRAM else WORD_GRAM
    title = gram_set(member.title, size)
    return not title.size or bool(np.isin(title, gram_set(member.text, size)).mean() >= TOLD)


def _article(member: Member) -> Article:
    return article(member.title, member.text)


# --- stories -------------------------------------------------------------------------------


def group(
    members: Iterable[Member],
    pairs: Iterable[Pair],
    options: Duplicates,
    *,
    apart: Collection[Ids] = (),
    together: Collection[Ids] = (),
) -> list[tuple[int, ...]]:
    """The stories among these members: every member is in exactly one, ids ascending.

    A story is what pairs connect, as long as no two members of it contradict each other, none
    were parted by a person, and all lie within one window. A pair that would break this is not
    joined; stronger pairs come first, so that weaker ones give way. Pairs joined by a person
    come before all and need not agree. Depends on the sets given, never on their order.
    """
    by_id = {member.id: member for member in members}
    parted = {tuple(sorted(ids)) for ids in apart}
    stories: dict[int, tuple[int, ...]] = {id: (id,) for id in by_id}
    for a, b, forced in _in_order(by_id, pairs, together):
        one, other = stories[a], stories[b]
        if one is other or not _may_join(one, other, by_id, parted, options.window, forced):
            continue
        joined = tuple(sorted((*one, *other)))
        stories.update(dict.fromkeys(joined, joined))
    return sorted(set(stories.values()))


def _in_order(
    members: Mapping[int, Member], pairs: Iterable[Pair], together: Collection[Ids]
) -> Iterator[tuple[int, int, bool]]:
    """What a person joined, then the strongest pairs; ties by public id, which all installations share."""

    def tie(ids: Ids) -> tuple[str, ...]:
        return tuple(sorted(str(members[id].uuid) for id in ids))

    for a, b in sorted((ids for ids in together if members.keys() >= set(ids)), key=tie):
        yield a, b, True
    known = [pair for pair in pairs if pair.a in members and pair.b in members]
    for pair in sorted(known, key=lambda pair: (-pair.strength, tie((pair.a, pair.b)))):
        yield pair.a, pair.b, False


def _may_join(
    one: Sequence[int],
    other: Sequence[int],
    members: Mapping[int, Member],
    parted: Collection[tuple[int, ...]],
    window: timedelta,
    forced: bool,
) -> bool:
    if any((min(ids), max(ids)) in parted for ids in product(one, other)):
        return False
    if forced:
        return True
    published = [members[id].published for id in (*one, *other)]
    if max(published) - min(published) > window:
        return False
    return not any(_opposed(members[a], members[b]) for a, b in product(one, other))


def _opposed(a: Member, b: Member) -> bool:
    """An address in common outweighs what the texts say: one may be a comment on the other."""
    return not (a.link is not None and a.link == b.link) and contradict(a, b)


def lead(members: Iterable[Member]) -> Member:
    """Who speaks for the story: the most complete, then the preferred, then the earliest."""
    everyone = list(members)
    longest = max(_length(member) for member in everyone)
    complete = [member for member in everyone if _length(member) >= COMPLETE * longest]
    return min(complete, key=lambda member: (-member.prefer, member.published, str(member.uuid)))
