"""The page of one article: its text, everyone who carried it, how it changed, and the way to the original."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Any
from urllib.parse import unquote, urlsplit

from markupsafe import Markup

from aggregator.config.schema import Site
from aggregator.model import Enclosure, Path, Story, Version
from aggregator.publish import listing, phrases
from aggregator.publish.addresses import as_uri, entry_path, public_url
from aggregator.publish.changes import Piece, changes
from aggregator.publish.pages import NO_NODES, Nodes, render
from aggregator.publish.prose import on_page
from aggregator.publish.wording import Wording, wording
from aggregator.publish.xmltext import one_line, shortened, xml_text

DESCRIPTION_CHARACTERS = 200

#: Versions whose differences are shown: the newest.
MOST_VERSIONS = 10
#: Texts shown of those that were left out, and characters of each.
MOST_OMITTED, OMITTED_CHARACTERS = 20, 200

_MARKS = {"same": Markup("{}"), "added": Markup("<ins>{}</ins>"), "removed": Markup("<del>{}</del>")}


def entry(story: Story, site: Site, nodes: Nodes = NO_NODES) -> bytes:
    """One article. `nodes` is `index` of the whole tree, for the names of its categories."""
    say = wording(site)
    page = entry_path(story.uuid)
    address = as_uri(story.url) if story.url else None
    return render(
        "entry.html",
        page,
        site,
        here="",
        # What was published elsewhere first is found there by search engines, not here.
        canonical=address or public_url(site, page),
        permanent=public_url(site, page),
        entry=_head(story, page, say),
        crumbs=listing.steps(story.paths[0], page, nodes) if story.paths else (),
        original={"address": address, "host": urlsplit(address).hostname} if address else None,
        **_text(story, say),
        carriers=list(_carriers(story, page, say)),
        enclosures=list(_enclosures(story.enclosures)),
        versions=list(_versions(story.past.versions, say)),
        cleaned=list(_cleaned(story, say)),
        omitted=_omitted(story)[:MOST_OMITTED],
        categories=[_category(path, page, nodes) for path in story.paths],
    )


def _head(story: Story, page: str, say: Wording) -> dict[str, Any]:
    title = one_line(story.title) or say.words["untitled"]
    return {
        "title": title,
        "description": shortened(one_line(story.summary), DESCRIPTION_CHARACTERS) or title,
        "publisher": listing.publisher(story, page),
        "authors": _authors(story),
        "published": say.say("published", say.moment(story.published)),
        "stamp": say.stamp(story.published),
        "updated": _bumped(story, say),
        "lang": say.lang(story.language, title),
        # Unlike a title's, the font of reading text hangs on it: always said where it is known.
        "prose_lang": _prose_lang(story, say),
    }


def _prose_lang(story: Story, say: Wording) -> Markup:
    if story.language:
        return Markup(' lang="{}"').format(phrases.spoken(story.language))
    return say.lang(None, story.html or story.summary)


def _text(story: Story, say: Wording) -> dict[str, Any]:
    html = xml_text(story.html) or (f"<p>{escape(xml_text(story.summary))}</p>" if story.summary else "")
    image = _image(story)
    return {
        "image": image,
        "lead": image is not None and not _shows(html, story),
        "html": Markup(on_page(html, say.words)),  # noqa: S704  # sanitized by the clean stage; see `model.Entry`
    }


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
            kind = one_line(enclosure.type or "")
            yield {"address": address, "name": name, "type": kind, "player": _player(address, kind)}


def _player(address: str, kind: str) -> str:
    """The element that plays it; pages play only what comes by https."""
    family = kind.partition("/")[0]
    return family if family in ("audio", "video") and address.startswith("https:") else ""


def _versions(versions: Sequence[Version], say: Wording) -> Iterator[dict[str, Any]]:
    """The newest first, each with what it changed; nothing of an article that never did."""
    if len(versions) < 2:
        return
    steps = list(enumerate(pairwise(versions), 2))
    for number, (before, after) in reversed(steps[-MOST_VERSIONS:]):
        changed = [_marked(line) for line in changes(before.original, after.original)]
        note = say.words["change" if changed else "changed_unseen"]
        yield {"number": say.counted("version", number), "at": say.moment(after.at), "changes": changed, "note": note}
    if len(steps) <= MOST_VERSIONS:
        first = {"number": say.counted("version", 1), "at": say.moment(versions[0].at)}
        yield {**first, "changes": [], "note": say.words["version_first"]}


def _marked(line: Sequence[Piece]) -> Markup:
    return Markup("").join(_MARKS[kind].format(xml_text(text)) for kind, text in line)


def _cleaned(story: Story, say: Wording) -> Iterator[Markup | str]:
    """What was done to it, in sentences; only what is known."""
    past = story.past
    if past.full:
        yield say.words["cleaned_full"]
    if omitted := _omitted(story):
        yield say.counted("cleaned_omitted", len(omitted))
    if past.rules:
        yield say.counted("cleaned_rules", past.rules)


def _omitted(story: Story) -> list[str]:
    """Lines that its publisher repeats in other articles and that are not shown here."""
    return [shortened(one_line(line), OMITTED_CHARACTERS) for line in story.past.omitted]


def _category(path: Path, page: str, nodes: Nodes) -> listing.Named:
    way = listing.steps(path, page, nodes)
    return listing.Named(" / ".join(step.title for step in way), way[-1].link)
