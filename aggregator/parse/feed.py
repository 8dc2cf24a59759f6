"""The fast path: RSS and Atom that are well-formed XML, read from a tree.

Whatever it cannot read completely it leaves to the lenient path, rather than lose text silently.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field

from aggregator.model import ParsedEntry, ParsedFeed, Refused
from aggregator.parse import atom, elements, media, pace, rss, tree
from aggregator.parse.draft import MOST_ITEMS, Draft, Setting, beyond, finish
from aggregator.parse.elements import Reader, Readers
from aggregator.parse.fields import words
from aggregator.parse.tree import Element

_ENTRY = Readers({**rss.ENTRY, **atom.ENTRY, **media.ENTRY})
_FEED: dict[str, Reader] = {**rss.FEED, **atom.FEED, **media.FEED}

#: Elements of lists in a feed's head: what they hold is collected.
_LISTS = ("skiphours", "skipdays")

_ROOTS = frozenset({"rss", "rdf:rdf", "atom:feed"})
_ITEMS = frozenset({"item", "atom:entry"})
_ITEM_TAG = re.compile(rb"<(?:[\w.-]+:)?(?:item|entry)[\s>]", re.IGNORECASE)

_RDF_ABOUT = f"http://www.w3.org/1999/02/22-rdf-syntax-ns#{tree.SEPARATOR}about"

EMPTY_ITEM = "it has no title, text, link or enclosure"


@dataclass(slots=True)
class _Outline:
    """Where in a document its items are, and what it says beside them."""

    head: Draft
    items: list[Element] = field(default_factory=list)
    #: Items beyond `MOST_ITEMS`.
    rest: int = 0
    pace: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def read(data: bytes, base: str | None, timezone: str) -> ParsedFeed | None:
    """The feed, or None where the lenient path must try.

    That is: not well-formed, entities of its own, a root that we do not know, or items that are
    not where they belong, or not valid UTF-8. `data` has no XML declaration; `base` is the document's
    final URL.
    """
    found = tree.read(data)
    if found is None or elements.name(found.root) not in _ROOTS:
        return None
    try:
        scopes = elements.scopes(found.root, base) if found.inherits else {}
        outline = _outline(found.root, Draft(Setting(base, timezone, scopes)))
        if not outline.items and _ITEM_TAG.search(data):
            return None
        return _feed(found.root, outline)
    except tree.IncompleteError:
        return None


def _outline(root: Element, head: Draft) -> _Outline:
    """Items stand beside the channel in RSS 1.0, in it elsewhere, in the root in Atom."""
    found = _Outline(head)
    parents = [root]
    for parent in parents:
        for key, child in elements.children(parent):
            if key in _ITEMS:
                found.items.append(child)
            elif key == "channel" and parent is root:
                parents.append(child)
            elif reader := _FEED.get(key):
                reader(child, head)
            elif key in pace.PACE:
                found.pace[key] = elements.text(child)
            elif key in _LISTS:
                found.lists[key].extend(map(elements.text, child))
    found.rest = len(found.items) - MOST_ITEMS
    del found.items[MOST_ITEMS:]
    return found


def _feed(root: Element, outline: _Outline) -> ParsedFeed:
    head = outline.head
    language = head.language.value or elements.language(root, head.setting)
    summary_is_content = elements.name(root) != "atom:feed"
    entries: list[ParsedEntry] = []
    refused: list[Refused] = []
    for number, item in enumerate(outline.items, start=1):
        entry = finish(_read(item, head.setting), language, summary_is_content=summary_is_content)
        if entry is None:
            refused.append(Refused(f"item {number}", EMPTY_ITEM))
        else:
            entries.append(entry)
    return ParsedFeed(
        entries=tuple(entries),
        refused=(*refused, *beyond(outline.rest)),
        id=head.id.value,
        title=words(head.title.value),
        url=head.url.value,
        language=language,
        authors=head.people(),
        wait=pace.wait_of(outline.pace),
        skip_hours=pace.hours(outline.lists["skiphours"]),
        skip_days=pace.days(outline.lists["skipdays"]),
    )


def _read(item: Element, setting: Setting) -> Draft:
    draft = Draft(setting)
    elements.read_into(draft, item, _ENTRY)
    draft.id.offer(item.get(_RDF_ABOUT), 1)
    return draft
