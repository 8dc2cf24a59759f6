"""The tables. Their names, and the columns promised in design section 6, stay: people query them.

Rules that hold for all: times are `Instant`s; digests stand beside the text that they are taken
from; nothing is ordered by a collation; what only one database has lies in that dialect's file.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    false,
    func,
    text,
    true,
)

from aggregator.model import Entry, ParsedEntry, ParsedFeed
from aggregator.store.types import BigId, CodePoints, Digest, Instant, Integers, Packed

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", BigId, primary_key=True, autoincrement=True)


def _to(target: str, *, null: bool = False) -> ForeignKey:
    return ForeignKey(target, ondelete="SET NULL" if null else "CASCADE")


#: One row for each source that ever was in the config; a source is known by its name.
source = Table(
    "source",
    metadata,
    _id(),
    Column("name", String, nullable=False, unique=True),
    Column("kind", String(10), nullable=False),
    #: The address or folder as configured; a change drops the validators.
    Column("location", Text, nullable=False),
    #: False once the source is gone from the config: its entries stay, it is not checked.
    Column("configured", Boolean, nullable=False),
    #: Why it is not checked: "config", "gone", or null.
    Column("disabled", String(10)),
    Column("next_check", Instant),
    Column("last_check", Instant),
    #: Until when its server told us to wait (Retry-After).
    Column("held_until", Instant),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("outcome", String(20)),
    Column("message", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("digest", Digest),
    #: What the source's documents have shown: may its ids, may its links tell entries apart?
    Column("ids_distinct", Boolean, nullable=False, server_default=true()),
    Column("links_distinct", Boolean, nullable=False, server_default=true()),
    #: Files or items that it shows and that bring no entry; each is an event.
    Column("refused", Integer, nullable=False, server_default=text("0")),
    #: What the source says of itself, for `atom:source`.
    Column("feed_id", Text),
    Column("title", Text),
    Column("home", Text),
    #: All of that without its entries, and the address that its links are relative to: for cleaning again.
    Column("described", Packed(ParsedFeed)),
    Column("base", Text),
    Index("ix_source_next_check", "next_check"),
    sqlite_autoincrement=True,
)

#: Bounded history: the last checks of each source.
source_check = Table(
    "source_check",
    metadata,
    _id(),
    Column("source_id", BigId, _to("source.id"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("message", Text),
    Column("new", Integer, nullable=False, server_default=text("0")),
    Column("changed", Integer, nullable=False, server_default=text("0")),
    Column("refused", Integer, nullable=False, server_default=text("0")),
    Index("ix_source_check_source_id", "source_id", "id"),
    sqlite_autoincrement=True,
)

#: The files of folder sources, read in order of their path by each scan.
file = Table(
    "file",
    metadata,
    Column("source_id", BigId, _to("source.id"), primary_key=True),
    Column("path", CodePoints, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime", BigInteger, nullable=False),
    Column("digest", Digest),
    Column("entry_id", BigId, _to("entry.id", null=True)),
    #: Why it brought no entry; null where it did.
    Column("refused", Text),
    Column("missing_since", Instant),
    Index("ix_file_entry_id", "entry_id"),
    sqlite_with_rowid=False,
)

#: What grouping is still to look at; what breakers keep back, and what they do not. Queries say it in
#: these words, or SQLite does not see that an index holds the answer.
UNGROUPED, HELD, NOT_HELD = text("NOT grouped AND NOT held"), text("held"), text("NOT held")
#: Stages of `entry.learning`, and what learning is still to look at.
UNCOUNTED, COUNTED, LEARNED = 0, 1, 2
UNLEARNED = text("learning < 2 AND NOT held")

entry = Table(
    "entry",
    metadata,
    _id(),
    Column("source_id", BigId, _to("source.id"), nullable=False),
    Column("publisher", Text, nullable=False),
    #: The public id is `tag:<site.tag>:<uuid>`; set at birth, never altered, never used again.
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("url", Text),
    Column("title", Text, nullable=False),
    Column("published", Instant, nullable=False),
    Column("published_claimed", Instant),
    Column("first_seen", Instant, nullable=False),
    #: Distinct for every entry: validators fault feeds whose entries share one.
    Column("updated", Instant, nullable=False, unique=True),
    #: When its source last showed it: what retention counts from.
    Column("last_seen", Instant, nullable=False),
    Column("fingerprint", Digest, nullable=False),
    Column("text_digest", Digest),
    Column("link_digest", Digest),
    #: Its keys in `signature_band`, as signed 64-bit integers.
    Column("bands", Integers),
    Column("changes", Integer, nullable=False, server_default=text("0")),
    #: Only what has been grouped is published.
    Column("grouped", Boolean, nullable=False),
    #: A circuit breaker keeps it back: stored and known by its keys, but not grouped until released.
    Column("held", Boolean, nullable=False, server_default=false()),
    #: The rule that leaves it out since a replay; it is in no story then, and nothing is compared with it.
    Column("dropped", Text),
    #: As the publisher wrote it: what today's rules are applied to again.
    Column("original", Packed(ParsedEntry), nullable=False),
    Column("cleaned", Packed(Entry), nullable=False),
    #: Without what its publisher repeats; null where that is all of `cleaned`.
    Column("shown", Packed(Entry)),
    #: Its keys in `block_entry`.
    Column("blocks", Integers),
    #: How far learning is with it: 0 not counted, 1 what is learned is still to be left out, 2 done.
    Column("learning", Integer, nullable=False, server_default=text("0")),
    Index("ix_entry_unlearned", "learning", "id", sqlite_where=UNLEARNED, postgresql_where=UNLEARNED),
    Index("ix_entry_ungrouped", "id", sqlite_where=UNGROUPED, postgresql_where=UNGROUPED),
    Index("ix_entry_held", "source_id", "publisher", sqlite_where=HELD, postgresql_where=HELD),
    #: A publisher's last entries.
    Index("ix_entry_publisher", "source_id", "publisher", "id", sqlite_where=NOT_HELD, postgresql_where=NOT_HELD),
    Index("ix_entry_text_digest", "text_digest"),
    Index("ix_entry_link_digest", "link_digest"),
    Index("ix_entry_source_id_fingerprint", "source_id", "fingerprint"),
    sqlite_autoincrement=True,
)

#: What readers get to see of an entry.
SHOWN = func.coalesce(entry.c.shown, entry.c.cleaned).label("cleaned")

#: What an entry said before each change.
entry_version = Table(
    "entry_version",
    metadata,
    Column("entry_id", BigId, _to("entry.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("original", Packed(ParsedEntry), nullable=False),
)

#: Many keys, one immutable entry.
entry_alias = Table(
    "entry_alias",
    metadata,
    Column("source_id", BigId, _to("source.id"), primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("key", Digest, primary_key=True),
    Column("text", Text, nullable=False),
    Column("entry_id", BigId, _to("entry.id"), nullable=False),
    Index("ix_entry_alias_entry_id", "entry_id"),
    sqlite_with_rowid=False,
)

#: The tree; the root has the empty path and is the feed `all`.
category = Table(
    "category",
    metadata,
    _id(),
    Column("parent_id", BigId, _to("category.id", null=True)),
    #: Of the folded path: spellings that differ by case, width or script meet in it.
    Column("key", Digest, nullable=False, unique=True),
    Column("path", JSON, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("title", Text, nullable=False),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("created", Instant, nullable=False),
    #: The category that took its place (`was` in the config), and since when: its addresses lead there.
    Column("moved_to", BigId),
    Column("moved", Instant),
    #: Counters: what is published is behind while `changed` is greater than `published`.
    Column("changed", BigInteger, nullable=False, server_default=text("1")),
    Column("published", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_category_parent_id", "parent_id"),
    Index(
        "ix_category_dirty",
        "id",
        sqlite_where=text("changed > published"),
        postgresql_where=text("changed > published"),
    ),
    sqlite_autoincrement=True,
)

#: Where an entry itself belongs, without the levels above.
entry_category = Table(
    "entry_category",
    metadata,
    Column("entry_id", BigId, _to("entry.id"), primary_key=True),
    Column("category_id", BigId, _to("category.id"), primary_key=True),
    Index("ix_entry_category_category_id", "category_id"),
    sqlite_with_rowid=False,
)

#: One article as readers see it. Its id is that of its first-stored entry.
story = Table(
    "story",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("lead_id", BigId, _to("entry.id"), nullable=False),
    Column("published", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    #: The story that this one became part of: its page redirects there.
    Column("merged_into", BigId),
    #: Counters, as a category's: its page is behind while `changed` is greater than `shown`.
    Column("changed", BigInteger, nullable=False, server_default=text("1")),
    Column("shown", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_story_dirty", "id", sqlite_where=text("changed > shown"), postgresql_where=text("changed > shown")),
)

story_entry = Table(
    "story_entry",
    metadata,
    Column("entry_id", BigId, _to("entry.id"), primary_key=True),
    Column("story_id", BigId, _to("story.id"), nullable=False),
    Index("ix_story_entry_story_id", "story_id"),
    sqlite_with_rowid=False,
)

#: Pairs of entries that were found to be one article, and why.
story_pair = Table(
    "story_pair",
    metadata,
    Column("a", BigId, _to("entry.id"), primary_key=True),
    Column("b", BigId, _to("entry.id"), primary_key=True),
    Column("strength", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_story_pair_b", "b"),
    sqlite_with_rowid=False,
)

#: What a person decided of two entries, for good.
story_choice = Table(
    "story_choice",
    metadata,
    Column("a", BigId, _to("entry.id"), primary_key=True),
    Column("b", BigId, _to("entry.id"), primary_key=True),
    Column("together", Boolean, nullable=False),
    Index("ix_story_choice_b", "b"),
    sqlite_with_rowid=False,
)

#: Stories that feeds have shown and that ended there: announced as deleted (RFC 6721).
story_gone = Table(
    "story_gone",
    metadata,
    Column("category_id", BigId, _to("category.id"), primary_key=True),
    Column("uuid", Uuid, primary_key=True),
    Column("at", Instant, nullable=False),
)

#: Every feed that a story is in, roll-ups included, with what the feed is ordered by.
story_category = Table(
    "story_category",
    metadata,
    Column("category_id", BigId, _to("category.id"), primary_key=True),
    Column("story_id", BigId, _to("story.id"), primary_key=True),
    Column("updated", Instant, nullable=False),
    Index("ix_story_category_newest", "category_id", "updated"),
    Index("ix_story_category_story_id", "story_id"),
    sqlite_with_rowid=False,
)

#: Near-duplicates meet under equal bands. No index by entry: an entry's own row holds its bands too,
#: in a fifth of the space.
signature_band = Table(
    "signature_band",
    metadata,
    Column("band", BigInteger, primary_key=True),
    Column("entry_id", BigId, _to("entry.id"), primary_key=True),
    sqlite_with_rowid=False,
)

#: Blocks that recur in a publisher's articles: what is left out of them, and what may be one day.
block = Table(
    "block",
    metadata,
    #: Of source, publisher and block.
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("source_id", BigId, _to("source.id"), nullable=False),
    Column("publisher", Text, nullable=False),
    #: Different texts that have it.
    Column("count", Integer, nullable=False),
    #: Where it is left out: 0 nowhere, 1 at the start and the end, 2 anywhere.
    Column("reach", Integer, nullable=False, server_default=text("0")),
    Column("sample", Text, nullable=False),
    Index("ix_block_source_id_publisher", "source_id", "publisher"),
)

#: Who has each block. No index by entry: an entry's own row holds its keys too.
block_entry = Table(
    "block_entry",
    metadata,
    Column("key", BigInteger, primary_key=True),
    Column("entry_id", BigId, _to("entry.id"), primary_key=True),
    sqlite_with_rowid=False,
)

#: What circuit breakers know of a publisher, and whether one is tripped.
breaker = Table(
    "breaker",
    metadata,
    Column("source_id", BigId, _to("source.id"), primary_key=True),
    Column("publisher", Text, primary_key=True),
    #: Which one keeps the publisher's new entries back, and why; null while all is well.
    Column("tripped", String(20)),
    Column("reason", Text),
    #: Normal checks since the last abnormal one, and when the last check of either kind was counted.
    Column("normal", Integer, nullable=False, server_default=text("0")),
    Column("counted", Instant),
    #: Feeds only: fewest items that a document showed lately, when it did, and the tripping document's.
    Column("fewest", Integer),
    Column("fewest_at", Instant),
    Column("collapsed_to", Integer),
    #: When a person accepted what it does: its past is counted from then on.
    Column("accepted", Instant),
)

#: What was last written under each path of the output folder.
document = Table(
    "document",
    metadata,
    Column("path", Text, primary_key=True),
    Column("digest", Digest, nullable=False),
    #: What it shows: a feed and its page a category, an entry's page a story; null for the rest.
    Column("category_id", BigId, _to("category.id", null=True)),
    Column("story_id", BigId, _to("story.id", null=True)),
)

#: The trace: what was decided of whom, and why.
event = Table(
    "event",
    metadata,
    _id(),
    Column("at", Instant, nullable=False),
    Column("source", Text),
    Column("path", Text),
    Column("entry_id", BigId),
    Column("kind", String(20), nullable=False),
    Column("message", Text, nullable=False),
    Index("ix_event_entry_id", "entry_id"),
    Index("ix_event_source", "source", "id"),
    sqlite_autoincrement=True,
)

#: Single values that outlast a process.
setting = Table("setting", metadata, Column("key", String(40), primary_key=True), Column("value", Text, nullable=False))

#: Keys and ids of what was purged: it neither comes back nor is its id used again.
tombstone = Table(
    "tombstone",
    metadata,
    Column("source_id", BigId, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("key", Digest, primary_key=True),
    Column("uuid", Uuid, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_tombstone_uuid", "uuid"),
)
