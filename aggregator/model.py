"""What passes from stage to stage: frozen values, each promising more than the one before.

    Document -> ParsedFeed of ParsedEntry -> Entry -> Story -> Feed

A signature therefore says how far the data has come: what takes a `ParsedEntry` must expect
anything, what takes an `Entry` may rely on it. Nothing here does any work or knows a stage.

Times are aware UTC `datetime`s. Digests are 16 bytes. Texts hold no NUL and no lone surrogate
from `ParsedEntry` on (both databases and XML refuse them).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Literal
from uuid import UUID


def digest(data: bytes) -> bytes:
    """16 bytes that stand for `data` wherever a digest is stored or compared."""
    return blake2b(data, digest_size=16).digest()


# --- fetch ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Validators:
    """What makes the next request conditional, echoed exactly as it was received."""

    etag: str | None = None
    last_modified: str | None = None
    #: Of the last body that was understood; tells unchanged where a server has no validators.
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One feed body or one article file, as it came."""

    body: bytes
    #: Feeds: the final URL, the base of relative links. Never set for files.
    url: str | None = None
    #: Files: the path below the source's root, with `/`, percent-escaped where it is not UTF-8.
    path: str | None = None
    #: From the Content-Type header, lower case, without parameters.
    media_type: str | None = None
    #: From the Content-Type header; may be wrong.
    charset: str | None = None
    #: Of the body.
    digest: bytes = b""


class Outcome(StrEnum):
    """The class of what a check came to. `OK` and `UNCHANGED` are the good ones."""

    OK = "ok"
    UNCHANGED = "unchanged"
    GONE = "gone"
    RATE_LIMITED = "rate-limited"
    UNREACHABLE = "unreachable"
    REFUSED_ADDRESS = "refused-address"
    HTTP_ERROR = "http-error"
    TOO_LARGE = "too-large"
    BOT_WALL = "bot-wall"
    NOT_A_FEED = "not-a-feed"
    UNPARSABLE = "unparsable"
    NO_FOLDER = "no-folder"
    #: A fault of ours; the traceback is in the log.
    INTERNAL = "internal-error"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A new body, and what to send with the next request once it has been understood."""

    document: Document
    validators: Validators
    #: The least time that the server wishes us to wait, in seconds; 0 where it says nothing.
    wait: float = 0.0
    #: Where the leading permanent redirects (301, 308) led; None without any.
    moved: str | None = None
    #: The document has only what is new since the validators (RFC 3229, 226): what it lacks is not gone.
    partial: bool = False


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server, or the digest of its answer, says that nothing changed."""

    validators: Validators
    wait: float = 0.0
    moved: str | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A check that brought nothing: the class, a sentence for people, and what they can do."""

    outcome: Outcome
    message: str
    remedy: str = ""
    #: Seconds that the server asks us to wait (Retry-After); 0 where it does not.
    wait: float = 0.0
    #: Whom it concerns: this address, every address of its host, or every request of ours.
    scope: Literal["url", "host", "everybody"] = "url"


@dataclass(frozen=True, slots=True)
class FileState:
    """What is known, or was just seen, of one file of a folder source."""

    path: str
    size: int
    #: Modification time, nanoseconds since the epoch.
    mtime: int
    #: The file was listed by an earlier scan and is not there now.
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A file or an item that could not be taken, and why: counted, shown, never silent."""

    path: str
    reason: str


