"""The steps from a parsed entry to a clean one, and the half-made entry that they work on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from aggregator.clean import categories, dates, encoding, language, people, text
from aggregator.clean.html import Wishes, clean_html
from aggregator.clean.images import lead
from aggregator.clean.rules import Rules
from aggregator.clean.urls import Links, base_of
from aggregator.config import units
from aggregator.model import Dropped, Enclosure, Entry, Image, ParsedEntry, ParsedFeed, Path, Person, Term, Text

#: Columns; a shorter summary is a label ("Comments", "Read more").
LEAST_SUMMARY = 20

_BASE = re.compile(r"<base\s[^>]*?href\s*=\s*([\"']?)(https?://[^\"'\s>]+)\1", re.IGNORECASE)


@dataclass(slots=True)
class Draft:
    """What was given, and what the steps have made of it so far."""

    parsed: ParsedEntry
    feed: ParsedFeed
    base: str | None
    rules: Rules
    now: datetime

    links: Links = field(default_factory=Links)
    url: str | None = None
    publisher: str = ""
    authors: tuple[Person, ...] = ()
    #: What the body is made of.
    words: Text | None = None
    #: The body as HTML, before it is cleaned.
    original: str = ""
    html: str = ""
    text: str = ""
    published: datetime | None = None
    updated: datetime | None = None
    title: str = ""
    summary: str = ""
    image: Image | None = None
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None
    terms: tuple[Term, ...] = ()
    paths: tuple[Path, ...] = ()
    ruled: tuple[str, ...] = ()

    def entry(self) -> Entry:
        parsed = self.parsed
        return Entry(
            title=self.title,
            html=self.html,
            text=self.text,
            summary=self.summary,
            publisher=self.publisher,
            url=self.url,
            authors=self.authors,
            published=self.published,
            published_claimed=dates.as_utc(parsed.published),
            updated=self.updated,
            paths=self.paths,
            terms=self.terms,
            image=self.image,
            enclosures=self.enclosures,
            language=self.language,
            rights=text.line(parsed.rights) or None if parsed.rights else None,
            podcast=tuple((name, text.legal(value)) for name, value in parsed.podcast),
            ruled=self.ruled,
        )


def _refuse_own(draft: Draft) -> Dropped | None:
    """What we published ourselves, by whatever way it comes back; another installation's ids begin otherwise."""
    own, entry = draft.rules.own, draft.parsed
    if own and (entry.id or "").startswith(own):
        # Of a feed of ours every entry is refused here: each has such an id, in all formats.
        return Dropped(f"published by this installation itself ({entry.id}): its source leads back to our own output")
    return None


def _address(draft: Draft) -> None:
    draft.url = address_of(draft.parsed, draft.feed, draft.base, draft.rules)
    draft.links = Links(draft.url or base_of(draft.base, draft.feed.url), draft.rules.unwrap)


def address_of(parsed: ParsedEntry, feed: ParsedFeed, base: str | None, rules: Rules) -> str | None:
    """The entry's own address, absolute; relative to the document's, else to the feed's home."""
    return Links(base_of(base, feed.url), rules.unwrap).web(parsed.url or "")


def _publisher(draft: Draft) -> None:
    """Design section 5: a folder holds many publishers, a feed or page is one."""
    name = ""
    if draft.rules.kind == "folder":
        name = next((name for author in draft.parsed.authors if (name := text.line(author.name))), "")
        name = name or text.line((draft.parsed.path or "").rpartition("/")[0])
    draft.publisher = name or draft.rules.name


def _authors(draft: Draft) -> None:
    found = _persons(draft.parsed.authors, draft.links) or _persons(draft.feed.authors, draft.links)
    draft.authors = found or (Person(draft.publisher),)


def _persons(persons: Iterable[Person], links: Links) -> tuple[Person, ...]:
    """Each once, with a name, or the front of the e-mail address for one."""
    kept = []
    for person in persons:
        email = text.line(person.email) if person.email and "@" in person.email else None
        if name := text.line(person.name) or (email or "").partition("@")[0]:
            kept.append(Person(name, links.web(person.uri or ""), email))
    return tuple(dict.fromkeys(kept))


def _body(draft: Draft) -> None:
    """Of the article's own page where that was found to hold more, and cleaning leaves any text of it."""
    parsed = draft.parsed
    if draft.rules.full_text and parsed.full:
        _clean_body(draft, parsed.full)
        if draft.text:
            draft.ruled = ("in the words of its own page",)
            return
    source = next((one for one in (parsed.content, parsed.summary) if one and one.value.strip()), None)
    if source is not None:
        _clean_body(draft, source)


def _clean_body(draft: Draft, source: Text) -> None:
    rules = draft.rules
    draft.words = source
    draft.original = encoding.repaired(_markup(source))
    base = base_of(_own_base(draft.original), source.base, draft.links.base)
    wishes = Wishes(rules.keep, rules.remove, rules.replace)
    draft.html = clean_html(draft.original, Links(base, rules.unwrap), wishes)
    draft.text = text.plain(draft.html)


