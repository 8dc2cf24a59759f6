"""What is done to the elements of an entry: which stay, what they link to, which are empty."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import chain

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aggregator.clean import allowed, hosts, images
from aggregator.clean.allowed import names
from aggregator.clean.paragraphs import RENAMED, SPACES
from aggregator.clean.urls import Links

_NAME = re.compile(r"<([a-zA-Z][^\t\n\f\r />]*)")
_CLASSES = re.compile(r"class=[\"']?([^\"'>]+)")
#: Classes of boxes of share buttons.
_SHARE_NAMES = names(
    """bdsharebuttonbox bdshare bshare-custom jiathis_style social-share social-share-cs share-component sharebar
    share-bar share-box share-buttons share_buttons sharing-buttons share-links share-list share-tools sharethis
    sharedaddy sd-sharing jp-relatedposts-share a2a_kit addtoany_share_save_container addtoany_content addthis_toolbox
    addthis_inline_share_toolbox feedflare post-share post-sharing article-share entry-share social-links social-icons
    social-buttons shareaholic-canvas ssba heateor_sss_sharing_container wp-block-jetpack-sharing-buttons
    wp-block-social-links sharetastic Share-box simple-share-buttons"""
)
#: Characters of what share buttons, or a box with a code to be scanned, say.
MOST_WORDS = 160
#: Classes of such boxes: app-kaihu-qr, qr_code, article-ewm.
_CODE_CLASS = re.compile(r"(?:[a-z][\w-]*[-_])?(?:qr|qrcode|ewm|erweima)(?:[-_][\w-]*)?", re.IGNORECASE | re.ASCII)
_SIMPLE = re.compile(r"[a-z][a-z0-9-]*")
#: What a parser adds of itself, and what it takes `image` for.
_IMPLIED = names("html head body p br tbody tr colgroup img")


class Tree:
    """A parsed fragment that knows which elements it may hold: to look for others would be half the work."""

    def __init__(self, html: str) -> None:
        self.parser = LexborHTMLParser(html, is_fragment=True)
        found = set(_NAME.findall(html))
        #: Never too few: markup within comments and texts is counted too.
        self.names = _IMPLIED | {name.lower() if name.isascii() else name for name in found}
        self.classes = frozenset(" ".join(set(_CLASSES.findall(html))).split())
        #: Written in another mixture of cases it is not seen.
        self.hides = "hidden" in html or "HIDDEN" in html or "Hidden" in html

    def all(self, names: frozenset[str]) -> list[LexborNode]:
        """Elements of these names in the order of the document."""
        selector = _selector(self.names & names)
        return self.parser.css(selector) if selector else []

    def foreign(self) -> list[LexborNode]:
        """Elements that are not published."""
        odd = self.names - _KNOWN
        if not all(map(_SIMPLE.fullmatch, odd)):
            return self.parser.css(_FOREIGN)
        return self.parser.css(_selector(odd)) if odd else []


@lru_cache(maxsize=4096)
def _selector(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


Edit = Callable[[Tree, Links], None]

#: Gone with all that is in them. `title`, `textarea` and the like would stay as text.
_GONE = names(
    """annotation annotation-xml applet area base button canvas datalist dialog embed frame frameset head input link map
    meta meter noembed noframes noscript optgroup option param plaintext progress script select style svg template
    textarea title xmp"""
)
_KNOWN = allowed.ELEMENTS | RENAMED
_FOREIGN = f":not({', '.join(sorted(_KNOWN))})"
_HOLLOW = names(
    """a abbr article aside b blockquote center code dd del details div dl dt em figcaption figure footer form
        h1 h2 h3 h4 h5 h6 header i ins li main mark nav ol p q s section small strong sub summary sup table tbody
        tfoot thead tr u ul"""
)
_WRAPPERS = names("div article section main header footer aside") | RENAMED
#: Most of what is foreign; the library has its own loop for it, the faster one.
_WRAPPED = frozenset(("span", "font"))
_BLOCKS = allowed.BLOCKS | RENAMED
_NOSCRIPT = frozenset(("noscript",))


def _unveil(tree: Tree, _: Links) -> None:
    images.unveil(tree.all(_NOSCRIPT))


def _share(tree: Tree, _: Links) -> None:
    """Take out boxes of share buttons; one with a text of its own was only called so."""
    for name in sorted(_SHARE_NAMES & tree.classes):
        _drop_short(tree.parser.css(f".{name}"))


def _codes(tree: Tree, _: Links) -> None:
    """Take out boxes that hold a code to be scanned, and the line that says so."""
    for name in sorted(filter(_CODE_CLASS.fullmatch, tree.classes)):
        _drop_short([node for node in tree.parser.css(f".{name}") if node.css_first("img")])


def _drop_short(nodes: list[LexborNode]) -> None:
    # Inner ones first: they go with the outer ones.
    for node in reversed(nodes):
        if len(node.text(deep=True).strip()) <= MOST_WORDS:
            node.decompose()


def _discard(tree: Tree, _: Links) -> None:
    """Leave only elements that are published: the sanitizer then changes no structure."""
    if tree.hides:
        # Before spans are unwrapped: those may be hidden, too.
        for node in tree.parser.css("[hidden]"):
            node.decompose()
    if not tree.names.isdisjoint(_WRAPPED):
        tree.parser.unwrap_tags(["span", "font"], delete_empty=True)
    for node in tree.foreign():
        # Unwrapping leaves an element without children where it is.
        if node.tag in _GONE or node.first_child is None:
            node.decompose()
        else:
            node.unwrap()


def _relink(tree: Tree, links: Links) -> None:
    for node in tree.all(_LINKED):
        _RELINK[node.tag or ""](node, links)


def _anchor(node: LexborNode, links: Links) -> None:
    attributes = node.attributes
    given = attributes.get("href") or ""
    if url := links.link(given) if given else None:
        if hosts.is_share(url):
            node.decompose()
        elif url != given:
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


_LINKED = frozenset(_RELINK)


def _hollow(tree: Tree, _: Links) -> None:
    """Take out what holds nothing; inner elements first, for they may be all that an outer one holds."""
    for node in reversed(tree.all(_HOLLOW)):
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
        return not (node.text_content or "").strip(SPACES)
    return node.is_comment_node or node.tag == "br"


def _unwrap(tree: Tree, _: Links) -> None:
    """Wrappers that hold blocks alone mean nothing to a reader; one with text of its own is a paragraph."""
    for node in tree.all(_WRAPPERS):
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
    # Before attributes are lost with the wrappers that had them.
    _share,
    _codes,
    # Before links and pictures are looked at: those in there are not the article's.
    _discard,
    _relink,
    # After pictures: one that was taken out no longer counts as content.
    _hollow,
    # Last: what stood beside the blocks in a wrapper may be gone by now.
    _unwrap,
)