# --- parse ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A text construct: plain text, or HTML that has not been sanitized."""

    value: str
    type: Literal["text", "html"] = "text"
    #: What relative links in it are resolved against, where it is not the entry's own.
    base: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    uri: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A category as the publisher gave it: a path of names, most often of one name."""

    path: tuple[str, ...]
    scheme: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Enclosure:
    url: str
    type: str | None = None
    #: Bytes, as claimed.
    length: int | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Image:
    url: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """One entry as the publisher wrote it: untrusted, and anything may be missing."""

    #: guid (RSS), id (Atom, JSON Feed), what a file's front matter gives as one.
    id: str | None = None
    #: Files only: path below the source's root; it is also the key of the file's entry.
    path: str | None = None
    url: str | None = None
    title: Text | None = None
    content: Text | None = None
    summary: Text | None = None
    authors: tuple[Person, ...] = ()
    #: As claimed: the future and the year 1970 are possible. `updated` where the feed gives no other.
    published: datetime | None = None
    updated: datetime | None = None
    #: The claimed date is when a script fetched the article, not when it was published.
    crawled: bool = False
    terms: tuple[Term, ...] = ()
    #: What the publisher marks as the entry's picture (media:thumbnail, headimg), best first.
    images: tuple[Image, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None
    rights: str | None = None
    #: Podcast elements as (name, value) in the order of the document.
    podcast: tuple[tuple[str, str], ...] = ()
    #: The article as its own page has it (`full_text`); no part of what the feed said.
    full: Text | None = None


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """What a document says of itself, and its entries."""

    entries: tuple[ParsedEntry, ...] = ()
    refused: tuple[Refused, ...] = ()
    id: str | None = None
    title: str | None = None
    #: The site's home page.
    url: str | None = None
    language: str | None = None
    authors: tuple[Person, ...] = ()
    #: The least time between checks that the feed itself asks for (ttl, sy:), in seconds.
    wait: float = 0.0
    #: Hours (0 to 23, UTC) and days (0 is Monday) in which it asks not to be checked.
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    #: The document was broken and this is what could be recovered.
    degraded: bool = False


# --- clean ---------------------------------------------------------------------------------

#: One category path, from the root to the node: ("金融", "新浪财经").
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """Fit to store and publish: every field present, HTML sanitized, links absolute."""

    title: str
    #: Sanitized, with absolute URLs; may be empty.
    html: str
    #: The plain text of `html`: what is compared, searched and summed up.
    text: str
    summary: str
    publisher: str
    #: None when the article has no address of its own.
    url: str | None
    authors: tuple[Person, ...]
    #: The publisher's date where it is plausible; None means: take the time it was first seen.
    published: datetime | None
    published_claimed: datetime | None
    updated: datetime | None
    #: Where it is published: at most 16 paths of at most 8 levels, never empty.
    paths: tuple[Path, ...]
    #: The publisher's own categories, for `<category>`.
    terms: tuple[Term, ...]
    image: Image | None = None
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None
    rights: str | None = None
    podcast: tuple[tuple[str, str], ...] = ()
    #: What people's rules did to it, in words, for the trace.
    ruled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """An entry refused by a rule, with the reason for people."""

    reason: str
    title: str = ""


# --- identify, group -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """One name by which a source may know an entry."""

    kind: Literal["guid", "link", "path", "date", "text"]
    text: str

    @property
    def digest(self) -> bytes:
        """What stands for the text in indexes, whatever its length."""
        return digest(self.text.encode())


@dataclass(frozen=True, slots=True)
class Signature:
    """What two articles are compared by, taken once from an entry."""

    #: Of what the publisher wrote, volatile parts left out: tells changed from same.
    fingerprint: bytes
    #: Of the folded text; None where there is too little text to say anything.
    digest: bytes | None
    #: Of the canonical URL; None without one.
    link: bytes | None
    #: Characters of folded text.
    length: int
    #: Signed 64-bit keys under which near-duplicates meet; empty where there is too little text.
    bands: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """One entry after all pure work on it, ready to be identified and stored."""

    parsed: ParsedEntry
    entry: Entry
    signature: Signature
    keys: tuple[Key, ...]
    #: Keys of its blocks; None where learning is to find them.
    blocks: tuple[int, ...] | None = None

    @property
    def title(self) -> str:
        return self.entry.title

    @property
    def publisher(self) -> str:
        return self.entry.publisher


@dataclass(frozen=True, slots=True)
class Recognized:
    """An entry that its publisher wrote as it is stored: it was not cleaned again, and has no words to compare."""

    parsed: ParsedEntry
    #: Among the entries that its document brings, from 0: of two that are one the first counts.
    place: int
    #: As it is stored.
    title: str
    publisher: str
    #: Of what was written and of the address alone.
    signature: Signature
    #: Without that of its text.
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """What the store has at hand of an entry whose key was asked for."""

    id: int
    fingerprint: bytes
    title: str
    #: How often it has changed.
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """What grouping knows of an entry."""

    id: int
    uuid: UUID
    source: str
    publisher: str
    published: datetime
    first_seen: datetime
    title: str
    text: str
    #: Of equal copies the one of the higher source leads.
    prefer: int = 0
    digest: bytes | None = None
    link: bytes | None = None
    #: Stands for its words.
    mark: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mark", digest(f"{self.title}\0{self.text}".encode()))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two entries found to be one article; `a` is the one stored first."""

    a: int
    b: int
    #: From 0 to 1; where not all pairs can hold, weaker ones give way.
    strength: float
    why: str


