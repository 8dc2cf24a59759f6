"""Collects what is read of one entry, whatever the format, and decides between rivals.

Elements come in any order and often say the same thing twice (`pubDate` and `dc:date`). Each
reader therefore offers its value with a rank, and the lowest rank wins, then the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

from aggregator.model import Enclosure, Image, ParsedEntry, Person, Refused, Term, Text
from aggregator.parse import dates
from aggregator.parse.fields import is_web, line, person
from aggregator.parse.tree import Element

T = TypeVar("T")

#: A category or a person before it is looked at: name, scheme and label, or name, address and mail.
Written: TypeAlias = tuple[str | None, str | None, str | None]

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
class Scope:
    """What an element inherits from those around it."""

    base: str | None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What holds for a whole document."""

    #: The final URL: relative links are resolved against it where `xml:base` says nothing.
    base: str | None
    #: Of dates that name none.
    timezone: str
    #: What `xml:base` and `xml:lang` say of each element; empty where the document has neither, as most.
    scopes: Mapping[Element, Scope] = field(default_factory=dict)
    #: Categories and people found so far, by how they are written: most occur again and again.
    terms: dict[Written, Term | None] = field(default_factory=dict)
    people: dict[Written, Person | None] = field(default_factory=dict)


class Draft:
    """What has been read of one entry (or of the feed itself, which has the same elements).

    Written out, for a dataclass takes three times as long to call the factories of 14 fields.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.id: Best[str] = Best()
        self.url: Best[str] = Best()
        self.title: Best[Text] = Best()
        self.content: Best[Text] = Best()
        self.summary: Best[Text] = Best()
        self.published: Best[datetime] = Best()
        self.updated: Best[datetime] = Best()
        self.language: Best[str] = Best()
        self.rights: Best[str] = Best()
        self.authors: list[tuple[int, Person]] = []
        self.images: list[tuple[int, Image]] = []
        #: By what they are: each is one object in a document, see `term`.
        self.terms: dict[int, Term] = {}
        self.enclosures: list[Enclosure] = []
        self.podcast: list[tuple[str, str]] = []

    def date(self, target: Best[datetime], text: str | None, rank: int = 0) -> None:
        """Offer a date as it was written; what is no date leaves the place to its rivals."""
        if text:
            target.offer(dates.moment(text, self.setting.timezone), rank)

    def author(self, name: str | None, uri: str | None = None, email: str | None = None, rank: int = 0) -> None:
        """Add a person by `fields.person`, if that is one."""
        known = self.setting.people
        written = (name, uri, email)
        if written not in known:
            known[written] = person(name, uri, email)
        if found := known[written]:
            self.authors.append((rank, found))

    def term(self, name: str | None, scheme: str | None = None, label: str | None = None) -> None:
        """Add a category once; equal ones of a document are one object, however they are written."""
        known = self.setting.terms
        written = (name, scheme, label)
        if written not in known:
            term = _term(name, scheme, label)
            known[written] = term and known.setdefault((term.path[0], term.scheme, term.label), term)
        if found := known[written]:
            self.terms[id(found)] = found

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
            return (self.authors[0][1],) if self.authors else ()
        best = min(rank for rank, _ in self.authors)
        by_name: dict[str, Person] = {}
        for rank, said in self.authors:
            if rank == best:
                known = by_name.setdefault(said.name.casefold(), said)
                by_name[said.name.casefold()] = replace(
                    known, uri=known.uri or said.uri, email=known.email or said.email
                )
        return tuple(by_name.values())


def _term(name: str | None, scheme: str | None, label: str | None) -> Term | None:
    name, label = line(name), line(label)
    return Term((name or label or "",), line(scheme), label if name else None) if name or label else None


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
    own = draft.language.value if draft.language.value != language else None
    # Few texts say their language.
    if (title and title.language) or (content and content.language) or (summary and summary.language):
        own = _language(draft, language, (title, content, summary))
        title, content, summary = (_unless(text, own or language) for text in (title, content, summary))
    return ParsedEntry(
        id=identity,
        url=url,
        title=title,
        content=content,
        summary=summary,
        authors=draft.people(),
        published=draft.published.value or draft.updated.value,
        updated=draft.updated.value,
        terms=tuple(draft.terms.values()),
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
        return (images[0][1],) if images else ()
    ordered = sorted(images, key=lambda pair: (pair[0], -(pair[1].width or 0)))
    by_url: dict[str, Image] = {}
    for _, image in ordered:
        by_url.setdefault(image.url, image)
    return tuple(by_url.values())
