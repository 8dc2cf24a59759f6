"""What rules of how often to check cost in requests, and what in lateness, by how a source publishes.

    python -m benchmarks.intervals

Simulated: 120 days of each source, each rule deciding after every check. The rules of the peers
(their published defaults, adaptive modes on) are given the true dates of entries, which real
feeds often lack; ours sees when checks brought something and nothing else.
"""

from __future__ import annotations

import math
import random
import statistics
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from aggregator import schedule
from aggregator.config.schema import Schedule

DAYS = 120
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

#: (when checks brought something, the dates of all entries seen, now) -> the time to the next check
Rule = Callable[[Sequence[datetime], Sequence[datetime], datetime], timedelta]


def ours(arrivals: Sequence[datetime], dates: Sequence[datetime], now: datetime) -> timedelta:
    return schedule.adapted(Schedule(), arrivals, now)


def fixed(arrivals: Sequence[datetime], dates: Sequence[datetime], now: datetime) -> timedelta:
    return 30 * MINUTE


def by_week(arrivals: Sequence[datetime], dates: Sequence[datetime], now: datetime) -> timedelta:
    """As often as there were entries in the last week (miniflux, `entry_frequency`)."""
    week = dates[bisect_right(dates, now - 7 * DAY) :]
    if len(week) < 2:
        return DAY
    count = math.ceil(7 * DAY / ((week[-1] - week[0]) / (len(week) - 1)))
    return min(max(7 * DAY / count, 5 * MINUTE), DAY)


def by_average(arrivals: Sequence[datetime], dates: Sequence[datetime], now: datetime) -> timedelta:
    """Half of the average gap, up to an hour; four for the long silent (CommaFeed)."""
    longest = 4 * HOUR
    silent = now - dates[-1] if len(dates) > 1 else 30 * DAY
    for days, part in ((30, 1), (14, 2), (7, 4)):
        if silent >= days * DAY:
            return longest / part
    recent = dates[-30:]
    return min(max((recent[-1] - recent[0]) / (len(recent) - 1) / 2, 5 * MINUTE), longest / 4)


def at_random(a_day: float, *, asleep: bool) -> list[datetime]:
    """Entries at random times; `asleep` from 23 to 8 o'clock, and more often by day."""
    rate = a_day * (24 / 15 if asleep else 1)
    moment, found = START, []
    while (moment := moment + DAY * random.expovariate(rate)) < START + DAYS * DAY:
        if not asleep or 8 <= moment.hour < 23:
            found.append(moment)
    return found


def batches() -> list[datetime]:
    """Ten entries each morning, within half an hour."""
    mornings = (START + day * DAY + 7 * HOUR for day in range(DAYS))
    return sorted(morning + 30 * MINUTE * random.random() for morning in mornings for _ in range(10))


SOURCES: dict[str, Callable[[], list[datetime]]] = {
    "100 a day, none at night": lambda: at_random(100, asleep=True),
    "10 a day, none at night": lambda: at_random(10, asleep=True),
    "10 each morning": batches,
    "2 a week": lambda: at_random(2 / 7, asleep=False),
    "nothing": list,
}
RULES: dict[str, Rule] = {"ours": ours, "every 30 min": fixed, "by the week": by_week, "by the average": by_average}


def simulate(dates: Sequence[datetime], rule: Rule) -> tuple[float, float]:
    """Requests a day, and how late an entry is seen on average, in minutes."""
    now, seen, requests = START, 0, 0
    arrivals: tuple[datetime, ...] = ()
    late: list[float] = []
    while now < START + DAYS * DAY:
        requests += 1
        shown = bisect_right(dates, now)
        late += [(now - date) / MINUTE for date in dates[seen:shown]]
        if shown > seen or not arrivals:
            arrivals = schedule.arrived(arrivals, now)
        seen = shown
        now += rule(arrivals, dates[:seen], now)
    return requests / DAYS, statistics.mean(late) if late else 0.0


def main() -> None:
    print(f"{'source':26}" + "".join(f"{name:>22}" for name in RULES))
    for name, publish in SOURCES.items():
        random.seed(1)
        dates = publish()
        figures = (simulate(dates, rule) for rule in RULES.values())
        print(f"{name:26}" + "".join(f"{requests:8.1f}/day {late:5.0f} min" for requests, late in figures))


if __name__ == "__main__":
    main()
