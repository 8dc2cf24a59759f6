"""Reads JSON Feed 1.0 and 1.1 (jsonfeed.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from aggregator.model import Failed, Outcome, ParsedFeed, Refused
from aggregator.parse import fields
from aggregator.parse.draft import MOST_ITEMS, Draft, Setting, beyond, finish
from aggregator.parse.feed import EMPTY_ITEM

_NOT_A_FEED = Failed(
    Outcome.NOT_A_FEED,
    "The answer is JSON, but not a JSON Feed.",
    "Give the address of a feed; the answer of an API is not one.",
)


def read(text: str, base: str | None, timezone: str) -> ParsedFeed | Failed:
    """The feed; Failed where the JSON is broken or is something else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return Failed(Outcome.UNPARSABLE, "The answer is broken JSON.", "Nothing to do here unless it lasts.")
    if not isinstance(value, dict) or "jsonfeed.org" not in str(value.get("version")):
        return _NOT_A_FEED
    setting = Setting(base, timezone)
    language = _string(value.get("language"))
    items = _objects(value.get("items"))
    drafts = [_item(item, setting) for item in items[:MOST_ITEMS]]
    entries = [finish(draft, language, summary_is_content=False) for draft in drafts]
    return ParsedFeed(
        entries=tuple(entry for entry in entries if entry),
        refused=(
            *(Refused(f"item {number}", EMPTY_ITEM) for number, entry in enumerate(entries, start=1) if entry is None),
            *beyond(len(items) - MOST_ITEMS),
        ),
        id=fields.absolute(base, _string(value.get("feed_url"))),
        title=fields.line(_string(value.get("title"))),
        url=fields.absolute(base, _string(value.get("home_page_url"))),
        language=language,
        authors=tuple(person for said in _people(value, base) if (person := fields.person(*said))),
    )


def _item(item: dict[str, Any], setting: Setting) -> Draft:
    draft = Draft(setting)
    base = setting.base
    draft.id.offer(fields.line(_string(item.get("id"))))
    draft.url.offer(fields.absolute(base, _string(item.get("url"))))
    draft.url.offer(fields.absolute(base, _string(item.get("external_url"))), 1)
    draft.title.offer(fields.one_line(fields.plain(_string(item.get("title")))))
    draft.content.offer(fields.markup(_string(item.get("content_html"))))
    draft.content.offer(fields.plain(_string(item.get("content_text"))), 1)
    draft.summary.offer(fields.plain(_string(item.get("summary"))))
    draft.date(draft.published, _string(item.get("date_published")))
    draft.date(draft.updated, _string(item.get("date_modified")))
    draft.language.offer(_string(item.get("language")))
    for name, uri in _people(item, base):
        draft.author(name, uri)
    for tag in _list(item.get("tags")):
        draft.term(_string(tag))
    for rank, key in enumerate(("image", "banner_image")):
        draft.image(fields.absolute(base, _string(item.get(key))), rank=rank)
    for attachment in _objects(item.get("attachments")):
        _attachment(attachment, draft)
    return draft


def _attachment(attachment: dict[str, Any], draft: Draft) -> None:
    draft.enclosure(
        fields.absolute(draft.setting.base, _string(attachment.get("url"))),
        _string(attachment.get("mime_type")),
        fields.count(attachment.get("size_in_bytes")),
        _string(attachment.get("title")),
    )


def _people(value: dict[str, Any], base: str | None) -> Iterator[tuple[str | None, str | None]]:
    """Names and addresses by `authors` of version 1.1, else of the one `author` of 1.0."""
    for author in _objects(value.get("authors") or [value.get("author")]):
        uri = fields.absolute(base, _string(author.get("url")))
        yield _string(author.get("name")) or uri, uri


def _string(value: object) -> str | None:
    """A text, or a number where a text belongs (ids are often numbers)."""
    if isinstance(value, bool):
        return None
    return str(value) if isinstance(value, (str, int, float)) else None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]
