"""The types of values in config.yaml that are more than a word: each says what it expected.

Pure: reading files and the environment is `load`'s work.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema
from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from aggregator import slugs
from aggregator.config import units

#: Levels of a category path.
DEEPEST = 8

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.IGNORECASE)


def _css(text: str) -> str:
    try:
        LexborHTMLParser("<p>").css(text)
    except SelectolaxError as error:
        raise ValueError("invalid CSS selector: expected one such as div.ad or .post > h1") from error
    return text


def _pattern(text: str) -> str:
    units.pattern(text)
    return text


def _zone(name: str) -> str:
    units.zone(name)
    return name


def _cron(text: str) -> str:
    # Whether a line is one does not depend on the zone.
    units.cron(text, "UTC")
    return text


def _as_duration(value: object) -> object:
    return units.duration(value) if isinstance(value, str) else value


def _as_size(value: object) -> object:
    return units.size(value) if isinstance(value, str) else value


def _name(text: str) -> str:
    if not text.strip():
        raise ValueError("expected a name, not only blanks")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise ValueError("expected a name without line breaks and control characters")
    return text


def _address(text: str) -> str:
    if not re.match(r"https?://[^\s/?#]", text) or re.search(r"\s", text):
        raise ValueError("expected an address that begins with http:// or https:// and has no blanks")
    return text


def _site_address(text: str) -> str:
    if "?" in text or "#" in text:
        raise ValueError("expected an address without ? and #, for others are appended to it")
    return text if text.endswith("/") else text + "/"


def _tag(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.@_-]+,\d{4}(-\d\d){0,2}", text, re.ASCII):
        raise ValueError("expected a domain or mail address of yours and a year, such as news.example.org,2026")
    return text


def _listening(text: str) -> str:
    if re.search(r"[\s/\[\]]", text) or not text:
        raise ValueError("expected an address or a host name alone, such as 127.0.0.1, 0.0.0.0 or ::1")
    return text


def _language(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", text):
        raise ValueError("expected a language such as zh, zh-CN or en")
    return text


def _database(text: str) -> str:
    if re.match(r"sqlite(\+pysqlite)?://[^/?]", text):
        raise ValueError("expected three slashes, as in sqlite:///data/file.db, and four for /data/file.db")
    if text.startswith("postgres://"):
        raise ValueError("unknown kind of database postgres: did you mean postgresql://?")
    if not re.match(r"sqlite(\+pysqlite)?://|postgresql(\+psycopg)?://", text):
        raise ValueError("expected sqlite:///file.db or postgresql+psycopg://user:password@host/name")
    # The bare name would ask for another driver than the one that comes with us.
    return text.replace("postgresql://", "postgresql+psycopg://", 1)


def _category_path(text: str) -> str:
    levels = text.split("/")
    if not all(level.strip() for level in levels):
        raise ValueError("expected levels separated by one '/', none of them empty")
    if len(levels) > DEEPEST:
        raise ValueError(f"expected at most {DEEPEST} levels")
    return text


def _slug(text: str) -> str:
    fit = slugs.slug(tuple(text.split("/")))
    if fit != text:
        raise ValueError(f"expected a name that is safe in addresses and files, such as {fit!r}")
    return text


def _host(text: str) -> str:
    """A host name, an address or a block of addresses; blocks must have no bits behind them."""
    if ":" not in text and "/" not in text and _HOST.fullmatch(text) and not text.replace(".", "").isdigit():
        return text
    try:
        block = ip_network(text, strict=False)
    except ValueError as error:
        raise ValueError("expected a host name, an address or a block such as 10.0.0.0/8") from error
    if text.partition("/")[0] != str(block.network_address) and "/" in text and ":" not in text:
        raise ValueError(f"{text} is an address within a block: did you mean {block}?")
    return text


def _header_name(text: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", text):  # RFC 9110, section 5.1
        raise ValueError("expected a name of letters, digits and hyphens")
    return text


def _header_value(text: str) -> str:
    if any(unicodedata.category(char) == "Cc" and char != "\t" for char in text):
        raise ValueError("expected one line without control characters")
    return text


def _bool_or_selector(value: object) -> bool | str:
    if isinstance(value, str) and value.lower() not in _BOOLEANS:
        return _css(value)
    if not isinstance(value, (str, bool)):
        raise ValueError("expected yes, no or a CSS selector")
    return value if isinstance(value, bool) else _BOOLEANS[value.lower()]


def _kind(name: str, **schema: Any) -> Any:
    """What the references say of a value: `kind` is its name for people, the rest JSON schema."""
    return Field(json_schema_extra={"kind": name, **schema})


Duration = Annotated[
    timedelta,
    BeforeValidator(_as_duration),
    PlainSerializer(units.duration_text, return_type=str),
    WithJsonSchema({"type": "string", "kind": "duration", "examples": ["30s", "15m", "2h", "7d"]}),
]
Size = Annotated[
    int,
    BeforeValidator(_as_size),
    PlainSerializer(units.size_text, return_type=str),
    WithJsonSchema({"type": ["string", "integer"], "kind": "size", "examples": ["500KB", "16MB", "1GiB"]}),
]
Pattern = Annotated[str, AfterValidator(_pattern), _kind("pattern")]
Selector = Annotated[str, AfterValidator(_css), _kind("CSS selector")]
Zone = Annotated[str, AfterValidator(_zone), _kind("time zone", examples=["Asia/Shanghai", "UTC"])]
Cron = Annotated[str, AfterValidator(_cron), _kind("crontab line", examples=["0 7 * * *"])]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name)]
WebAddress = Annotated[str, AfterValidator(_address), _kind("web address", pattern="^https?://")]
Language = Annotated[str, AfterValidator(_language), _kind("language", examples=["zh", "en"])]
CategoryPath = Annotated[Name, AfterValidator(_category_path), _kind("category")]
Slug = Annotated[Name, AfterValidator(_slug)]
Host = Annotated[str, AfterValidator(_host), _kind("host or block", examples=["10.0.0.0/8", "intranet.example"])]
Listening = Annotated[str, AfterValidator(_listening)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
SiteAddress = Annotated[WebAddress, AfterValidator(_site_address)]
Tag = Annotated[str, AfterValidator(_tag), _kind("authority and date", examples=["news.example.org,2026"])]
Database = Annotated[str, AfterValidator(_database)]
FullText = Annotated[bool | str, BeforeValidator(_bool_or_selector), _kind("yes, no or CSS selector")]
