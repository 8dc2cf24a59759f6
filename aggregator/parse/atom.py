"""Readers of the elements of Atom 1.0 (RFC 4287) and 0.3, wherever they stand."""

from __future__ import annotations

from aggregator.model import Text
from aggregator.parse import elements, fields
from aggregator.parse.draft import Draft, Setting
from aggregator.parse.elements import Reader
from aggregator.parse.tree import Element

#: Relations may be written in full (RFC 4287, section 4.2.7.2).
_RELATION = "http://www.iana.org/assignments/relation/"


def construct(element: Element, setting: Setting) -> Text | None:
    """A text construct by its `type` (RFC 4287, section 3.1; MIME types in 0.3 and in content).

    None for content of kinds that are not text: what lies elsewhere (`src`), XML of other kinds,
    base64.
    """
    kind = (element.get("type") or "text").strip().lower()
    if element.get("mode") == "base64":
        return None
    if kind in ("xhtml", "application/xhtml+xml"):
        return elements.markup(_wrapped(element), setting)
    if kind in ("html", "text/html"):
        return elements.markup(element, setting)
    if kind == "text" or kind.startswith("text/"):
        return fields.plain(elements.text(element), elements.language(element, setting))
    return None


def _wrapped(element: Element) -> Element:
    """The `div` that XHTML must stand in; it is not part of the content (section 3.1.1.3)."""
    only = element[0] if len(element) == 1 else None
    if only is not None and elements.name(only) in ("xhtml:div", "div") and not (element.text or "").strip():
        return only
    return element


def _person(element: Element, draft: Draft, rank: int = 0) -> None:
    parts = {key.removeprefix("atom:"): elements.text(child) for key, child in elements.children(element)}
    uri = fields.absolute(elements.base(element, draft.setting), parts.get("uri") or parts.get("url"))
    # Some write the name straight into <author>.
    draft.author(parts.get("name") or (element.text if not parts else None), uri, parts.get("email"), rank)


def _title(element: Element, draft: Draft) -> None:
    draft.title.offer(fields.one_line(construct(element, draft.setting)))


def _summary(element: Element, draft: Draft) -> None:
    draft.summary.offer(construct(element, draft.setting))


def _content(element: Element, draft: Draft) -> None:
    draft.content.offer(construct(element, draft.setting))
    draft.url.offer(elements.link(element, "src", draft.setting), 8)


def _id(element: Element, draft: Draft) -> None:
    draft.id.offer(elements.line(element))


def _link(element: Element, draft: Draft) -> None:
    relation = (element.get("rel") or "alternate").strip().lower().removeprefix(_RELATION)
    href = elements.link(element, "href", draft.setting)
    kind = (element.get("type") or "text/html").lower()
    if relation == "alternate":
        # Below the link of RSS, whose atom:link is an extra; feeds also have alternates of other kinds.
        draft.url.offer(href, 2 if "html" in kind else 3)
    elif relation == "enclosure":
        draft.enclosure(href, element.get("type"), fields.count(element.get("length")), element.get("title"))


def _author(element: Element, draft: Draft) -> None:
    _person(element, draft)


def _source(element: Element, draft: Draft) -> None:
    """The feed an entry was copied from has its own id, title and links; only its authors are the entry's.

    RFC 4287, section 4.2.1.
    """
    for key, child in elements.children(element):
        if key == "atom:author":
            _person(child, draft, 5)


def _category(element: Element, draft: Draft) -> None:
    draft.term(element.get("term") or elements.text(element), element.get("scheme"), element.get("label"))


def _rights(element: Element, draft: Draft) -> None:
    draft.rights.offer(fields.words(construct(element, draft.setting)))


def _published(element: Element, draft: Draft) -> None:
    draft.date(draft.published, elements.text(element))


def _created(element: Element, draft: Draft) -> None:
    draft.date(draft.published, elements.text(element), 2)


def _updated(element: Element, draft: Draft) -> None:
    draft.date(draft.updated, elements.text(element))


ENTRY: dict[str, Reader] = {
    "atom:id": _id,
    "atom:title": _title,
    "atom:link": _link,
    "atom:content": _content,
    "atom:summary": _summary,
    "atom:author": _author,
    "atom:source": _source,
    "atom:category": _category,
    "atom:published": _published,
    "atom:issued": _published,
    "atom:created": _created,
    "atom:updated": _updated,
    "atom:modified": _updated,
    "atom:rights": _rights,
    "atom:copyright": _rights,
}

FEED: dict[str, Reader] = {
    "atom:id": _id,
    "atom:title": _title,
    "atom:link": _link,
    "atom:author": _author,
}
