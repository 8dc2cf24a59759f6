"""What config.yaml says about cleaning one source, as one value that can be sent to another process."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from aggregator.clean.urls import KNOWN_PROXIES
from aggregator.config.schema import Clean, Config, Rule, Source
from aggregator.model import Path


@dataclass(frozen=True, slots=True)
class Rules:
    """Made once for each source; equal configurations give equal values."""

    name: str
    kind: Literal["feed", "folder", "page"]
    site_language: str = "en"
    language: str | None = None
    #: Of the source, else of the site: what days are in.
    timezone: str = "UTC"
    dates: Literal["trust", "crawl"] | None = None
    #: Whether what was found on an entry's own page counts.
    full_text: bool = False
    #: With what our own ids begin: entries that have one are not taken in again.
    own: str = ""
    #: Levels separated by `/`, or `own`.
    category: str | None = None
    #: Each category with the patterns of own terms that belong to it, in the order of config.yaml.
    mapped: tuple[tuple[Path, tuple[str, ...]], ...] = ()
    unwrap: tuple[str, ...] = KNOWN_PROXIES
    #: CSS selectors; patterns with what replaces what they match.
    remove: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    replace: tuple[tuple[str, str], ...] = ()
    #: What to do with entries that match: the source's before those for all.
    people: tuple[Rule, ...] = ()


def rules_for(config: Config, source: Source) -> Rules:
    """What cleaning has to know of a source; lists of the source come before those for all."""
    ours = (source.clean or Clean(), config.clean)
    return Rules(
        name=source.name,
        kind=source.kind,
        site_language=config.site.language,
        language=source.language,
        timezone=source.timezone or config.site.timezone,
        dates=source.dates,
        full_text=bool(source.full_text),
        own=f"tag:{config.site.tag}:",
        category=source.category,
        mapped=tuple((levels(one.path), one.from_) for one in config.categories if one.from_),
        unwrap=tuple(dict.fromkeys([*(prefix for part in ours for prefix in part.unwrap), *KNOWN_PROXIES])),
        remove=tuple(selector for part in ours for selector in part.remove),
        keep=tuple(selector for part in ours for selector in part.keep),
        replace=tuple((one.pattern, one.with_) for part in ours for one in part.replace),
        people=(*source.rules, *config.rules),
    )


def levels(text: str) -> Path:
    """The path that config.yaml writes with `/` between its levels."""
    return tuple(unicodedata.normalize("NFC", name.strip()) for name in text.split("/") if name.strip())