# --- store ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Move:
    """Where a source's address leads for good (301, 308), and how far that is to be relied on."""

    to: str
    since: datetime
    #: Checks in which it gave a feed.
    seen: int = 1
    #: None while it is on trial.
    adopted: datetime | None = None
    #: It failed at last: the configured address is asked next.
    doubted: bool = False


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the database knows of a source when its check begins."""

    id: int
    name: str
    validators: Validators = Validators()
    #: Failed checks in a row.
    failures: int = 0
    next_check: datetime | None = None
    #: Whether its documents have shown ids and links that tell entries apart.
    ids_distinct: bool = True
    links_distinct: bool = True
    move: Move | None = None
    #: When its checks brought new entries: the last few, oldest first.
    arrivals: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries of a check were new, changed, the same, and refused or dropped."""

    new: int = 0
    changed: int = 0
    same: int = 0
    refused: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.new + other.new,
            self.changed + other.changed,
            self.same + other.same,
            self.refused + other.refused,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the trace: what was decided of whom, and why."""

    kind: str
    message: str
    source: str | None = None
    path: str | None = None
    entry_id: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """How a check ended, for the table of outcomes, the log and the history."""

    source: str
    outcome: Outcome
    #: For people; None when all is well.
    message: str | None = None
    tally: Tally = Tally()


# --- publish -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an entry came from, fit for readers: no query, user info or local path in it."""

    name: str
    #: The feed's id if it is a URI, else a tag URI of ours.
    id: str
    #: The site's home page.
    url: str | None = None
    #: The feed's own address.
    feed_url: str | None = None


@dataclass(frozen=True, slots=True)
class Carrier:
    """One publisher that carried a story."""

    uuid: UUID
    publisher: str
    title: str
    url: str | None
    #: Of the feed of all that it carried; "" where there is none.
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """What an article said once, as its publisher wrote it: untrusted."""

    #: When it was first seen like this.
    at: datetime
    original: ParsedEntry


@dataclass(frozen=True, slots=True)
class Past:
    """How an article came to be what its page shows."""

    #: The oldest first, the present one last.
    versions: tuple[Version, ...] = ()
    #: Lines that were left out, for its publisher repeats them.
    omitted: tuple[str, ...] = ()
    #: Whether its text is that of its own page, for the feed had less.
    full: bool = False
    #: How many of people's rules changed it.
    rules: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """One article as readers see it: the lead's words, and everyone who carried it."""

    uuid: UUID
    title: str
    html: str
    summary: str
    url: str | None
    publisher: str
    authors: tuple[Person, ...]
    published: datetime
    #: Distinct among all stories, by its microseconds.
    updated: datetime
    paths: tuple[Path, ...]
    terms: tuple[Term, ...]
    origin: Origin
    #: The lead first, then by arrival; one carrier at least.
    carriers: tuple[Carrier, ...]
    image: Image | None = None
    enclosures: tuple[Enclosure, ...] = ()
    language: str | None = None
    rights: str | None = None
    podcast: tuple[tuple[str, str], ...] = ()
    #: Only where it is looked up for a page of its own.
    past: Past = Past()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Instead of a story that a person took down: there was one, and there will be none."""

    uuid: UUID


@dataclass(frozen=True, slots=True)
class Node:
    """One category in the tree of all, with what pages show of it."""

    path: Path
    slug: str
    title: str
    #: Stories in it and below it.
    count: int
    description: str = ""
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """A category that another one took the place of: its addresses lead there."""

    uuid: UUID
    slug: str
    title: str
    at: datetime
    #: Slug and title of the other one.
    to: str
    to_title: str
    #: Its newest archive, which stays where it is.
    prev_archive: int | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """Where one page of a feed stands among the others; they are numbered from the oldest."""

    #: None for the page of the newest stories.
    number: int | None = None
    #: The next ones on either side; without a newer one there is the page of the newest.
    older: int | None = None
    newer: int | None = None
    #: The first of all older ones.
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed of ours, whole: what every format and the page beside it are made from."""

    uuid: UUID
    #: "all", or the category's slug: path segments joined by "/". One that begins with "/" is found below
    #: the output folder itself, not below feeds/: "/s/…" of a publisher, "/q/…" of a search.
    slug: str
    title: str
    description: str
    #: Empty for `all`, for publishers and for searches.
    path: Path
    #: The newest story's, or when the category came into being.
    updated: datetime
    #: Newest `updated` first, then by id.
    stories: tuple[Story, ...] = ()
    children: tuple[Node, ...] = ()
    count: int = 0
    language: str | None = None
    #: Stories that it showed and that are no more: id and when that was, newest first.
    deleted: tuple[tuple[UUID, datetime], ...] = ()
    #: Number of this document where it is an archive (RFC 5005); None for the feed that people subscribe to.
    archive: int | None = None
    #: Number of the archive before it.
    prev_archive: int | None = None
    #: What follows `?` in its addresses, percent-encoded: of a search made on demand.
    query: str = ""
    #: Where the page beside it, or this page of it, stands among its pages.
    paging: Paging = Paging()
    #: What that page shows besides: stories that no numbered page holds yet.
    late: tuple[Story, ...] = ()


