"""What an installation gets: every file that the program reads, and a command that works without the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.e2e.service import configure
from tests.world import article

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUPTOOLS = PROJECT["tool"]["setuptools"]

#: What a source distribution is made from, and the image copies.
MADE_FROM = ("pyproject.toml", "README.md", "LICENSE", "aggregator", "migrations")


def folder_of(package: str) -> Path:
    return ROOT / SETUPTOOLS["package-dir"].get(package, package.replace(".", "/"))


def shipped() -> dict[str, Path]:
    """Each file of the package by its place in an installation, as pyproject.toml says it."""
    found = {}
    for package in SETUPTOOLS["packages"]:
        folder, place = folder_of(package), package.replace(".", "/")
        patterns = ["*.py", *SETUPTOOLS["package-data"].get(package, [])]
        for file in (file for pattern in patterns for file in folder.glob(pattern)):
            found[f"{place}/{file.relative_to(folder)}"] = file
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder like the one into which the package is installed."""
    for place, file in shipped().items():
        target = tmp_path / "site" / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
    return tmp_path / "site"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder outside the checkout with a configuration and an article."""
    folder = tmp_path / "elsewhere"
    (folder / "articles").mkdir(parents=True)
    (folder / "articles" / "a.md").write_text(article("第一篇", "<p>东湖二期管网完成切换。</p>"), encoding="utf-8")
    configure(folder, [{"name": "文章", "path": "articles"}])
    return folder


def started(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aggregator", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_everything_beside_the_code_is_shipped() -> None:
    kept = {file for file in (ROOT / "aggregator").rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert kept - set(shipped().values()) == set()


def test_an_installation_finds_itself_first(installed: Path, elsewhere: Path) -> None:
    program = "import aggregator, aggregator.clean; print(aggregator.__file__, aggregator.clean.__file__)"
    shown = subprocess.run(
        [sys.executable, "-c", program],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(file.startswith(str(installed)) for file in shown.stdout.split())


def test_an_installation_works_without_the_checkout(installed: Path, elsewhere: Path) -> None:
    done = started(installed, elsewhere, "once")
    assert (done.returncode, done.stderr) == (0, "")
    # Migrations, phrases, templates, static files and the folding table were all there.
    assert "第一篇" in (elsewhere / "public/feeds/all.atom").read_text(encoding="utf-8")
    assert "第一篇" in (elsewhere / "public/index.html").read_text(encoding="utf-8")
    assert (elsewhere / "public/static/style.css").exists()


def test_an_installation_says_its_version(installed: Path, elsewhere: Path) -> None:
    shown = started(installed, elsewhere, "--version").stdout
    newest = max(file.name[:4] for file in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
    assert shown == f"aggregator {PROJECT['project']['version']}, schema {newest}\n"


def test_the_command_is_named_after_the_package() -> None:
    assert PROJECT["project"]["scripts"] == {"aggregator": "aggregator.cli:main"}


# --- what is really built


def _setuptools() -> tuple[int, ...]:
    try:
        return tuple(map(int, version("setuptools").split(".")[:2]))
    except PackageNotFoundError:
        return (0,)


_needed = re.search(r"\d+", PROJECT["build-system"]["requires"][0])
assert _needed
builds = pytest.mark.skipif(
    _setuptools() < (int(_needed[0]),), reason=f"setuptools {_needed[0]} or later is not installed here"
)


def build(folder: Path, kind: str) -> Path:
    """What pip would make of the source tree in `folder`, with the setuptools that is here."""
    program = f"from setuptools import build_meta; print(build_meta.build_{kind}('.'))"
    made = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert "absent from the `packages` configuration" not in made.stdout + made.stderr
    return folder / made.stdout.splitlines()[-1]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy, for building leaves folders behind."""
    for name in MADE_FROM:
        source, target = ROOT / name, tmp_path / "tree" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
    return tmp_path / "tree"


def contents(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        yield from (name for name in archive.namelist() if ".dist-info/" not in name)


@builds
def test_a_wheel_holds_what_the_project_says(tree: Path) -> None:
    assert set(contents(build(tree, "wheel"))) == set(shipped())


@builds
def test_a_wheel_from_the_source_distribution_is_the_same(tree: Path, tmp_path: Path) -> None:
    with tarfile.open(build(tree, "sdist")) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert set(contents(build(unpacked, "wheel"))) == set(shipped())
