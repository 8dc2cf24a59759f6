"""Reads one article file of a folder source: a post of Hexo, Jekyll or Hugo, or plain Markdown or HTML.

Terms carry the scheme "category" where they decide under what the article is published, "tag"
where they only describe it. What a file refuses to be (a draft) comes out as `Refused`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from selectolax.lexbor import LexborHTMLParser

from aggregator.config.schema import Source
from aggregator.model import Document, Failed, Image, Outcome, ParsedEntry, ParsedFeed, Person, Refused, Term, Text
from aggregator.parse import characters, frontmatter, markdown
from aggregator.parse.dates import parse_date
from aggregator.parse.frontmatter import FrontMatter, Value

CATEGORY = "category"
TAG = "tag"

#: Names of fields, the better ones first.
DATES = ("date", "publishdate", "pubdate", "created", "created_at")
UPDATES = ("updated", "lastmod", "last_modified_at", "modified")
ADDRESSES = ("link", "url", "canonical", "canonical_url", "source_url", "original")
PICTURES = ("headimg", "cover", "banner", "thumbnail", "image", "images", "featured_image", "top_img", "photos")
SUMMARIES = ("description", "excerpt", "summary")


def parse_article(document: Document, source: Source, timezone: str) -> ParsedFeed | Failed:
    """The one entry of a file, or none and why it was refused.

    `timezone` (an IANA name) is that of dates without a zone, unless the source names its own.
    Fails as UNPARSABLE where the file is empty, is no text, or has a front matter that is broken
    beyond reading; every message says what to do.
    """
    path = document.path or ""
    text = _decode(document.body)
    if text is None:
        return _unparsable("it is not a text in UTF-8, UTF-16 or GB 18030", "save it as UTF-8")
    text = characters.clean(text.replace("\r\n", "\n").replace("\r", "\n"))
    if not text.strip():
        return _unparsable("the file is empty", "write something into it or remove it")
    front = frontmatter.split(text)
    if isinstance(front, frontmatter.Malformed):
        return _unparsable(front.reason, "correct the lines at the top of the file")
    post = _Post(path, front or FrontMatter({}, text, "yaml"), source, source.timezone or timezone)
    if reason := _hidden(post):
        return ParsedFeed(refused=(Refused(path, reason),))
    return ParsedFeed(entries=(_entry(post),), degraded=post.front.degraded)


@dataclass(frozen=True, slots=True)
class _Post:
    """A file taken apart, and what its fields are read by."""

    path: str
    front: FrontMatter
    source: Source
    timezone: str

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2].rpartition(".")[0]

    @property
    def generated(self) -> bool:
        """Written by the generator that our users come from: it lets nobody comment and names a head image."""
        fields = self.front.fields
        return fields.get("comments") == "false" and bool(fields.keys() & {"thumbnail", "headimg"})

    def text(self, *names: str) -> str | None:
        """The first of the fields that holds some text."""
        return next((held for name in names for held in _texts(self.front.fields.get(name))), None)


def _entry(post: _Post) -> ParsedEntry:
    body = _body(post)
    published, crawled = _published(post)
    summary = post.text(*SUMMARIES)
    return ParsedEntry(
        id=post.text("guid", "id"),
        path=post.path,
        url=_address(post),
        title=_title(post, body.heading),
        content=Text(body.html, "html") if body.html else None,
        summary=Text(summary, "html" if _MARKUP.search(summary) else "text") if summary else None,
        authors=tuple(_people(post)),
        published=published,
        updated=_moment(post.text(*UPDATES), post.timezone),
        crawled=crawled,
        terms=_terms(post),
        images=tuple(Image(url) for url in dict.fromkeys(_pictures(post))),
        language=post.text("lang", "language"),
    )


def _unparsable(reason: str, remedy: str) -> Failed:
    return Failed(Outcome.UNPARSABLE, reason, remedy)


# --- bytes -----------------------------------------------------------------------------------

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def _decode(body: bytes) -> str | None:
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return _as(body, charset)
    if b"\0" in body:
        # Text has no NUL, except as half of a UTF-16 character.
        ascii_first = body[1:200:2].count(0) > body[0:200:2].count(0)
        return _as(body, "utf-16-le" if ascii_first else "utf-16-be")
    text = _as(body, "utf-8")
    return text if text is not None else _as_damaged_utf8(body) or _as(body, "gb18030")


def _as(body: bytes, charset: str) -> str | None:
    try:
        text = body.decode(charset)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _as_damaged_utf8(body: bytes) -> str | None:
    """UTF-8 with a few broken characters, such as one cut in half; other charsets break nearly all of them."""
    text = body.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    whole = sum(map(len, _BEYOND_ASCII.findall(text))) - broken
    return text if whole > 4 * broken else None


_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


# --- fields ----------------------------------------------------------------------------------


def _texts(value: Value) -> Iterator[str]:
    """All texts in a field, however deep, without blanks around them."""
    match value:
        case str():
            # Notations have escapes of their own for what no text may hold.
            if held := characters.clean(_unescape(value)).strip():
                yield held
        case list():
            for item in value:
                yield from _texts(item)


def _unescape(text: str) -> str:
    """Undoes what generators do to keep braces from Hexo's templates."""
    return text.replace("&#123;", "{").replace("&#125;", "}")


