"""What the configuration as it is now would change of what is stored, found without storing anything.

It answers for `replay` and the start with an edited config: what both would do, in words.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from aggregator import replay, slugs
from aggregator.means import Means
from aggregator.model import Entry, Path, Prepared
from aggregator.store import categories, replays, sources
from aggregator.store.categories import Naming
from aggregator.store.replays import Kept

#: Entries whose texts are shown as a diff: more nobody reads.
EXAMPLES = 3

#: Lines of each such diff.
LINES = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry and one way in which it would differ."""

    #: dropped, back, routed, titled, text or other
    kind: str
    id: int
    title: str
    source: str
    #: As it is, and as it would be; the reason where it is dropped, the names of what differs for the rest.
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class Preview:
    """Everything that would differ; nothing where all of it is empty."""

    entries: int = 0
    #: (new, renamed, moved or gone; the name; where it is, or what it was)
    sources: list[tuple[str, str, str]] = field(default_factory=list)
    #: Slugs of feeds that appear, of those that would hold nothing, and of those that lead to another.
    appearing: list[str] = field(default_factory=list)
    disappearing: list[str] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    #: Entries whose texts would differ; the first of them are shown as diffs.
    texts: int = 0


@dataclass(slots=True)
class _Feeds:
    """Which categories hold something, by folded path, the levels above included."""

    naming: Naming
    before: dict[tuple[str, ...], Path] = field(default_factory=dict)
    after: dict[tuple[str, ...], Path] = field(default_factory=dict)

    def add(self, to: dict[tuple[str, ...], Path], paths: Iterable[Path]) -> None:
        for path in paths:
            for depth in range(1, len(path) + 1):
                to.setdefault(self.naming.key(path[:depth]), path[:depth])


def preview(means: Means) -> Preview:
    """Compare what is stored with what today's configuration would make of it.

    Reads one consistent view and takes no lock. Of sources that are gone from the config the entries stay.
    """
    found = Preview(sources=[("new", item.name, sources.location(item)) for item in means.config.sources])
    if means.database.revision() is None:
        return found
    with means.database.read() as connection:
        found.sources = sources.differences(connection, means.config.sources)
        known = categories.known(connection)
        feeds = _Feeds(means.naming)
        names = {old: name for kind, name, old in found.sources if kind == "renamed"}
        for kept in _stored(connection):
            _look(means, kept, names.get(kept.source, kept.source), known, feeds, found)
    _compare_feeds(means.naming, known, feeds, found)
    return found


def _stored(connection: Connection) -> Iterator[Kept]:
    after = 0
    while batch := replays.batch(connection, after, replay.BATCH):
        yield from batch
        after = batch[-1].id


def _look(
    means: Means, kept: Kept, name: str, known: Mapping[int, tuple[Path, str]], feeds: _Feeds, found: Preview
) -> None:
    found.entries += 1
    here = tuple(sorted(known[category][0] for category in kept.categories))
    feeds.add(feeds.before, here)
    if name not in means.recipes:
        feeds.add(feeds.after, map(means.naming.place, here))
        return
    made = replay.again(kept, means.recipes[name])
    if isinstance(made, Prepared):
        there = tuple(sorted({means.naming.place(path) for path in made.entry.paths}))
        feeds.add(feeds.after, there)
        differences = list(_differences(means.naming, kept, made.entry, here, there, examples=found.texts < EXAMPLES))
        found.differences += differences
        found.texts += any(one.kind == "text" for one in differences)
    elif kept.dropped is None:
        found.differences.append(_difference("dropped", kept, after=(made.reason,)))


def _differences(
    naming: Naming, kept: Kept, new: Entry, here: tuple[Path, ...], there: tuple[Path, ...], *, examples: bool
) -> Iterator[Difference]:
    """Each way in which an entry that stays, or comes back, would differ."""
    old = kept.cleaned
    if kept.dropped is not None:
        yield _difference("back", kept, before=(kept.dropped,))
        return
    if set(map(naming.key, here)) != set(map(naming.key, there)):
        yield _difference("routed", kept, tuple(map("/".join, here)), tuple(map("/".join, there)))
    if old.title != new.title:
        yield _difference("titled", kept, (old.title,), (new.title,))
    if old.text != new.text:
        yield _difference("text", kept, *(_diff(old.text, new.text) if examples else ()))
    told = {"title", "text", "paths", "summary"} | ({"html"} if old.text != new.text else set())
    if rest := [name for name in replay.differing(old, new) if name not in told]:
        yield _difference("other", kept, after=tuple(rest))


def _difference(kind: str, kept: Kept, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Difference:
    return Difference(kind, kept.id, kept.cleaned.title, kept.source, before, after)


def _diff(old: str, new: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The first lines that go and that come."""
    lines = list(difflib.ndiff(old.splitlines(), new.splitlines()))
    gone = [line[2:] for line in lines if line.startswith("- ") and line[2:].strip()]
    come = [line[2:] for line in lines if line.startswith("+ ") and line[2:].strip()]
    return tuple(gone[:LINES]), tuple(come[:LINES])


def _compare_feeds(naming: Naming, known: Mapping[int, tuple[Path, str]], feeds: _Feeds, found: Preview) -> None:
    addresses = {naming.key(path): slug for path, slug in known.values()}

    def slug(path: Path) -> str:
        settings = naming.settings(path)
        return addresses.get(naming.key(path)) or (settings and settings.slug) or slugs.slug(path)

    for key, path in sorted(feeds.before.items()):
        place = naming.place(path)
        if place != path:
            found.moved.append((slug(path), slug(place)))
        elif key not in feeds.after:
            found.disappearing.append(slug(path))
    found.appearing = sorted(slug(path) for key, path in feeds.after.items() if key not in feeds.before)
