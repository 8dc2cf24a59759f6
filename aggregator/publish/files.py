"""The output folder: files appear whole or not at all, and only when they differ.

A document is written beside its place and renamed into it; whoever reads meanwhile has the old
one or the new one. Feeds are flushed to the disk before the rename (`sync`), pages are not: the
database can write every file again.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

from aggregator.errors import StoreError

# The longest name that Linux and macOS take, in bytes.
_NAME_BYTES = 255
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")

_REMEDIES = {
    errno.ENOSPC: "Free some space; nothing was replaced.",
    errno.EDQUOT: "The quota is used up: free some space; nothing was replaced.",
    errno.EROFS: "The file system is read-only: set output.directory to another one, or mount it writable.",
    errno.EACCES: "Give the user that runs this the right to write there, or set output.directory.",
    errno.EPERM: "Give the user that runs this the right to write there, or set output.directory.",
    errno.ENAMETOOLONG: "Give that category a shorter `slug` in config.yaml.",
    errno.EISDIR: "A folder lies where a file belongs: move it away.",
    errno.ENOTDIR: "A file lies where a folder belongs: move it away.",
    errno.EEXIST: "A file lies where a folder belongs: move it away.",
}


def put(root: Path, path: str, data: bytes, *, sync: bool) -> bool:
    """Make the file at `path` below `root` hold `data`; tell whether it had to be written.

    Raises StoreError with the system's words where that fails; the old file is then untouched.
    """
    target = _below(root, path)
    with _translated(target):
        if _holds(target, data):
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, data, sync)
    return True


def stamp(root: Path, path: str) -> tuple[int, int] | None:
    """Size and time of writing (nanoseconds) of the file at `path`; None where there is none.

    Equal stamps mean that nobody has touched it; it is not read for that.
    """
    target = _below(root, path)
    with _translated(target):
        try:
            found = target.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    return found.st_size, found.st_mtime_ns


def read(root: Path, path: str) -> bytes | None:
    """What lies at `path`; None where nothing does."""
    target = _below(root, path)
    with _translated(target):
        try:
            return target.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None


def remove(root: Path, path: str) -> bool:
    """Take the file at `path` away; tell whether there was one. Folders stay."""
    target = _below(root, path)
    with _translated(target):
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def sync_folders(root: Path, paths: Iterable[str]) -> None:
    """Flush the folders of what was put at `paths`, each once: it is they that hold the new names."""
    folders = {folder for path in paths for folder in _below(root, path).parents if folder.is_relative_to(root)}
    for folder in sorted(folders):
        with _translated(folder):
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def sweep(root: Path, age: float = 0.0) -> int:
    """Remove the temporary files that a killed process left behind; tell how many.

    Without an age only for the one writer, and before it writes: another's file would be taken from under it.
    Where several write, those that are so many seconds old belong to nobody any more.
    """
    swept, newest = 0, time() - age
    with _translated(root):
        for folder, _, names in os.walk(root):
            for name in filter(_TEMPORARY.fullmatch, names):
                with suppress(FileNotFoundError):
                    if not age or Path(folder, name).stat().st_mtime < newest:
                        Path(folder, name).unlink()
                        swept += 1
    return swept


def _below(root: Path, path: str) -> Path:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"not a path below the output folder: {path!r}")
    return root.joinpath(*parts)


def _holds(target: Path, data: bytes) -> bool:
    try:
        return target.stat().st_size == len(data) and target.read_bytes() == data
    except (FileNotFoundError, NotADirectoryError):
        return False


def _replace(target: Path, data: bytes, sync: bool) -> None:
    temporary = target.with_name(_temporary_name(target.name))
    try:
        # Made anew with the process's umask: tempfile's 0600 would hide it from another web server.
        with open(temporary, "xb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


def _temporary_name(name: str) -> str:
    """`.<name>.<8 hex>.tmp`, its middle cut where the whole would be too long for the file system."""
    ending = f".{secrets.token_hex(4)}.tmp"
    kept = os.fsencode(name)[: _NAME_BYTES - len(ending) - 1].decode(errors="ignore")
    return f".{kept}{ending}"


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "Look at output.directory.")
        raise StoreError(f"cannot publish {target}: {error.strerror or error}. {remedy}") from error
