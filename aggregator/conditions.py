"""What is wrong with a source, as its checks show it. Pure: it is handed what a check came to, and the time.

One failed check is no news, and one good check after many is the end of it. What a check says
nothing about stays as it was: a feed that cannot be fetched is neither silent nor whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID, uuid5

from aggregator.model import Outcome, Trouble

#: Failures in a row after which a source counts as failing: an hour's outage is nobody's concern.
PATIENCE = 3

#: A source is silent after so many of its usual gaps, after its longest one twice over, and after a week at least.
GAPS, LONGEST, LEAST_SILENCE = 5, 2, timedelta(days=7)

#: Gaps from which a habit can be told.
LEAST_GAPS = 3

#: Made once, for this project: changing it gives every entry of the health feed a new id.
_CONDITIONS = UUID("3d9a4c52-8e0b-4b57-9c1e-5f2b7a60d8e4")
_FIELD = "\x1f"

#: Where a message about the configuration says that a mistake is.
_PLACE = re.compile(r"^[^\n]*?:(\d+:\d+): ", re.MULTILINE)
_ADDRESS = re.compile(r"https?://[^\s\"'<>”’]+")


@dataclass(frozen=True, slots=True)
class Wrong:
    """Something that is wrong: `detail` tells whether it still is the same, and is fit to be published."""

    detail: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a check showed of its source."""

    outcome: Outcome
    #: Why it failed, with the remedy.
    message: str = ""
    failed: bool = False
    #: Failures in a row, this one included; 0 when all is well.
    failures: int = 0
    #: This one is among them: it was the source's own, and no wish of its server.
    counted: bool = True
    gone: bool = False
    #: Where it lives for good by now.
    moved: str | None = None
    #: Its document is broken, and what that means.
    degraded: str | None = None
    #: What the circuit breakers say that keep its new entries back.
    held: str | None = None
    #: When its checks brought new entries: the last few, oldest first.
    arrivals: tuple[datetime, ...] = ()


#: Of each kind that was judged: what is wrong, or None where nothing is.
Judged = Mapping[Trouble, Wrong | None]


def judge(look: Look, standing: Collection[Trouble], now: datetime) -> Judged:
    """What is wrong with the source after this check; kinds that it says nothing of are left out."""
    if look.gone:
        return {Trouble.GONE: Wrong(message=look.message), Trouble.FAILING: None}
    if look.failed:
        told = look.counted and (look.failures >= PATIENCE or Trouble.FAILING in standing)
        return {Trouble.FAILING: Wrong(str(look.outcome), look.message)} if told else {}
    return {
        Trouble.FAILING: None,
        Trouble.GONE: None,
        Trouble.MOVED: _moved(look.moved),
        Trouble.SILENT: _silent(look.arrivals, now),
        Trouble.DEGRADED: Wrong(message=look.degraded) if look.degraded else None,
        Trouble.HELD: Wrong(message=look.held) if look.held else None,
    }


def silence(arrivals: Sequence[datetime], now: datetime) -> timedelta | None:
    """How often something new used to come, where that has not come for far longer; else None."""
    gaps = sorted(later - earlier for earlier, later in pairwise(arrivals))
    if len(gaps) < LEAST_GAPS:
        return None
    usual = gaps[len(gaps) // 2]
    silent = now - arrivals[-1] > max(GAPS * usual, LONGEST * gaps[-1], LEAST_SILENCE)
    return usual if silent else None


def without_query(address: str) -> str:
    """An address fit to be published: without query, fragment and user info, which may hold a secret."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def of_document(faults: Sequence[str]) -> Wrong:
    """What is wrong with a document that was not published."""
    first = _ADDRESS.sub(lambda found: without_query(found[0]), faults[0])
    more = f" (and {len(faults) - 1} more)" if faults[1:] else ""
    return Wrong(first, f"not published, the last good one stays: {first}{more}")


def of_configuration(problem: str) -> Wrong:
    """What is wrong with an edited configuration: lines and columns are published, its words are not."""
    return Wrong(", ".join(dict.fromkeys(_PLACE.findall(problem))), problem)


def public_uuid(source: str | None, kind: Trouble, path: str | None, since: datetime) -> UUID:
    """The id of a condition; it is stored and never computed again."""
    return uuid5(_CONDITIONS, _FIELD.join((source or "", kind, path or "", since.isoformat())))


def _moved(to: str | None) -> Wrong | None:
    if to is None:
        return None
    return Wrong(without_query(to), f"it moved to {to} for good, and is asked there: Write that address in `url`.")


def _silent(arrivals: Sequence[datetime], now: datetime) -> Wrong | None:
    usual = silence(arrivals, now)
    if usual is None:
        return None
    last = arrivals[-1].isoformat(timespec="seconds")
    return Wrong(
        last,
        f"nothing new since {last}, where something came every {_span(usual)}: "
        "See whether the site still publishes there, or has another feed by now.",
    )


def _span(time: timedelta) -> str:
    hours = round(time / timedelta(hours=1))
    return f"{round(hours / 24)} days" if hours >= 48 else f"{max(hours, 1)} h"
