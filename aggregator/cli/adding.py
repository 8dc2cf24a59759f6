"""`sources add`: finds the feeds of an address, or takes a folder, and writes a source into config.yaml."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aggregator.cli import editing, options, show
from aggregator.config import edit, naming
from aggregator.config.schema import Source
from aggregator.errors import ConfigError
from aggregator.means import Means
from aggregator.model import Failed, Outcome

if TYPE_CHECKING:
    from aggregator.discovery import Candidate, Found

_ADDRESS = re.compile(r"(?:https?|feed):", re.IGNORECASE)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?(?:[/?].*)?|localhost(?::\d+)?(?:/.*)?")
COLUMNS = ("title", "format", "entries", "newest", "url", "source")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What was asked for on the command line."""

    place: str
    path: Path
    name: str | None
    category: str | None
    yes: bool
    allow_private: bool
    as_json: bool

    @property
    def asks(self) -> bool:
        return not (self.yes or self.as_json) and editing.asks()


@dataclass(frozen=True, slots=True)
class _Offer:
    """A source to be, and what it brings."""

    kind: dict[str, Any]
    title: str | None
    brings: dict[str, Any]
    category: str | None = None


@click.command(help="Add a source: the feed of a web address, or a folder of article files.")
@click.argument("place", metavar="URL|FOLDER")
@click.option("--name", help="Its name; default: the feed's title.")
@click.option("--category", help="Where its entries are published.")
@click.option("--allow-private", is_flag=True, help="Its host may have a private address.")
@click.option("-y", "--yes", is_flag=True, help="Take the best feed and what is suggested; ask nothing.")
@options.config_file
@options.as_json
def add(
    place: str, name: str | None, category: str | None, allow_private: bool, yes: bool, path: Path, as_json: bool
) -> None:
    wish = _Wish(place, path, name, category, yes, allow_private, as_json)
    means = options.means(path)
    offer = _feed(means, wish) if _is_address(place) else _folder(means, wish)
    if not as_json:
        show.print_table([offer.brings], tuple(offer.brings))
    item = _item(means, wish, offer)
    change = editing.propose(path, [edit.adding([item])])
    backup = editing.apply(change, quiet=as_json)
    if as_json:
        show.print_json({"added": item, "brings": offer.brings, "previous": str(backup)})
    else:
        click.echo(f"added {item['name']}; a running service checks it by itself, else `aggregator once` does")


def _is_address(place: str) -> bool:
    return bool(_ADDRESS.match(place) or (not Path(place).expanduser().exists() and _HOST.fullmatch(place)))


def _item(means: Means, wish: _Wish, offer: _Offer) -> dict[str, Any]:
    name = wish.name or naming.free_name(offer.title, wish.place, {naming.name_key(one) for one in means.sources})
    # A suggestion, for `category` puts all entries in one place: somebody must have agreed.
    category = wish.category or (offer.category if wish.yes or wish.asks else None)
    if wish.asks and not wish.name:
        name = editing.ask("Name", default=name)
    if wish.asks and not wish.category:
        category = editing.ask("Category (- for none)", default=category or "-").strip()
    more = {"category": category} if category and category != "-" else {}
    return {"name": name, **offer.kind, **more}


# --- feeds ---------------------------------------------------------------------------------


def _feed(means: Means, wish: _Wish) -> _Offer:
    source = _asked(wish)
    known = naming.known_addresses(means.config)
    _refuse_known(wish, known.get(naming.address_key(source.url or "")), source.url or "")
    found = options.stoppable(_find(means, source), means)
    if not found.candidates:
        raise ConfigError(_nothing(wish, found))
    best = found.candidates[0]
    if len(found.candidates) > 1 and not wish.yes:
        best = _choose(wish, found.candidates, known)
    _refuse_known(wish, known.get(naming.address_key(best.url)), best.url)
    private = {"allow_private": True} if wish.allow_private else {}
    return _Offer(
        {"url": best.url, **private},
        best.title,
        _row(best),
        naming.fitting_category(best.title, best.terms, means.config.categories),
    )


