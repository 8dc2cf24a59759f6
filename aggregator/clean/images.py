"""Pictures: lazy ones made real, tracking pixels out, the one that leads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

from selectolax.lexbor import LexborNode

from aggregator.clean import allowed
from aggregator.clean.hosts import referrer_policy
from aggregator.clean.urls import Links
from aggregator.model import Image

#: Where scripts keep the address of a picture until it scrolls into view: always the better one.
_LAZY = (
    "data-original-src",
    "data-original",
    "data-actualsrc",
    "data-lazy-src",
    "data-lazyload",
    "data-lazy",
    "data-src",
    "data-real-src",
    "data-real",
    "data-hi-res-src",
    "data-croporisrc",
    "data-backsrc",
    "data-original-image",
    "data-cfsrc",
    "data-ks-lazyload",
)
#: These may hold other addresses: used where there is no picture otherwise.
_MAYBE_LAZY = (
    "data-url",
    "data-echo",
    "data-file",
    "data-image",
    "data-img",
    "data-img-src",
    "data-orig-file",
    "zoomfile",
    "file",
)
_EVER_LAZY = frozenset(_LAZY)
_LAZY_SRCSET = ("data-srcset", "data-lazy-srcset", "data-original-set")

_PLACEHOLDER = re.compile(
    r"data:|about:|$|(?:[^?#]*[/_-])?(?:blank|spacer|grey|gray|loading|lazy(?:load)?|placeholder|pixel|transparent"
    r"|trans|empty|1x1|s|none)\.(?:gif|png|jpe?g|svg|webp)",
    re.IGNORECASE,
)
_RANDOM = re.compile(
    r"https?://(?:[\w-]+\.)*(?:picsum\.photos|loremflickr\.com|placekitten\.com|placehold\.it|placehold\.co"
    r"|placeholder\.com|placeimg\.com|dummyimage\.com|source\.unsplash\.com|lorempixel\.com)(?:/|$)",
    re.IGNORECASE,
)
_BEACON = re.compile(
    r"https?://(?:feeds\.feedburner\.com/~|pixel\.wp\.com/|stats\.wordpress\.com/|[^/]*\.scorecardresearch\.com/"
    r"|[^/]*\.feedsportal\.com/|[^/]*\.doubleclick\.net/|www\.google-analytics\.com/|hm\.baidu\.com/|pixel\.quantserve"
    r"|[^/]*\.cnzz\.com/|feedads\.|ad\.|track\.)",
    re.IGNORECASE,
)
#: Codes to be scanned: by the words in their address or description.
_CODE = re.compile(
    r"qr-?_?code|qr_?img|[/_.-]qr[/_.-]|erweima|[/_-]ewm[/_.\d-]|weixin_?(?:mp|code)|gongzhonghao|二维码|扫码|扫一扫|公众号",
    re.IGNORECASE,
)
#: By the name of the box or the comment that stands before them.
_CODE_BOX = re.compile(
    r"(?:class|id)\s*=\s*[\"'](?:[^\"']*[\s_-])?(?:append|app)?(?:qr|qrcode|ewm|erweima)(?:[\s_-]|code|[\"'])|<!--[^>]*二维码[^>]*start",
    re.IGNORECASE,
)
#: Characters of the original before the picture in which such a box is looked for.
_BEFORE = 900
_SIZE = re.compile(r"\s*(\d{1,5})(?:\.\d+)?\s*(?:px)?\s*", re.IGNORECASE)
_HIDDEN = re.compile(r"(?:^|;)\s*(?:width|height)\s*:\s*[01]px", re.IGNORECASE)
_DESCRIPTOR = re.compile(r"\d+(?:\.\d+)?[wxh]")
_IMG = re.compile(r"<img ([^>]*)>")
_ATTRIBUTE = re.compile(r'([a-z]+)="([^"]*)"')
#: Pixels; smaller ones are emoji, avatars and icons.
LEAST_LEAD = 64

Attributes = dict[str, str | None]


def unveil(boxes: Iterable[LexborNode]) -> None:
    """Put the picture that `noscript` holds for readers without scripts in place of the lazy one."""
    for box in boxes:
        inside = box.css_first("img")
        if inside is None or not inside.attributes.get("src"):
            continue
        before = _picture_before(box)
        if before is None:
            box.insert_before(inside.clone())
        elif not lazy(before.attributes):
            for name in ("src", "srcset", "width", "height"):
                if value := inside.attributes.get(name):
                    before.attrs[name] = value


def _picture_before(box: LexborNode) -> LexborNode | None:
    """The image that stands right before it, itself or within a link or picture."""
    node = box.prev
    while node is not None and node.is_text_node and not (node.text_content or "").strip():
        node = node.prev
    if node is None or not node.is_element_node:
        return None
    if node.tag == "img":
        return node
    inside = node.css("img") if node.tag in ("a", "picture", "span", "div", "figure") else []
    return inside[-1] if inside else None


def lazy(attributes: Attributes) -> str | None:
    """The address that a script would put into `src`, or None."""
    for name in () if _EVER_LAZY.isdisjoint(attributes) else _LAZY:
        if (value := attributes.get(name)) and _addresses(value):
            return value
    if not _PLACEHOLDER.fullmatch(attributes.get("src") or ""):
        return None
    return next((value for name in _MAYBE_LAZY if (value := attributes.get(name)) and _addresses(value)), None)


def _addresses(value: str) -> bool:
    text = value.strip()
    if text.startswith(("http://", "https://", "//", "/")):
        return True
    return "/" in text and "." in text and text[:1] not in "{[<" and ":" not in text


def picture(node: LexborNode, links: Links) -> None:
    """Make one `img` real, absolute and small; take it out where nothing is left to see."""
    attributes: Attributes = node.attributes
    if _is_pixel(attributes):
        node.decompose()
        return
    src = links.image(lazy(attributes) or attributes.get("src") or "")
    srcset = srcset_of(attributes, links)
    if srcset and (not src or src.startswith("data:")):
        src = srcset.split(" ", 1)[0].removesuffix(",")
    if not src or _BEACON.match(src):
        node.decompose()
        return
    if src != attributes.get("src"):
        node.attrs["src"] = src
    insist(node)
    node.attrs["referrerpolicy"] = referrer_policy(src)
    _put(node, attributes, "srcset", srcset)
    for name in ("width", "height"):
        if name in attributes:
            size = pixels(attributes[name])
            _put(node, attributes, name, str(size) if size else None)


def insist(node: LexborNode) -> None:
    """Write the attributes that every element of its kind has."""
    attributes = node.attrs
    for name, value in allowed.ALWAYS[node.tag or ""].items():
        attributes[name] = value


def srcset_of(attributes: Attributes, links: Links) -> str | None:
    """Its `srcset`, or the one kept for a script, with absolute addresses only; None without one."""
    value = next((value for name in _LAZY_SRCSET if (value := attributes.get(name))), attributes.get("srcset"))
    return absolute_srcset(value, links) if value else None


def absolute_srcset(value: str, links: Links) -> str | None:
    """Candidates with an http(s) address and a valid descriptor (HTML, section 4.8.4.2.1)."""
    kept = []
    for candidate in re.split(r",\s+|(?<=\d[wxh]),", value):
        words = candidate.strip(", \t\n\r").split()
        if not words or len(words) > 2 or (len(words) == 2 and not _DESCRIPTOR.fullmatch(words[1])):
            continue
        if url := links.media(words[0]):
            # A comma at its end would be read as the end of the candidate.
            kept.append(" ".join([url.rstrip(","), *words[1:]]))
    return ", ".join(kept) or None


def _put(node: LexborNode, attributes: Attributes, name: str, value: str | None) -> None:
    if value is not None:
        if value != attributes.get(name):
            node.attrs[name] = value
    elif name in attributes:
        del node.attrs[name]


def pixels(value: str | None) -> int | None:
    """`600`, `600px`; None for percentages and everything else."""
    match = _SIZE.fullmatch(value or "")
    return int(match[1]) if match else None


def _is_pixel(attributes: Attributes) -> bool:
    sizes = [size for name in ("width", "height") if (size := pixels(attributes.get(name))) is not None]
    if sizes and max(sizes) <= 1:
        return True
    return bool(_HIDDEN.search(attributes.get("style") or ""))


def is_random(url: str) -> bool:
    """Whether the address shows another placeholder picture at every visit."""
    return bool(_RANDOM.match(url))


def lead(marked: Iterable[Image], html: str, links: Links, original: str = "") -> Image | None:
    """The picture that stands for the entry: the first that the publisher marks, else the first in its HTML.

    Not counted: random placeholders, inline data, pictures known to be smaller than `LEAST_LEAD`, and codes to be
    scanned, which `original`, the HTML before cleaning, often names as such.
    """
    for image in marked:
        url = links.media(image.url)
        if url and _leads(url, image.width, image.height) and not _is_code(url, original):
            return Image(url, image.width, image.height)
    for match in _IMG.finditer(html):
        attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(match[1])}
        url = attributes.get("src", "")
        width, height = pixels(attributes.get("width")), pixels(attributes.get("height"))
        words = f"{attributes.get('alt', '')} {attributes.get('title', '')}"
        if _leads(url, width, height) and not _is_code(url, original, words):
            return Image(url, width, height)
    return None


def _leads(url: str, width: int | None, height: int | None) -> bool:
    small = any(size is not None and size < LEAST_LEAD for size in (width, height))
    return url.startswith("http") and not small and not is_random(url) and not _BEACON.match(url)


def _is_code(url: str, original: str, words: str = "") -> bool:
    if _CODE.search(url) or _CODE.search(words):
        return True
    # Addresses are changed by cleaning, seldom their last part.
    place = original.find(url.rpartition("/")[2]) if not url.endswith("/") else -1
    if place < 0:
        return False
    before = original[max(0, place - _BEFORE) : place]
    # Another picture in between: then the box was that one's.
    return bool(_CODE_BOX.search(before, before.lower().rfind("<img", 0, before.rfind("<img")) + 1))
