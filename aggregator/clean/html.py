"""HTML as a publisher wrote it -> HTML fit to publish anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape, unescape

from aggregator.clean.nesting import bounded
from aggregator.clean.paragraphs import TIDIES
from aggregator.clean.sanitize import sanitize
from aggregator.clean.text import legal
from aggregator.clean.tree import EDITS, Tree
from aggregator.clean.urls import Links
from aggregator.config import units


@dataclass(frozen=True, slots=True)
class Wishes:
    """What people want to have kept, taken out and replaced: CSS selectors, and patterns with replacements."""

    keep: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: tuple[tuple[str, str], ...] = ()


NOTHING = Wishes()

_TAG = re.compile(r"(<[^>]*>)")
_PRE = re.compile(r"(<pre(?: [^>]*)?>.*?</pre>)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->|<!doctype[^>]*>", re.DOTALL | re.IGNORECASE)
_LEADING = re.compile(r"\A(?:\s|&nbsp;|\u200b|\ufeff)+")


def clean_html(html: str, links: Links, wishes: Wishes = NOTHING) -> str:
    """Sanitized HTML with absolute links and without clutter; empty where nothing is left to see.

    Raises nothing, whatever comes in; takes time in proportion to its length. Cleaning what is
    clean changes nothing, unless elements are nested as HTML does not allow (blocks in inline ones).
    """
    tree = _chosen(Tree(bounded(html)), wishes)
    for edit in EDITS:
        edit(tree, links)
    serialised = _replaced(legal(tree.parser.html or ""), wishes)
    if "<!" in serialised:
        # Before anything is matched: a comment between two tags hides them from the patterns.
        serialised = _COMMENT.sub("", serialised)
    serialised = _LEADING.sub("", serialised)
    if "<pre" not in serialised:
        return sanitize(_tidied(serialised)).strip()
    parts = _PRE.split(serialised)
    parts[::2] = [_tidied(part) for part in parts[::2]]
    return sanitize("".join(parts)).strip()


def _tidied(html: str) -> str:
    for tidy in TIDIES:
        html = tidy(html)
    return html


# --- what people ask for -------------------------------------------------------------------


def _chosen(tree: Tree, wishes: Wishes) -> Tree:
    """Before all else: the classes that selectors name are still there. A `keep` that finds nothing keeps all."""
    if wishes.keep:
        found = tree.parser.css(", ".join(wishes.keep))
        inner = {node.mem_id for outer in found for node in outer.css("*") if node.mem_id != outer.mem_id}
        if kept := [node.html or "" for node in found if node.mem_id not in inner]:
            tree = Tree("".join(kept))
    for selector in wishes.remove:
        for node in tree.parser.css(selector):
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
