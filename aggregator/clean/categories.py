"""Under which categories an entry is published, and which terms of its own it keeps."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from aggregator.clean.rules import Rules, levels
from aggregator.clean.text import line
from aggregator.config import units
from aggregator.model import Path, Term

MOST_PATHS = 16
MOST_LEVELS = 8
#: The parser of articles marks with this scheme what decides where a file is published.
PLACE = "category"


def terms_of(terms: Iterable[Term]) -> tuple[Term, ...]:
    """The publisher's own categories as plain text, each once, in their order."""
    cleaned = (Term(names, term.scheme, line(term.label) if term.label else None) for term, names in _named(terms))
    return tuple(dict.fromkeys(cleaned))


def paths_of(terms: tuple[Term, ...], rules: Rules) -> tuple[Path, ...]:
    """Where it is published; never empty.

    `category` of the source replaces all else. Folders: the entry's own. Feeds and pages: what the
    patterns in `categories` map, or with `category: own` the terms themselves.
    """
    if rules.category and rules.category != "own":
        return _distinct([levels(rules.category)]) or _unsorted(rules)
    if rules.kind == "folder":
        found = [term.path for term in terms if term.scheme == PLACE]
    elif rules.category == "own":
        found = [term.path for term in terms]
    else:
        found = [path for path, patterns in rules.mapped if _any_matches(patterns, terms)]
    return _distinct(found) or _unsorted(rules)


def _named(terms: Iterable[Term]) -> Iterable[tuple[Term, Path]]:
    for term in terms:
        names = tuple(name for part in term.path if (name := unicodedata.normalize("NFC", line(part))))
        if names:
            yield term, names


def _any_matches(patterns: tuple[str, ...], terms: tuple[Term, ...]) -> bool:
    return any(_matches(pattern, name) for pattern in patterns for term in terms for name in term.path)


def _matches(pattern: str, name: str) -> bool:
    try:
        return units.pattern(pattern).search(name, timeout=units.PATTERN_SECONDS) is not None
    except TimeoutError:
        return False


def _distinct(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Each once, in the first spelling: case and width make no other category."""
    first: dict[Path, Path] = {}
    for path in paths:
        if path:
            short = path[:MOST_LEVELS]
            first.setdefault(tuple(unicodedata.normalize("NFKC", name).casefold() for name in short), short)
    return tuple(first.values())[:MOST_PATHS]


def _unsorted(rules: Rules) -> tuple[Path, ...]:
    return (("未分类" if rules.site_language.lower().startswith("zh") else "unsorted",),)
