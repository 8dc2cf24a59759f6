"""What pydantic found wrong, as sentences for people: where, what was expected, what was found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aggregator.config.section import Location, Section, keys, marked, section_of

#: By type of error. What is not here is said in pydantic's words.
_EXPECTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "bool_parsing": lambda _: "expected yes or no",
    "bool_type": lambda _: "expected yes or no",
    "int_parsing": lambda _: "expected a whole number",
    "int_from_float": lambda _: "expected a whole number",
    "int_type": lambda _: "expected a whole number",
    "string_type": lambda _: "expected text",
    "tuple_type": lambda _: "expected a list: items on lines of their own behind '- ', or [a, b]",
    "dict_type": lambda _: "expected keys with values",
    "model_type": lambda _: "expected keys with values",
    "model_attributes_type": lambda _: "expected keys with values",
    "time_delta_type": lambda _: "expected a duration such as 30s, 15m, 2h or 7d",
    "literal_error": lambda context: f"expected {context['expected'].replace(chr(39), '')}",
    "greater_than": lambda context: f"expected more than {context['gt']}",
    "greater_than_equal": lambda context: f"expected at least {context['ge']}",
    "less_than_equal": lambda context: f"expected at most {context['le']}",
    "string_too_short": lambda _: "expected text",
    "string_too_long": lambda context: f"expected at most {context['max_length']} characters",
    "too_short": lambda context: f"expected at least {context['min_length']} of them",
}

#: Words of other programs for keys of ours that are spelled quite differently.
_MEANT = {"feed": "url", "link": "url", "folder": "path", "directory": "path", "dir": "path", "name": "title"}

#: Longer values are cut in messages.
_SHOWN = 60

#: User name and password in an address.
_USER = re.compile(r"(?<=//)[^/@]*@")
_CURLY = ("“", "”", "‘", "’", "＂", "＇")


def message(error: Mapping[str, Any], root: type[Section], given: Any) -> tuple[Location, str]:
    """Where an error of pydantic's belongs in the file that was read as `given`, and the sentence."""
    location = tuple(step for step in error["loc"] if step != "[key]")
    if error["type"] == "extra_forbidden":
        return location, _place(location[:-1], given) + _unknown(str(location[-1]), root, location[:-1])
    if error["loc"][-1:] == ("[key]",) and error["type"] == "literal_error":
        options = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        return location, _place(location[:-1], given) + _nearest(str(location[-1]), options)
    if error["type"] == "missing":
        return location, _place(location[:-1], given) + _missing(str(location[-1]), root, location[:-1])
    return location, _place(location, given) + _sentence(error, _is_secret(root, location))


def place(location: Location, given: Any) -> str:
    """The part of the file that a message is about: `source '少数派' (feed): interval`."""
    steps: list[str] = []
    rest = location
    if len(location) > 1 and location[0] == "sources":
        source = _get(_get(given, "sources"), location[1])
        kind = next((word for key, word in _KINDS.items() if _get(source, key) is not None), "")
        name = _get(source, "name")
        shown = repr(name) if isinstance(name, str) else str(int(location[1]) + 1)
        steps, rest = [f"source {shown}{kind}"], location[2:]
    path = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in rest)
    return ": ".join([*steps, path.removeprefix(".")] if path else steps)


_KINDS = {"url": " (feed)", "path": " (folder)", "page": " (page)"}


def _place(location: Location, given: Any) -> str:
    text = place(location, given)
    return f"{text}: " if text else ""


def _missing(name: str, root: type[Section], location: Location) -> str:
    """What the reference says of it; of a section, which keys it cannot do without."""
    section = _section_at(root, location)
    field = keys(section).get(name) if section else None
    inner = section_of(field.annotation) if field else None
    if inner:
        needed = ", ".join(key for key, one in keys(inner).items() if one.is_required())
        return f"{name!r} is missing: expected it with {needed}"
    what = (field.description or "").partition(". ")[0].removesuffix(".") if field else ""
    return f"{name!r} is missing" + (f": {what[:1].lower()}{what[1:]}" if what else "")


def _unknown(name: str, root: type[Section], location: Location) -> str:
    section = _section_at(root, location)
    known = keys(section) if section else {}
    files = [f"{key}_file" for key, field in known.items() if marked(field, "secret")]
    return _nearest(name, list(known), files, _homes(name, root))


def _homes(name: str, root: type[Section]) -> list[str]:
    """The sections that have a key of that name: a wrong indentation puts it into another."""
    if name in keys(root):
        return ["the beginning of a line, in no section"]
    sections = {place: section_of(field.annotation) for place, field in keys(root).items()}
    return [place for place, section in sections.items() if section and name in keys(section)]


def _nearest(name: str, options: list[str], others: Iterable[str] = (), homes: Iterable[str] = ()) -> str:
    """`others` may be meant, but are not offered where nothing is near; `homes` is where that name is a key."""
    from difflib import get_close_matches

    near = (
        [_MEANT[name]] if _MEANT.get(name) in options else get_close_matches(name.lower(), [*options, *others], 1, 0.6)
    )
    if near:
        return f"unknown key {name!r}: did you mean {near[0]!r}?"
    home = " or ".join(homes)
    return f"unknown key {name!r}: " + (f"its place is {home}" if home else f"expected one of {', '.join(options)}")


def _sentence(error: Mapping[str, Any], secret: bool) -> str:
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        said = str(context["error"])
    else:
        sentence = _EXPECTED.get(error["type"])
        said = sentence(context) if sentence else str(error["msg"])
    found = error["input"]
    told = "found" in said or said.endswith("?") or (isinstance(found, str) and repr(found) in said)
    if told or not isinstance(found, (str, int, list, dict, type(None))):
        return said
    if secret or _is_section(found, error):
        return said
    straight = " (write quotes as ' or \")" if isinstance(found, str) and found.startswith(_CURLY) else ""
    return f"{said}, found {_shown(found)}{straight}"


def _is_section(found: Any, error: Mapping[str, Any]) -> bool:
    """What is said of several keys together shows none of them."""
    return isinstance(found, dict) and error["type"] == "value_error"


def _shown(found: Any) -> str:
    if found is None:
        return "nothing"
    if isinstance(found, dict):
        return "keys"
    if isinstance(found, list):
        return "a list"
    text = _USER.sub("…@", found) if isinstance(found, str) else found
    return repr(text) if len(str(text)) <= _SHOWN else repr(str(text)[:_SHOWN] + "…")


def _is_secret(root: type[Section], location: Location) -> bool:
    section: type[Section] | None = root
    for step in location:
        field = keys(section).get(str(step)) if section else None
        if field is not None:
            if marked(field, "secret"):
                return True
            section = section_of(field.annotation)
    # A line of text where the keys of a section were expected holds what would be in them.
    return section is not None and all(marked(field, "secret") for field in keys(section).values())


def _section_at(root: type[Section], location: Location) -> type[Section] | None:
    section: type[Section] | None = root
    for step in location:
        if section is not None and isinstance(step, str):
            field = keys(section).get(step)
            section = section_of(field.annotation) if field else None
    return section


def _get(holder: Any, step: str | int) -> Any:
    """One step into plain values that may have any shape."""
    if isinstance(holder, dict):
        return holder.get(step)
    if isinstance(holder, list) and isinstance(step, int) and step < len(holder):
        return holder[step]
    return None
