"""Readers of the elements of RSS 0.9x, 1.0 and 2.0, and of Dublin Core and content beside them."""

from __future__ import annotations

from aggregator.model import Text
from aggregator.parse import elements, fields
from aggregator.parse.draft import Draft
from aggregator.parse.elements import Reader
from aggregator.parse.tree import Element


def _title(element: Element, draft: Draft, rank: int = 0) -> None:
    draft.title.offer(_guessed(element, draft), rank)


def _other_title(element: Element, draft: Draft) -> None:
    _title(element, draft, 1)


def _guessed(element: Element, draft: Draft) -> Text | None:
    if len(element):
        return elements.markup(element, draft.setting)
    return fields.guessed(element.text, elements.language(element, draft.setting))


def _link(element: Element, draft: Draft) -> None:
    base = elements.base(element, draft.setting)
    draft.url.offer(fields.absolute(base, elements.text(element) or element.get("href")), 1)


def _original_link(element: Element, draft: Draft) -> None:
    """FeedBurner puts a counter of its own into <link>."""
    draft.url.offer(fields.absolute(elements.base(element, draft.setting), elements.text(element)), 0)


def _guid(element: Element, draft: Draft) -> None:
    """Whether it `isPermaLink` does not matter: an id that is an address serves where no link is given."""
    draft.id.offer(elements.line(element))


def _identifier(element: Element, draft: Draft) -> None:
    draft.id.offer(elements.line(element), 2)


def _description(element: Element, draft: Draft) -> None:
    draft.summary.offer(elements.markup(element, draft.setting))


def _other_description(element: Element, draft: Draft) -> None:
    draft.summary.offer(elements.markup(element, draft.setting), 2)


def _content(element: Element, draft: Draft) -> None:
    draft.content.offer(elements.markup(element, draft.setting))


def _body(element: Element, draft: Draft) -> None:
    draft.content.offer(elements.markup(element, draft.setting), 1)


def _author(element: Element, draft: Draft) -> None:
    draft.author(elements.text(element))


def _category(element: Element, draft: Draft) -> None:
    draft.term(elements.text(element), element.get("domain"))


def _language(element: Element, draft: Draft) -> None:
    said = elements.line(element)
    draft.language.offer(said.replace("_", "-") if said else None)


def _rights(element: Element, draft: Draft) -> None:
    draft.rights.offer(fields.words(_guessed(element, draft)))


def _published(element: Element, draft: Draft) -> None:
    draft.date(draft.published, elements.text(element))


def _dated(element: Element, draft: Draft) -> None:
    """`dc:date` says no more than that it is a date; alone it is the publication's."""
    draft.date(draft.published, elements.text(element), 1)


def _updated(element: Element, draft: Draft) -> None:
    draft.date(draft.updated, elements.text(element))


ENTRY: dict[str, Reader] = {
    "guid": _guid,
    "dc:identifier": _identifier,
    "title": _title,
    "dc:title": _other_title,
    "link": _link,
    "feedburner:origlink": _original_link,
    "description": _description,
    "dc:description": _other_description,
    "content:encoded": _content,
    "xhtml:body": _body,
    "body": _body,
    "author": _author,
    "dc:creator": _author,
    "category": _category,
    "dc:subject": _category,
    "pubdate": _published,
    "dcterms:issued": _published,
    "dc:date": _dated,
    "dcterms:created": _dated,
    "dcterms:modified": _updated,
    "language": _language,
    "dc:language": _language,
    "copyright": _rights,
    "dc:rights": _rights,
}

FEED: dict[str, Reader] = {
    "title": _title,
    "dc:title": _other_title,
    "link": _link,
    "language": _language,
    "dc:language": _language,
    "managingeditor": _author,
    "author": _author,
    "dc:creator": _author,
}
