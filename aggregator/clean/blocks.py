"""What a publisher repeats: the blocks of an entry, from when on one counts as learned, an entry without them.

A block is a line that a reader sees: the words of a paragraph or between two breaks, a picture, a
list of links. Equal blocks of one publisher have equal keys; at another publisher the same words
have another key, so that what one repeats is never learned of the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from hashlib import blake2b

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.clean import allowed, images, text
from aggregator.clean.urls import Links
from aggregator.model import Entry, Image


class Reach(IntEnum):
    """Where a learned block is left out."""

    NOWHERE = 0
    #: Only where nothing but other learned blocks lies between it and the start or the end.
    EDGES = 1
    ANYWHERE = 2


#: Different articles of the publisher that must have a block: a quotation is shared by two, a dossier by a few.
LEAST = 5
#: One in so many of its articles, as long as that is no more than `MOST`: once so many have it, it
#: stays learned however much the publisher writes, and nothing learned comes back to old articles.
ONE_IN, MOST = 20, 20
#: Between the article's own words one in so many: refrains and columns' openings recur there too.
ONE_IN_ANYWHERE = 4

#: Keys of one entry, in the order of the document: what is repeated stands at its edges.
MOST_LEADING, MOST_TRAILING = 16, 48

#: Characters that may be left out even of an article that has fewer of its own: a flash with a signature.
FEW = 300

#: Characters; what is longer is a sentence that begins with one of the words of `_SHAPED`.
LONGEST_LINE = 60
SAMPLE = 200

#: Lines that differ in a name or a title and are one block by their first word.
_SHAPED = re.compile(
    r"\W*(?:((?:责任|責任|值班)?(?:编辑|編輯)|责编|責編|(?:本文|文章|稿件|图片|圖片)?(?:来源|來源)|原(?:标题|標題)"
    r"|editor|source)[:|/]|((?:点击|點擊)(?:查看|进入|進入|下载|下載)|扫码|掃碼|扫描|掃描|长按|長按))"
)
_RELATED = re.compile(r"\W*(?:相关|相關|延伸|推荐|推薦|更多|热门|熱門|related|read more|more from)", re.IGNORECASE)
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
#: Counted as one, whatever is in them.
_WHOLE = frozenset(("table", "figure", "video", "audio", "iframe", "details", "math"))
_LISTS = frozenset(("ul", "ol"))
_MEDIA = frozenset(("img", "iframe", "video", "audio"))
_FLOW = allowed.BLOCKS | _WHOLE
_ANY_FLOW = ", ".join(sorted(_FLOW))
_FILES = re.compile(r"\.(?:gif|png|jpe?g|webp|svg|bmp|avif)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Line:
    """One block with its place in the tree."""

    nodes: tuple[LexborNode, ...]
    #: What its key is taken from; empty for what is never learned, such as code.
    name: str
    sample: str
    #: Characters of its text.
    length: int
    heading: bool = False


def reach(count: int, total: int) -> Reach:
    """Where a block is left out that so many of a publisher's articles have.

    Both numbers are of different texts, so that one article sent out five times counts once.
    """
    if count < min(MOST, max(LEAST, -(-total // ONE_IN))):
        return Reach.NOWHERE
    return Reach.ANYWHERE if count * ONE_IN_ANYWHERE >= total else Reach.EDGES


def blocks(entry: Entry, source: str) -> dict[int, str]:
    """The keys (signed 64 bit) of an entry's blocks, each with what a person can tell it by; its lead image too."""
    lines = [line for line in _lines(_tree(entry.html)) if line.name]
    if len(lines) > MOST_LEADING + MOST_TRAILING:
        lines = lines[:MOST_LEADING] + lines[-MOST_TRAILING:]
    found = {_key(entry, source, line.name): line.sample for line in lines}
    if entry.image:
        found.setdefault(_key(entry, source, _target("img", entry.image.url)), entry.image.url[:SAMPLE])
    return found


def without(entry: Entry, source: str, learned: Mapping[int, Reach]) -> Entry:
    """The entry without what was learned of its publisher: HTML, text, summary and lead image.

    What carries the article stays: a block with more than half of its text, and all blocks where
    together they are most of it, or all. Doing it again changes nothing.
    """
    tree = _tree(entry.html)
    lines = list(_lines(tree))
    gone = _left_out(lines, [learned.get(_key(entry, source, line.name), 0) for line in lines])
    html = entry.html
    if gone:
        html = _cut(tree, [lines[i] for i in sorted(gone)], lead=0 in gone, trail=len(lines) - 1 in gone)
    image = entry.image
    if image and _goes(image.url, entry, source, learned, {lines[i].name for i in gone}):
        image = _lead(entry, html, source, learned)
    if html == entry.html and image == entry.image:
        return entry
    words = text.plain(html)
    made = text.sentences(entry.text, text.SUMMARY_COLUMNS) == entry.summary
    summary = text.sentences(words, text.SUMMARY_COLUMNS) if made else entry.summary
    return replace(entry, html=html, text=words, summary=summary, image=image)


