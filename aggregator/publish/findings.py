"""What the checks of published documents have in common: the rules by name, and checks of single values.

A document is read and nothing else: no network, no clock but the one that is handed in. It may be
anybody's, so every check takes time in proportion to what it looks at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from html import unescape
from types import MappingProxyType
from typing import Literal

from aggregator.publish.xmltext import looks_like_html


def names(text: str) -> frozenset[str]:
    """The words of a text: long lists of names are easier to read and to compare as such."""
    return frozenset(text.split())


#: Every rule. An error breaks the format's own specification; a warning is what the W3C's validator, or
#: the RSS Advisory Board's, advises against, and what readers stumble over.
RULES = MappingProxyType(
    {
        "malformed": "error",
        "unknown-format": "error",
        "missing": "error",
        "repeated": "error",
        "unknown-element": "error",
        "wrong-value": "error",
        "bad-id": "error",
        "bad-date": "error",
        "bad-address": "error",
        "bad-language": "error",
        "bad-media-type": "error",
        "bad-number": "error",
        "bad-email": "error",
        "no-author": "error",
        "no-content": "error",
        "same-alternate": "error",
        "same-id": "error",
        "same-updated": "warning",
        "old-updated": "warning",
        "odd-date": "warning",
        "odd-character": "warning",
        "no-self": "warning",
        "other-self": "warning",
        "relative-address": "warning",
        "not-ascii": "warning",
        "unsafe-html": "warning",
        "frame": "warning",
        "relative-in-html": "warning",
        "html-in-title": "warning",
        "empty-title": "warning",
        "no-id": "warning",
        "several-enclosures": "warning",
        "outdated": "warning",
        "unknown-key": "warning",
    }
)
#: Warnings that in a document of ours are faults: they can only come from a mistake of ours.
OURS = names("same-updated old-updated no-self other-self relative-address not-ascii unsafe-html empty-title no-id")

#: Nothing was published on the web before; the day after the epoch takes in every zone's zero.
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
#: RFC 3986: a `%` that escapes nothing, and what is never left as it is.
_FORBIDDEN = re.compile(r"""%(?![0-9A-Fa-f]{2})|[<>"{}|\\^`\x00-\x20]""")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(\s*;.*)?")
_EMAIL = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>]+")
#: Control characters of Unicode's second block, and what stands where a character was lost.
_ODD = re.compile("[\x80-\x9f\ufffd]")
_MAYBE_ODD = re.compile(rb"\xef\xbf\xbd|\xc2[\x80-\x9f]|&#|\\u")


@dataclass(frozen=True, slots=True)
class Finding:
    rule: str
    message: str
    #: What names the entry for people; empty where it is the document as a whole.
    entry: str = ""

    @property
    def level(self) -> Literal["error", "warning"]:
        return "error" if RULES[self.rule] == "error" else "warning"

    def __str__(self) -> str:
        place = f"{self.entry}: " if self.entry else ""
        return f"{self.level}: {place}{self.message} [{self.rule}]"