def _asked(wish: _Wish) -> Source:
    address = re.sub(r"^feed:(?://)?(?=https?:)", "", wish.place.strip(), flags=re.IGNORECASE)
    address = re.sub(r"^feed:(?://)?", "https://", address, flags=re.IGNORECASE)
    address = address if _ADDRESS.match(address) else f"https://{address}"
    scheme, _, rest = address.partition("://")
    try:
        return Source(name="sources add", url=f"{scheme.lower()}://{rest}", allow_private=wish.allow_private)
    except ValueError:
        raise ConfigError([f"{wish.place}: expected an address such as https://example.org/, or a folder"]) from None


async def _find(means: Means, source: Source) -> Found:
    from aggregator.discovery import find

    async with means.fetcher:
        return await find(means, source)


def _refuse_known(wish: _Wish, name: str | None, address: str) -> None:
    if name is not None:
        raise ConfigError([f"{wish.path}: nothing was written: {address} is the source {name!r} already"])


def _nothing(wish: _Wish, found: Found) -> list[str]:
    if len(found.tried) == 1:
        _, failed = found.tried[0]
        return [f"{wish.place}: nothing was written: {failed.outcome}: {failed.message}: {_remedy(failed)}"]
    tried = [f"  {address}: {failed.message}" for address, failed in found.tried]
    remedy = f"If the page is what you want, write a source with `page: {wish.place}` and `select`"
    return [f"{wish.place}: no feed was found. Tried:", *tried, f"{remedy}: see docs/guide.md, Pages without a feed."]


def _remedy(failed: Failed) -> str:
    private = failed.outcome is Outcome.REFUSED_ADDRESS
    return "if it is yours, say so by --allow-private, or in `network.allow`" if private else failed.remedy


def _choose(wish: _Wish, candidates: Sequence[Candidate], known: dict[str, str]) -> Candidate:
    """Which one a person takes; exit 2 where nobody can be asked."""
    rows = [
        {"": number, **_row(one), "source": known.get(naming.address_key(one.url))}
        for number, one in enumerate(candidates, 1)
    ]
    if wish.as_json:
        show.print_json({"candidates": [{key: value for key, value in row.items() if key} for row in rows]})
    else:
        show.print_table(rows, ("", *COLUMNS))
    if not wish.asks:
        raise ConfigError([f"{wish.place}: several feeds were found: name the one to add, or take the first by --yes"])
    number: int = editing.ask("Which one", type=click.IntRange(1, len(candidates)), default=1)
    return candidates[number - 1]


def _row(one: Candidate) -> dict[str, Any]:
    return {
        "title": one.title,
        "format": one.format,
        "entries": one.entries,
        "newest": one.newest,
        "url": one.url,
    }


# --- folders -------------------------------------------------------------------------------


def _folder(means: Means, wish: _Wish) -> _Offer:
    from aggregator import folders
    from aggregator.clean import rules_for
    from aggregator.prepare import Recipe

    folder = Path(os.path.abspath(Path(wish.place).expanduser()))
    if not folder.is_dir():
        raise ConfigError([f"{wish.place}: there is no such folder, and it is no web address"])
    same = [
        one.name for one in means.config.sources if one.path and os.path.realpath(one.path) == str(folder.resolve())
    ]
    _refuse_known(wish, same[0] if same else None, wish.place)
    source = Source(name=naming.free_name(folder.name, "folder", ()), path=str(folder))
    recipe = Recipe(source, means.config.site.timezone, rules_for(means.config, source))
    read = folders.preview(means, recipe)
    if isinstance(read, Failed):
        raise ConfigError([f"{wish.place}: {read.message}: {read.remedy}"])
    dates = [one.entry.published for one in read.prepared if one.entry.published]
    brings = {
        "title": folder.name,
        "entries": len(read.prepared),
        "refused": len(read.refused),
        "newest": max(dates, default=None),
        "path": _written(wish, folder),
    }
    return _Offer({"path": brings["path"]}, folder.name, brings)


def _written(wish: _Wish, folder: Path) -> str:
    """Relative to the file where it was typed so, for the whole may be moved."""
    if Path(wish.place).expanduser().is_absolute():
        return wish.place
    relative = os.path.relpath(folder, Path(os.path.abspath(wish.path)).parent)
    return relative if relative.startswith(".") else f"./{relative}"
