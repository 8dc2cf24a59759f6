"""HTML as a publisher wrote it -> HTML fit to publish anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from itertools import chain

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.clean import allowed, images
from aggregator.clean.allowed import names
from aggregator.clean.nesting import bounded
from aggregator.clean.sanitize import sanitize
from aggregator.clean.text import legal
from aggregator.clean.urls import Links
from aggregator.config import units


@dataclass(frozen=True, slots=True)
class Wishes:
    """What people want to have kept, taken out and replaced: CSS selectors, and patterns with replacements."""

    keep: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: tuple[tuple[str, str], ...] = ()


NOTHING = Wishes()

Edit = Callable[[LexborHTMLParser, Links], None]
Tidy = Callable[[str], str]


def clean_html(html: str, links: Links, wishes: Wishes = NOTHING) -> str:
    """Sanitized HTML with absolute links and without clutter; empty where nothing is left to see.

    Raises nothing, whatever comes in; takes time in proportion to its length. Cleaning what is
    clean changes nothing, unless elements are nested as HTML does not allow (blocks in inline ones).
    """
    tree = _chosen(LexborHTMLParser(bounded(html), is_fragment=True), wishes)
    for edit in EDITS:
        edit(tree, links)
    serialised = _replaced(legal(tree.html or ""), wishes)
    # Before anything is matched: a comment between two tags hides them from the patterns.
    parts = _PRE.split(_LEADING.sub("", _COMMENT.sub("", serialised)))
    parts[::2] = [_tidied(part) for part in parts[::2]]
    return sanitize("".join(parts)).strip()


def _tidied(html: str) -> str:
    for tidy in TIDIES:
        html = tidy(html)
    return html


# --- what people ask for -------------------------------------------------------------------


def _chosen(tree: LexborHTMLParser, wishes: Wishes) -> LexborHTMLParser:
    """Before all else: the classes that selectors name are still there. A `keep` that finds nothing keeps all."""
    if wishes.keep:
        found = tree.css(", ".join(wishes.keep))
        inner = {node.mem_id for outer in found for node in outer.css("*") if node.mem_id != outer.mem_id}
        if kept := [node.html or "" for node in found if node.mem_id not in inner]:
            tree = LexborHTMLParser("".join(kept), is_fragment=True)
    for selector in wishes.remove:
        for node in tree.css(selector):
            node.decompose()
    return tree


def _replaced(html: str, wishes: Wishes) -> str:
    """With the replacements made in texts, one text between two tags at a time; tags are left alone."""
    if not wishes.replace:
        return html
    parts = _TAG.split(html)
    parts[::2] = [_replaced_text(part, wishes) if part else part for part in parts[::2]]
    return "".join(parts)


def _replaced_text(html: str, wishes: Wishes) -> str:
    text = unescape(html)
    for pattern, new in wishes.replace:
        try:
            text = units.pattern(pattern).sub(new, text, timeout=units.PATTERN_SECONDS)
        except (TimeoutError, IndexError):
            continue
    return escape(text, quote=False)


# --- on the tree ---------------------------------------------------------------------------

#: Gone with all that is in them. `title`, `textarea` and the like would stay as text.
_GONE = names(
    """annotation annotation-xml applet area base button canvas datalist dialog embed frame frameset head input link map
    meta meter noembed noframes noscript optgroup option param plaintext progress script select style svg template
    textarea title xmp"""
)
#: Blocks that are not published: they become `div`, for without a block words would run together.
_RENAMED = names("center dir fieldset form legend listing menu multicol search")
_FOREIGN = f":not({', '.join(sorted(allowed.ELEMENTS | _RENAMED))}), [hidden]"
_HOLLOW = ", ".join(
    sorted(
        names(
            """a abbr article aside b blockquote center code dd del details div dl dt em figcaption figure footer form
            h1 h2 h3 h4 h5 h6 header i ins li main mark nav ol p q s section small strong sub summary sup table tbody
            tfoot thead tr u ul"""
        )
    )
)
_WRAPPERS = ", ".join(("div", "article", "section", "main", "header", "footer", "aside", *sorted(_RENAMED)))
_BLOCKS = allowed.BLOCKS | _RENAMED
_LINKED = "a[href], img, source, video, audio, track, iframe"


def _unveil(tree: LexborHTMLParser, _: Links) -> None:
    images.unveil(tree)


def _discard(tree: LexborHTMLParser, _: Links) -> None:
    """Leave only elements that are published: the sanitizer then changes no structure."""
    # Most of what is foreign is this; the library's own loop is the faster one.
    tree.unwrap_tags(["span", "font"], delete_empty=True)
    for node in tree.css(_FOREIGN):
        # Unwrapping leaves an element without children where it is.
        if node.tag in _GONE or node.first_child is None or "hidden" in node.attributes:
            node.decompose()
        else:
            node.unwrap()


def _relink(tree: LexborHTMLParser, links: Links) -> None:
    for node in tree.css(_LINKED):
        _RELINK[node.tag or ""](node, links)


def _anchor(node: LexborNode, links: Links) -> None:
    attributes = node.attributes
    if url := links.link(attributes.get("href") or ""):
        node.attrs["href"] = url
    elif "href" in attributes:
        # Not there in MathML, where the selector also finds `xlink:href`.
        del node.attrs["href"]


def _sound(node: LexborNode, links: Links) -> None:
    """`video`, `audio`, `source`, `track`: what they show, with every address checked."""
    attributes = node.attributes
    found = {
        "src": links.media(images.lazy(attributes) or attributes.get("src") or ""),
        "poster": links.media(attributes.get("poster") or ""),
        "srcset": images.srcset_of(attributes, links),
    }
    for name, value in found.items():
        if value:
            node.attrs[name] = value
        elif name in attributes:
            del node.attrs[name]
    needs = ("src", "srcset") if node.tag == "source" else ("src",)
    if not any(found[name] for name in needs) and not node.css("source"):
        node.decompose()
    elif node.tag in allowed.ALWAYS:
        images.insist(node)


def _frame(node: LexborNode, links: Links) -> None:
    attributes = node.attributes
    url = links.media(attributes.get("data-src") or attributes.get("src") or "")
    if url and url.startswith("http://"):
        url = "https://" + url[7:]
    if not url or not allowed.is_player(url):
        node.decompose()
        return
    node.attrs["src"] = url
    images.insist(node)


_RELINK: dict[str, Callable[[LexborNode, Links], None]] = {
    "a": _anchor,
    "img": images.picture,
    "source": _sound,
    "video": _sound,
    "audio": _sound,
    "track": _sound,
    "iframe": _frame,
}


def _hollow(tree: LexborHTMLParser, _: Links) -> None:
    """Take out what holds nothing; inner elements first, for they may be all that an outer one holds."""
    for node in reversed(tree.css(_HOLLOW)):
        child, blank = node.first_child, ""
        while child is not None and _is_blank(child):
            blank += child.text_content or "" if child.is_text_node else ""
            child = child.next
        if child is not None:
            continue
        # Words around an element that held a space are two words.
        if blank:
            node.insert_before(" ")
        node.decompose()


def _is_blank(node: LexborNode) -> bool:
    if node.is_text_node:
        return not (node.text_content or "").strip(_SPACES)
    return node.is_comment_node or node.tag == "br"


def _unwrap(tree: LexborHTMLParser, _: Links) -> None:
    """Wrappers that hold blocks alone mean nothing to a reader; one with text of its own is a paragraph."""
    for node in tree.css(_WRAPPERS):
        if _holds_blocks(node) or _holds_all(node):
            node.unwrap()


def _holds_blocks(node: LexborNode) -> bool:
    some = False
    for child in node.iter(include_text=True):
        if _is_blank(child):
            continue
        if child.tag not in _BLOCKS:
            return False
        some = True
    return some


def _holds_all(node: LexborNode) -> bool:
    """Whether it stands alone at the top: what is around everything is around nothing."""
    # What lies at the top of a fragment has no parent.
    return node.parent is None and all(
        _is_blank(other) for other in chain(_siblings(node, "prev"), _siblings(node, "next"))
    )


def _siblings(node: LexborNode, way: str) -> Iterator[LexborNode]:
    other = getattr(node, way)
    while other is not None:
        yield other
        other = getattr(other, way)


#: In this order.
EDITS: tuple[Edit, ...] = (
    # First: the picture that `noscript` holds would go with it.
    _unveil,
    # Before links and pictures are looked at: those in there are not the article's.
    _discard,
    _relink,
    # After pictures: one that was taken out no longer counts as content.
    _hollow,
    # Last: what stood beside the blocks in a wrapper may be gone by now.
    _unwrap,
)


# --- on canonical HTML: lexbor writes no `<` and `>` but those of tags and comments --------

_TAG = re.compile(r"(<[^>]*>)")
_PRE = re.compile(r"(<pre(?: [^>]*)?>.*?</pre>)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->|<!doctype[^>]*>", re.DOTALL | re.IGNORECASE)
_BLOCK = re.compile(rf"<(/?)(?:{'|'.join(sorted(_RENAMED))})(?: [^>]*)?>")
_INLINE = r"<(?:b|strong|em|i|u)(?: [^>]*)?>"
_INDENT = re.compile(
    r"(<(?:p|div|li|td|th|br|dd|dt|blockquote|h[1-6]|figcaption|section|article)(?: [^>]*)?>(?:" + _INLINE + r")*+)"
    r"((?:\s|&nbsp;|\u200b|\ufeff)(?:\s|&nbsp;|\u200b|\ufeff|" + _INLINE + r")*+)"
)
_EDGE = (
    r"(?:p|div|li|ul|ol|dl|dd|dt|td|th|tr|table|tbody|blockquote|h[1-6]|figure|figcaption|section|article|aside|header"
    r"|footer|main|nav|details|summary|hr|pre)"
)
#: Inline elements within inline ones, each with a break at its end; more would be an attack.
_ROUNDS = 4
_MARK = r"(?:a|abbr|b|bdi|bdo|cite|code|del|dfn|em|i|ins|kbd|mark|q|s|samp|small|strong|sub|sup|u|var)"
_OPENS = rf"<{_MARK}(?: [^>]*)?>(?:\s|&nbsp;)*"
#: Possessive, and in a pattern that needs nothing after it: a run is read once, however long it is.
#: The patterns begin with a plain `<`, which the engine finds several times faster than a choice.
_BREAK = r"<br(?: [^>]*)?>(?:\s|&nbsp;)*+"
_BREAKS = rf"{_BREAK}(?:{_BREAK})*+"
_BREAKS_LAST = re.compile(rf"({_BREAKS})((?:</{_MARK}>(?:\s|&nbsp;)*)*)")
_BREAKS_FIRST = re.compile(rf"({_OPENS}(?:{_OPENS}){{0,3}})({_BREAKS})")
_FLOW = re.compile(rf"<(?:/?{_EDGE}(?: [^>]*)?>|(?P<breaks>{_BREAKS[1:]}))")
_EDGE_NEXT = re.compile(rf"(?:{_OPENS}){{0,4}}</?{_EDGE}[ >]|\Z")
_SPACES = " \t\n\r\f\xa0\u3000\u200b\ufeff"
_LEADING = re.compile(r"\A(?:\s|&nbsp;|\u200b|\ufeff)+")
_BLANKS = re.compile(r"\n\s+")


def _rename_blocks(html: str) -> str:
    return _BLOCK.sub(r"<\1div>", html)


def _drop_indents(html: str) -> str:
    """Ideographic and other spaces at the start of paragraphs; the reader's style sheet indents."""
    return _INDENT.sub(lambda match: match[1] + "".join(_TAG.findall(match[2])), html)