def _left_out(lines: Sequence[_Line], reaches: Sequence[int]) -> set[int]:
    """Which lines go, by their places."""
    total = sum(line.length for line in lines)
    fits = [bool(at) and 2 * line.length <= total for at, line in zip(reaches, lines, strict=True)]
    # A heading at the start says what follows; at the end it has lost what it said that of.
    lead = _run([one and not line.heading for one, line in zip(fits, lines, strict=True)])
    trail = len(lines) - _run(fits[::-1])
    gone = {i for i, one in enumerate(fits) if one and (i < lead or i >= trail or _loose(lines[i], reaches[i]))}
    words = sum(lines[i].length for i in gone)
    # Versions of one article share most of it.
    most = 2 * words > total and words > FEW
    return set() if most or len(gone) == len(lines) or (total and words == total) else gone


def _loose(line: _Line, at: int) -> bool:
    """Whether it may go from between the article's own words."""
    return at == Reach.ANYWHERE and not line.heading and not _shaped(line.name)


def _run(fits: Sequence[bool]) -> int:
    return next((i for i, one in enumerate(fits) if not one), len(fits))


def _goes(url: str, entry: Entry, source: str, learned: Mapping[int, Reach], cut: set[str]) -> bool:
    name = _target("img", url)
    return name in cut or learned.get(_key(entry, source, name)) == Reach.ANYWHERE


def _lead(entry: Entry, html: str, source: str, learned: Mapping[int, Reach]) -> Image | None:
    """The first picture of what is left that was not learned."""
    rest = html
    while image := images.lead((), rest, Links()):
        if not _goes(image.url, entry, source, learned, set()):
            return image
        rest = rest[_end_of(rest, image.url) :]
    return None


def _end_of(html: str, url: str) -> int:
    at = html.find(url.replace("&", "&amp;"))
    return len(html) if at < 0 else at + len(url)


def _key(entry: Entry, source: str, name: str) -> int:
    data = "\0".join((source, entry.publisher, name)).encode()
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big", signed=True)


# --- lines of a tree -----------------------------------------------------------------------


def _tree(html: str) -> LexborNode:
    root = LexborHTMLParser(f"<div>{html}</div>", is_fragment=True).css_first("div")
    if root is None:
        raise AssertionError("a parser that loses a div")
    return root


def _lines(root: LexborNode) -> Iterator[_Line]:
    """Every block in the order of the document; a list of links knows the line above it."""
    above = ""
    for line in _walk(root, heading=False):
        if line.name.startswith("links ") and _RELATED.match(above):
            yield replace(line, name=f"links below {above}", sample=f"{above} …")
        else:
            yield line
        above = line.name.removeprefix("text ") if line.length <= LONGEST_LINE else ""


def _walk(parent: LexborNode, *, heading: bool) -> Iterator[_Line]:
    run: list[LexborNode] = []
    for node in list(parent.iter(include_text=True)):
        tag = node.tag or ""
        if tag != "br" and not (node.is_element_node and (tag in _FLOW or _holds_flow(node))):
            run.append(node)
            continue
        if run and (line := _line(run, heading=heading)):
            yield line
        run = []
        if tag in _WHOLE or (tag in _LISTS and _only_links(node)):
            if line := _line([node]):
                yield line
        elif tag == "pre":
            yield _Line((node,), "", "", len(_normal(node.text(deep=True))))
        elif tag not in ("br", "hr"):
            yield from _walk(node, heading=heading or tag in _HEADINGS)
    if run and (line := _line(run, heading=heading)):
        yield line


def _holds_flow(node: LexborNode) -> bool:
    return _has_elements(node) and node.css_first(_ANY_FLOW) is not None


def _has_elements(node: LexborNode) -> bool:
    """Most inline elements hold a text and nothing else: asked first, for a selector is dear."""
    child = node.first_child
    return child is not None and (child.is_element_node or next(node.iter(), None) is not None)


def _media(node: LexborNode) -> list[LexborNode]:
    """The pictures and players of an element, itself included."""
    if _has_elements(node):
        return node.css("img, iframe, video, audio")
    return [node] if node.tag in _MEDIA else []