# --- search --------------------------------------------------------------------------------

#: A piece of a text, and whether it is what was looked for.
Piece = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person looks for, as typed: nothing here is known to make sense."""

    words: str
    #: Slugs or names of a category, and of a publisher or a source.
    category: str = ""
    source: str = ""
    #: Days in the site's zone, both included.
    since: date | None = None
    until: date | None = None
    #: The best matches first instead of the newest.
    best: bool = False
    #: Where in the order a page begins.
    first: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A story that was found, and where in it."""

    story: Story
    title: tuple[Piece, ...]
    excerpt: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found of it."""

    hits: tuple[Hit, ...]
    #: How many match; at least or about so many unless `exact`.
    count: int
    exact: bool
    #: Where the next page begins; None where nothing follows.
    next: int | None
    #: Words that are looked for; empty where nothing was typed that can be.
    terms: tuple[str, ...]
    #: Stories that can be found, and that are still to be indexed.
    stories: int
    waiting: int
    #: What of the category and the source is not known.
    unknown: tuple[str, ...] = ()


# --- health --------------------------------------------------------------------------------


class Trouble(StrEnum):
    """The kinds of what can be wrong for a while."""

    #: Checks of a source fail; its detail is the class of the failure.
    FAILING = "failing"
    #: The source is gone for good and is not checked any more.
    GONE = "gone"
    #: It lives elsewhere for good; the detail is where, without query and user info.
    MOVED = "moved"
    #: Nothing new against its habit; the detail is when the last came, in ISO 8601.
    SILENT = "silent"
    #: Its document is broken and only partly read.
    DEGRADED = "degraded"
    #: A circuit breaker keeps its new entries back.
    HELD = "held"
    #: A document of ours failed its check and was not published; the detail is the first fault.
    FAULT = "fault"
    #: The edited configuration is not in force; the detail is where its mistakes are.
    CONFIG = "config"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is, or was, wrong with a source, with a document of ours, or with the configuration."""

    uuid: UUID
    kind: Trouble
    since: datetime
    #: When it began, changed its detail or ended; distinct for every condition.
    updated: datetime
    #: The name of the source; None where it is about none.
    source: str | None = None
    #: The document, below the output folder.
    path: str | None = None
    #: Fit to be published; tells whether it still is the same trouble.
    detail: str = ""
    #: What happened and what to do, for whoever runs this: may name private addresses and folders.
    message: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """How one visit to a source ended."""

    at: datetime
    outcome: Outcome
    message: str | None
    new: int
    changed: int
    refused: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A source as those see it who look after it; nothing of it is fit to be published."""

    id: int
    name: str
    kind: str
    outcome: Outcome | None
    message: str | None
    #: "config", "gone", or None.
    disabled: str | None
    last_check: datetime | None
    next_check: datetime | None
    #: In a row.
    failures: int
    #: What is wrong with it now.
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Closely:
    """One source in detail."""

    source: Watched
    #: Address or folder, without user name and password.
    place: str
    #: Whom the failure of its last check concerns: "url", "host", "everybody".
    scope: str | None
    moved_to: str | None
    moved_for_good: datetime | None
    #: The last ones, newest first.
    checks: tuple[Check, ...]
    #: What is or was wrong with it, the latest first.
    history: tuple[Condition, ...]
    entries: int
    #: Blocks that are left out of its articles.
    blocks: int
    #: Files or items that bring no entry: how many, and some of them.
    refused: int
    refusals: tuple[Refused, ...] = ()