def _own_base(html: str) -> str | None:
    """The `<base href>` of a whole page that was put into an entry: the nearest to its links."""
    return match[2] if "<base" in html and (match := _BASE.search(html)) else None


def _markup(source: Text) -> str:
    """As HTML. Of text without any tag, whatever it is said to be, the lines are all the structure there is."""
    value = source.value if source.type == "html" else escape(text.decoded(source.value), quote=False)
    return value if "<" in value else value.strip().replace("\n", "<br>")


def _dates(draft: Draft) -> None:
    parsed, rules = draft.parsed, draft.rules
    crawled = parsed.crawled if rules.dates is None else rules.dates == "crawl"
    draft.published = None if crawled else dates.plausible(parsed.published, draft.now)
    draft.updated = dates.updated_of(parsed.updated, draft.published, draft.now)


def _title(draft: Draft) -> None:
    given = draft.parsed.title
    title = text.line(given.value, given.type) if given else ""
    if not title and draft.text:
        title = text.first_sentence(draft.text)
    if not title:
        day = draft.published.astimezone(units.zone(draft.rules.timezone)).date() if draft.published else None
        title = f"{draft.publisher} {day}" if day else draft.publisher
    draft.title = text.title_length(title)


def _summary(draft: Draft) -> None:
    given = draft.parsed.summary
    if given is None or draft.words is None or given.value == draft.words.value:
        # The text was made of it: nothing better is to be had, and to read it again takes time.
        draft.summary = text.sentences(draft.text, text.SUMMARY_COLUMNS)
        return
    own = text.line(given.value, given.type)
    draft.summary = text.sentences(own if _is_real(own, draft) else draft.text, text.SUMMARY_COLUMNS)


def _is_real(summary: str, draft: Draft) -> bool:
    """Not the title again, a label, or the text cut anywhere: we cut it better."""
    if summary == draft.title or text.head(summary, LEAST_SUMMARY - 1) == summary:
        return False
    start = summary.rstrip("… .[]")
    return not " ".join(draft.text[: 2 * len(start) + 100].split()).startswith(start)


def _pictures(draft: Draft) -> None:
    draft.image = lead(draft.parsed.images, draft.html, draft.links, draft.original)
    found: dict[str, Enclosure] = {}
    for one in draft.parsed.enclosures:
        if url := draft.links.web(one.url):
            found.setdefault(url, _enclosure(url, one))
    draft.enclosures = tuple(found.values())


def _enclosure(url: str, given: Enclosure) -> Enclosure:
    kind = (given.type or "").partition(";")[0].strip().lower()
    length = given.length if given.length and given.length > 0 else None
    return Enclosure(
        url, kind if "/" in kind else None, length, text.line(given.title) or None if given.title else None
    )


def _refuse_empty(draft: Draft) -> Dropped | None:
    titled = draft.parsed.title and text.line(draft.parsed.title.value, draft.parsed.title.type)
    if titled or draft.html or draft.image or draft.url or draft.enclosures:
        return None
    return Dropped("it has neither title nor text, picture, link or enclosure")


def _language(draft: Draft) -> None:
    content = draft.parsed.content
    said = (draft.parsed.language, content.language if content else None, draft.feed.language, draft.rules.language)
    draft.language = next((tag for one in said if (tag := language.tag(one))), None) or language.by_script(
        f"{draft.title}\n{draft.text}"
    )


def _places(draft: Draft) -> None:
    draft.terms = categories.terms_of(draft.parsed.terms)
    draft.paths = categories.paths_of(draft.terms, draft.rules)


def _people(draft: Draft) -> Dropped | None:
    if not draft.rules.people:
        return None
    subject = people.Subject(
        title=draft.title,
        url=draft.url or "",
        authors=tuple(author.name for author in draft.authors),
        text=draft.text,
        terms=draft.terms,
        language=draft.language or "",
        published=draft.published,
    )
    verdict = people.judge(subject, draft.rules.people, draft.now)
    if isinstance(verdict, Dropped):
        return verdict
    draft.title = text.title_length(verdict.title) or draft.title
    draft.terms = verdict.terms
    draft.paths = verdict.paths or draft.paths
    draft.ruled += verdict.ruled
    return None


#: In this order.
STEPS: tuple[Callable[[Draft], Dropped | None], ...] = (
    # Costs nothing, and nothing else has to look at what comes in a circle.
    _refuse_own,
    # All other links are relative to the entry's own.
    _address,
    _publisher,
    _authors,
    # Ends with sanitizing, and no step after it touches the HTML: one could let unsafe HTML back in.
    _body,
    _dates,
    # A missing title is made of the text, else of publisher and date.
    _title,
    _summary,
    _pictures,
    _refuse_empty,
    _language,
    _places,
    # Last: people's rules see what readers will see.
    _people,
)
