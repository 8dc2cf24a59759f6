"""The status pages: how all sources are, and how one is. Made when they are asked for, and told the time.

They are for whoever runs this: unlike everything under the output folder they show addresses and
folders as they are, so nothing of them may be written there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from aggregator.config.schema import Site
from aggregator.model import Closely, Condition, Trouble, Watched
from aggregator.publish import pages
from aggregator.publish.addresses import HEALTH, HOME, STATUS, public_url, relative
from aggregator.publish.charts import bars
from aggregator.publish.health import status_path, told, with_code
from aggregator.publish.wording import Wording, wording
from aggregator.publish.xmltext import one_line, shortened, xml_text

#: Days that charts show, of all sources and of one.
FEW_DAYS, MANY_DAYS = 28, 56

#: Sources on one page.
MOST_ROWS = 200

#: By day: new entries, and checks that failed.
Days = Mapping[date, tuple[int, int]]

#: The class of a state on the page; the worst kinds of sources come first.
_CLASSES = {
    "failing": "bad",
    "held": "warn",
    "degraded": "warn",
    "silent": "warn",
    "moved": "warn",
    "retried": "warn",
    "waiting": "off",
    "gone": "off",
    "config": "off",
    "ok": "",
}
_ORDER = {state: place for place, state in enumerate(_CLASSES)}
_COUNTED = {"bad": "states_bad", "warn": "states_warn", "": "states_ok", "off": "states_off"}


@dataclass(frozen=True, slots=True)
class Board:
    """What the page of all sources is made from."""

    sources: Sequence[Watched]
    #: Of documents and of the configuration.
    conditions: Sequence[Condition]
    #: By id of those sources that are shown.
    days: Mapping[int, Days]
    now: datetime


def state(source: Watched) -> str:
    """How a source is, in one word."""
    if source.disabled:
        return source.disabled
    kinds = {str(condition.kind) for condition in source.conditions}
    if found := [one for one in _ORDER if one in kinds]:
        return found[0]
    if source.failures:
        return "retried"
    return "ok" if source.last_check else "waiting"


def chosen(sources: Sequence[Watched], *, everything: bool, first: int = 0) -> list[Watched]:
    """The sources that a page shows: the worst first, without those that are fine unless all are asked for."""
    listed = sorted(sources, key=lambda source: _ORDER[state(source)])
    if not everything:
        listed = [source for source in listed if state(source) != "ok"]
    return listed[first : first + MOST_ROWS]


def days_of(now: datetime, site: Site, count: int) -> list[date]:
    """The last days in the site's zone, today last."""
    today = wording(site).local(now).date()
    return [today - timedelta(days=back) for back in reversed(range(count))]


def status(board: Board, site: Site, *, everything: bool = False, first: int = 0, token: str = "") -> bytes:
    """The page of all sources; `token` is passed on in its links, where it was asked for with one."""
    say = wording(site)
    states = [state(source) for source in board.sources]
    shown = chosen(board.sources, everything=everything, first=first)
    fine, asked = states.count("ok"), f"&token={token}" if token else ""
    listed = len(states) if everything else len(states) - fine
    return pages.render(
        "status.html",
        STATUS,
        site,
        here="status",
        **_frame(say.words["status"], site),
        lede=_lede(len(states), fine, say),
        counts=_counts(states, say),
        faults=[_fault(condition, say) for condition in board.conditions],
        rows=[_row(source, board, site, say, token) for source in shown],
        rest=say.counted("status_rest", fine) if fine and not everything else None,
        all=f"?all{asked}",
        further=f"?{'all&' if everything else ''}start={first + MOST_ROWS}{asked}"
        if listed > first + MOST_ROWS
        else None,
    )


