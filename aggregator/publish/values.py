"""What a feed and an entry say once published: the values that every format writes in its own way.

Everything is fit for XML and JSON alike: plain text on one line, addresses absolute and in ASCII,
dates in UTC. Nothing here knows a clock: equal stories give equal values on any machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from aggregator.config.schema import Output, Site
from aggregator.model import Carrier, Enclosure, Feed, Image, Person, Story
from aggregator.publish.addresses import as_uri, entry_path, page_path, public_url, tag_uri
from aggregator.publish.archive import history, own_path
from aggregator.publish.kept import Kept
from aggregator.publish.phrases import phrases
from aggregator.publish.prose import cut
from aggregator.publish.xmltext import one_line, shortened, xml_text

TITLE_CHARACTERS = 500
SUMMARY_CHARACTERS = 1000
CONTENT_BYTES = 1_000_000
UNKNOWN_TYPE = "application/octet-stream"

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
# RFC 3986, without the brackets of IPv6: such an id is replaced, and no harm is done.
_URI_TEXT = r"(?:[A-Za-z0-9!$&'()*+,;=:@/?~._-]|%[0-9A-Fa-f]{2})"
_URI = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*:{_URI_TEXT}+(#{_URI_TEXT}*)?")

#: What a podcast's element may hold; anything else is left out.
_PODCAST = {
    "itunes:duration": r"\d{1,6}|(\d{1,3}:)?[0-5]?\d:[0-5]\d",
    "itunes:episode": r"[1-9]\d{0,8}",
    "itunes:season": r"[1-9]\d{0,8}",
    "itunes:episodeType": r"full|trailer|bonus",
    "itunes:explicit": r"true|false|yes|no|clean",
    "itunes:block": r"yes|Yes",
    "itunes:image": r"https?://[!-~]+",
}
_PLAYED = ("audio/", "video/")


@dataclass(frozen=True, slots=True)
class FeedValues:
    id: str
    title: str
    subtitle: str
    author: str
    updated: datetime
    page: str
    address: str
    language: str | None
    hub: str | None
    #: Id and time of what the feed showed and shows no more.
    deleted: tuple[tuple[str, datetime], ...]
    #: It is an archive and will not change; links to the rest of the feed's history (RFC 5005).
    sealed: bool
    history: tuple[tuple[str, str], ...]
    #: Every entry has something to listen to or to watch, so podcasts' own elements belong in it.
    podcast: bool
    entries: tuple[EntryValues, ...]


@dataclass(frozen=True, slots=True)
class SourceValues:
    """The origin, for credit."""

    id: str
    title: str
    url: str | None
    feed_url: str | None


@dataclass(frozen=True, slots=True)
class EntryValues:
    id: str
    #: Plain text, never empty.
    title: str
    #: The article's own address, else our page of it.
    url: str
    #: Safe HTML of at most `CONTENT_BYTES`; may be empty.
    html: str
    #: `html` is not cut.
    whole: bool
    #: Plain text, never empty.
    summary: str
    published: datetime
    updated: datetime
    #: One at least.
    authors: tuple[Person, ...]
    categories: tuple[Category, ...]
    #: Further carriers: address and name.
    via: tuple[tuple[str, str], ...]
    #: With a type and a length each.
    enclosures: tuple[Enclosure, ...]
    source: SourceValues
    image: Image | None
    language: str | None
    rights: str
    podcast: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Category:
    term: str
    scheme: str = ""
    #: Empty where it would repeat the term.
    label: str = ""


def feed_values(feed: Feed, site: Site, output: Output, kind: str, kept: Kept) -> FeedValues:
    """The feed with its stories, as it is published in the format `kind`."""
    words = phrases(site.language)
    entries = tuple(_kept_values(story, site, kept) for story in feed.stories)
    asked = f"?{feed.query}" if feed.query else ""
    return FeedValues(
        id=tag_uri(site, feed.uuid),
        title=entry_title(feed.title, site),
        subtitle=one_line(feed.description) or words["feed_about"] % (one_line(site.title), one_line(feed.title)),
        author=one_line(site.author or "") or one_line(site.title) or "aggregator",
        updated=feed.updated.astimezone(UTC),
        page=public_url(site, page_path(feed.slug)) + asked,
        address=public_url(site, own_path(feed, kind)) + asked,
        sealed=feed.archive is not None,
        history=tuple(history(feed, site)),
        language=_language(feed.language) or _language(site.language),
        hub=as_uri(output.hub) if output.hub else None,
        deleted=tuple((tag_uri(site, uuid), when.astimezone(UTC)) for uuid, when in feed.deleted),
        podcast=bool(entries) and all(map(_is_played, entries)),
        entries=entries,
    )


def _kept_values(story: Story, site: Site, kept: Kept) -> EntryValues:
    return kept.part(("values", story.uuid), lambda: entry_values(story, site), story)


def entry_values(story: Story, site: Site) -> EntryValues:
    html, whole = _content(story, site)
    title = entry_title(story.title, site)
    return EntryValues(
        id=tag_uri(site, story.uuid),
        title=title,
        url=article_address(story, site),
        html=html,
        whole=whole,
        summary=shortened(one_line(story.summary), SUMMARY_CHARACTERS) or title,
        published=story.published.astimezone(UTC),
        # Microseconds stay: they keep the dates of entries apart.
        updated=story.updated.astimezone(UTC),
        authors=tuple(_authors(story)),
        categories=tuple(_categories(story)),
        via=tuple(_via(story, site)),
        enclosures=tuple(_enclosures(story)),
        source=_source(story, site),
        image=_image(story.image),
        language=_language(story.language),
        rights=one_line(story.rights or ""),
        podcast=tuple((name, value) for name, given in story.podcast if (value := _podcast(name, given))),
    )


def entry_title(title: str, site: Site) -> str:
    """Plain text of 1 to 500 characters."""
    return shortened(one_line(title), TITLE_CHARACTERS) or phrases(site.language)["untitled"]


def article_address(story: Story, site: Site) -> str:
    """The article's own address, else our page of it."""
    return (as_uri(story.url) if story.url else None) or public_url(site, entry_path(story.uuid))


