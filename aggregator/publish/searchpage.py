"""The search page: a form that works without script, and what was found, with the words marked.

It is made when it is asked for, so nothing of it lies in the output folder. Everything that people
typed or publishers wrote is escaped first and marked then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

from aggregator.config.schema import Output, Site
from aggregator.model import Answer, Asked, Hit, Node, Piece
from aggregator.publish import listing, pages
from aggregator.publish.addresses import entry_path, relative
from aggregator.publish.formats import written
from aggregator.publish.pages import Nodes
from aggregator.publish.wording import Wording, wording
from aggregator.publish.xmltext import one_line, shortened, xml_text

#: Beyond these a list of choices helps nobody; any name can be typed for a source.
MOST_CATEGORIES = 300
MOST_SOURCES = 300

#: Words that an empty result offers to search for alone.
MOST_OFFERS = 4


@dataclass(frozen=True, slots=True)
class Choices:
    """What results can be narrowed to."""

    nodes: Nodes
    publishers: Sequence[Node] = ()


def search(page: str, asked: Asked, answer: Answer | None, choices: Choices, site: Site, output: Output) -> bytes:
    """The page at `page`; without `answer` only the form, for nothing was asked yet."""
    say = wording(site)
    words = one_line(asked.words)
    return pages.render(
        "search.html",
        page,
        site,
        here="search",
        action=page.rpartition("/")[2].removesuffix("index.html") or "./",
        asked=asked,
        query=words,
        best=asked.best,
        heading=say.words["search_title"] % shortened(words, 60) if words else say.words["search"],
        categories=_categories(choices.nodes),
        publishers=[one_line(node.title) for node in choices.publishers[:MOST_SOURCES]],
        facts=list(_facts(answer, asked, say)) if answer else [],
        hits=[_line(hit, page, choices.nodes, say) for hit in answer.hits] if answer else [],
        further=_further(asked, answer),
        subscribe=_subscribe(page, asked, output),
        empty=_empty(asked, answer, say) if answer and not answer.hits else None,
    )


def marked(pieces: Iterable[Piece]) -> Markup:
    """Escaped, and what was looked for in `mark` elements."""
    return Markup("").join(
        Markup("<mark>{}</mark>").format(xml_text(text)) if found else escape(xml_text(text)) for text, found in pieces
    )


def parameters(asked: Asked, **changes: Any) -> str:
    """The query part of the page's own address, the first page's unless `first` says otherwise."""
    given: dict[str, Any] = {
        "q": asked.words,
        "category": asked.category,
        "source": asked.source,
        "from": asked.since,
        "to": asked.until,
        "order": "best" if asked.best else "",
    } | changes
    return urlencode({name: str(value) for name, value in given.items() if value}, errors="replace")


def _line(hit: Hit, page: str, nodes: Nodes, say: Wording) -> dict[str, Any]:
    story = hit.story
    others = len(story.carriers) - 1
    way = listing.steps(story.paths[0], page, nodes) if story.paths else ()
    return {
        "title": marked(hit.title) if story.title.strip() else say.words["untitled"],
        "excerpt": marked(hit.excerpt),
        "link": relative(page, entry_path(story.uuid)),
        "lang": say.lang(story.language),
        "when": say.stamp(story.published),
        "date": say.local(story.published).date().isoformat(),
        "publisher": one_line(story.publisher),
        "category": {"title": " / ".join(step.title for step in way), "link": way[-1].link} if way else None,
        "strokes": min(others, listing.MOST_STROKES),
        "also": say.counted("also", others),
    }


def _categories(nodes: Nodes) -> list[tuple[str, str]]:
    """Slug and full name of each category, in the order of the tree."""
    named = [(node, " / ".join(_titles(path, nodes))) for path, node in nodes.items() if path]
    return [(node.slug, title) for node, title in named[:MOST_CATEGORIES]]


def _titles(path: tuple[str, ...], nodes: Mapping[tuple[str, ...], Node]) -> Iterator[str]:
    for depth in range(len(path)):
        node = nodes.get(path[: depth + 1])
        yield one_line(node.title if node else path[depth])


def _facts(answer: Answer, asked: Asked, say: Wording) -> Iterator[Markup]:
    if answer.hits:
        yield say.counted("search_found" if answer.exact else "search_found_about", answer.count)
        yield say.say("search_best" if asked.best else "search_newest")
    if answer.waiting:
        yield say.counted("search_waiting", answer.waiting)


def _further(asked: Asked, answer: Answer | None) -> str | None:
    return f"?{parameters(asked, start=answer.next)}" if answer and answer.next else None


def _subscribe(page: str, asked: Asked, output: Output) -> list[dict[str, str]]:
    """The feed of this search in every format; its order is always that of feeds."""
    if not asked.words.strip():
        return []
    given = parameters(asked, order="")
    return [
        {"name": format.name, "type": format.media_type, "link": f"{relative(page, f'search.{kind}')}?{given}"}
        for kind, format in written(output).items()
    ]


def _empty(asked: Asked, answer: Answer, say: Wording) -> dict[str, Any]:
    """What to do where nothing was found."""
    words = shortened(one_line(asked.words), 60)
    if asked.first:
        return {"heading": say.words["search_ended"], "text": "", "hints": []}
    if not answer.terms:
        return {"heading": say.words["search_none"] % words, "text": say.words["search_no_words"], "hints": []}
    hints = [say.words["search_spelling"]]
    if asked.category or asked.source or asked.since or asked.until:
        hints.insert(0, say.words["search_wider"])
    if offers := _offers(answer.terms):
        links = (Markup('<a href="?{}">{}</a>').format(urlencode({"q": word}), word) for word in offers)
        hints.insert(0, say.say("search_one_word", escape(say.words["search_or"]).join(links)))
    if answer.unknown:
        names = say.words["comma"].join(one_line(name) for name in answer.unknown)
        hints.insert(0, say.say("search_unknown", shortened(names, 200)))
    return {
        "heading": say.words["search_none"] % words,
        "text": say.counted("search_none_text", answer.stories),
        "hints": hints,
    }


def _offers(terms: Sequence[str]) -> list[str]:
    """Single words of what was asked; a long Chinese one in two halves."""
    parts = [part for term in terms for part in term.split()]
    if len(parts) == 1:
        word = parts[0]
        parts = [word[: len(word) // 2], word[len(word) // 2 :]] if len(word) >= 4 and not word.isascii() else []
    return list(dict.fromkeys(parts))[:MOST_OFFERS]
