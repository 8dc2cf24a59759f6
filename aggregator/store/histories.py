"""How stories came to be what their pages show: earlier versions, and what was left out."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Connection, select

from aggregator.model import Entry, Past, Version
from aggregator.store.among import among
from aggregator.store.tables import CLEANED, entry, entry_version, story
from aggregator.store.types import Record

#: How cleaning says that it took the text of an article's own page; all else in `ruled` is of people's rules.
OWN_PAGE = "in the words of its own page"


def pasts(connection: Connection, ids: Collection[int]) -> dict[UUID, Past]:
    """By the public ids of these stories, of the entry whose words each shows."""
    columns = (entry.c.id, entry.c.first_seen, entry.c.original, CLEANED, entry.c.shown)
    query = (
        select(*columns, story.c.uuid)
        .join(story, story.c.lead_id == entry.c.id)
        .where(among(connection, story.c.id, ids))
    )
    leads = connection.execute(query).all()
    wanted = [row.id for row in leads]
    old: dict[int, list[Record]] = {}
    earlier = (
        select(entry_version)
        .where(among(connection, entry_version.c.entry_id, wanted))
        .order_by(entry_version.c.number)
    )
    for row in connection.execute(earlier):
        old.setdefault(row.entry_id, []).append(row)
    return {row.uuid: _past(row, old.get(row.id, [])) for row in leads}


def _past(lead: Record, old: list[Record]) -> Past:
    """A version is stored with the time when it gave way: it came when the one before it did."""
    came = (lead.first_seen, *(row.at for row in old))
    originals = (*(row.original for row in old), lead.original)
    return Past(
        versions=tuple(Version(at, original) for at, original in zip(came, originals, strict=True)),
        omitted=_omitted(lead.cleaned, lead.shown) if lead.shown is not None else (),
        full=OWN_PAGE in lead.cleaned.ruled,
        rules=sum(words != OWN_PAGE for words in lead.cleaned.ruled),
    )


def _omitted(whole: Entry, shown: Entry) -> tuple[str, ...]:
    kept = set(shown.text.splitlines())
    return tuple(line for line in dict.fromkeys(whole.text.splitlines()) if line.strip() and line not in kept)