def _content(story: Story, site: Site) -> tuple[str, bool]:
    """The HTML, and whether it is the whole of it."""
    words = phrases(site.language)
    html = xml_text(story.html) or (f"<p>{escape(xml_text(story.summary))}</p>" if story.summary else "")
    credit = _credit(story, site, words["carried"], words["comma"])
    rest = f'<p><a href="{escape(article_address(story, site))}">{escape(words["rest"])}</a></p>'
    kept = cut(html, CONTENT_BYTES - len((rest + credit).encode()))
    return (kept + credit, True) if kept == html else (kept + rest + credit, False)


def _credit(story: Story, site: Site, words: str, comma: str) -> str:
    """A line that readers see: a `source` element alone is invisible in most of them."""
    if len(story.carriers) < 2:
        return ""
    named = (
        f'<a href="{escape(url)}">{escape(one_line(carrier.publisher) or url)}</a>'
        for carrier, url in ((carrier, _carrier_address(carrier, site)) for carrier in story.carriers)
    )
    return f"<p><small>{words % comma.join(named)}</small></p>"


def _authors(story: Story) -> Iterator[Person]:
    people = [person for person in story.authors if one_line(person.name)]
    for person in people or [Person(one_line(story.publisher) or one_line(story.origin.name) or "?")]:
        yield Person(
            one_line(person.name),
            as_uri(person.uri) if person.uri else None,
            person.email if person.email and _EMAIL.fullmatch(person.email) else None,
        )


def _categories(story: Story) -> Iterator[Category]:
    """The publisher's own terms, then our paths where no term says the same."""
    seen: set[tuple[str, str]] = set()
    own = ((term.path, term.scheme, term.label) for term in story.terms)
    for path, given, name in (*own, *((path, None, path[-1]) for path in story.paths)):
        term, label = one_line("/".join(path)), one_line(name or "")
        scheme = given if given and _URI.fullmatch(given) else ""
        if term and (term, scheme) not in seen:
            seen.add((term, scheme))
            yield Category(term, scheme, label if label != term else "")


def _via(story: Story, site: Site) -> Iterator[tuple[str, str]]:
    carriers = {_carrier_address(carrier, site): one_line(carrier.publisher) for carrier in story.carriers[1:]}
    yield from carriers.items()


def _enclosures(story: Story) -> Iterator[Enclosure]:
    addressed = {as_uri(enclosure.url): enclosure for enclosure in story.enclosures}
    for address, enclosure in addressed.items():
        if address:
            kind = enclosure.type if enclosure.type and _MEDIA_TYPE.fullmatch(enclosure.type) else UNKNOWN_TYPE
            yield Enclosure(address, kind, max(enclosure.length or 0, 0), one_line(enclosure.title or ""))


def _source(story: Story, site: Site) -> SourceValues:
    origin = story.origin
    return SourceValues(
        id=origin.id if _URI.fullmatch(origin.id) else tag_uri(site, story.uuid),
        title=one_line(origin.name) or one_line(story.publisher) or "?",
        url=as_uri(origin.url) if origin.url else None,
        feed_url=as_uri(origin.feed_url) if origin.feed_url else None,
    )


def _image(image: Image | None) -> Image | None:
    url = as_uri(image.url) if image else None
    if not image or not url:
        return None
    width, height = (size if size and size > 0 else None for size in (image.width, image.height))
    return Image(url, width, height)


def _podcast(name: str, given: str) -> str | None:
    if name not in _PODCAST:
        return None
    value = as_uri(given) or "" if name == "itunes:image" else one_line(given)
    return value if re.fullmatch(_PODCAST[name], value) else None


def _is_played(entry: EntryValues) -> bool:
    return any((enclosure.type or "").startswith(_PLAYED) for enclosure in entry.enclosures)


def _carrier_address(carrier: Carrier, site: Site) -> str:
    return (as_uri(carrier.url) if carrier.url else None) or public_url(site, entry_path(carrier.uuid))


def _language(tag: str | None) -> str | None:
    tag = (tag or "").replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None