def _paragraphs(html: str) -> str:
    """Two breaks or more end a paragraph; breaks at the edge of a block say nothing.

    Inline elements that stay open over such an end are closed and opened again by the parser of
    the sanitizer, as HTML has it; those that only begin or end there are moved to their side.
    """
    if "<br" not in html:
        return html
    for _ in range(_ROUNDS):
        moved = _BREAKS_FIRST.sub(r"\2\1", _BREAKS_LAST.sub(r"\2\1", html))
        if moved == html:
            break
        html = moved
    out: list[str] = []
    position, inside, edge = 0, False, True
    for match in _FLOW.finditer(html):
        text = html[position : match.start()]
        position = match.end()
        out.append(text)
        edge = edge and not text.replace("&nbsp;", "").strip()
        if not match["breaks"]:
            out.append(match[0])
            inside, edge = match[0].startswith(("<p>", "<p ")), True
        elif not edge and not _EDGE_NEXT.match(html, position):
            many = match[0].count("<br") > 1
            out.append(match[0] if not many else "</p><p>" if inside else "<p>")
            inside, edge = inside or many, many
    return "".join(out) + html[position:]


def _fold_blanks(html: str) -> str:
    return _BLANKS.sub("\n", html) if "\n" in html else html


#: In this order, on everything outside `pre`.
TIDIES: tuple[Tidy, ...] = (
    # First: the others know published blocks only.
    _rename_blocks,
    _paragraphs,
    # After paragraphs: the new ones have indents too.
    _drop_indents,
    _fold_blanks,
)
