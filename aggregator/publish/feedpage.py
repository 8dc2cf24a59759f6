"""The pages beside a feed of ours: of a category, a publisher or a saved search; the newest, and the numbered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from markupsafe import Markup

from aggregator.config.schema import Output, Site
from aggregator.model import Feed, Path, Story
from aggregator.publish import listing
from aggregator.publish.addresses import as_uri, is_publisher, page_path, public_url, relative
from aggregator.publish.kept import Kept
from aggregator.publish.listing import Named
from aggregator.publish.pages import NO_NODES, Nodes, render, updated
from aggregator.publish.wording import Wording, wording
from aggregator.publish.xmltext import one_line

#: Of publishers and categories that one page names beside its stories; more is a wall of names.
MOST_NAMES = 30

LOOK = listing.Look(level=2, summaries=True)


@dataclass(frozen=True, slots=True)
class Rail:
    """One list beside the stories."""

    id: str
    label: str
    names: tuple[tuple[Named, str], ...]
    #: Whether it leads on within the tree of categories.
    navigates: bool = False


def named(feed: Feed) -> set[Path]:
    """The categories whose names, and of which those above them, stand on pages of this feed."""
    return (
        {path for story in (*feed.stories, *feed.late) for path in story.paths}
        if is_publisher(feed.slug)
        else {feed.path}
    )


def newest(feed: Feed, site: Site, output: Output, nodes: Nodes = NO_NODES, kept: Kept | None = None) -> bytes:
    """What the feed shows, and what no numbered page holds yet. `nodes` holds what is `named`."""
    return _page(feed, (*feed.stories[: output.entries], *feed.late), site, output, nodes, kept)


def numbered(feed: Feed, site: Site, output: Output, nodes: Nodes = NO_NODES, kept: Kept | None = None) -> bytes:
    """One page of the archive. It names no count and no last page: it would change when those do."""
    return _page(feed, feed.stories, site, output, nodes, kept)


def _page(feed: Feed, stories: Sequence[Story], site: Site, output: Output, nodes: Nodes, kept: Kept | None) -> bytes:
    say, number = wording(site), feed.paging.number
    page = page_path(feed.slug, number)
    crumbs = listing.steps(feed.path[:-1], page, nodes)
    title, about = _title(feed, say), one_line(feed.description)
    heading = say.words["paged_title"] % (title, number) if number else title
    return render(
        "feed.html",
        page,
        site,
        here="all" if feed.slug == "all" else "",
        canonical=public_url(site, page),
        feed=listing.subscription(feed, site, output),
        invitation=say.words[_invitation(feed)],
        crumbs=[*crumbs, Named(title, relative(page, page_path(feed.slug)))] if number else crumbs,
        heading=heading,
        lede="" if number else about,
        description=about or say.words["feed_about"] % (one_line(site.title), heading),
        facts=() if number else list(_facts(feed, stories, say)),
        rails=[rail for rail in _rails(feed, stories, page, nodes, say) if rail.names],
        days=listing.days(stories, page, say, LOOK, kept),
        beside=_beside(feed, stories, page, nodes) if is_publisher(feed.slug) else {},
        parent=_parent(crumbs, say),
        paging=_paging(feed, page, say),
        updated=None if number else updated(feed, say),
    )


def _title(feed: Feed, say: Wording) -> str:
    """The feed of everything is called like the site, and so would its page be."""
    return say.words["all"] if feed.slug == "all" else one_line(feed.title)


def _invitation(feed: Feed) -> str:
    if feed.slug == "all":
        return "sub_all"
    if is_publisher(feed.slug):
        return "sub_source"
    return "sub_this" if feed.path else "search_subscribe"


def _facts(feed: Feed, stories: Iterable[Story], say: Wording) -> Iterator[Markup]:
    yield say.counted("count", feed.count)
    home = _home(feed, stories)
    if is_publisher(feed.slug) and home:
        yield Markup('<a href="{}" rel="external">{}</a>').format(home, urlsplit(home).hostname)


def _home(feed: Feed, stories: Iterable[Story]) -> str | None:
    """The publisher's own site; that of a collection of many is not it: its articles lie elsewhere."""
    own = (one for one in stories if one.publisher == feed.title and one.url and one.origin.url)
    return next((as_uri(one.origin.url or "") for one in own if _host(one.origin.url) == _host(one.url)), None)


def _host(url: str | None) -> str:
    return (urlsplit(as_uri(url or "") or "").hostname or "").removeprefix("www.")


def _rails(feed: Feed, stories: Sequence[Story], page: str, nodes: Nodes, say: Wording) -> Iterator[Rail]:
    if not feed.paging.number:
        narrower = {Named(one_line(one.title), relative(page, page_path(one.slug))): one.count for one in feed.children}
        yield Rail("narrower", say.words["subcats"], _counted(narrower), navigates=True)
    if is_publisher(feed.slug):
        places = Counter(path for story in stories for path in story.paths)
        yield Rail("places", say.words["categories_here"], _most(_named(places, page, nodes)))
    else:
        publishers = Counter(listing.publisher(story, page) for story in stories)
        yield Rail("sources", say.words["sources_here"], _most(publishers))


def _named(places: Counter[Path], page: str, nodes: Nodes) -> Counter[Named]:
    return Counter({_full_name(path, page, nodes): count for path, count in places.items()})


def _most(counts: Counter[Named]) -> tuple[tuple[Named, str], ...]:
    """The busiest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].title))
    return _counted(dict(ordered[:MOST_NAMES]))


def _counted(counts: Mapping[Named, int]) -> tuple[tuple[Named, str], ...]:
    return tuple((named, f"{count:,}") for named, count in counts.items())


def _full_name(path: Path, page: str, nodes: Nodes) -> Named:
    way = listing.steps(path, page, nodes)
    return Named(" / ".join(step.title for step in way), way[-1].link)


def _beside(feed: Feed, stories: Iterable[Story], page: str, nodes: Nodes) -> dict[str, list[Named]]:
    """By the link of each story its first category, which says more here than the publisher's name."""
    found = {}
    for story in stories:
        others = [] if story.publisher == feed.title else [listing.publisher(story, page)]
        found[listing.link(story, page)] = others + [_full_name(path, page, nodes) for path in story.paths[:1]]
    return found


def _parent(crumbs: Sequence[Named], say: Wording) -> Markup | None:
    if not crumbs or not crumbs[-1].link:
        return None
    return say.say("see_parent", Markup('<a href="{}">{}</a>').format(crumbs[-1].link, crumbs[-1].title))


def _paging(feed: Feed, page: str, say: Wording) -> dict[str, str | Markup | None] | None:
    """Links to the pages on either side; nothing where there is only one."""
    here = feed.paging
    if here.number is None and here.older is None:
        return None

    def to(number: int | None) -> str:
        return relative(page, page_path(feed.slug, number))

    return {
        "older": to(here.older) if here.older else None,
        "newer": to(here.newer) if here.number else None,
        "oldest": to(here.oldest) if here.oldest and here.oldest != here.older else None,
        "note": say.counted("page_of", here.number) if here.number else None,
    }
