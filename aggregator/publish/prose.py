"""Sanitized HTML made fit for the place where it is shown. Nothing here makes unsafe HTML safe."""

from __future__ import annotations

import re
from collections.abc import Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

_UNFINISHED = re.compile(r"<[^>]*\Z|&[#\w]*\Z")


def on_page(html: str, words: Mapping[str, str]) -> str:
    """Reading text of a page of ours: headings begin at h2, what is wide scrolls inside itself.

    Wide tables and code would otherwise make the whole page scroll sideways on a phone; what
    scrolls needs a tab stop and a name, or the keyboard does not reach it.
    """
    tree = LexborHTMLParser(html, is_fragment=True)
    for heading in tree.css("h1"):
        _replace(tree, heading, "h2", heading.inner_html or "")
    for table in tree.css("table"):
        # Depth first: a table inside another is reached when the outer one was already wrapped.
        if not _inside_table(table):
            _wrap(tree, table, words["table"])
    for code in tree.css("pre"):
        _region(code, words["code"])
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


def _replace(tree: LexborHTMLParser, node: LexborNode, tag: str, inner: str) -> None:
    inside = LexborHTMLParser(inner, is_fragment=True)
    new = tree.create_node(tag)
    child = inside.root
    while child is not None:
        new.insert_child(child)
        child = child.next
    node.replace_with(new)


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
