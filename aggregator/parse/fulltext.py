"""Finds the article on its own web page: by the CSS selector that a person gave, else by an extractor."""

from __future__ import annotations

import logging
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from aggregator.model import Document, Text
from aggregator.parse import characters, charset, fields

# The rest of what reads pages is imported where it is used: most runs have no source with full text.
if TYPE_CHECKING:
    from lxml.html import HtmlElement

#: Bytes; articles are a tenth of it, and what is longer takes the extractor seconds.
LARGEST = 2_000_000

_HTML = re.compile(r"<(?:!doctype\s+html|html|head|body|div|p|article|main)\b", re.IGNORECASE)
#: What the end of an article says that is not all there.
_WALL = re.compile(
    r"(?:登录|登陆|登入|登錄|订阅|訂閱|付费|付費|购买|購買|开通会员|扫码|下载\w{0,8}|打开\w{0,8}|关注\w{0,10})[^。\n]{0,16}"
    r"(?:全文|余下|剩余|继续阅读|繼續閱讀)"
    r"|(?:全文|余下|剩余)[^。\n]{0,12}(?:付费|订阅|訂閱|会员|會員|登录|登錄)"
    r"|\b(?:subscribe|sign ?in|log ?in|register|join|upgrade|become a (?:member|subscriber))\b[^.\n]{0,60}"
    r"\b(?:to (?:continue|read|unlock|keep reading)|for full access)\b"
    r"|\balready a (?:subscriber|member)\b|\bthis (?:article|post|story|content) is (?:only )?(?:for|available to)\b"
    r"[^.\n]{0,30}\b(?:subscribers|members)\b",
    re.IGNORECASE,
)
#: Characters at the end of the text in which that is looked for.
_END = 250

#: The extractor's bound for a text, in characters: its own is made for words, and a Chinese brief has 120.
_LEAST = "60"
#: Runs of text by which the page's own element for it is found: enough to tell, few enough to look for.
_RUNS, _LEAST_RUN = 40, 8
#: Share of those runs that the element must hold, and how much longer than they it may be.
_HELD, _SURPLUS, _SURPLUS_CHARACTERS = 0.9, 1.3, 60

#: What the extractor and the parsers below it raise for pages that they cannot make sense of.
_FOREIGN = (ValueError, TypeError, AttributeError, LookupError, AssertionError, RecursionError, etree.LxmlError)


@dataclass(frozen=True, slots=True)
class Page:
    """An article as its own page has it."""

    #: HTML as it stands on the page, or as the extractor wrote it: not sanitized.
    text: Text
    #: What the page calls itself, in its title and its headings.
    headline: str
    #: It ends with words that say that this is not all.
    walled: bool = False


def read(document: Document, selector: str | None) -> Page | str:
    """The article of a page, or the reason for people why there is none.

    With a selector everything that it finds is the article, else the extractor tells. Whether that
    is the article meant is not judged, nor is anything cleaned. Raises nothing for bad input.
    """
    if len(document.body) > LARGEST:
        return f"its page is larger than {LARGEST // 10**6} MB"
    text = characters.clean(charset.decode(document.body, document.charset))
    if not _HTML.search(text):
        return "its address shows no web page"
    try:
        found = _selected(text, selector) if selector else _extracted(text)
        if isinstance(found, str):
            return found
        return _page(found, document.url)
    except _FOREIGN:
        return "its page is so broken that nothing can be found on it"


#: The elements that are the article, one below a common root or several; and the whole page.
_Found = tuple["HtmlElement", "HtmlElement"]


def _page(found: _Found, url: str | None) -> Page:
    article, root = found
    stated = root.xpath("string(//base/@href)")
    base = fields.absolute(url, stated) if stated else url
    inner = etree.tostring(article, encoding="unicode", method="html", with_tail=False)
    titles = root.xpath("//title/text() | //meta[@property='og:title']/@content")
    headings = [heading.text_content() for heading in root.xpath("//h1")[:5]]
    headline = " ".join(_words(one) for one in (*titles[:3], *headings))
    return Page(Text(inner, "html", base), headline, bool(_WALL.search(_words(article.text_content())[-_END:])))


def _words(text: str) -> str:
    return " ".join(text.split())


def _selected(text: str, selector: str) -> _Found | str:
    """Everything that the selector finds, in the order of the page, nothing twice."""
    from bs4 import BeautifulSoup, Tag
    from bs4.exceptions import ParserRejectedMarkup
    from lxml import html
    from soupsieve import SelectorSyntaxError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of pages that begin like XML, or like an address
        try:
            soup = BeautifulSoup(text, "lxml")
        except ParserRejectedMarkup:
            return "its page cannot be read as HTML"
    try:
        nodes = soup.select(selector)
    except (SelectorSyntaxError, NotImplementedError):
        return f"{selector!r} is no selector that can be looked for on a page"
    inside = {id(inner) for node in nodes for inner in node.descendants if isinstance(inner, Tag)}
    outer = [str(node) for node in nodes if id(node) not in inside]
    if not "".join(outer).strip():
        return f"{selector!r} finds nothing on its page"
    return html.fragment_fromstring("".join(outer), create_parent="div"), html.document_fromstring(text)


def _extracted(text: str) -> _Found | str:
    from lxml import html

    root = html.document_fromstring(text)
    etree.strip_elements(root, "script", "style", "template", etree.Comment, with_tail=False)
    found = _by_extractor(root)
    if found is None:
        return "no article is found on its page"
    return _own_element(root, found), root


def _by_extractor(root: HtmlElement) -> HtmlElement | None:
    """What the extractor takes for the article, in its own plain markup."""
    import trafilatura
    from lxml import html
    from trafilatura.settings import use_config

    # What it calls errors are pages without an article, which are told of with their entries.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    config = use_config()
    config.set("DEFAULT", "MIN_EXTRACTED_SIZE", _LEAST)
    made = trafilatura.extract(
        root,
        output_format="html",
        include_comments=False,
        include_tables=True,
        include_images=True,
        include_links=True,
        include_formatting=True,
        with_metadata=False,
        config=config,
    )
    return html.document_fromstring(made) if made else None


def _own_element(root: HtmlElement, found: HtmlElement) -> HtmlElement:
    """The page's smallest element that holds what was found, if it holds little else; else what was found.

    The extractor's own markup lacks what it has no words for: captions, pictures that scripts load, players.
    """
    runs = sorted(("".join(run.split()) for run in found.itertext()), key=len, reverse=True)[:_RUNS]
    runs = [run for run in runs if len(run) >= _LEAST_RUN]
    whole, wanted = sum(map(len, runs)), len(_solid(found))
    if not runs or (body := root.find(".//body")) is None:
        return found
    node = body
    while True:
        inner = next((child for child in node if _held(child, runs) >= _HELD * whole), None)
        if inner is None:
            break
        node = inner
    return node if len(_solid(node)) <= _SURPLUS * wanted + _SURPLUS_CHARACTERS else found


def _solid(node: HtmlElement) -> str:
    """Its text without any white space."""
    return "".join(node.text_content().split())


def _held(node: HtmlElement, runs: list[str]) -> int:
    """Characters of these runs that stand in the element."""
    text = _solid(node)
    return sum(len(run) for run in runs if run in text)
