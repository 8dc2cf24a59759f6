"""Circuit breakers: is this document an accident of its publisher rather than news?

A site that moves, a template that breaks or a clock that resets makes a feed look new from top to
bottom, and readers get all of it at once. Each breaker compares what a document brings with the
publisher's own past and trips at four fifths. What follows from that (entries kept back, changes
not taken) is done by whoever asks; here it is only decided.

Breakers err towards *news*: articles with new ids, new links and new texts are news, however many
they are, and what a publisher has always done is no accident.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from aggregator.dedupe.identity import Changed, Decision, New
from aggregator.model import Prepared, Signature

#: A publisher without this much past is not judged.
LEAST_CHECKS, LEAST_ENTRIES = 3, 20

#: From which share on a document is an accident. What past entries did by more than the rest is habit.
SHARE, HABIT = 0.8, 0.2

#: Fewer entries than this flood nobody. (A document that collapsed has few by its nature.)
FLOOD = 5

#: An entry that claims to be no older than this, or so little ahead, claims to be of now.
NOW = timedelta(minutes=5)

#: Normal checks in a row after which a tripped breaker lets go.
RELEASE = 3

#: The fewest items that a feed showed count as its own doing for this long.
MEMORY = timedelta(days=30)


class Breaker(StrEnum):
    IDS = "re-identified"
    LINKS = "links-equal"
    COUNT = "count-collapsed"
    DATES = "dates-now"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A document that is an accident: which breaker trips, and what is wrong, for people."""

    breaker: Breaker
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What is remembered of one of the publisher's entries."""

    first_seen: datetime
    published: datetime
    text: bytes | None
    link: bytes | None


@dataclass(frozen=True, slots=True)
class Past:
    """The publisher's own past, without entries that are kept back."""

    #: Good checks of the source since the publisher's first entry.
    checks: int = 0
    #: Its last entries, as many as are looked at.
    entries: Sequence[Seen] = ()
    #: Fewest items that a document showed lately; None for folders, whose files come one by one.
    fewest: int | None = None
    #: Texts and links of the document that are known already: the ids of the entries that have them.
    owners: Mapping[bytes, frozenset[int]] = field(default_factory=dict)
    #: Entries of the document that are kept back: still news to readers.
    held: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Look:
    """One publisher's part of a document."""

    decisions: Sequence[Decision]
    past: Past
    now: datetime
    #: Items that the whole document shows, refused ones included; None for folders.
    shown: int | None

    @property
    def fresh(self) -> list[Decision]:
        """What readers would see as new."""
        return [one for one in self.decisions if isinstance(one, New) or one.entry_id in self.past.held]


def judge(look: Look) -> Verdict | None:
    """The first breaker that trips; None for a normal document and for a publisher without enough past."""
    if look.past.checks < LEAST_CHECKS or len(look.past.entries) < LEAST_ENTRIES:
        return None
    return next((verdict for rule in RULES if (verdict := rule(look)) is not None), None)


def _reidentified(look: Look) -> Verdict | None:
    """Texts that are known come under other ids: as new entries, or as new versions of other articles.

    Where the texts are too short to tell articles apart their links do. Each text counts once: one
    that stands in many entries says nothing of which article it is.
    """
    moved = {name for one in look.decisions if (name := _moved(one, look.past)) is not None}
    known = [seen.text or seen.link for seen in look.past.entries if seen.text or seen.link]
    repeating = len(known) - len(set(known)) > HABIT * len(known)
    if len(moved) < FLOOD or len(moved) < SHARE * len(look.decisions) or repeating:
        return None
    return Verdict(Breaker.IDS, f"{len(moved)} of {len(look.decisions)} entries are known under other ids")


def _moved(one: Decision, past: Past) -> bytes | None:
    """The text or link of a decision that belongs to another entry."""
    name = _name(one.prepared.signature)
    owners = past.owners.get(name, frozenset()) if name else frozenset()
    if isinstance(one, New) or one.entry_id in past.held:
        return name if owners else None
    return name if isinstance(one, Changed) and owners and one.entry_id not in owners else None


def _name(signature: Signature) -> bytes | None:
    return signature.digest or signature.link


