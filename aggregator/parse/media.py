"""Readers of enclosures, Media RSS, and the podcast vocabularies."""

from __future__ import annotations

from collections.abc import Mapping

from aggregator.parse import elements, fields
from aggregator.parse.draft import Draft
from aggregator.parse.elements import Reader, Readers
from aggregator.parse.tree import Element


def _enclosure(element: Element, draft: Draft) -> None:
    url = elements.link(element, "url", draft.setting)
    draft.enclosure(url, element.get("type"), fields.count(element.get("length")))


def _media_content(element: Element, draft: Draft) -> None:
    """One object: a picture of the entry, or something to play; and what is said of it below."""
    attributes = element.attrib
    if not attributes.keys() <= _ATTRIBUTES:
        attributes = {key.lower(): value for key, value in attributes.items()}
    medium = offer(draft, elements.link(element, "url", draft.setting), attributes)
    elements.read_into(draft, element, _MEDIA if medium in _PLAYED else _INSIDE)


def offer(draft: Draft, url: str | None, attributes: Mapping[str, str]) -> str:
    """A media object by its `medium`, or by its `type`: most feeds have one of the two. Returns the medium.

    Players in Flash and pages of video sites are neither pictures nor something to play.
    """
    kind = attributes.get("type", "").strip().lower()
    medium = (attributes.get("medium") or kind.partition("/")[0]).strip().lower()
    if medium == "image":
        draft.image(url, fields.count(attributes.get("width")), fields.count(attributes.get("height")))
    elif medium in _PLAYED and not kind.endswith(("shockwave-flash", "html")):
        draft.enclosure(url, kind or None, fields.count(attributes.get("filesize")))
    return medium


def _group(element: Element, draft: Draft) -> None:
    elements.read_into(draft, element, _MEDIA)


def _thumbnail(element: Element, draft: Draft) -> None:
    draft.image(elements.link(element, "url", draft.setting), *_size(element), rank=1)


def _item_image(element: Element, draft: Draft) -> None:
    """<image> of RSS is the channel's, but some put one into items, with <url> or bare."""
    url = next((elements.text(child) for key, child in elements.children(element) if key == "url"), None)
    url = url or (elements.text(element) if not len(element) else None)
    draft.image(fields.absolute(elements.base(element, draft.setting), url), rank=2)


def _itunes_image(element: Element, draft: Draft) -> None:
    url = elements.link(element, "href", draft.setting) or elements.text(element)
    draft.image(url, rank=3)
    draft.tag("itunes:image", url)


def _size(element: Element) -> tuple[int | None, int | None]:
    return fields.count(element.get("width")), fields.count(element.get("height"))


def _media_title(element: Element, draft: Draft) -> None:
    draft.title.offer(fields.guessed(elements.text(element)), 3)


def _media_description(element: Element, draft: Draft) -> None:
    """`type` is plain unless it says html; many say nothing and have HTML."""
    draft.summary.offer(elements.markup(element, draft.setting), 3)


def _itunes_author(element: Element, draft: Draft) -> None:
    draft.author(elements.text(element), rank=1)


def _itunes_title(element: Element, draft: Draft) -> None:
    draft.title.offer(fields.one_line(fields.plain(elements.text(element))), 2)


def _itunes_summary(element: Element, draft: Draft) -> None:
    draft.summary.offer(elements.markup(element, draft.setting), 4)


def _itunes_keywords(element: Element, draft: Draft) -> None:
    for word in elements.text(element).split(","):
        draft.term(word, "http://www.itunes.com/")


def _media_category(element: Element, draft: Draft) -> None:
    draft.term(elements.text(element), element.get("scheme"), element.get("label"))


def _rights(element: Element, draft: Draft) -> None:
    draft.rights.offer(elements.line(element), 2)


def _said(element: Element, draft: Draft) -> None:
    """An element that says one thing, in its text or as an address."""
    url = elements.link(element, "url", draft.setting) or elements.link(element, "href", draft.setting)
    draft.tag(TAGS[elements.name(element)], url or elements.text(element))


_PLAYED = ("audio", "video")

#: Of `media:content`, spelt as they should be.
_ATTRIBUTES = frozenset({"url", "type", "medium", "width", "height", "lang", "isDefault", "duration"})

#: Names as they are published, by the names in lower case.
TAGS = {
    tag.lower(): tag
    for tag in (
        "itunes:duration",
        "itunes:episode",
        "itunes:season",
        "itunes:episodeType",
        "itunes:explicit",
        "itunes:block",
        "podcast:transcript",
        "podcast:chapters",
        "podcast:season",
        "podcast:episode",
        "podcast:person",
        "podcast:location",
        "podcast:license",
    )
}

#: What stands inside media:content as well as beside it.
_INSIDE_TABLE: dict[str, Reader] = {
    "media:thumbnail": _thumbnail,
    "media:category": _media_category,
    "media:copyright": _rights,
}
_INSIDE = Readers(_INSIDE_TABLE)

#: In an item, a group, or what can be played. At a picture these are its caption.
_MEDIA_TABLE: dict[str, Reader] = {
    **_INSIDE_TABLE,
    "media:content": _media_content,
    "media:title": _media_title,
    "media:description": _media_description,
}
_MEDIA = Readers(_MEDIA_TABLE)

ENTRY: dict[str, Reader] = {
    **_MEDIA_TABLE,
    "media:group": _group,
    "enclosure": _enclosure,
    "image": _item_image,
    "itunes:image": _itunes_image,
    "itunes:author": _itunes_author,
    "itunes:title": _itunes_title,
    "itunes:summary": _itunes_summary,
    "itunes:subtitle": _itunes_summary,
    "itunes:keywords": _itunes_keywords,
    **dict.fromkeys(TAGS, _said),
}

FEED: dict[str, Reader] = {"itunes:author": _itunes_author}