def about(entry: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings, said to be of this entry."""
    return (replace(finding, entry=entry) for finding in findings)


def named(title: str, identity: str, source: str) -> str:
    """An entry for people: its title, its id, and whose it is."""
    words = f"“{title.strip()[:80]}”" if title.strip() else ""
    known = f"({identity})" if words and identity else identity
    name = " ".join(part for part in (words, known) if part) or "an entry without title and id"
    return f"{name} from {source}" if source else name


def read_date(text: str) -> datetime | None:
    """The time that RFC 3339 reads in it."""
    try:
        return datetime.fromisoformat(text) if _RFC3339.fullmatch(text) else None
    except ValueError:
        return None


def date(name: str, when: datetime | None, written: str, now: datetime | None) -> Iterator[Finding]:
    """`now` where it is known: then also what is more than a day ahead is implausible."""
    if when is None:
        yield Finding("bad-date", f"{name} is no date of its format: {written[:80]!r}")
        return
    latest = now + timedelta(days=1) if now else _LATEST
    if not _EARLIEST <= when <= latest:
        yield Finding("odd-date", f"{name} is implausible: {written}")


def address(name: str, value: str | None, *, required: bool = True) -> Iterator[Finding]:
    """An address for people to follow: absolute, and in ASCII."""
    if not (value or "").strip():
        if required:
            yield Finding("missing", f"{name} is empty")
    elif not _SCHEME.fullmatch(value or ""):
        rule = "bad-address" if re.search(r"\s|^[^/?#]*:", value or "") else "relative-address"
        yield Finding(rule, f"{name} holds no absolute address: {(value or '')[:200]!r}")
    elif _FORBIDDEN.search(value or ""):
        yield Finding("bad-address", f"{name} holds what no address may hold: {(value or '')[:200]!r}")
    elif not (value or "").isascii():
        yield Finding("not-ascii", f"{name} is not percent-encoded: {(value or '')[:200]}")


def identity(name: str, value: str) -> Iterator[Finding]:
    if value and not _SCHEME.fullmatch(value):
        yield Finding("bad-id", f"{name} is no absolute URI: {value[:200]!r}")
    elif not value.isascii():
        yield Finding("not-ascii", f"{name} is not percent-encoded: {value[:200]}")


def language(name: str, value: str) -> Iterator[Finding]:
    if not _LANGUAGE.fullmatch(value):
        yield Finding("bad-language", f"{name} is no language tag: {value[:80]!r}")


def media_type(name: str, value: str) -> Iterator[Finding]:
    if not _MEDIA_TYPE.fullmatch(value):
        yield Finding("bad-media-type", f"{name} is no media type: {value[:80]!r}")


def number(name: str, value: str) -> Iterator[Finding]:
    if not (value.isascii() and value.isdigit()):
        yield Finding("bad-number", f"{name} is no whole number: {value[:80]!r}")


def email(name: str, value: str) -> Iterator[Finding]:
    if not _EMAIL.search(value):
        yield Finding("bad-email", f"{name} holds no e-mail address: {value[:80]!r}")


def title(name: str, value: str) -> Iterator[Finding]:
    """Of a plain text that cannot say that it is one."""
    if not value.strip():
        yield Finding("empty-title", f"{name} is empty")
    elif looks_like_html(value):
        yield Finding("html-in-title", f"{name} looks like HTML: {value[:80]}")


def own_address(found: Iterable[str], url: str | None) -> Iterator[Finding]:
    """The document's address as it says itself, and as it is known, None where it is not."""
    own = list(found)
    if not own:
        yield Finding("no-self", f"rel=self should be {url or 'the address of the feed'}, found none")
    elif url is not None and own != [url]:
        yield Finding("other-self", f"rel=self should be {url}, found {', '.join(own)}")


def same(rule: str, name: str, values: Iterable[str]) -> Iterator[Finding]:
    for value, count in Counter(values).items():
        if count > 1 and value:
            yield Finding(rule, f"{count} entries have the {name} {value[:200]}")


def suspect(document: bytes) -> bool:
    """Whether it may hold odd characters: a quick look that spares the search in every text."""
    return bool(_MAYBE_ODD.search(document))


def characters(text: str) -> Iterator[Finding]:
    if odd := sorted(set(_ODD.findall(text))):
        listed = ", ".join(f"U+{ord(character):04X}" for character in odd)
        yield Finding("odd-character", f"undefined characters: {listed}")


# --- HTML ----------------------------------------------------------------------------------

# Possessive, so that a quote that is never closed costs one look and no search for another reading.
_TAG = re.compile(r"""<([a-zA-Z][a-zA-Z0-9:-]*+)((?:[^>"'=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|=|["'])*+)>?""")
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)\s*+(?:=\s*+(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")
_UNSAFE = names("""script style link meta base object embed applet form input button textarea select frame frameset
noscript template html head body title svg""")
_ADDRESSED = names("href src poster cite action data background longdesc formaction srcset")
_SAFE_SCHEMES = names("http https mailto tel ftp magnet")
#: Findings of one kind in one entry that are told.
_MOST_TOLD = 3


def html(text: str) -> Iterator[Finding]:
    """What readers take out of HTML for safety, and what leads nowhere from a feed."""
    told: Counter[str] = Counter()
    for tag, attributes in dict.fromkeys(_TAG.findall(text)):
        for finding in _tag(tag, attributes):
            told[finding.rule] += 1
            if told[finding.rule] <= _MOST_TOLD:
                yield finding


@lru_cache(maxsize=4096)
def _tag(tag: str, attributes: str) -> tuple[Finding, ...]:
    name = tag.lower()
    found = []
    if name in _UNSAFE:
        found.append(Finding("unsafe-html", f"<{name}> does not belong in a feed"))
    elif name == "iframe":
        found.append(Finding("frame", "<iframe> is not shown by every reader"))
    for match in _ATTRIBUTE.finditer(attributes):
        key = match[1].lower()
        if key.startswith("on") or key == "style":
            found.append(Finding("unsafe-html", f"<{name} {key}> does not belong in a feed"))
        elif key in _ADDRESSED:
            value = unescape(match[2] or match[3] or match[4] or "")
            addresses = [part.split()[0] for part in value.split(", ") if part.strip()] if key == "srcset" else [value]
            found += [finding for one in addresses for finding in _link(f"<{name} {key}>", one)]
    return tuple(found)


def _link(place: str, value: str) -> Iterator[Finding]:
    # Browsers leave these out before they read a scheme.
    value = re.sub(r"[\x00-\x20]", "", value)
    scheme, colon, rest = value.partition(":")
    if value.startswith("#"):
        return
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        yield Finding("relative-in-html", f"{place} holds no absolute address: {value[:200]!r}")
    elif scheme.lower() not in _SAFE_SCHEMES and not (scheme.lower() == "data" and rest.startswith("image/")):
        yield Finding("unsafe-html", f"{place} holds a {scheme.lower()}: address")
