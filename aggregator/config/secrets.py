"""`${NAME}` and `…_file`: values that do not stand in config.yaml itself.

Only what the schema marks as secret may come from outside, so that a copied line can never carry
the environment into an address or a file name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aggregator.config.section import Location, Mistakes, Section, keys, marked, section_of

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_FILE = "_file"
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a configuration may draw on besides its own text."""

    #: Of the configuration; `…_file` is relative to it.
    folder: Path
    environ: Mapping[str, str]


class _MissingError(Exception):
    """A value could not be had; `str()` says why."""


def reveal(section: type[Section], given: Any, around: Surroundings, at: Location = ()) -> Mistakes:
    """Put the real values into `given`, and yield what could not be had or may not be asked for.

    A value that could not be had is taken out, so that nothing else is said of it.
    """
    if not isinstance(given, dict):
        return
    known = keys(section)
    for name in list(given):
        field, secret = known.get(name), known.get(name.removesuffix(_FILE))
        if field is not None and marked(field, "secret"):
            values = given[name]
            if isinstance(values, dict):
                for inner in list(values):
                    yield from _fill(values, inner, around, (*at, name))
            else:
                yield from _fill(given, name, around, at, plain=True)
        elif field is None and secret is not None and marked(secret, "secret"):
            yield from _fill(given, name, around, at)
        else:
            yield from _within(field and section_of(field.annotation), given[name], around, (*at, name))


def _within(section: type[Section] | None, value: Any, around: Surroundings, at: Location) -> Mistakes:
    if section is not None and isinstance(value, dict):
        yield from reveal(section, value, around, at)
    elif isinstance(value, (dict, list)):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _within(section, inner, around, (*at, step))
    elif isinstance(value, str) and (found := _VARIABLE.search(value)):
        yield at, f"{found[0]} is not replaced here: only database, token, headers, cookies, auth and proxy may hold it"


def _fill(values: dict[str, Any], name: str, around: Surroundings, at: Location, *, plain: bool = False) -> Mistakes:
    """The real value under its real name; `plain`: the name is a key of its own, whatever it ends in."""
    written = values[name]
    if not isinstance(written, str):
        return
    from_file = name.endswith(_FILE) and not plain
    real = name.removesuffix(_FILE) if from_file else name
    if from_file and real in values:
        del values[name]
        yield (*at, name), f"expected {real} or {name}, found both"
        return
    del values[name]
    try:
        text = _expanded(written, around.environ)
        values[real] = _content(around.folder / text) if from_file else text
    except _MissingError as error:
        yield (*at, name), str(error)


def _expanded(text: str, environ: Mapping[str, str]) -> str:
    unset = [name for name in _VARIABLE.findall(text) if name not in environ]
    if unset:
        raise _MissingError(f"the environment variable {unset[0]} is not set")
    if "${" in _VARIABLE.sub("", text):
        raise _MissingError("expected ${NAME}, a name of letters, digits and underscores")
    return _VARIABLE.sub(lambda match: environ[match[1]], text)


def _content(path: Path) -> str:
    try:
        with path.expanduser().open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode()
    except OSError as error:
        raise _MissingError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except (UnicodeDecodeError, RuntimeError) as error:
        raise _MissingError(f"cannot read {str(path)!r}: expected UTF-8 text") from error
    if len(content) > _MOST_BYTES:
        raise _MissingError(f"cannot read {str(path)!r}: expected at most {_MOST_BYTES} bytes")
    return text.removesuffix("\n").removesuffix("\r")
