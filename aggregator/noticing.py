"""What happens to files outside our doing: the configuration edited, articles written. The schedule stays the truth."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from pathlib import Path

from watchfiles import awatch

from aggregator.config.schema import Source

log = logging.getLogger(__name__)

#: Milliseconds after which folders that came or went are looked for.
LOOK_AGAIN = 5000


async def edits(file: Path, stop: asyncio.Event) -> AsyncIterator[None]:
    """Yields each time the file has other contents, until `stop`.

    Its folder is watched, for editors replace the file; equal contents are no edit, and neither is
    a file that an editor has away for a moment.
    """
    file = file.resolve()
    known = _contents(file)
    async for _ in awatch(file.parent, recursive=False, stop_event=stop, debounce=300):
        now = _contents(file)
        if now and now != known:
            known = now
            yield


def folders(sources: Iterable[Source]) -> dict[Path, str]:
    """What is to be watched: folders that are there now, with the names of their sources."""
    return {Path(s.path): s.name for s in sources if s.path and s.enabled and Path(s.path).is_dir()}


async def touched(folders: Callable[[], Mapping[Path, str]], stop: asyncio.Event) -> AsyncIterator[set[str]]:
    """Yields the names of those folders in which something happened, until `stop`.

    `folders` is asked again every few seconds. Where the system cannot watch any more folders this
    is said once, and nothing more is yielded.
    """
    while not stop.is_set():
        watched = dict(folders())
        try:
            async for names in _in(watched, stop):
                if names:
                    yield names
                if dict(folders()) != watched:
                    break
        except OSError as error:
            log.warning("folders cannot be watched, they are scanned on schedule: %s", error)
            return


async def _in(folders: Mapping[Path, str], stop: asyncio.Event) -> AsyncIterator[set[str]]:
    if not folders:
        await asyncio.wait([asyncio.create_task(stop.wait())], timeout=LOOK_AGAIN / 1000)
        return
    changes = awatch(
        *folders, stop_event=stop, watch_filter=None, debounce=500, rust_timeout=LOOK_AGAIN, yield_on_timeout=True
    )
    async for seen in changes:
        paths = [Path(path) for _, path in seen]
        yield {name for folder, name in folders.items() if any(path.is_relative_to(folder) for path in paths)}


def _contents(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