def source(seen: Closely, days: Days, now: datetime, site: Site, *, token: str = "") -> bytes:
    """The page of one source."""
    say = wording(site)
    page, watched = status_path(seen.source.name), seen.source
    word = state(watched)
    since = max((one.since for one in watched.conditions if str(one.kind) == word), default=None)
    named = say.words[f"state_{word}"]
    days_shown = [days.get(day, (0, 0)) for day in days_of(now, site, MANY_DAYS)]
    return pages.render(
        "watched.html",
        page,
        site,
        here="",
        **_frame(one_line(watched.name), site),
        crumbs=[{"title": say.words["status"], "link": relative(page, STATUS) + (f"?token={token}" if token else "")}],
        state=say.words["state_since"] % (named, say.digits(since)) if since else named,
        state_class=_CLASSES[word],
        faults=[_fault(condition, say) for condition in watched.conditions],
        message=_exactly(watched.message),
        facts=_facts(watched, now, say),
        chart=bars(days_shown, _label(days_shown, say), kind="", width=560, height=80),
        first_day=days_of(now, site, MANY_DAYS)[0].isoformat(),
        most=say.counted("chart_most", max(new for new, _ in days_shown)),
        about=_about(seen, say),
        checks=[_check(check, say) for check in seen.checks],
        history=[_past(condition, say) for condition in seen.history],
        refusals=[(shortened(one_line(one.path), 200), shortened(one_line(one.reason), 300)) for one in seen.refusals],
    )


def forbidden(site: Site, path: str) -> bytes:
    """What others see who ask for a status page, and what they may see instead."""
    say = wording(site)
    link = Markup('<a href="{}">{}</a>').format(relative(path, HEALTH), say.words["health_feed"])
    return _instead(
        site, path, "forbidden", with_code(say.words["forbidden_text"]), say.say("forbidden_hint", link), 403
    )


def unknown(site: Site, path: str, name: str) -> bytes:
    """No source has this name."""
    say = wording(site)
    link = Markup('<a href="{}">{}</a>').format(relative(path, HOME), say.words["home"])
    text = say.say("no_source", shortened(one_line(name), 200))
    return _instead(site, path, "missing", text, link, 404)


def _instead(site: Site, path: str, heading: str, text: Markup, hint: Markup, status: int) -> bytes:
    say = wording(site)
    number = Markup('<span class="n">{}</span>').format(status)
    words = {"heading": say.words[heading], "text": text, "hint": hint, "note": say.say("missing_note", number)}
    return pages.render("missing.html", path, site, here="", **words)


def _frame(heading: str, site: Site) -> dict[str, Any]:
    return {"heading": heading, "health": public_url(site, HEALTH)}


def _lede(number: int, fine: int, say: Wording) -> Markup:
    if not number:
        return with_code(say.words["status_none"])
    key = "status_lede1" if number == 1 and "status_lede1" in say.words else "status_lede"
    return say.say(key, _number(number), _number(fine))


def _number(number: int) -> Markup:
    return Markup('<span class="n">{}</span>').format(f"{number:,}")


def _counts(states: Sequence[str], say: Wording) -> list[dict[str, Any]]:
    """How many sources are in which class of states, without classes of none."""
    classes = [_CLASSES[one] for one in states]
    return [
        {"class": name, "words": Markup("{} {}").format(say.words[key], _number(classes.count(name)))}
        for name, key in _COUNTED.items()
        if name in classes
    ]


def _row(source: Watched, board: Board, site: Site, say: Wording, token: str) -> dict[str, Any]:
    word = state(source)
    days = board.days.get(source.id, {})
    shown = [days.get(day, (0, 0)) for day in days_of(board.now, site, FEW_DAYS)]
    return {
        "name": one_line(source.name),
        "link": relative(STATUS, status_path(source.name)) + (f"?token={token}" if token else ""),
        "kind": say.words[f"kind_{source.kind}"],
        "state": say.words[f"state_{word}"],
        "class": _CLASSES[word],
        "chart": bars(shown, _label(shown, say), kind="spark", width=112, height=20) if any(map(any, shown)) else "",
        "last": _when(source.last_check, board.now, say),
        "next": _when(source.next_check, board.now, say),
        **_note(source, word, say),
    }


