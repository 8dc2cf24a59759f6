"""What is wrong with several items of config.yaml together: one name twice, one address twice, moves that cross."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from aggregator import slugs
from aggregator.config.section import Mistakes


def of_sources(sources: Any) -> Mistakes:
    """Sources that are known by one name."""
    message = "two sources of one name, {shown!r}: give this or source {number} another"
    yield from _repeated(sources, "sources", _source_name, message)


def of_categories(categories: Any) -> Mistakes:
    """Categories that are one, that lie at one address, or whose `was` says two things."""
    yield from _repeated(categories, "categories", _category_name, "{shown!r} is the same category as {first!r}")
    yield from _repeated(
        categories, "categories", _category_slug, "{shown!r} and {first!r} have the same address: give one a slug"
    )
    yield from _moved_twice(categories)


def _moved_twice(categories: Any) -> Mistakes:
    """Each path in `was` whose way is not clear: it leads to two, or a category of the config is there."""
    items = categories if isinstance(categories, (list, tuple)) else ()
    present = {_folded(path): path for item in items if isinstance(path := _of(item, "path"), str)}
    taken: dict[tuple[str, ...], str] = {}
    for index, item in enumerate(items):
        was = item.get("was") if isinstance(item, Mapping) else getattr(item, "was", ())
        for place, old in enumerate(was if isinstance(was, (list, tuple)) else ()):
            here, name = ("categories", index, "was", place), _folded(old) if isinstance(old, str) else ()
            below = next((path for key, path in present.items() if name and key[: len(name)] == name), None)
            if below is not None:
                yield here, f"{old!r} cannot be moved while the category {below!r} is there"
            elif name in taken:
                yield here, f"{old!r} moved to {taken[name]!r} already"
            elif name:
                taken[name] = str(_of(item, "path"))


def _folded(path: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFKC", name).casefold().strip() for name in path.split("/"))


def _source_name(source: Any) -> tuple[str, str]:
    name = str(_of(source, "name") or "")
    return unicodedata.normalize("NFC", name), name


def _category_name(category: Any) -> tuple[str, str]:
    path = str(_of(category, "path") or "")
    return unicodedata.normalize("NFKC", path).casefold(), path


def _category_slug(category: Any) -> tuple[str, str]:
    path = str(_of(category, "path") or "")
    slug = _of(category, "slug") or (path and slugs.slug(tuple(path.split("/"))))
    return unicodedata.normalize("NFC", str(slug)), path


def _of(item: Any, name: str) -> Any:
    """A key's value in a section that is already read, or not yet."""
    return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)


def _repeated(items: Any, place: str, naming: Callable[[Any], tuple[str, str]], message: str) -> Mistakes:
    """Each item that has the same name, by `naming`, as one before it."""
    seen: dict[str, tuple[int, str]] = {}
    for index, item in enumerate(items if isinstance(items, (list, tuple)) else ()):
        name, shown = naming(item)
        if name and name in seen:
            number, first = seen[name]
            yield (place, index), message.format(shown=shown, first=first, number=number)
        elif name:
            seen[name] = index + 1, shown
