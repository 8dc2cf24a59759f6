"""Lists on pages: stories by day, categories as a tree, ways to subscribe. Values for templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from aggregator.config.schema import Output, Site
from aggregator.model import Feed, Node, Path, Story
from aggregator.publish.addresses import entry_path, feed_path, page_path, public_url, relative
from aggregator.publish.formats import written
from aggregator.publish.kept import Kept
from aggregator.publish.templates import macros
from aggregator.publish.wording import Wording
from aggregator.publish.xmltext import one_line

#: More strokes than this nobody counts.
MOST_STROKES = 8


@dataclass(frozen=True, slots=True)
class Named:
    """A category or a publisher by its name, with a link where it has a page."""

    title: str
    link: str | None


@dataclass(frozen=True, slots=True)
class Look:
    """How a list is drawn."""

    #: Of the headings of its days; those of stories are one below.
    level: int
    summaries: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One story in a list, as it is drawn but for the names beside the time: some pages have others there."""

    link: str
    head: Markup
    #: Whose words it shows.
    publisher: Named
    tail: Markup


@dataclass(frozen=True, slots=True)
class _Said:
    """What is drawn of a story."""

    title: str
    summary: str
    link: str
    lang: Markup
    when: str
    time: str
    strokes: int
    also: Markup


@dataclass(frozen=True, slots=True)
class Day:
    date: str
    label: str
    level: int
    entries: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Address:
    """One format of a feed and where it is subscribed to."""

    name: str
    type: str
    address: str


@dataclass(frozen=True, slots=True)
class Subscription:
    title: str
    formats: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """One category in the tree, without those below it."""

    title: str
    link: str
    id: str
    count: str
    count_words: str
    subscribe: str
    formats: tuple[Address, ...]


def days(stories: Iterable[Story], page: str, say: Wording, look: Look, kept: Kept | None = None) -> tuple[Day, ...]:
    """By day of publication, newest first: an edited article does not jump to the top of a page.

    The first day names its year, and so does each in a year that no day above it named: a page does
    not know which year it is read in.
    """
    ordered = sorted(stories, key=lambda story: (story.published, story.uuid.int), reverse=True)
    found: list[Day] = []
    named, kept = 0, kept or Kept()
    for date, group in groupby(ordered, lambda story: say.local(story.published).date()):
        lines = list(group)
        label = say.day(lines[0].published, year=date.year != named)
        drawn = tuple(_kept_line(story, page, say, look, kept) for story in lines)
        found.append(Day(date.isoformat(), label, look.level, drawn))
        named = date.year
    return tuple(found)


def _kept_line(story: Story, page: str, say: Wording, look: Look, kept: Kept) -> Line:
    """Pages of one depth below the root link alike."""
    return kept.part(("line", look, story.uuid, page.count("/")), lambda: _line(story, page, say, look), story)


def _line(story: Story, page: str, say: Wording, look: Look) -> Line:
    said = _said(story, page, say)
    return Line(said.link, macros().line_head(said, look), publisher(story, page), macros().line_tail(said))


def _said(story: Story, page: str, say: Wording) -> _Said:
    others = len(story.carriers) - 1
    return _Said(
        title=one_line(story.title) or say.words["untitled"],
        summary=one_line(story.summary),
        link=link(story, page),
        lang=say.lang(story.language, story.title),
        when=say.stamp(story.published),
        time=say.clock(story.published),
        strokes=min(others, MOST_STROKES),
        also=say.counted("also", others) if others else Markup(),
    )


def link(story: Story, page: str) -> str:
    return relative(page, entry_path(story.uuid))


def publisher(story: Story, page: str) -> Named:
    """Whose words a story shows, with the page of all that they carried."""
    slug = next((one.slug for one in story.carriers if one.publisher == story.publisher), "")
    return Named(one_line(story.publisher), relative(page, page_path(slug)) if slug else None)


def subscription(feed: Feed, site: Site, output: Output) -> Subscription:
    return Subscription(one_line(feed.title), addresses(feed.slug, site, output))


def addresses(slug: str, site: Site, output: Output) -> tuple[Address, ...]:
    return tuple(
        Address(format.name, format.media_type, public_url(site, feed_path(slug, kind)))
        for kind, format in written(output).items()
    )


def branch(node: Node, page: str, say: Wording, site: Site, output: Output) -> Branch:
    return Branch(
        title=one_line(node.title),
        link=relative(page, page_path(node.slug)),
        # No blanks in an id; what is percent-encoded has none.
        id="a-" + relative("", node.slug),
        count=f"{node.count:,}",
        count_words=say.counted("count", node.count).striptags(),
        subscribe=say.words["sub_node"] % one_line(node.title),
        formats=addresses(node.slug, site, output),
    )


def index(nodes: Iterable[Node]) -> dict[Path, Node]:
    """Every node of the tree by its path."""
    found: dict[Path, Node] = {}
    for node in nodes:
        found |= {node.path: node} | index(node.children)
    return found


def steps(path: Path, page: str, nodes: Mapping[Path, Node]) -> tuple[Named, ...]:
    """The way from the top to `path`, itself included."""
    ways = (path[: depth + 1] for depth in range(len(path)))
    return tuple(_named(way, page, nodes.get(way)) for way in ways)


def _named(path: Path, page: str, node: Node | None) -> Named:
    if node is None:
        return Named(one_line(path[-1]), None)
    return Named(one_line(node.title), relative(page, page_path(node.slug)))
