"""The tables. Their names, and the columns promised in design section 6, stay: people query them.

Rules that hold for all: times are `Instant`s; digests stand beside the text that they are taken
from; nothing is ordered by a collation; what only one database has lies in that dialect's file.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
    cast,
    false,
    func,
    text,
    true,
    type_coerce,
)

from aggregator.model import Entry, ParsedEntry, ParsedFeed
from aggregator.store.types import BigId, CodePoints, Digest, Follower, Instant, Integers, Packed

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
    #: Whom the failure of the last check concerns: "url", "host", "everybody"; null when all is well.
    Column("scope", String(10)),
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
    #: When its last whole document was read and understood: what that showed is not purged.
    Column("last_read", Instant),
    #: When its checks brought new entries, the last few, in microseconds: how often it is worth asking.
    Column("arrivals", Integers),
    #: Where its address leads for good (301, 308): on trial, then adopted; the config stays as it is.
    Column("moved_to", Text),
    Column("moved_since", Instant),
    #: Checks in which the new address gave a feed.
    Column("moved_seen", Integer, nullable=False, server_default=text("0")),
    #: When it was adopted; null while it is on trial.
    Column("moved_for_good", Instant),
    #: It failed at last: the configured address is asked next.
    Column("moved_doubted", Boolean, nullable=False, server_default=false()),
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
WITHDRAWN = text("withdrawn IS NOT NULL")
#: Stages of `entry.learning`, and what learning is still to look at.
FOUND, UNCOUNTED, COUNTED, LEARNED = -1, 0, 1, 2
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
    #: When a person, or a folder that lost the file, took it down; `dropped` says why.
    Column("withdrawn", Instant),
    #: As the publisher wrote it: what today's rules are applied to again.
    Column("original", Packed(ParsedEntry), nullable=False),
    #: It says only where it differs from `original`, and is read as `CLEANED`.
    Column("cleaned", LargeBinary, nullable=False),
    #: Without what its publisher repeats; null where that is all of `cleaned`.
    Column("shown", Packed(Entry)),
    #: Its keys in `block_entry`.
    Column("blocks", Integers),
    #: How far learning is with it: -1 its blocks are known and not counted, 0 they are not known, 1 what is learned
    #: is still to be left out, 2 done.
    Column("learning", Integer, nullable=False, server_default=text("0")),
    # Where an index holds only some rows, PostgreSQL's migrations say the same: said here too, it would have every
    # command load all that SQLAlchemy knows of PostgreSQL.
    Index("ix_entry_unlearned", "learning", "id", sqlite_where=UNLEARNED),
    Index("ix_entry_ungrouped", "id", sqlite_where=UNGROUPED),
    Index("ix_entry_held", "source_id", "publisher", sqlite_where=HELD),
    #: A publisher's last entries.
    #: With all that it takes to count its different articles: rows are large, and each lies on a page of its own.
    Index(
        "ix_entry_publisher",
        *("source_id", "publisher", "id", "text_digest", "fingerprint", "dropped"),
        sqlite_where=NOT_HELD,
    ),
    Index("ix_entry_withdrawn", "source_id", sqlite_where=WITHDRAWN),
    Index("ix_entry_text_digest", "text_digest"),
    Index("ix_entry_link_digest", "link_digest"),
    Index("ix_entry_source_id_fingerprint", "source_id", "fingerprint"),
    #: What retention looks at.
    Index("ix_entry_source_id_last_seen", "source_id", "last_seen"),
    sqlite_autoincrement=True,
)


def _behind_original(column: ColumnElement[Any]) -> ColumnElement[Any]:
    both = type_coerce(entry.c.original, LargeBinary).concat(type_coerce(column, LargeBinary))
    return cast(both, Follower(Entry)).label("cleaned")


#: An entry as it was cleaned; and what readers get to see of it.
CLEANED = _behind_original(entry.c.cleaned)
SHOWN = _behind_original(func.coalesce(type_coerce(entry.c.shown, LargeBinary), entry.c.cleaned))
#: Everything that is stored of an entry.
WHOLE_ENTRY = (*(column for column in entry.c if column is not entry.c.cleaned), CLEANED)

#: What an entry said before each change.
entry_version = Table(
    "entry_version",
    metadata,
    Column("entry_id", BigId, _to("entry.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("original", Packed(ParsedEntry), nullable=False),
)

#: Entries whose own pages are still to be asked for (`full_text` of a source), and when; the others are settled.
full_text = Table(
    "full_text",
    metadata,
    Column("entry_id", BigId, _to("entry.id"), primary_key=True, autoincrement=False),
    Column("source_id", BigId, _to("source.id"), nullable=False),
    #: Requests that failed so far.
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("next_try", Instant, nullable=False),
    #: How the last request failed, for people; null before the first.
    Column("reason", Text),
    Index("ix_full_text_source_id", "source_id", "next_try"),
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

#: Every feed of ours. Those of kind "category" are the tree, whose root has the empty path and is the feed
#: `all`; beside it stands one feed for each publisher, and one for each saved search.
category = Table(
    "category",
    metadata,
    _id(),
    Column("kind", String(10), nullable=False, server_default="category"),
    Column("parent_id", BigId, _to("category.id", null=True)),
    #: Of the folded path: spellings that differ by case, width or script meet in it.
    Column("key", Digest, nullable=False, unique=True),
    Column("path", JSON, nullable=False),
    #: Below `feeds/`; with a leading slash below the output folder itself, where publishers and searches are.
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
    #: How many stories it holds, and how many positions it has given to arrivals so far.
    Column("stories", BigInteger, nullable=False, server_default=text("0")),
    Column("positions", BigInteger, nullable=False, server_default=text("0")),
    #: How many places on its numbered pages.
    Column("places", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_category_parent_id", "parent_id"),
    Index("ix_category_dirty", "id", sqlite_where=text("changed > published")),
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

#: Stories that the search index does not show as they are.
UNSEARCHED = text("changed > searched")

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
    #: The search index is behind while `changed` is greater than `searched`.
    Column("searched", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_story_dirty", "id", sqlite_where=text("changed > shown")),
    Index("ix_story_unsearched", "published", "id", sqlite_where=UNSEARCHED),
    #: Without it a database looks through all stories for each entry that is deleted.
    Index("ix_story_lead_id", "lead_id"),
)

#: Stories that readers get to see.
KEPT_STORY = story.c.merged_into.is_(None)

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
    #: The archive that says so, for those who come back late; null while the current feed alone does.
    Column("archive", Integer),
    Index("ix_story_gone_at", "category_id", "at"),
)

#: What the current feed of a category has and no archive.
UNSEALED = text("archive IS NULL")

#: Every feed that a story is in, roll-ups included, with what the feed is ordered by.
story_category = Table(
    "story_category",
    metadata,
    Column("category_id", BigId, _to("category.id"), primary_key=True),
    Column("story_id", BigId, _to("story.id"), primary_key=True),
    Column("updated", Instant, nullable=False),
    #: Its place in the order of arrival, from 1; 0 until the feed is published with it, -1 until it is once more.
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    #: The archive that holds it as it is now; null while it waits to be sealed in one.
    Column("archive", Integer),
    #: Its place on the feed's numbered pages, from 1, which no edit changes; 0 until the first of them is written.
    Column("place", BigInteger, nullable=False, server_default=text("0")),
    Index("ix_story_category_newest", "category_id", "updated"),
    Index("ix_story_category_place", "category_id", "place"),
    Index("ix_story_category_story_id", "story_id"),
    Index("ix_story_category_unsealed", "category_id", "position", sqlite_where=UNSEALED),
    sqlite_with_rowid=False,
)

#: Sealed parts of feeds (RFC 5005), numbered from 1 in each.
archive = Table(
    "archive",
    metadata,
    Column("category_id", BigId, _to("category.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    #: Whether its file is what it should be.
    Column("written", Boolean, nullable=False, server_default=false()),
    Index("ix_archive_written", "written", "category_id", "number"),
    sqlite_with_rowid=False,
)

archive_story = Table(
    "archive_story",
    metadata,
    Column("category_id", BigId, _to("category.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("story_id", BigId, _to("story.id"), primary_key=True),
    Index("ix_archive_story_story_id", "story_id"),
    sqlite_with_rowid=False,
)

#: Pages of feeds that are full, numbered from 1, the oldest, in each.
page = Table(
    "page",
    metadata,
    Column("category_id", BigId, _to("category.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    #: Whether its file is what it should be.
    Column("written", Boolean, nullable=False, server_default=false()),
    #: Nothing that stood on it is left, and neither is its file.
    Column("empty", Boolean, nullable=False, server_default=false()),
    Index("ix_page_written", "written", "category_id", "number"),
    sqlite_with_rowid=False,
)

#: Near-duplicates meet under equal bands. No index by entry: an entry's own row holds its bands too,
#: in a fifth of the space. And no foreign key: without that index the database would look through
#: all of it for each entry that is deleted; whoever deletes one takes its bands out.
signature_band = Table(
    "signature_band",
    metadata,
    Column("band", BigInteger, primary_key=True),
    Column("entry_id", BigId, primary_key=True),
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

#: Who has each block. Neither index nor foreign key by entry, as of bands: an entry's own row holds its keys too.
block_entry = Table(
    "block_entry",
    metadata,
    Column("key", BigInteger, primary_key=True),
    Column("entry_id", BigId, primary_key=True),
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
    #: Number of the archive, or of the page, of that category, where it is one.
    Column("archive", Integer),
    Column("page", Integer),
    #: Bytes, and when the file was written, in nanoseconds: tells whether somebody else had it since.
    Column("size", BigInteger),
    Column("mtime", BigInteger),
    Index("ix_document_story_id", "story_id"),
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

#: What stands; queries say it in these words, or SQLite does not see that an index holds the answer.
STANDING = text("until IS NULL")

#: What is wrong, or was, with a source, with a document of ours (`path`), or with the configuration (neither).
condition = Table(
    "condition",
    metadata,
    _id(),
    Column("uuid", Uuid, nullable=False, unique=True),
    Column("source_id", BigId, _to("source.id")),
    Column("path", Text),
    Column("kind", String(10), nullable=False),
    #: Fit to be published; the message is not, for it may name private addresses.
    Column("detail", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("since", Instant, nullable=False),
    #: When it began, changed its detail or ended; each greater than all before.
    Column("updated", Instant, nullable=False),
    Column("until", Instant),
    Index("ix_condition_standing", "source_id", sqlite_where=STANDING),
    Index("ix_condition_source_id", "source_id", "id"),
    Index("ix_condition_updated", "updated"),
    sqlite_autoincrement=True,
)

#: How a source fared on a day of the site's zone: new entries, and checks that failed. Days of neither have no row.
source_day = Table(
    "source_day",
    metadata,
    Column("source_id", BigId, _to("source.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("new", Integer, nullable=False, server_default=text("0")),
    Column("failed", Integer, nullable=False, server_default=text("0")),
    sqlite_with_rowid=False,
)

#: What hosts asked of everybody who asks them, where several processes share the manners towards them.
host = Table(
    "host",
    metadata,
    Column("name", Text, primary_key=True),
    #: Asked by one request at a time until then; null once it answers as before.
    Column("until", Instant),
    #: Refusals in a row, and those of them that named no time.
    Column("refusals", Integer, nullable=False),
    Column("unnamed", Integer, nullable=False),
    #: When the last request to it ended.
    Column("ended", Instant, nullable=False),
)

#: Each config.yaml that a cluster worked by; the greatest version is in force.
configuration = Table(
    "configuration",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    #: As it stands in the file: what `${NAME}` is for is each process's own to know.
    Column("text", Text, nullable=False),
    #: What relative paths in it are relative to.
    Column("folder", Text, nullable=False),
    Column("digest", Digest, nullable=False),
    Column("at", Instant, nullable=False),
)

#: What each process of a cluster told of itself last; a worker has no other way. See `processes.Process`.
process = Table(
    "process",
    metadata,
    Column("name", Text, primary_key=True),
    Column("queues", Text, nullable=False),
    Column("begun", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("checking", Integer, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("memory", BigInteger),
    Column("version", Integer, nullable=False),
    Column("problem", Text),
)

#: Single values that outlast a process.
setting = Table("setting", metadata, Column("key", String(40), primary_key=True), Column("value", Text, nullable=False))

#: Keys and ids of what was purged: it neither comes back nor is its id used again. An id that no key
#: leads to any more is kept under a key of the kind "uuid".
tombstone = Table(
    "tombstone",
    metadata,
    Column("source_id", BigId, primary_key=True),
    Column("kind", String(8), primary_key=True),
    Column("key", Digest, primary_key=True),
    Column("uuid", Uuid, nullable=False),
    Column("at", Instant, nullable=False),
    #: Of its folded title and text: a link or a path may be another article's by now.
    Column("title", Digest),
    Column("words", Digest),
    Index("ix_tombstone_uuid", "uuid"),
    sqlite_with_rowid=False,
)