def _note(source: Watched, word: str, say: Wording) -> dict[str, Any]:
    """What happened, what to do, and how it was said when it did."""
    for condition in source.conditions:
        if str(condition.kind) == word:
            words = told(condition, say)
            failing = condition.kind is Trouble.FAILING
            why = say.words[f"why_{condition.detail}"] if failing else ""
            return {
                "what": say.say("status_times", why, _number(source.failures)) if failing else with_code(words.what),
                "remedy": with_code(words.remedy),
                "message": _exactly(source.message) if failing else "",
            }
    note = {"config": say.words["off_config"], "retried": say.words["retried"]}.get(word, "")
    return {"what": with_code(note), "remedy": "", "message": _exactly(source.message) if word == "retried" else ""}


def _exactly(message: str | None) -> Markup:
    """What the log says, in its own language."""
    return with_code(xml_text(message or ""))


def _fault(condition: Condition, say: Wording) -> dict[str, Any]:
    words = told(condition, say)
    return {
        "title": words.title,
        "what": with_code(words.what),
        "remedy": with_code(words.remedy),
        # A document's first fault is part of what happened.
        "message": "" if condition.kind is Trouble.FAULT else _exactly(condition.message),
        "since": say.say("health_since", say.moment(condition.since)),
    }


def _facts(source: Watched, now: datetime, say: Wording) -> list[Markup]:
    facts = []
    if last := _when(source.last_check, now, say):
        facts.append(say.say("at_last", last))
    if upcoming := _when(source.next_check, now, say):
        facts.append(say.say("at_next", upcoming))
    if source.failures:
        facts.append(say.counted("in_row", source.failures))
    return facts


def _about(seen: Closely, say: Wording) -> list[tuple[str, Markup | str]]:
    """What is known of the source: a name and a value each."""
    words = say.words
    about: list[tuple[str, Markup | str]] = [
        (words["source_kind"], words[f"kind_{seen.source.kind}"]),
        (words["source_place"], xml_text(seen.place)),
        (words["source_entries"], say.counted("count", seen.entries)),
        (words["source_blocks"], _number(seen.blocks)),
        (words["source_refused"], _number(seen.refused)),
    ]
    if seen.moved_to:
        turn = words["source_moved_good" if seen.moved_for_good else "source_moved_trial"]
        about.append((words["source_moved"], f"{xml_text(seen.moved_to)} ({turn})"))
    if seen.scope:
        about.append((words["source_scope"], words[f"scope_{seen.scope}"]))
    return about


def _check(check: Any, say: Wording) -> dict[str, Any]:
    numbers = {name: f"{getattr(check, name):,}" for name in ("new", "changed", "refused")}
    at = say.timed(check.at, say.digits(check.at))
    return {"at": at, "outcome": str(check.outcome), "message": _exactly(check.message), **numbers}


def _past(condition: Condition, say: Wording) -> dict[str, Any]:
    until = say.timed(condition.until, say.digits(condition.until)) if condition.until else say.words["condition_open"]
    return {
        "since": say.timed(condition.since, say.digits(condition.since)),
        "until": until,
        "title": told(condition, say).title,
        "message": _exactly(condition.message),
    }


def _label(days: Sequence[tuple[int, int]], say: Wording) -> str:
    """A chart in words."""
    numbers = [new for new, _ in days]
    failed = sum(1 for _, failures in days if failures)
    return say.words["chart_weeks"] % (len(days) // 7, sum(numbers), max(numbers), failed)


def _when(moment: datetime | None, now: datetime, say: Wording) -> Markup | None:
    """A time of today by the clock, else with its date."""
    if moment is None:
        return None
    same = say.local(moment).date() == say.local(now).date()
    return say.timed(moment, say.clock(moment) if same else say.digits(moment)[5:])