def _links_equal(look: Look) -> Verdict | None:
    """One link all over a document, from a publisher with a good number of distinct ones before."""
    links = [link for one in look.decisions if (link := one.prepared.signature.link)]
    before = [seen.link for seen in look.past.entries if seen.link]
    altered = look.fresh or any(isinstance(one, Changed) for one in look.decisions)
    if len(links) < FLOOD or not altered or len(set(before)) < SHARE * max(len(before), LEAST_ENTRIES):
        return None
    most = Counter(links).most_common(1)[0][1]
    if most < SHARE * len(links):
        return None
    return Verdict(Breaker.LINKS, f"{most} of {len(links)} entries have one and the same link")


def _collapsed(look: Look) -> Verdict | None:
    """Compared with the fewest items that it ever showed: some feeds start anew every midnight."""
    shown, fewest = look.shown, look.past.fewest
    if shown is None or fewest is None or not look.fresh or shown > HABIT * fewest:
        return None
    return Verdict(Breaker.COUNT, f"it shows {shown} entries, and never fewer than {fewest} before")


def _dated_now(look: Look) -> Verdict | None:
    fresh = look.fresh
    # What is kept back is never just recognized: it has its words.
    written = [one.prepared.entry for one in fresh if isinstance(one.prepared, Prepared)]
    stamps = [entry.published for entry in written if entry.published]
    current = sum(abs(look.now - date) <= NOW for date in stamps)
    if current < FLOOD or current < SHARE * len(fresh) or _prompt(look.past.entries):
        return None
    return Verdict(Breaker.DATES, f"{current} of {len(fresh)} new entries claim to be of this very moment")


def _prompt(entries: Sequence[Seen]) -> bool:
    """Whether entries of this publisher are often seen within minutes; also where too few came to say.

    Counted by the hour in which they came, and by the newest of each: what piled up before the
    first check or in a pause is old without being late.
    """
    arrivals: dict[datetime, bool] = {}
    for seen in entries:
        hour = seen.first_seen.replace(minute=0, second=0, microsecond=0)
        arrivals[hour] = arrivals.get(hour, False) or abs(seen.first_seen - seen.published) <= NOW
    return len(arrivals) < LEAST_CHECKS or sum(arrivals.values()) > HABIT * len(arrivals)


#: In this order: what an accident does to ids says more than what it does to dates.
RULES: tuple[Callable[[Look], Verdict | None], ...] = (_reidentified, _links_equal, _collapsed, _dated_now)


@dataclass(frozen=True, slots=True)
class State:
    """What is kept of a publisher from check to check."""

    tripped: str | None = None
    reason: str | None = None
    #: Normal checks since the last abnormal one, and when either was counted last.
    normal: int = 0
    counted: datetime | None = None
    fewest: int | None = None
    fewest_at: datetime | None = None
    #: Items of the document that the collapse breaker tripped at.
    collapsed_to: int | None = None
    #: When a person accepted what the publisher does: its past is counted from then on.
    accepted: datetime | None = None


def after(state: State, verdict: Verdict | None, shown: int | None, ended: datetime | None, now: datetime) -> State:
    """The state once a document was judged. `ended`: when the check before this one ended.

    A folder's check judges several batches; together they are one normal check at most.
    """
    if verdict is not None:
        return replace(
            state,
            tripped=str(verdict.breaker),
            reason=verdict.reason,
            normal=0,
            counted=now,
            collapsed_to=shown if verdict.breaker is Breaker.COUNT else state.collapsed_to,
        )
    if state.tripped is None:
        return _measured(state, shown, now)
    if state.counted is not None and (ended is None or ended < state.counted):
        return state
    normal = state.normal + 1
    return _released(state, now) if normal >= RELEASE else replace(state, normal=normal, counted=now)


def _measured(state: State, shown: int | None, now: datetime) -> State:
    expired = state.fewest_at is None or now - state.fewest_at > MEMORY
    if shown is None or (state.fewest is not None and shown >= state.fewest and not expired):
        return state
    return replace(state, fewest=shown, fewest_at=now)


def _released(state: State, now: datetime) -> State:
    """All is well again. A feed that collapsed and recovered may do so again: it starts anew at times."""
    calm = State(fewest=state.fewest, fewest_at=state.fewest_at, accepted=state.accepted)
    return calm if state.collapsed_to is None else replace(calm, fewest=state.collapsed_to, fewest_at=now)


def accepted(now: datetime) -> State:
    """A person says that this is how the publisher is now: its past begins here."""
    return State(accepted=now)
