"""Commands load what they need and no more: what they import is most of the time that the short ones take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

#: Of 20 ms and more each.
HEAVY = {
    *("aiohttp", "alembic", "apscheduler", "asyncio", "bs4", "feedgen", "feedparser", "jinja2", "lxml", "numpy"),
    *("opencc", "sqlalchemy", "starlette", "structlog", "trafilatura", "uvicorn"),
}

#: Tells at the end what was imported, however the command ends.
TELLING = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from aggregator.cli import main
main(sys.argv[1:])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    sources = [{"name": "Folder", "path": "./articles"}, {"name": "Feed", "url": "https://feed.example/"}]
    config = {"site": {"url": "https://news.example/", "tag": "news.example,2026", "title": "News"}, "sources": sources}
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    return tmp_path


def loaded(folder: Path, *arguments: str) -> set[str]:
    """Everything that a command imported, by the names of the top."""
    return {name.partition(".")[0] for name in modules(folder, *arguments)}


def modules(folder: Path, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", TELLING, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


def test_help_loads_click_and_nothing_heavier(folder: Path) -> None:
    assert "click" in loaded(folder, "--help")
    assert not loaded(folder, "--help") & {*HEAVY, "pydantic", "yaml"}


def test_checking_the_configuration_loads_what_reads_it_and_nothing_heavier(folder: Path) -> None:
    found = loaded(folder, "check")
    assert {"pydantic", "yaml"} <= found
    assert not found & HEAVY


def test_only_an_unusual_database_url_has_the_database_library_loaded(folder: Path) -> None:
    file = folder / "config.yaml"
    for url, wanted in (("sqlite:///data/here.db", False), ("sqlite:///data/here.db?timeout=3", True)):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"database": url}))
        assert ("sqlalchemy" in loaded(folder, "check")) is wanted


def test_only_a_server_s_database_has_that_side_of_the_database_library_loaded(folder: Path) -> None:
    modules(folder, "once", "--source", "Folder")  # makes the schema, which takes what knows all databases
    found = modules(folder, "once", "--source", "Folder")
    assert "sqlalchemy.dialects.sqlite" in found
    assert not found & {"sqlalchemy.dialects.postgresql", "aggregator.store.search_postgresql"}