def _title(post: _Post, heading: str | None) -> Text | None:
    """A blank title is none; where the field itself is missing, the heading or the file's name is it."""
    if "title" in post.front.fields:
        title = post.text("title")
    else:
        title = heading or _DATED.sub("", post.name).strip() or None
    return Text(" ".join(title.split())) if title else None


#: Jekyll accepts posts under such names only.
_DATED = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})-")


def _published(post: _Post) -> tuple[datetime | None, bool]:
    """The claimed moment, and whether it is when a script fetched the article.

    The generator writes its own clock, without a zone, where an article has no date. In other
    files that shape is an ordinary local time.
    """
    claimed = post.text(*DATES)
    dated = _DATED.match(post.name)
    moment = _moment(claimed, post.timezone) or _moment(dated[1] if dated else None, post.timezone)
    if post.source.dates:
        return moment, post.source.dates == "crawl" and moment is not None
    return moment, post.generated and bool(claimed and _CLOCK.fullmatch(claimed))


_CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def _moment(text: str | None, timezone: str) -> datetime | None:
    claimed = parse_date(text, timezone) if text else None
    return claimed.moment if claimed else None


def _address(post: _Post) -> str | None:
    held = (text for name in ADDRESSES for text in _texts(post.front.fields.get(name)))
    return next((text for text in held if _WEB.fullmatch(text)), None)


_WEB = re.compile(r"https?://\S+", re.IGNORECASE)
_MARKUP = re.compile(r"<[a-zA-Z/!]")


def _people(post: _Post) -> Iterator[Person]:
    for name in ("author", "authors"):
        held = post.front.fields.get(name)
        for one in held if isinstance(held, list) else [held]:
            if person := _person(one):
                yield person


def _person(value: Value) -> Person | None:
    if not isinstance(value, dict):
        name = next(_texts(value), None)
        return Person(name) if name else None
    name, uri, email = (next(_texts(value.get(key)), None) for key in ("name", "url", "email"))
    return Person(name, uri, email) if name else None


def _pictures(post: _Post) -> Iterator[str]:
    """Themes also take `true`, `false` and colours in these fields."""
    for name in PICTURES:
        held = post.front.fields.get(name)
        for one in held if isinstance(held, list) else [held]:
            address = next((_texts(one.get("url") or one.get("src"))) if isinstance(one, dict) else _texts(one), None)
            if address and ("/" in address or "." in address):
                yield address


