"""OPML lists of sources: read from other programs, written for them.

A list comes from anywhere: it is bounded, no entity in it is expanded, nothing is fetched for it, and
what is malformed is read as far as it goes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html.entities import html5
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from lxml import etree
from pydantic import ValidationError

from aggregator.config import naming
from aggregator.config.schema import Config, Source

#: Outlines of one list. The largest that people have hold two thousand or so.
MOST = 5_000
#: Of folders within folders; libxml2 itself gives up at 256.
DEEPEST = 64


#: What is neither a reference that XML knows nor one by number.
_AMPERSAND = re.compile(
    rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)(?:([a-zA-Z][a-zA-Z0-9]{1,30});)?"
)


class NotOpmlError(Exception):
    """There is no list in it; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed of a list, as it is written there."""

    url: str
    title: str | None
    #: Names of the folders around it, from the outermost.
    folders: tuple[str, ...]
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    outlines: tuple[Outline, ...]
    #: The list is ill-formed: it may have held more.
    damaged: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    name: str
    url: str
    reason: str


@dataclass(slots=True)
class Plan:
    """What a list comes to: sources to add, and outlines that are left out."""

    items: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def read(body: bytes) -> Listed:
    """The feeds of a list, in its order. Raises NotOpmlError where it is none."""
    if b"<!ENTITY" in body.replace(b"\0", b""):
        # libxml2 expands them in attributes whatever it is told, and every value of ours is one.
        raise NotOpmlError("it declares entities, which no list of feeds needs")
    parser = etree.XMLParser(
        recover=True, resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(_mended(body.strip()), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotOpmlError("it is no XML that can be read") from error
    if root is None or _tag(root) != "opml":
        raise NotOpmlError("it is no OPML: expected <opml> around everything")
    found = tuple(_outlines(root))
    if len(found) > MOST:
        raise NotOpmlError(f"it lists more than {MOST} feeds")
    return Listed(found, any(error.level >= etree.ErrorLevels.ERROR for error in parser.error_log))


def plan(outlines: Iterable[Outline], config: Config, category: str | None) -> Plan:
    """Sources for the feeds of a list that are not there yet; `category` replaces the folders of all."""
    made = Plan()
    known = naming.known_addresses(config)
    listed: dict[str, str] = {}
    names = {naming.name_key(source.name) for source in config.sources}
    for outline in outlines:
        key = naming.address_key(outline.url)
        reason = _refusal(outline)
        if key in known:
            reason = reason or f"it is the source {known[key]!r} already"
        elif key in listed:
            reason = reason or f"it is in the list before, as {listed[key]!r}"
        item = _item(outline, names, category)
        reason = reason or _mistake(item)
        if reason:
            made.skipped.append(Skipped(outline.title or "", without_login(outline.url), reason))
            continue
        listed[key] = item["name"]
        names.add(naming.name_key(item["name"]))
        made.items.append(item)
    return made


def write(sources: Sequence[Source], title: str) -> bytes:
    """OPML 2.0 of the feeds among these sources, their categories as folders. Nothing secret is in it, and no date."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = _safe(title)
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, ...], Any] = {(): body}
    for source in sources:
        if source.url:
            path = tuple(source.category.split("/")) if source.category and source.category != "own" else ()
            name, address = _safe(source.name), _safe(without_login(source.url))
            etree.SubElement(_folder(folders, path), "outline", type="rss", text=name, title=name, xmlUrl=address)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def without_login(address: str) -> str:
    """An address without the user name and password that may stand in it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "(an invalid address)"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _mended(body: bytes) -> bytes:
    """With the ampersands of addresses, and the names that only HTML knows, written as XML has them.

    Recovery would leave them out, and `?a=1&b=2` would become another address.
    """
    return body if b"\0" in body else _AMPERSAND.sub(_escaped, body)


def _escaped(found: re.Match[bytes]) -> bytes:
    character = html5.get(f"{(found[1] or b'').decode()};", "")
    return "".join(f"&#{ord(char)};" for char in character).encode() or b"&amp;" + found[0][1:]


def _outlines(root: Any) -> Iterator[Outline]:
    """In document order, without recursion: the depth is theirs to choose."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(child, ()) for child in reversed(root)]
    while waiting:
        element, folders = waiting.pop()
        inner = folders
        if _tag(element) == "outline":
            told = {str(name).lower(): " ".join(str(value).split()) for name, value in element.attrib.items()}
            title = told.get("title") or told.get("text") or None
            if address := told.get("xmlurl"):
                yield Outline(address, title, folders or _stated(told.get("category")), told.get("type"))
            elif title and len(folders) < DEEPEST:
                inner = (*folders, title)
        waiting += [(child, inner) for child in reversed(element)]


def _stated(category: str | None) -> tuple[str, ...]:
    """OPML 2.0: categories separated by commas, each with slashes between its levels; the first counts."""
    first = (category or "").partition(",")[0]
    return tuple(level.strip() for level in first.split("/") if level.strip())


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2].lower()


def _refusal(outline: Outline) -> str | None:
    if "${" in "".join((outline.url, outline.title or "", *outline.folders)):
        return "it holds ${, which asks for a variable of the environment"
    if outline.kind and outline.kind.lower() in ("include", "link"):
        return f"it is no feed but of the type {outline.kind!r}"
    return None


def _item(outline: Outline, names: Collection[str], category: str | None) -> dict[str, Any]:
    item: dict[str, Any] = {
        "name": naming.free_name(outline.title, outline.url, names),
        "url": outline.url.replace("feed://", "https://", 1) if outline.url.startswith("feed://") else outline.url,
    }
    levels = [level for folder in outline.folders for level in folder.split("/") if level.strip()]
    path = category or "/".join(level.strip() for level in levels)
    return {**item, "category": path} if path else item


def _mistake(item: dict[str, Any]) -> str | None:
    try:
        Source.model_validate(item)
    except ValidationError as error:
        line = error.errors(include_url=False)[0]
        return f"{line['loc'][0] if line['loc'] else 'it'}: {line.get('ctx', {}).get('error') or line['msg']}"
    return None


def _folder(folders: dict[tuple[str, ...], Any], path: tuple[str, ...]) -> Any:
    if path not in folders:
        name = _safe(path[-1])
        folders[path] = etree.SubElement(_folder(folders, path[:-1]), "outline", text=name, title=name)
    return folders[path]


def _safe(text: str) -> str:
    """Without what XML forbids."""
    return "".join(char for char in text if char.isprintable())
