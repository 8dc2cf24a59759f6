"""Sanitized HTML made fit for the place where it is shown. Nothing here makes unsafe HTML safe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

_UNFINISHED = re.compile(r"<[^>]*\Z|&[#\w]*\Z")


def on_page(html: str, words: Mapping[str, str]) -> str:
    """Reading text of a page of ours: headings begin at h2, what is wide scrolls inside itself.

    Wide tables and code would otherwise make the whole page scroll sideways on a phone; what scrolls
    needs a tab stop and a name, or the keyboard does not reach it. Players of other sites become links
    to them: whoever opens a page of ours calls on nobody else.
    """
    tree = LexborHTMLParser(html, is_fragment=True)
    _headings(tree)
    # Depth first: a table inside another is reached when the outer one was already wrapped.
    tables = [table for table in tree.css("table") if not _inside_table(table)]
    for table, name in _named(tables, words["table"]):
        _wrap(tree, table, name)
    for code, name in _named(tree.css("pre"), words["code"]):
        _region(code, name)
    for frame in tree.css("iframe"):
        _link(tree, frame, words["embedded"])
    for link in tree.css("a"):
        if not _speaks(link):
            link.attrs["aria-label"] = words["picture"]
    for player in tree.css("audio, video"):
        player.attrs["preload"] = "none"
    for image in tree.css("img")[1:]:
        image.attrs["loading"] = "lazy"
    return tree.html or ""


def cut(html: str, size: int) -> str:
    """The beginning of `html`, below `size` bytes of UTF-8, with every element closed.

    Never cuts within a tag or a character reference.
    """
    data = html.encode()
    if len(data) <= size:
        return html
    # Closing what is open adds to the length: one part in fifty is set aside for it.
    head = data[: size - size // 50].decode(errors="ignore")
    head = _UNFINISHED.sub("", head)
    closed = LexborHTMLParser(head, is_fragment=True).html or ""
    return closed if len(closed.encode()) <= size else ""


def _inside_table(node: LexborNode) -> bool:
    parent = node.parent
    while parent is not None:
        if parent.tag == "table":
            return True
        parent = parent.parent
    return False


def _headings(tree: LexborHTMLParser) -> None:
    """The levels that are there, in their order, from h2 on: the title is h1, and none is to be left out."""
    found = [(heading, heading.tag or "") for heading in tree.css("h1, h2, h3, h4, h5, h6")]
    levels = {level: f"h{place}" for place, level in enumerate(sorted({level for _, level in found}), 2)}
    for heading, level in found:
        # Six levels at most begin at h2: the last of them shares one.
        tag = min(levels[level], "h6")
        if tag != level:
            _replace(tree, heading, tag, heading.inner_html or "")


def _named(nodes: Sequence[LexborNode], name: str) -> Iterator[tuple[LexborNode, str]]:
    """With numbers where there are several: regions of one name cannot be told apart."""
    for number, node in enumerate(nodes, 1):
        yield node, f"{name} {number}" if len(nodes) > 1 else name


def _speaks(link: LexborNode) -> bool:
    """Whether there is anything to call the link by."""
    return bool(link.text().strip() or link.attributes.get("aria-label") or link.css("img[alt]:not([alt=''])"))


def _replace(tree: LexborHTMLParser, node: LexborNode, tag: str, inner: str) -> None:
    inside = LexborHTMLParser(inner, is_fragment=True)
    new = tree.create_node(tag)
    for name, value in node.attributes.items():
        new.attrs[name] = value or ""
    child = inside.root
    while child is not None:
        new.insert_child(child)
        child = child.next
    node.replace_with(new)


def _link(tree: LexborHTMLParser, frame: LexborNode, words: str) -> None:
    address = frame.attributes.get("src") or ""
    link = tree.create_node("a")
    link.attrs["href"] = address
    title = " ".join((frame.attributes.get("title") or "").split())
    link.insert_child(words % (title or urlsplit(address).hostname or address))
    frame.replace_with(link)


def _wrap(tree: LexborHTMLParser, table: LexborNode, name: str) -> None:
    caption = table.css_first("caption")
    words = " ".join(caption.text().split()) if caption else ""
    box = tree.create_node("div")
    box.attrs["class"] = "scroll"
    _region(box, f"{name}: {words}" if words else name)
    box.insert_child(table)
    table.replace_with(box)


def _region(node: LexborNode, name: str) -> None:
    node.attrs["tabindex"] = "0"
    node.attrs["role"] = "region"
    node.attrs["aria-label"] = name
