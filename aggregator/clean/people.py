"""Rules that people wrote in config.yaml: leave out, publish elsewhere, tag, re-title."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator.clean.rules import levels
from aggregator.config import units
from aggregator.config.schema import Rule
from aggregator.model import Dropped, Path, Term


@dataclass(frozen=True, slots=True)
class Subject:
    """What the rules look at, and where those that matched have put the entry."""

    title: str
    url: str
    authors: tuple[str, ...]
    text: str
    terms: tuple[Term, ...]
    language: str
    published: datetime | None
    #: Empty where no rule says so.
    paths: tuple[Path, ...] = ()
    #: What the rules did so far, in words.
    ruled: tuple[str, ...] = ()


def judge(subject: Subject, rules: tuple[Rule, ...], now: datetime) -> Subject | Dropped:
    """Apply the rules in order; each sees what those before it made. The first that drops ends it.

    Of several that name a category the last one counts. Nothing is raised: a pattern that takes
    too long does not match.
    """
    for rule in rules:
        if not all(_matches(field, wanted, subject, now) for field, wanted in rule.when.items()):
            continue
        if rule.drop:
            return Dropped(f"rule: {_words(rule)}", subject.title)
        subject = replace(_changed(subject, rule), ruled=(*subject.ruled, _told(rule)))
    return subject


def _told(rule: Rule) -> str:
    did = (("category", rule.category), ("tag", rule.tag), ("title", rule.title))
    done = ", ".join(f"{what} {value}" for what, value in did if value is not None)
    return f"{done} by the rule for {_words(rule)}"


def _words(rule: Rule) -> str:
    return " and ".join(f"{field} {wanted}" for field, wanted in rule.when.items())


def _changed(subject: Subject, rule: Rule) -> Subject:
    if rule.category is not None and (path := levels(rule.category)):
        subject = replace(subject, paths=(path,))
    if rule.tag is not None:
        subject = replace(subject, terms=tuple(dict.fromkeys((*subject.terms, Term((rule.tag,))))))
    if rule.title is not None and "title" in rule.when:
        subject = replace(subject, title=_retitled(subject.title, rule.when["title"], rule.title))
    return subject


def _retitled(title: str, pattern: str, new: str) -> str:
    """The title with what matched replaced; as it was where nothing of it would be left."""
    try:
        changed = units.pattern(pattern).sub(new, title, timeout=units.PATTERN_SECONDS)
    except (TimeoutError, IndexError, ValueError):
        return title
    return " ".join(changed.split()) or title


def _matches(field: str, wanted: str, subject: Subject, now: datetime) -> bool:
    try:
        if field in _MEASURES:
            return _MEASURES[field](wanted, subject, now)
        pattern = units.pattern(wanted)
        return any(pattern.search(value, timeout=units.PATTERN_SECONDS) for value in _VALUES[field](subject))
    except (TimeoutError, ValueError):
        return False


def _older(wanted: str, subject: Subject, now: datetime) -> bool:
    """`> 7d`: published longer ago; `< 2h`: since then. Never true of an entry without a date."""
    sign, limit = units.age(wanted)
    return subject.published is not None and (now - subject.published > limit) == (sign == ">")


def _longer(wanted: str, subject: Subject, _: datetime) -> bool:
    """`< 200`: fewer characters of text; `> 200`: more."""
    sign, limit = units.length(wanted)
    return len(subject.text) > limit if sign == ">" else len(subject.text) < limit


_MEASURES: dict[str, Callable[[str, Subject, datetime], bool]] = {"age": _older, "length": _longer}
_VALUES: dict[str, Callable[[Subject], tuple[str, ...]]] = {
    "title": lambda subject: (subject.title,),
    "url": lambda subject: (subject.url,),
    "author": lambda subject: subject.authors,
    "content": lambda subject: (subject.text,),
    "category": lambda subject: tuple(name for term in subject.terms for name in term.path),
    "language": lambda subject: (subject.language,),
}
