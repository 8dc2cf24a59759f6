"""The lenient path: feedparser, for whatever is not plain well-formed XML.

Only this module knows feedparser's dictionaries. What it makes of them agrees with the fast path,
except where feedparser keeps too little: see tests/test_parse_agreement.py for the list.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import feedparser
from feedparser.exceptions import ThingsNobodyCaresAboutButMe

from aggregator.model import ParsedFeed, Refused, Text
from aggregator.parse import fields, media, pace
from aggregator.parse.draft import MOST_ITEMS, Draft, Setting, beyond, finish
from aggregator.parse.feed import EMPTY_ITEM

#: Characters that feedparser may be given: hostile input of this size takes it 20 s, honest input one or two.
LONGEST = 5_000_000

#: Tags that feedparser may be given: one takes it up to 100 µs. What follows is left out, as if it had broken off.
MOST_TAGS = 100_000

#: What feedparser 6.0.14 raises on broken documents instead of setting `bozo`: the first three were
#: seen with damaged samples, the last is in its source for broken declarations.
_FAULTS = (ValueError, TypeError, LookupError, AssertionError)

#: feedparser resolves ids too, yet an id must not depend on the address that a feed was fetched
#: from. Nothing is relative to such a base, so links come out as they were written; and without
#: any, feedparser takes the `xml:base` of one element for those after it.
_NO_BASE = "no-base:/"

_PODCAST = ("itunes:duration", "itunes:episode", "itunes:season", "itunes:episodeType", "itunes:block")
_EXPLICIT = {True: "yes", False: "clean"}


def read(text: str, base: str | None, timezone: str) -> ParsedFeed | None:
    """What can be recovered, `degraded` where the XML was broken.

    None where it is no feed at all, or is broken before its first entry. `text` is not longer than
    `LONGEST`.
    """
    headers = {"content-type": "application/xml; charset=utf-8", "content-location": _NO_BASE}
    beginning = _beginning(text)
    try:
        found = feedparser.parse(
            # Bytes in a file: a bare value would be taken for the name of a file or for an address.
            io.BytesIO(beginning.encode("utf-8", "replace")),
            response_headers=headers,
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except _FAULTS:
        return None
    result = replace(
        _feed(found, Setting(base, timezone)),
        skip_hours=pace.hours(pace.listed(text, "skiphours")),
        skip_days=pace.days(pace.listed(text, "skipdays")),
    )
    return result if result.entries or (found.get("version") and not result.degraded) else None


def _beginning(text: str) -> str:
    first_left_out = next(islice(re.finditer("<", text), MOST_TAGS, None), None)
    return text[: first_left_out.start()] if first_left_out else text


def _feed(found: Any, setting: Setting) -> ParsedFeed:
    atom = str(found.get("version") or "").startswith("atom")
    head = Draft(setting)
    _title(found.feed, head, atom)
    _authors(found.feed, head)
    # Of rdf:RDF the language is only known by the texts in it.
    language = _language(found.feed) or _language(found.feed.get("title_detail") or {})
    drafts = [_entry(item, setting, atom) for item in found.entries[:MOST_ITEMS]]
    entries = [finish(draft, language, summary_is_content=not atom) for draft in drafts]
    return ParsedFeed(
        entries=tuple(entry for entry in entries if entry),
        refused=(
            *(Refused(f"item {n}", EMPTY_ITEM) for n, entry in enumerate(entries, start=1) if entry is None),
            *beyond(len(found.entries) - MOST_ITEMS),
        ),
        id=fields.line(found.feed.get("id")),
        title=fields.words(head.title.value),
        url=fields.absolute(setting.base, found.feed.get("link")),
        language=language,
        authors=head.people(),
        wait=pace.wait_of({key: str(found.feed.get(key.replace(":", "_")) or "") for key in pace.PACE}),
        degraded=bool(found.bozo) and not isinstance(found.get("bozo_exception"), ThingsNobodyCaresAboutButMe),
    )


def _entry(item: Any, setting: Setting, atom: bool) -> Draft:
    draft = Draft(setting)
    draft.id.offer(fields.line(item.get("id")))
    draft.url.offer(fields.absolute(setting.base, item.get("feedburner_origlink")))
    draft.url.offer(fields.absolute(setting.base, item.get("link")), 1)
    draft.language.offer(_language(item))
    _title(item, draft, atom)
    _texts(item, draft, atom)
    _dates(item, draft, atom)
    _authors(item, draft)
    for tag in item.get("tags", ()):
        draft.term(tag.get("term"), tag.get("scheme"), tag.get("label"))
    draft.rights.offer(fields.words(_construct(item.get("rights_detail"), setting)))
    _media(item, draft)
    _podcast(item, draft)
    return draft


def _language(said: Any) -> str | None:
    return (fields.line(said.get("language")) or "").replace("_", "-") or None


def _title(item: Any, draft: Draft, atom: bool) -> None:
    detail = item.get("title_detail")
    if atom or detail is None:
        draft.title.offer(fields.one_line(_construct(detail, draft.setting)))
    else:
        draft.title.offer(fields.guessed(item.get("title"), _language(detail)))


def _texts(item: Any, draft: Draft, atom: bool) -> None:
    """Of several contents the longest: feedparser takes second descriptions, which may be captions, for content."""
    for content in item.get("content", ()):
        text = _construct(content, draft.setting, html=not atom)
        draft.content.offer(text, -len(text.value) if text else 0)
    detail = item.get("summary_detail")
    if detail is not None:
        # A second description replaces the detail, but not the value.
        detail = {**detail, "value": item.get("summary") or detail.get("value")}
        draft.summary.offer(_construct(detail, draft.setting, html=not atom))
    content, summary = draft.content.value, draft.summary.value
    if content and summary and not atom and len(summary.value) > len(content.value):
        draft.content.value = None


def _construct(detail: Any, setting: Setting, *, html: bool = False) -> Text | None:
    """A text construct; `html` where the format leaves no doubt that it is HTML."""
    if not detail:
        return None
    value, kind = detail.get("value"), str(detail.get("type") or "text/plain")
    language = _language(detail)
    if html or "html" in kind:
        base = fields.absolute(setting.base, (detail.get("base") or "").removeprefix(_NO_BASE))
        value = re.sub(r"(<br[^<>]*>)</br>", r"\1", value or "")  # feedparser's <br/>, of which HTML makes two
        return fields.markup(value, base if base != setting.base else None, language)
    return fields.plain(value, language)


def _dates(item: Any, draft: Draft, atom: bool) -> None:
    """From what was written: feedparser's own reading loses the zone and invents parts.

    In RSS `updated` is whatever `dc:date` or a like element said, which is not always an update.
    """
    draft.date(draft.published, item.get("published"))
    draft.date(draft.published, item.get("created"), 2)
    if "updated" in item:
        draft.date(draft.updated if atom else draft.published, item.get("updated"), 1)


def _authors(item: Any, draft: Draft) -> None:
    """feedparser cuts `ann@house.example (Ann)` apart wrongly where the domain ends in a long name."""
    written = fields.person(item.get("author"))
    for author in item.get("authors", ()):
        name, email = author.get("name"), author.get("email")
        if email and written and email in (written.email or ""):
            name, email = written.name, written.email
        uri = fields.absolute(draft.setting.base, author.get("href"))
        draft.author(name, uri, email)


def _media(item: Any, draft: Draft) -> None:
    base = draft.setting.base
    for enclosure in item.get("enclosures", ()):
        url = fields.absolute(base, enclosure.get("href"))
        draft.enclosure(url, enclosure.get("type"), fields.count(enclosure.get("length")), enclosure.get("title"))
    for content in item.get("media_content", ()):
        media.offer(draft, fields.absolute(base, content.get("url")), content)
    for thumbnail in item.get("media_thumbnail", ()):
        width, height = (fields.count(thumbnail.get(side)) for side in ("width", "height"))
        draft.image(fields.absolute(base, thumbnail.get("url")), width, height, rank=1)


def _podcast(item: Any, draft: Draft) -> None:
    image = fields.absolute(draft.setting.base, (item.get("image") or {}).get("href"))
    draft.image(image, rank=3)
    draft.tag("itunes:image", image)
    draft.tag("itunes:explicit", _EXPLICIT.get(item.get("itunes_explicit")))
    for key, name in media.TAGS.items():
        value = item.get(key.replace(":", "_"))
        if isinstance(value, Mapping):
            value = fields.absolute(draft.setting.base, value.get("url") or value.get("href"))
        draft.tag(name, value if isinstance(value, str) else None)
