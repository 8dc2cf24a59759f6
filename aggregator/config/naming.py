"""Names, categories and addresses of sources that commands add: what is there already, and what to suggest. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from aggregator.config import units
from aggregator.config.schema import Category, Config

#: Characters of a suggested name: it stands in tables, and in every command that is about the source.
LONGEST = 60


def address_key(address: str) -> str:
    """The same for addresses that people take for one: scheme, `www.`, user info and a final `/` make no difference."""
    try:
        parts = urlsplit(address.strip())
        port = f":{parts.port}" if parts.port not in (None, 80, 443) else ""
    except ValueError:
        return address
    host = (parts.hostname or "").removeprefix("www.")
    return f"{host}{port}{parts.path.rstrip('/')}" + (f"?{parts.query}" if parts.query else "")


def known_addresses(config: Config) -> dict[str, str]:
    """Names of the feeds that are sources, by `address_key`."""
    return {address_key(source.url): source.name for source in config.sources if source.url}


def name_key(name: str) -> str:
    """The same for names that people take for one."""
    return unicodedata.normalize("NFC", name).casefold()


def free_name(wanted: str | None, address: str, taken: Collection[str]) -> str:
    """A valid name like the one wanted (a feed's title), else like the host's; `taken` are keys of names."""
    kept = "".join(char for char in wanted or "" if unicodedata.category(char) not in ("Cc", "Cs", "Cf"))
    # `${` asks for a variable of the environment, which no name may do.
    name = " ".join(kept.replace("${", "{").split())[:LONGEST].strip()
    name = name or (urlsplit(address).hostname or address).removeprefix("www.")
    number, free = 1, name
    while name_key(free) in taken:
        number += 1
        free = f"{name} {number}"
    return free


def fitting_category(title: str | None, terms: Iterable[str], categories: Iterable[Category]) -> str | None:
    """The configured category whose name or `from` fits the feed's title, else most of its entries' terms."""
    told = list(terms)
    best, most = None, len(told) / 2
    for category in categories:
        if title and (category.path.rpartition("/")[2].casefold() in title.casefold() or _matches(category, title)):
            return category.path
        hits = sum(_matches(category, term) for term in told)
        if hits > most:
            best, most = category.path, hits
    return best


def _matches(category: Category, text: str) -> bool:
    try:
        return any(units.pattern(one).search(text, timeout=units.PATTERN_SECONDS) for one in category.from_)
    except TimeoutError:
        return False
