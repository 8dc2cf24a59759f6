"""Collects what is read of one entry, whatever the format, and decides between rivals.

Elements come in any order and often say the same thing twice (`pubDate` and `dc:date`). Each
reader therefore offers its value with a rank, and the lowest rank wins, then the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from aggregator.model import Enclosure, Image, ParsedEntry, Person, Refused, Term, Text
from aggregator.parse import dates
from aggregator.parse.fields import is_web, line

T = TypeVar("T")

#: Of one document no more items are read: a few megabytes of `<item/>` are hundreds of thousands.
MOST_ITEMS = 10_000


class Best(Generic[T]):
    """The best value offered so far."""

    #: Until there is one; an entry has nine of these, and few are offered anything.
    value: T | None = None
    rank = 0

    def offer(self, value: T | None, rank: int = 0) -> None:
        if value is not None and (self.value is None or rank < self.rank):
            self.value, self.rank = value, rank


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for a whole document."""

    #: The final URL: relative links are resolved against it where `xml:base` says nothing.
    base: str | None
    #: Of dates that name none.
    timezone: str
    #: `xml:base` or `xml:lang` occurs; most documents spare us looking for them at each element.
    inherits: bool = False
    #: No text in it can hold a character that is forbidden (`characters.is_sound`).
    sound: bool = False


@dataclass(slots=True)
class Draft:
    """What has been read of one entry (or of the feed itself, which has the same elements)."""

    setting: Setting
    id: Best[str] = field(default_factory=Best)
    url: Best[str] = field(default_factory=Best)
    title: Best[Text] = field(default_factory=Best)
    content: Best[Text] = field(default_factory=Best)
    summary: Best[Text] = field(default_factory=Best)
    published: Best[datetime] = field(default_factory=Best)
    updated: Best[datetime] = field(default_factory=Best)
    language: Best[str] = field(default_factory=Best)
    rights: Best[str] = field(default_factory=Best)
    authors: list[tuple[int, Person]] = field(default_factory=list)
    images: list[tuple[int, Image]] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    enclosures: list[Enclosure] = field(default_factory=list)
    podcast: list[tuple[str, str]] = field(default_factory=list)

    def date(self, target: Best[datetime], text: str | None, rank: int = 0) -> None:
        """Offer a date as it was written; what is no date leaves the place to its rivals."""
        claimed = dates.parse_date(text, self.setting.timezone) if text else None
        target.offer(claimed.moment if claimed else None, rank)

    def author(self, person: Person | None, rank: int = 0) -> None:
        if person:
            self.authors.append((rank, person))

    def term(self, name: str | None, scheme: str | None = None, label: str | None = None) -> None:
        name, label = line(name), line(label)
        if name or label:
            self.terms.append(Term((name or label or "",), line(scheme), label if name else None))

    def image(self, url: str | None, width: int | None = None, height: int | None = None, rank: int = 0) -> None:
        if url:
            self.images.append((rank, Image(url, width, height)))

    def enclosure(self, url: str | None, type: str | None, length: int | None, title: str | None = None) -> None:
        """An enclosed picture is also a picture of the entry, if nothing better is marked as one."""
        if url:
            self.enclosures.append(Enclosure(url, line(type), length, line(title)))
            self.image(url if (type or "").startswith("image/") else None, rank=9)

    def tag(self, name: str, value: str | None) -> None:
        value = line(value)
        if value:
            self.podcast.append((name, value))

    def people(self) -> tuple[Person, ...]:
        """Of the best rank only: `itunes:author` mostly repeats, in other words, who wrote it."""
        if len(self.authors) < 2:
            return tuple(person for _, person in self.authors)
        best = min(rank for rank, _ in self.authors)
        by_name: dict[str, Person] = {}
        for rank, person in self.authors:
            if rank == best:
                known = by_name.setdefault(person.name.casefold(), person)
                by_name[person.name.casefold()] = replace(
                    known, uri=known.uri or person.uri, email=known.email or person.email
                )
        return tuple(by_name.values())


def finish(draft: Draft, language: str | None, *, summary_is_content: bool) -> ParsedEntry | None:
    """The entry, or None where the draft has nothing to read and nothing to follow.

    `language` is the feed's. A description alone is the content in RSS, where `summary_is_content`;
    in Atom a summary never is. An id that is an address serves as the missing link, and the date
    of the update as the missing date of publication: most Atom feeds have no other.
    """
    identity = draft.id.value
    url = draft.url.value or (identity if is_web(identity) else None)
    title, content, summary = draft.title.value, draft.content.value, draft.summary.value
    if not (url or title or content or summary or draft.enclosures):
        return None
    if content is None and summary_is_content:
        content, summary = summary, None
    own = _language(draft, language, (title, content, summary))
    return ParsedEntry(
        id=identity,
        url=url,
        title=_unless(title, own or language),
        content=_unless(content, own or language),
        summary=_unless(summary, own or language),
        authors=draft.people(),
        published=draft.published.value or draft.updated.value,
        updated=draft.updated.value,
        terms=tuple(dict.fromkeys(draft.terms)) if draft.terms else (),
        images=_best_first(draft.images),
        enclosures=_last_of_each(draft.enclosures) if draft.enclosures else (),
        language=own,
        rights=draft.rights.value,
        podcast=tuple(dict.fromkeys(draft.podcast)) if draft.podcast else (),
    )


def beyond(rest: int) -> tuple[Refused, ...]:
    """What is said of the `rest` of a document after its first `MOST_ITEMS`."""
    place = f"items {MOST_ITEMS + 1} to {MOST_ITEMS + rest}"
    return (Refused(place, "there are too many items in one document"),) if rest > 0 else ()


def _language(draft: Draft, feed: str | None, texts: tuple[Text | None, ...]) -> str | None:
    """The entry's own, where it is not the feed's: what it says, or what all its texts say."""
    said = draft.language.value
    if said is None:
        spoken = {text.language for text in texts if text}
        said = spoken.pop() if len(spoken) == 1 else None
    return said if said != feed else None


def _unless(text: Text | None, language: str | None) -> Text | None:
    """The text says its language only where it differs from what holds for the whole."""
    return replace(text, language=None) if text and text.language and text.language == language else text


def _last_of_each(enclosures: list[Enclosure]) -> tuple[Enclosure, ...]:
    """Each address once."""
    return tuple({enclosure.url: enclosure for enclosure in reversed(enclosures)}.values())[::-1]


def _best_first(images: list[tuple[int, Image]]) -> tuple[Image, ...]:
    """By rank, then the widest first; each address once."""
    if len(images) < 2:
        return tuple(image for _, image in images)
    ordered = sorted(images, key=lambda pair: (pair[0], -(pair[1].width or 0)))
    by_url: dict[str, Image] = {}
    for _, image in ordered:
        by_url.setdefault(image.url, image)
    return tuple(by_url.values())
