"""Hostile entries, published and opened in a browser: nothing of them runs, and nothing calls home."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from lxml import etree

from tests.e2e.chromium import chromium
from tests.world import World

pytestmark = pytest.mark.browser

LINES = (Path(__file__).parents[1] / "data/clean/attacks.txt").read_text(encoding="utf-8").splitlines()
ATTACKS = [line for line in LINES if line and not line.startswith("# ")]
#: Of every attack that has one: also the address of the entry itself.
ADDRESSES = [match[1] if (match := re.search(r"""(?:href|src)=["']?([^"'> ]+)""", line)) else "" for line in ATTACKS]
#: Not https: there the browser itself would hold back what asks for http.
SITE = "http://news.example.org"
PLAYERS = ("player.bilibili.com", "player.vimeo.com", "www.youtube.com")
ATOM = "{http://www.w3.org/2005/Atom}"
PIXEL = bytes.fromhex("47494638396101000100000000002c00000000010001000002024401003b")
BARE = "<!doctype html><title>bare</title><div id=content></div>"
#: A real dialog would stop the page, and be over before one could look at it.
DIALOGS = 'for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => { top.pwned = name; };'

#: What a reader's mouse and keyboard may set off, on everything that is there.
PROVOKE = """bodies => {
    const root = document.getElementById("content");
    for (const body of bodies) {
        const box = document.createElement("div");
        box.innerHTML = body;
        root.append(box);
    }
    for (const node of root.querySelectorAll("*"))
        for (const name of ["mouseover", "pointerenter", "mouseenter", "focus", "toggle", "error", "load", "keydown"])
            node.dispatchEvent(new Event(name));
    for (const node of root.querySelectorAll("a, area, form, button, summary"))
        if (!/^https?:|^mailto:/.test(node.href || "")) node.click?.();
    return root.querySelectorAll("*").length;
}"""


def _atom(attacks: list[str], addresses: list[str]) -> str:
    entries = "".join(
        f"<entry><id>urn:attack:{number}</id><title type='html'>{number} {escape(attack)}</title>"
        f"<updated>2026-03-01T08:00:00Z</updated><link href='{escape(address)}'/>"
        f"<author><name>{escape(attack)}</name><uri>{escape(address)}</uri></author>"
        f"<category term='{escape(attack)}' label='{escape(attack)}'/><rights type='html'>{escape(attack)}</rights>"
        f"<content type='html'>{escape(f'<p>entry {number}</p>{attack}')}</content></entry>"
        for number, (attack, address) in enumerate(zip(attacks, addresses, strict=True))
    )
    return (
        f"<feed xmlns='http://www.w3.org/2005/Atom'><title>{escape(attacks[0])}</title><id>urn:f</id>{entries}</feed>"
    )


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of an installation whose only source is hostile; half of the entries have no address."""
    world = World(tmp_path_factory.mktemp("attacks"))
    world.config["output"] = {"entries": 1000}
    world.config["duplicates"] = {"exact": False, "near": False}
    world.source("attacks", url="https://evil.example/feed", category="own")
    addresses = [address if number % 2 else "" for number, address in enumerate(ADDRESSES)]
    world.network.answers["https://evil.example/feed"] = _atom(ATTACKS, addresses)
    world.once()
    return world.folder / "public"


@pytest.fixture(scope="module")
def browser(published: Path) -> Iterator[Any]:
    """After publishing, for that runs a loop of its own, and there can be one only."""
    with chromium() as browser:
        yield browser


@dataclass
class Watched:
    """A page on a network that is all played, and what went wrong on it."""

    page: Any
    folder: Path
    faults: list[str] = field(default_factory=list)

    def answer(self, route: Any) -> None:
        request, url = route.request, urlsplit(route.request.url)
        if url.netloc == "news.example.org":
            self._answer_of_ours(route, url.path)
        elif request.resource_type in ("image", "media"):
            # They may lie anywhere; of a video nothing can say what it is asked with.
            if request.resource_type == "image" and "referer" in request.headers:
                self.faults.append(f"told where from: {request.url}")
            route.fulfill(body=PIXEL, content_type="image/gif")
        else:
            if url.hostname not in PLAYERS or request.resource_type != "document":
                self.faults.append(f"request: {request.resource_type} {request.url}")
            route.fulfill(body="", content_type="text/html")

    def _answer_of_ours(self, route: Any, path: str) -> None:
        file = self.folder / path.lstrip("/")
        if path == "/bare":
            route.fulfill(body=BARE, content_type="text/html; charset=utf-8")
        elif file.is_file():
            route.fulfill(path=file)
        else:
            route.fulfill(body="", content_type="text/html")

    def open(self, path: str) -> None:
        self.page.goto(SITE + path, wait_until="load")
        self.look(path)

    def look(self, where: str) -> None:
        if by := self.page.evaluate("window.pwned"):
            self.faults.append(f"{where}: pwned by {by}")

    def provoke(self, bodies: list[str]) -> int:
        self.open("/bare")
        count: int = self.page.evaluate(PROVOKE, bodies)
        self.page.wait_for_load_state("networkidle")
        self.look("bare")
        return count


@pytest.fixture
def watched(published: Path, browser: Any) -> Iterator[Watched]:
    context = browser.new_context()
    page = context.new_page()
    watched = Watched(page, published)
    context.add_init_script(DIALOGS)
    context.route("**/*", watched.answer)
    page.on("pageerror", lambda error: watched.faults.append(f"error: {error}"))
    page.on("console", lambda said: watched.faults.append(f"console: {said.text}") if said.type == "error" else None)
    page.on("popup", lambda popup: watched.faults.append(f"popup: {popup.url}"))
    page.on("download", lambda one: watched.faults.append(f"download: {one.url}"))
    yield watched
    context.close()


def bodies(published: Path) -> list[str]:
    feed = etree.parse(published / "feeds/all.atom")
    return [node.text or "" for node in feed.iter(f"{ATOM}content")]


def test_every_attack_is_published(published: Path) -> None:
    """Else the browser would be shown nothing. Those that are nothing but a script leave their first line."""
    assert len(bodies(published)) == len(ATTACKS)


def test_what_a_reader_inserts_into_its_page_does_nothing(watched: Watched, published: Path) -> None:
    """Without any policy: what readers do that trust a feed."""
    assert watched.provoke(bodies(published)) > len(ATTACKS)
    assert watched.faults == []


@pytest.mark.soak
def test_the_pages_do_nothing(watched: Watched, published: Path) -> None:
    """The front page, the feed's page and every tenth entry; they hold all titles and categories."""
    pages = sorted((published / "e").glob("*.html"))
    assert len(pages) > len(ATTACKS) // 3
    for file in [published / "index.html", *sorted((published / "c").rglob("index.html"))[::20], *pages[::10]]:
        watched.open(
            "/"
            + "/".join(file.relative_to(published).parts).replace("%", "%25").replace("#", "%23").replace("?", "%3F")
        )
    assert watched.faults == []


@pytest.mark.soak
def test_no_page_of_any_entry_does_anything(watched: Watched, published: Path) -> None:
    for file in sorted((published / "e").glob("*.html")):
        watched.open(f"/e/{file.name}")
    assert watched.faults == []


def test_the_browser_would_notice(watched: Watched) -> None:
    """Some of the same attacks as they came (others would leave the page): they run here, and call home."""
    watched.provoke([attack for attack in ATTACKS if attack.startswith(("<img", '<iframe src="https://evil'))])
    found = " ".join(watched.faults)
    assert "bare: pwned by" in found
    assert "request: document https://evil.example/" in found