def _hidden(post: _Post) -> str | None:
    """Why the author does not want it seen, or None."""
    if (post.text("draft") or "").lower() in _YES:
        return "it is a draft: `draft` is true"
    if (post.text("published") or "").lower() in _NO:
        return "it is not published: `published` is false"
    if "_drafts" in post.path.split("/")[:-1]:
        return "it is a draft: it lies in a `_drafts` folder"
    return None


_YES = frozenset(("true", "yes", "on", "1"))
_NO = frozenset(("false", "no", "off", "0"))


# --- categories ------------------------------------------------------------------------------


def _terms(post: _Post) -> tuple[Term, ...]:
    fields = post.front.fields
    paths = (path for name in ("categories", "category") for path in _paths(fields.get(name), post))
    tags = (tag for name in ("tags", "tag") for tag in _tags(fields.get(name), post))
    return tuple(Term(path, CATEGORY) for path in dict.fromkeys(paths)) + tuple(
        Term((tag,), TAG) for tag in dict.fromkeys(tags)
    )


def _paths(value: Value, post: _Post) -> list[tuple[str, ...]]:
    """Hexo: a list is one path, a list with lists in it is several. Jekyll: words are the levels of one path.

    Hugo knows no levels: each name is a path. It is told by its notations only, so a list in YAML is Hexo's.
    """
    names = tuple(_texts(value))
    if isinstance(value, list) and post.front.notation == "yaml":
        several = any(isinstance(item, list) for item in value)
        paths = [tuple(_texts(item)) for item in value] if several else [names]
    elif isinstance(value, str) and _DATED.match(post.name):
        paths = [tuple(word for name in names for word in name.split())]
    else:
        paths = [(name,) for name in names]
    return [path for path in paths if path]


def _tags(value: Value, post: _Post) -> list[str]:
    names = list(_texts(value))
    if isinstance(value, str) and _DATED.match(post.name):
        return [word for name in names for word in name.split()]
    return names


# --- body ------------------------------------------------------------------------------------


def _body(post: _Post) -> markdown.Rendered:
    if post.path.lower().endswith((".html", ".htm")):
        return _page(_unescape(post.front.body))
    body = post.front.body.strip()
    if _is_html(body) or (post.generated and body.startswith("<div>")):
        return markdown.Rendered(_unescape(body), None)
    untitled = "title" not in post.front.fields
    # In this order: escaped braces are not template tags, that is why they were escaped.
    return markdown.render(_unescape(markdown.without_tags(body)), lift_heading=untitled)


def _page(html: str) -> markdown.Rendered:
    """A whole page is its body, and its head says what it is called; a piece of one stays as it is."""
    tree = LexborHTMLParser(html[:_HEADING_WITHIN])
    found = next(filter(None, map(tree.css_first, ("head > title", "h1", "h2"))), None)
    heading = " ".join(found.text().split()) if found else ""
    for opening in _BODY_OPENINGS:
        if match := opening.search(html):
            end = html.lower().rfind("</body")
            html = html[match.end() : end if end > match.end() else None]
            break
    return markdown.Rendered(html.strip(), heading or None)


#: Characters in which a title is looked for: parsers take the square of the depth of unclosed elements.
_HEADING_WITHIN = 100_000
_BODY_OPENINGS = (re.compile(r"<body(?:\s[^>]*)?>", re.IGNORECASE), re.compile(r"</head\s*>", re.IGNORECASE))


def _is_html(body: str) -> bool:
    """One element holds the whole body, as generators write it.

    Markdown would end its HTML at the first blank line and take what is indented below for code.
    """
    opening = _BLOCK.match(body)
    if not opening:
        return False
    depth = 0
    for tag in re.finditer(rf"<(/?){opening[1]}(?=[\s/>])", body, re.IGNORECASE):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return not body[tag.end() :].removeprefix(">").strip()
    # More often opened than closed: publishers' HTML is often broken.
    return body.lower().endswith(f"</{opening[1].lower()}>")


_BLOCK = re.compile(r"<(div|section|article|main|table|figure|html|body|p|ul|ol|blockquote)(?=[\s>])", re.IGNORECASE)
