"""The pages a person reads, from the templates in web/templates.

Pages link relatively and so work below any prefix; only what is copied into a reader is an
absolute address. No clock: a page changes when what it shows changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from aggregator.config.schema import Output, Site
from aggregator.model import Feed, Moved, Node, Path
from aggregator.publish import addresses, listing, phrases
from aggregator.publish.addresses import HOME, OPML, page_path, public_url, relative
from aggregator.publish.kept import Kept
from aggregator.publish.templates import environment, macros
from aggregator.publish.wording import Wording, wording
from aggregator.publish.xmltext import one_line, shortened, xml_text

HOME_STORIES = 30
HOME_LOOK = listing.Look(level=3, summaries=False)

#: Categories that are kept as they are drawn: 20 MB of them, where there are so many.
MOST_DRAWN = 20_000

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
    return render(
        "home.html",
        HOME,
        site,
        here="home",
        canonical=public_url(site, HOME),
        feed=listing.subscription(data.feed, site, output),
        opml=relative(HOME, OPML),
        facts=[say.counted("facts_sources", data.sources), say.counted("facts_articles", data.feed.count)],
        nodes=_twigs(data.nodes, say, site, output),
        days=listing.days(data.feed.stories[:HOME_STORIES], HOME, say, HOME_LOOK),
        updated=updated(data.feed, say),
    )


@dataclass(frozen=True, slots=True)
class _Twig:
    """A category as it is drawn, and those below it."""

    drawn: Markup
    children: tuple[_Twig, ...]


def _twigs(nodes: Sequence[Node], say: Wording, site: Site, output: Output) -> tuple[_Twig, ...]:
    kept = _drawn(site, output)

    def twig(node: Node) -> _Twig:
        drawn = kept.part((node.title, node.slug, node.count), lambda: _draw(node, say, site, output))
        return _Twig(drawn, tuple(map(twig, node.children)) if node.children else ())

    return tuple(map(twig, nodes))


@lru_cache(maxsize=1)
def _drawn(site: Site, output: Output) -> Kept:
    """From one round to the next: with an entry in one category the page of all of them is written, and few differ."""
    return Kept(MOST_DRAWN)


def _draw(node: Node, say: Wording, site: Site, output: Output) -> Markup:
    drawn: Markup = macros().node(say.words, listing.branch(node, HOME, say, site, output))
    return drawn


def missing(site: Site, path: str, *, withdrawn: bool = False) -> bytes:
    """What is shown instead of a page that is not there, or that was and was taken down.

    `path` is the one asked for, below the prefix and without its first slash.
    """
    say = wording(site)
    link = Markup('<a href="{}">{}</a>').format(relative(path, HOME), say.words["home"])
    return render(
        "missing.html",
        path,
        site,
        here="",
        heading=say.words["withdrawn" if withdrawn else "missing"],
        text=say.say("missing_text", Markup("<code>/{}</code>").format(shortened(xml_text(path), 200))),
        hint=say.say("withdrawn_hint" if withdrawn else "missing_hint", link),
        note=say.say("missing_note", Markup('<span class="n">{}</span>').format(410 if withdrawn else 404)),
    )


def moved(gone: Moved, site: Site) -> bytes:
    """The page of a category that another one took the place of; it leads on by itself."""
    page, say = page_path(gone.slug), wording(site)
    to = relative(page, page_path(gone.to))
    link = Markup('<a href="{}">{}</a>').format(to, one_line(gone.to_title))
    return render(
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


def render(template: str, page: str, site: Site, **values: Any) -> bytes:
    """A template of web/templates as the page at `page`, with what every page has."""
    say = wording(site)
    text = (
        environment()
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


def updated(feed: Feed, say: Wording) -> dict[str, str]:
    """For the foot of a page that changes with its feed."""
    return {"when": say.stamp(feed.updated), "text": say.digits(feed.updated)}