def _only_links(node: LexborNode) -> bool:
    items = node.css("li")
    return len(items) > 1 and all(
        (link := item.css_first("a")) is not None and _normal(link.text(deep=True)) == _normal(item.text(deep=True))
        for item in items
    )


def _line(nodes: Sequence[LexborNode], *, heading: bool = False) -> _Line | None:
    """One line, if there is anything to see in it."""
    words = " ".join("".join([node.text(deep=True) for node in nodes]).split())
    normal = _normal(words) if words else ""
    media = [found for node in nodes if not node.is_text_node for found in _media(node)]
    targets = [_target(one.tag or "", one.attributes.get("src") or "") for one in media]
    if not normal and not targets:
        return None
    if nodes[0].tag in _LISTS:
        hrefs = (link.attributes.get("href") or "" for link in nodes[0].css("a"))
        name = f"links {' '.join(hrefs)}"
    else:
        name = "\n".join([_shape(normal), *targets]) if normal else "\n".join(targets)
    sample = words or " ".join(one.attributes.get("src") or one.tag or "" for one in media)
    return _Line(tuple(nodes), name, _sample(name, sample), len(normal), heading)


def _normal(words: str) -> str:
    """As it is compared: width, case and white space do not count."""
    # Of most texts it is quicker to find that they are in that form than to bring them into it.
    plain = words if unicodedata.is_normalized("NFKC", words) else unicodedata.normalize("NFKC", words)
    return "".join(plain.casefold().split())


def _shape(normal: str) -> str:
    """What stands for a line: itself, or the word that lines of its kind begin with."""
    match = _SHAPED.match(normal) if len(normal) <= LONGEST_LINE else None
    return f"line {match[1] or match[2]}" if match else f"text {normal}"


def _shaped(name: str) -> bool:
    return name.startswith("line ")


def _sample(name: str, words: str) -> str:
    """The same whichever article it is taken from."""
    first, _, _ = name.partition("\n")
    return f"{first.removeprefix('line ')} …" if _shaped(name) else words[:SAMPLE]


def _target(tag: str, url: str) -> str:
    """What shows the same thing: without scheme, fragment, and the query of what is a file by its name."""
    address, _, _ = url.partition("#")
    path, _, query = address.partition("?")
    path = path.partition("//")[2] or path
    return f"{tag} {path}" if _FILES.search(path) or not query else f"{tag} {path}?{query}"


# --- cutting -------------------------------------------------------------------------------


def _cut(root: LexborNode, lines: Sequence[_Line], *, lead: bool, trail: bool) -> str:
    for line in lines:
        _remove(line.nodes)
    if lead:
        _trim(root, "first_child", "next")
    if trail:
        _trim(root, "last_child", "prev")
    return (root.inner_html or "").strip()


def _remove(nodes: Sequence[LexborNode]) -> None:
    """Take out a line, what it was all of, and the break that parted it from the next."""
    parent, before, after = nodes[0].parent, nodes[0].prev, nodes[-1].next
    for node in nodes:
        node.decompose()
    if parent is not None and parent.parent is not None and _is_empty(parent):
        _remove([parent])
        return
    breaks: list[LexborNode] = []
    before = _beyond(before, "prev", breaks)
    after = _beyond(after, "next", breaks)
    # What stood on both sides of it are still two lines, and what ends a block needs no break.
    apart = _is_inline(before) and _is_inline(after)
    for node in breaks[apart:]:
        node.decompose()
    if apart and not breaks and after is not None:
        after.insert_before(_break())


def _beyond(node: LexborNode | None, way: str, breaks: list[LexborNode]) -> LexborNode | None:
    """The next that can be seen; adds the breaks before it."""
    while node is not None and (_is_blank(node) or node.tag == "br"):
        if node.tag == "br":
            breaks.append(node)
        node = getattr(node, way)
    return node


def _break() -> LexborNode:
    new = LexborHTMLParser("<br>", is_fragment=True).css_first("br")
    if new is None:
        raise AssertionError("a parser that loses a break")
    return new


def _is_inline(node: LexborNode | None) -> bool:
    return node is not None and not (node.is_element_node and (node.tag in _FLOW or _holds_flow(node)))


def _is_empty(node: LexborNode) -> bool:
    return all(_is_blank(child) or child.tag == "br" for child in node.iter(include_text=True))


def _is_blank(node: LexborNode) -> bool:
    return node.is_text_node and not (node.text_content or "").strip()


def _trim(root: LexborNode, first: str, following: str) -> None:
    """Rules and breaks that parted the article from what was cut."""
    node = getattr(root, first)
    while node is not None and (_is_blank(node) or node.tag in ("hr", "br")):
        node, done = getattr(node, following), node
        done.decompose()
