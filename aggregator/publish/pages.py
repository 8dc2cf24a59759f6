"""The pages a person reads, from the templates in web/templates.

Pages link relatively and so work below any prefix; only what is copied into a reader is an
absolute address. No clock: a page changes when what it shows changes.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from aggregator.config.schema import Output, Site
from aggregator.model import Enclosure, Feed, Moved, Node, Path, Story
from aggregator.publish import addresses, listing, phrases
from aggregator.publish.addresses import HOME, OPML, as_uri, entry_path, page_path, public_url, relative
from aggregator.publish.prose import on_page
from aggregator.publish.wording import Wording, wording
from aggregator.publish.xmltext import one_line, shortened, xml_text

HOME_STORIES = 30
DESCRIPTION_CHARACTERS = 200

Nodes = Mapping[Path, Node]
NO_NODES: Nodes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Home:
    """What the home page is made from."""

    #: The feed of everything.
    feed: Feed
    nodes: Sequence[Node]
    #: Sources that are checked.
    sources: int


def home(data: Home, site: Site, output: Output) -> bytes:
    """The newest stories, every category, and how to subscribe."""
    say = wording(site)
    return _render(
        "home.html",
        HOME,
        site,
        here="home",
        canonical=public_url(site, HOME),
        feed=listing.subscription(data.feed, site, output),
        opml=relative(HOME, OPML),
        facts=[say.counted("facts_sources", data.sources), say.counted("facts_articles", data.feed.count)],
        nodes=listing.branches(data.nodes, HOME, say, site, output),
        days=listing.days(data.feed.stories[:HOME_STORIES], HOME, say),
        updated=_updated(data.feed, say),
    )


def category(feed: Feed, site: Site, output: Output, nodes: Nodes = NO_NODES) -> bytes:
    """The page beside a feed: the same stories, with summaries. `nodes` is `index` of the whole tree."""
    say = wording(site)
    page = page_path(feed.slug)
    stories = feed.stories[: output.entries]
    crumbs = listing.steps(feed.path[:-1], page, nodes)
    about = one_line(feed.description)
    return _render(
        "category.html",
        page,
        site,
        here="all" if feed.slug == "all" else "",
        canonical=public_url(site, page),
        feed=listing.subscription(feed, site, output),
        crumbs=crumbs,
        lede=about,
        description=about or say.words["feed_about"] % (one_line(site.title), one_line(feed.title)),
        count=say.counted("count", feed.count),
        children=[
            {"title": one_line(node.title), "link": relative(page, page_path(node.slug)), "count": f"{node.count:,}"}
            for node in feed.children
        ],
        sources=_sources(stories),
        days=listing.days(stories, page, say),
        parent=_parent(crumbs, say),
        updated=_updated(feed, say),
    )


def entry(story: Story, site: Site, nodes: Nodes = NO_NODES) -> bytes:
    """One article, everyone who carried it, and the way to the original."""
    say = wording(site)
    page = entry_path(story.uuid)
    html = xml_text(story.html) or (f"<p>{escape(xml_text(story.summary))}</p>" if story.summary else "")
    image = _image(story)
    address = as_uri(story.url) if story.url else None
    title = one_line(story.title) or say.words["untitled"]
    summary = shortened(one_line(story.summary), DESCRIPTION_CHARACTERS)
    return _render(
        "entry.html",
        page,
        site,
        here="",
        # What was published elsewhere first is found there by search engines, not here.
        canonical=address or public_url(site, page),
        permanent=public_url(site, page),
        entry={
            "title": title,
            "description": summary or title,
            "publisher": one_line(story.publisher),
            "lang": say.lang(story.language),
            # Unlike a title's, the font of reading text hangs on it: always said where it is known.
            "prose_lang": Markup(' lang="{}"').format(phrases.spoken(story.language)) if story.language else "",
        },
        crumbs=listing.steps(story.paths[0], page, nodes) if story.paths else (),
        authors=_authors(story),
        published=say.say("published", say.moment(story.published)),
        updated=_bumped(story, say),
        original={"address": address, "host": urlsplit(address).hostname} if address else None,
        image=image,
        lead=image is not None and not _shows(html, story),
        html=Markup(on_page(html, say.words)),  # noqa: S704  # sanitized by the clean stage; see `model.Entry`
        carriers=list(_carriers(story, page, say)),
        enclosures=list(_enclosures(story.enclosures)),
        categories=[_category(path, page, nodes) for path in story.paths],
    )


def missing(site: Site, path: str) -> bytes:
    """What is shown instead of a page that is not there.

    `path` is the one asked for, below the prefix and without its first slash.
    """
    say = wording(site)
    link = Markup('<a href="{}">{}</a>').format(relative(path, HOME), say.words["home"])
    return _render(
        "missing.html",
        path,
        site,
        here="",
        heading=say.words["missing"],
        text=say.say("missing_text", Markup("<code>/{}</code>").format(shortened(xml_text(path), 200))),
        hint=say.say("missing_hint", link),
        note=say.say("missing_note", Markup('<span class="n">404</span>')),
    )


def moved(gone: Moved, site: Site) -> bytes:
    """The page of a category that another one took the place of; it leads on by itself."""
    page, say = page_path(gone.slug), wording(site)
    to = relative(page, page_path(gone.to))
    link = Markup('<a href="{}">{}</a>').format(to, one_line(gone.to_title))
    return _render(
        "moved.html",
        page,
        site,
        here="",
        canonical=public_url(site, page_path(gone.to)),
        to=to,
        heading=one_line(gone.title),
        text=say.say("moved_text", link),
    )


def static() -> Iterator[tuple[str, bytes]]:
    """The style sheet, the icon and the script, with their paths below the output folder."""
    folder = files("aggregator").joinpath("web", "static")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        yield f"{addresses.STATIC}/{file.name}", file.read_bytes()


@cache
def _templates() -> Environment:
    # By name of the package's data: importing aggregator.web would turn the layers round.
    return Environment(
        loader=PackageLoader("aggregator", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


def _render(template: str, page: str, site: Site, **values: Any) -> bytes:
    say = wording(site)
    text = (
        _templates()
        .get_template(template)
        .render(
            site=site,
            words=say.words,
            language=say.language,
            direction=phrases.direction(say.language),
            root=addresses.to_root(page),
            **values,
        )
    )
    return text.encode()


def _updated(feed: Feed, say: Wording) -> dict[str, str]:
    return {"when": say.stamp(feed.updated), "text": say.digits(feed.updated)}


def _sources(stories: Sequence[Story]) -> list[tuple[str, int]]:
    """Publishers of these stories, the busiest first."""
    counts = Counter(one_line(story.publisher) for story in stories)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _parent(crumbs: Sequence[listing.Step], say: Wording) -> Markup | None:
    if not crumbs or not crumbs[-1].link:
        return None
    return say.say("see_parent", Markup('<a href="{}">{}</a>').format(crumbs[-1].link, crumbs[-1].title))


def _authors(story: Story) -> list[str]:
    names = (one_line(person.name) for person in story.authors)
    return [name for name in dict.fromkeys(names) if name and name != one_line(story.publisher)]


def _bumped(story: Story, say: Wording) -> Markup | None:
    """When it was updated, where that is not the minute of publication: microseconds tell ids apart."""
    if say.stamp(story.updated) == say.stamp(story.published):
        return None
    if say.local(story.updated).date() == say.local(story.published).date():
        return say.say("updated", say.timed(story.updated, say.clock(story.updated)))
    return say.say("updated", say.moment(story.updated))


def _image(story: Story) -> dict[str, Any] | None:
    url = as_uri(story.image.url) if story.image else None
    if story.image is None or url is None:
        return None
    return {"url": url, "width": story.image.width, "height": story.image.height}


def _shows(html: str, story: Story) -> bool:
    """Whether the text has the lead image already, whatever parameters it asks for."""
    name = story.image.url.partition("?")[0] if story.image else ""
    return name in html or escape(name) in html


def _carriers(story: Story, page: str, say: Wording) -> Iterator[dict[str, Any]]:
    for place, carrier in enumerate(story.carriers):
        differs = one_line(carrier.title) not in ("", one_line(story.title))
        note = say.words["titled"] % one_line(carrier.title) if differs else ""
        yield {
            "publisher": one_line(carrier.publisher),
            "address": as_uri(carrier.url) if carrier.url else None,
            "note": note if place else say.words["shown"],
        }


def _enclosures(enclosures: Sequence[Enclosure]) -> Iterator[dict[str, str]]:
    for enclosure in enclosures:
        if address := as_uri(enclosure.url):
            file = unquote(posixpath.basename(urlsplit(address).path))
            name = one_line(enclosure.title or "") or one_line(file) or address
            yield {"address": address, "name": name, "type": one_line(enclosure.type or "")}


def _category(path: Path, page: str, nodes: Nodes) -> dict[str, str | None]:
    way = listing.steps(path, page, nodes)
    return {"title": " / ".join(step.title for step in way), "link": way[-1].link}
