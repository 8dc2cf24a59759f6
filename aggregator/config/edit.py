"""Edits of config.yaml by commands: only the lines that are meant change, and only to what is valid.

    change = edit.propose(path, environ, [adding([{"name": "Example", "url": "https://example.org/feed"}])])
    edit.write(change)

What `splice` makes of the text is read again and must say exactly what was meant; a layout that it
cannot edit is refused, never damaged. The file before the last edit stays beside it as `config.yaml~`.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, TypeAlias

from aggregator.config import load, positions, splice
from aggregator.config.schema import Config, Source
from aggregator.config.section import keys, marked
from aggregator.errors import ConfigError, StoreError

_BOM = b"\xef\xbb\xbf"
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")
_HIDDEN = "…"


@dataclass(frozen=True, slots=True)
class Step:
    """One edit: of the text, and of the plain values that the text must mean afterwards."""

    on_text: Callable[[str], str]
    on_value: Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What a file held, and a valid configuration that it is to hold instead. Nothing is written yet."""

    path: Path
    before: bytes
    after: bytes
    config: Config

    def diff(self) -> list[str]:
        """The lines that differ, with their numbers; secrets are not shown."""
        old, new = (content.removeprefix(_BOM).decode() for content in (self.before, self.after))
        hidden = sorted({*_secrets(old), *_secrets(new)}, key=len, reverse=True)
        lines = unified_diff(_lines(old), _lines(new), str(self.path), str(self.path), n=0, lineterm="")
        return [_USER_INFO.sub(_HIDDEN + "@", _without(hidden, line)) for line in lines]


# --- steps ---------------------------------------------------------------------------------

Key: TypeAlias = Sequence[str]


def adding(items: Sequence[dict[str, Any]]) -> Step:
    """Sources behind the last one; their values are text, yes or no, numbers, lists and mappings of these."""

    def on_value(tree: dict[str, Any]) -> None:
        tree["sources"] = [*(tree.get("sources") or []), *(_as_read(item) for item in items)]

    return Step(lambda text: splice.append(text, items), on_value)


def removing(index: int) -> Step:
    """Without the source of that index."""
    return Step(lambda text: splice.cut(text, index), lambda tree: tree["sources"].pop(index))


def setting(index: int, key: Key, value: Any) -> Step:
    """A key of a source, or one within a key: `("clean", "learn")`."""

    def on_value(tree: dict[str, Any]) -> None:
        holder = tree["sources"][index]
        for name in key[:-1]:
            holder[name] = holder.get(name) if isinstance(holder.get(name), dict) else {}
            holder = holder[name]
        holder[key[-1]] = _as_read(value)

    return Step(lambda text: splice.put(text, index, key, value), on_value)


def dropping(index: int, key: Key) -> Step:
    """Without a key of a source that is there; what holds nothing then goes too."""

    def on_value(tree: dict[str, Any]) -> None:
        holders = [tree["sources"][index]]
        for name in key[:-1]:
            holders.append(holders[-1][name])
        for holder, name in zip(reversed(holders), reversed(key), strict=True):
            del holder[name]
            if holder:
                break

    return Step(lambda text: splice.drop(text, index, key), on_value)


def is_set(tree: dict[str, Any], index: int, key: Key) -> bool:
    """Whether a source has that key in the file."""
    holder: Any = tree["sources"][index]
    for name in key:
        if not isinstance(holder, dict) or name not in holder:
            return False
        holder = holder[name]
    return True


# --- propose and write ---------------------------------------------------------------------


def written(path: Path) -> dict[str, Any]:
    """The plain values of a file that `load` accepts: every scalar is text, as it was written."""
    tree: Any = positions.parse(path.read_text(encoding="utf-8-sig")).value
    return dict(tree)


def propose(path: Path, environ: Mapping[str, str], steps: Sequence[Step]) -> Change:
    """The change that the steps make of a valid file, in that order.

    Raises ConfigError, with the messages of `check`, where the file is not valid or would not be.
    """
    load.read(path, environ)
    before = path.read_bytes()
    bom = _BOM if before.startswith(_BOM) else b""
    text = before.removeprefix(bom).decode()
    meant: Any = positions.parse(text).value
    for step in steps:
        step.on_value(meant := deepcopy(meant))
        text = step.on_text(text)
        if not _says(text, meant):
            raise ConfigError([f"{path}: nothing was written: its layout cannot be edited safely; edit it by hand"])
    try:
        config = load.understood(path, text, environ).config
    except ConfigError as error:
        raise ConfigError([f"{path}: nothing was written; it would not be valid:", *error.problems]) from None
    return Change(path, before, bom + text.encode(), config)


def write(change: Change) -> Path:
    """Put the new file in the place of the old one, which stays beside it; returns where.

    Either file is whole at any moment. Mode and owner stay; a symbolic link stays one. Raises
    ConfigError where somebody else edited the file meanwhile, StoreError where it cannot be written.
    """
    target = Path(os.path.realpath(change.path))
    backup = target.with_name(target.name + "~")
    try:
        if target.read_bytes() != change.before:
            raise ConfigError([f"{change.path}: it was edited meanwhile, nothing was written: do it again"])
        replace(backup, change.before, like=target)
        replace(target, change.after, like=target)
    except OSError as error:
        raise StoreError(f"{change.path}: cannot be written: {error.strerror}") from error
    return backup


def replace(target: Path, content: bytes, like: Path | None = None) -> None:
    """Write a file in one step, with the mode and the owner of another. Raises OSError."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    model = like.stat() if like else None
    # What it holds may be secret: nobody else reads it while it is being made.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if model else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            if model:
                with suppress(PermissionError):  # only root gives files away
                    os.fchown(file.fileno(), model.st_uid, model.st_gid)
                os.fchmod(file.fileno(), model.st_mode & 0o7777)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _says(text: str, meant: Any) -> bool:
    try:
        tree = positions.parse(text)
    except positions.MalformedError:
        return False
    return tree.value == meant and not tree.problems


def _as_read(value: Any) -> Any:
    """A value as `positions` reads what is written of it."""
    if isinstance(value, dict):
        return {str(key): _as_read(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_read(inner) for inner in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None else str(value)


# --- what is shown -------------------------------------------------------------------------


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n")]


def _secrets(text: str) -> Iterator[str]:
    """Values of sources that the schema calls secret."""
    tree: Any = positions.parse(text).value
    names = [name for name, field in keys(Source).items() if marked(field, "secret") or name == "auth"]
    for source in tree.get("sources") or ():
        for name in names:
            value = source.get(name)
            yield from (str(one) for one in (value.values() if isinstance(value, dict) else [value]) if one)


def _without(hidden: Sequence[str], line: str) -> str:
    for value in hidden:
        # Only behind its key: a user name may be a common word.
        line = re.sub(rf"(?<=[:\s{{,'\"]){re.escape(value)}(?=$|[\s}},'\"])", _HIDDEN, line)
    return line
