"""Is this a feed that no validator faults? Asked of every document before it replaces the last good one.

Any feed may be asked about, in Atom, RSS or JSON Feed; the rules of each stand in a file of their
own, and what they have in common in `findings`. It reads only the document, never the network.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections.abc import Iterator
from datetime import datetime

from lxml import etree

from aggregator.publish import findings, lint_atom, lint_json, lint_rss
from aggregator.publish.findings import OURS, Finding
from aggregator.publish.kept import Kept
from aggregator.publish.lint_parts import apart, one

#: What checks a document with this root, and where its entries are.
_ROOTS = {
    f"{lint_atom.ATOM}feed": (lint_atom.check, f"{lint_atom.ATOM}entry"),
    "rss": (lint_rss.check, "channel/item"),
}


def lint(
    document: bytes, url: str | None = None, now: datetime | None = None, kept: Kept | None = None
) -> list[Finding]:
    """What is wrong with a feed, errors first; nothing where no validator would say anything.

    `url` is where it is published: it must say so itself. `now` tells dates that lie ahead. None
    where either is not known: then less is checked. `kept` is what is known of entries that other documents
    had as they are here: those are not checked once more, nor for what never is a fault.
    """
    start = document.removeprefix(BOM_UTF8).lstrip()[:1]
    read = _json if start in (b"{", b"[") else _xml
    # To search every text for them takes as long as half of all else.
    found = read(document, url, now, kept is None and findings.suspect(document), kept)
    return sorted(dict.fromkeys(found), key=lambda finding: finding.level)


def faults(document: bytes, url: str, kept: Kept | None = None) -> list[str]:
    """What keeps a document of ours from being published at `url`.

    That is every error, and the warnings that can only come from a mistake of ours; others are the
    publisher's words, and worth less than that the feed goes on.
    """
    kept = kept or Kept()
    return [
        str(finding) for finding in lint(document, url, kept=kept) if finding.level == "error" or finding.rule in OURS
    ]


def _json(document: bytes, url: str | None, now: datetime | None, odd: bool, kept: Kept | None) -> Iterator[Finding]:
    try:
        feed = json.loads(document, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        yield Finding("malformed", f"not well-formed JSON: {error}")
        return
    if not isinstance(feed, dict) or not feed.keys() & {"version", "items"}:
        yield Finding("unknown-format", "expected a feed, found other JSON")
        return
    yield from lint_json.check(feed, url, now, odd=odd, kept=kept)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _xml(document: bytes, url: str | None, now: datetime | None, odd: bool, kept: Kept | None) -> Iterator[Finding]:
    parts = apart(document, kept) if kept else one(document)
    try:
        root = _parsed(parts.document)
    except (etree.XMLSyntaxError, ValueError) as error:
        if kept:  # where it is broken is told of the document as it is
            yield from _xml(document, url, now, odd, None)
        else:
            yield Finding("malformed", f"not well-formed XML: {error}")
        return
    check, entries = _ROOTS.get(str(root.tag), (None, ""))
    if check is None:
        yield Finding("unknown-format", f"expected an Atom feed, RSS or a JSON Feed, found <{root.tag}>")
    elif parts.whole(root.findall(entries)):
        yield from check(root, url, now, odd=odd, parts=parts)
    else:
        yield from _xml(document, url, now, odd, None)


def _parsed(document: bytes) -> etree._Element:
    # Neither entities nor external files: the document may be anybody's.
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    return etree.fromstring(document, parser)
