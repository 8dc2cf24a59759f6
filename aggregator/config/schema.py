"""Every key of config.yaml: its type, its default, and what it is for.

The docstrings and descriptions here are the reference: `config.schema.json` and
docs/configuration.md are generated from them. This module is pure, so that every stage may be
handed these values; reading files, the environment and secrets is `load`'s work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from aggregator.config import clashes, units
from aggregator.config.section import Location, Mistakes, Section, key
from aggregator.config.values import (
    CategoryPath,
    Cron,
    Database,
    Duration,
    FullText,
    HeaderName,
    HeaderValue,
    Host,
    Language,
    Listening,
    Name,
    Pattern,
    Selector,
    SiteAddress,
    Size,
    Slug,
    Tag,
    WebAddress,
    Zone,
)

#: How the value of each field of `Rule.when` is read.
_WHEN: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("title", "url", "author", "content", "category", "language"), units.pattern),
    "age": units.age,
    "length": units.length,
}


class Site(Section):
    """Who publishes, and where."""

    title: Name = key(what="Name of the whole, on the home page and in front of nothing else.")
    url: SiteAddress = key(what="Public address of the output; feeds link to it. A path in it is the prefix.")
    tag: Tag = key(
        what="Authority and date of all our ids (RFC 4151), such as `news.example.org,2026`. Never change it.",
    )
    language: Language = key("en", "Language of the interface and of what says nothing else: `zh` or `en`.")
    timezone: Zone = key("UTC", "Zone of dates that name none, and of dates on pages.")
    author: str | None = key(None, "Author of feeds and of entries without one; default: the title.")


class Output(Section):
    """What is written, and where."""

    directory: Name = key("public", "Folder of everything published, relative to this file.")
    formats: tuple[Literal["atom", "rss", "json"], ...] = key(
        ("atom", "rss", "json"), "Formats of each feed.", min_length=1
    )
    entries: int = key(50, "Entries of a feed.", ge=1, le=1000)
    per_source: int | None = key(None, "Most entries of one publisher in a feed.", ge=1)
    archive: bool = key(True, "Older entries stay reachable by RFC 5005 archives.")
    pages: bool = key(True, "HTML pages beside the feeds.")
    precompress: bool = key(False, "Compressed copies beside each feed.")
    hub: WebAddress | None = key(None, "WebSub hub to announce and to notify.")


class Server(Section):
    """The built-in web server."""

    host: Listening = key("127.0.0.1", "Address to listen on.")
    port: int = key(8080, "Port; 0 takes any free one and prints it. `PORT` in the environment wins.", ge=0, le=65535)
    token: str | None = key(None, "Opens /status and /metrics from elsewhere than this machine.", secret=True)


class Schedule(Section):
    """How often sources are checked where they do not say so themselves."""

    interval: Duration = key(
        timedelta(minutes=30),
        "Time between checks of a source; of a feed that adapts, of its first ones.",
        gt=timedelta(),
    )
    min: Duration = key(timedelta(minutes=5), "Least time when it adapts.", gt=timedelta())
    max: Duration = key(timedelta(hours=24), "Most time, also after failures.", gt=timedelta())
    adaptive: bool = key(True, "Checks lively feeds more often and quiet ones less, unless they have an interval.")

    @classmethod
    def mistakes(cls, given: Mapping[str, Any]) -> Mistakes:
        least, most = (_duration(given.get(name, cls.model_fields[name].default)) for name in ("min", "max"))
        if least is not None and most is not None and least > most:
            yield ("min",), f"expected at most max, which is {units.duration_text(most)}"


class Network(Section):
    """Manners and limits of every request."""

    user_agent: str | None = key(None, "Default: aggregator, its version and site.url.")
    timeout: Duration = key(
        timedelta(seconds=20),
        "Bounds connecting and each silence; a whole answer may take four times that, and five minutes at most.",
        gt=timedelta(),
    )
    max_bytes: Size = key(16_000_000, "Largest answer or article file, unpacked.", gt=0)
    concurrency: int = key(64, "Most requests at once.", ge=1, le=1000)
    per_host: int = key(2, "Most requests at once to one host.", ge=1, le=100)
    spacing: Duration = key(
        timedelta(seconds=1), "Between requests to a host that answered 429, until its time has passed.", ge=timedelta()
    )
    allow: tuple[Host, ...] = key((), "Host names, addresses and CIDR blocks allowed although they are private.")
    proxy: WebAddress | None = key(None, "Address of an HTTP proxy for all requests.", secret=True)


class Duplicates(Section):
    """When two articles are one."""

    exact: bool = key(True, "The same text, or the same address, is the same article.")
    near: bool = key(True, "Nearly the same text is the same article.")
    window: Duration = key(timedelta(days=30), "Only articles published within this time are compared.", gt=timedelta())


class Retention(Section):
    """How long entries stay."""

    days: int = key(365, "Counted from when the source last showed the entry.", ge=1)
    per_source: int = key(5000, "Most entries of one feed.", ge=1)


class Replace(Section):
    """A replacement in the text of articles."""

    pattern: Pattern = key(what="What to find (`regex` module).")
    with_: str = Field("", alias="with", description="What to put there; `\\1` is the first group.")

    @classmethod
    def mistakes(cls, given: Mapping[str, Any]) -> Mistakes:
        yield from _replacement_mistake(("with",), given.get("pattern"), given.get("with"))


class Clean(Section):
    """What is taken out of articles beyond what is always taken out."""

    unwrap: tuple[WebAddress, ...] = key(
        (), "Prefixes of proxies in front of addresses, such as `https://proxy.example/?`."
    )
    remove: tuple[Selector, ...] = key((), "CSS selectors of what to take out.")
    keep: tuple[Selector, ...] = key((), "CSS selectors of what alone to keep.")
    replace: tuple[Replace, ...] = key((), "Replacements in text.")
    learn: bool = key(True, "Leave out what a publisher repeats in all its articles.")
    confirm: tuple[Pattern, ...] = key(
        (), "Patterns of blocks to leave out as soon as two articles have them; `sources boilerplate` lists blocks."
    )
    forbid: tuple[Pattern, ...] = key((), "Patterns of blocks that are never left out because they are repeated.")


class Rule(Section):
    """What to do with entries that match."""

    when: dict[Literal["title", "url", "author", "content", "category", "language", "age", "length"], str] = key(
        what="Fields and the pattern that each must match; `age` (`> 7d`, `< 2h`) and `length` in characters "
        "(`< 200`) are compared. An entry has the age at which it first came."
    )
    drop: bool = key(False, "Leave the entry out.")
    category: CategoryPath | None = key(None, "Publish it there instead.")
    tag: str | None = key(None, "Add this to its own categories.")
    title: str | None = key(None, "Replaces what `when.title` matched.")

    @classmethod
    def mistakes(cls, given: Mapping[str, Any]) -> Mistakes:
        when = given.get("when")
        for field, wanted in when.items() if isinstance(when, Mapping) else ():
            if field in _WHEN and isinstance(wanted, str):
                yield from _mistake(("when", field), wanted, _WHEN[field])
        if isinstance(when, Mapping) and not when:
            yield ("when",), "expected a field and its pattern, for this would be every entry; `title: .` says so"
        if not given.keys() & {"drop", "category", "tag", "title"}:
            yield (), "expected what to do: one of drop, category, tag and title"
        if "title" in given and isinstance(when, Mapping) and "title" not in when:
            yield ("title",), "expected when.title beside it, which says what is replaced"
        elif isinstance(when, Mapping):
            yield from _replacement_mistake(("title",), when.get("title"), given.get("title"))


class Category(Section):
    """A category that needs more than its name."""

    path: CategoryPath = key(what="Levels separated by `/`.")
    title: str | None = key(None, "Shown instead of the last level's name.")
    slug: Slug | None = key(
        None, "Its address below feeds/ and c/ instead of the path; taken when it comes into being, and for ever."
    )
    description: str | None = key(None, "Subtitle of its feed.")
    from_: tuple[Pattern, ...] = Field(
        (), alias="from", description="Patterns of entries' own categories that belong here."
    )
    query: str | None = key(
        None,
        'Makes it a saved search: a feed below q/ of what holds these (`"a phrase"`, `-without`, `this OR that`).',
    )
    hidden: bool = key(False, "Published, but not listed.")
    was: tuple[CategoryPath, ...] = key(
        (), "Paths that it had before, or that became part of it: their entries come here, their addresses lead here."
    )


class Select(Section):
    """Where a page without a feed has its entries (CSS)."""

    item: Selector = key(what="Each entry.")
    title: Selector | None = key(None, "Its title.")
    link: Selector | None = key(None, "Its link.")
    date: Selector | None = key(None, "Its date.")
    content: Selector | None = key(None, "Its text.")


class Auth(Section):
    """HTTP basic authentication."""

    username: str = key("", "User name.", secret=True)
    password: str = key("", "Password.", secret=True)


class Source(Section):
    """Where entries come from: a feed (`url`), a folder (`path`) or a page (`page` with `select`)."""

    name: Name = key(what="Unique; a source is known by it for ever.")
    url: WebAddress | None = key(None, "Address of a feed.")
    path: Name | None = key(None, "Folder of article files, relative to this file.")
    page: WebAddress | None = key(None, "Address of a page without a feed.")
    select: Select | None = key(None, "How to read that page.")
    category: CategoryPath | None = key(
        None, "Published there instead of in the entries' own; `own` takes a feed's own."
    )
    interval: Duration | None = key(None, "Time between checks.", gt=timedelta())
    cron: Cron | None = key(None, "Times of checks as a crontab line, in the source's zone.")
    enabled: bool = key(True, "Whether it is checked.")
    timezone: Zone | None = key(None, "Zone of its dates that name none.")
    language: Language | None = key(None, "Language of its entries where they do not say.")
    dates: Literal["trust", "crawl"] | None = key(None, "Whether a file's date is the article's, or a script's.")
    headers: dict[HeaderName, HeaderValue] = key({}, "Sent with each request.", secret=True)
    cookies: dict[HeaderName, HeaderValue] = key({}, "Sent with each request.", secret=True)
    auth: Auth | None = key(None, "User name and password.")
    user_agent: str | None = key(None, "Instead of network.user_agent.")
    timeout: Duration | None = key(None, "Instead of network.timeout.", gt=timedelta())
    tls_verify: bool = key(True, "Whether certificates are verified.")
    proxy: WebAddress | None = key(None, "Instead of network.proxy.", secret=True)
    allow_private: bool = key(False, "Its host may have a private address.")
    full_text: FullText = key(False, "Fetch the article itself; or a CSS selector of its text.")
    clean: Clean | None = key(None, "In addition to clean.")
    rules: tuple[Rule, ...] = key((), "Before the rules for all.")
    prefer: int = key(0, "Of equal copies the one of the higher source leads.")
    limit: int | None = key(None, "Most entries taken from one document.", ge=1)
    withdraw_deleted: bool = key(False, "Withdraw articles whose files are gone for an hour.")
    follow_links: bool = key(False, "Read symbolic links that leave the folder.")

    @classmethod
    def mistakes(cls, given: Mapping[str, Any]) -> Mistakes:
        kinds = [kind for kind in ("url", "path", "page") if kind in given]
        if not kinds:
            yield (), "expected one of url (a feed), path (a folder) and page (with select)"
        for kind in kinds[1:]:
            yield (kind,), f"expected one of url, path and page, found {kinds[0]} too"
        if "page" in given and "select" not in given:
            yield ("page",), "a page needs select, which says where its entries are"
        if "select" in given and "page" not in given:
            yield ("select",), "select is for page only: a feed or a folder says itself where its entries are"
        if "path" in given and "full_text" in given:
            yield ("full_text",), "full_text is for feeds and pages: the files of a folder hold the articles themselves"
        if "cron" in given and "interval" in given:
            yield ("cron",), "expected interval or cron, found both"

    @property
    def kind(self) -> Literal["feed", "folder", "page"]:
        return "feed" if self.url else "folder" if self.path else "page"


class Config(Section):
    """The whole of config.yaml."""

    site: Site = key(what="Who publishes, and where.")
    database: Database = key(
        "sqlite:///data/aggregator.db", "SQLAlchemy URL; a SQLite path is relative to this file.", secret=True
    )
    engine: Literal["embedded", "procrastinate"] = key(
        "embedded",
        "Where the work runs: in one process, or in as many as there are (`aggregator worker`), on PostgreSQL only.",
    )
    output: Output = key(Output, "What is written, and where.")
    server: Server = key(Server, "The built-in web server.")
    schedule: Schedule = key(Schedule, "How often sources are checked.")
    network: Network = key(Network, "Manners and limits of every request.")
    duplicates: Duplicates = key(Duplicates, "When two articles are one.")
    retention: Retention = key(Retention, "How long entries stay.")
    clean: Clean = key(Clean, "What is taken out of articles.")
    rules: tuple[Rule, ...] = key((), "What to do with entries that match, in this order.")
    categories: tuple[Category, ...] = key((), "Categories that need more than their name.")
    sources: tuple[Source, ...] = key((), "Where entries come from.")

    @classmethod
    def mistakes(cls, given: Mapping[str, Any]) -> Mistakes:
        database = given.get("database", cls.model_fields["database"].default)
        if given.get("engine") == "procrastinate" and str(database).startswith("sqlite"):
            yield ("engine",), "procrastinate needs a PostgreSQL database, such as `database: postgresql+psycopg://…`"
        yield from clashes.of_sources(given.get("sources"))
        yield from clashes.of_categories(given.get("categories"))


def _duration(value: Any) -> timedelta | None:
    """A duration that is read or not; None where it is a mistake, which is said elsewhere."""
    try:
        return units.duration(value) if isinstance(value, str) else value
    except ValueError:
        return None


def _mistake(location: Location, text: str, read: Callable[[str], Any]) -> Mistakes:
    try:
        read(text)
    except ValueError as error:
        yield location, f"{error}, found {text!r}"


def _replacement_mistake(location: Location, pattern: Any, new: Any) -> Mistakes:
    """Of a pattern that is right; one that is wrong is told of itself."""
    if not isinstance(pattern, str) or not isinstance(new, str):
        return
    try:
        units.pattern(pattern)
    except ValueError:
        return
    yield from _mistake(location, new, lambda text: units.replacement(pattern, text))
