"""Pages as people meet them: in a browser, by keyboard, on a phone, printed, read aloud, without script."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.e2e.chromium import chromium
from tests.e2e.service import running
from tests.world import World, article, item, rss

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
LANGUAGES = ("zh", "en")
#: Where `make browser` puts it; the variable is for whoever has it elsewhere.
AXE = Path(os.environ.get("AXE_CORE", ROOT / ".venv/npm/node_modules/axe-core/axe.min.js"))
FEED = "https://blog.example/feed"
AUDIO = '<enclosure url="https://blog.example/a.mp3" type="audio/mpeg" length="1"/></item>'

LONG = (
    "一个非常长的标题，长到在手机上要占好几行，里面还有一个不能断开的词Donaudampfschifffahrtsgesellschaftskapitänsmütze"
)
RICH = (
    "<h1>Part</h1><p>Text with <code>code</code> and <a href='https://a.example/'>a link</a>.</p>"
    "<table><caption>Wide</caption><thead><tr>" + "<th>Column of the table</th>" * 12 + "</tr></thead>"
    "<tbody><tr>" + "<td>123,456,789</td>" * 12 + "</tr></tbody></table>"
    "<pre>" + "a_long_line_of_code(" * 20 + "</pre>"
    "<p><img src='https://blog.example/wide.png' width='4000' height='900' alt='A wide picture'></p>"
    "<blockquote><p>Quoted.</p></blockquote><ol><li>one</li></ol>"
    "<p>https://a.example/" + "without-a-break" * 12 + "</p>"
    '<iframe src="https://www.youtube.com/embed/abc" width="900" height="500"></iframe>'
)
SHARED = (
    "东湖水厂今晚切换管网，七个街道的水压会短时下降，居民可以提前储水，医院和学校由备用管线供水，预计明早六时恢复。" * 4
)
RTL = "<p>هذه فقرة قصيرة عن الطقس في المدينة وعن الأسعار في السوق هذا الصباح.</p>"

#: Everything that a keyboard should reach, that is seen, and not inside what is closed.
REACHABLE = """() => [...document.querySelectorAll('a[href], button, input, select, summary, audio, [tabindex="0"]')]
    .filter(node => node.checkVisibility() && !node.closest('details:not([open]) > :not(summary)'))
    .map(node => node.outerHTML.slice(0, 200))"""
FOCUSED = """() => {
    const node = document.activeElement, style = getComputedStyle(node);
    return [node.outerHTML.slice(0, 200), style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];
}"""
TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll('body *')].filter(node => node.getBoundingClientRect().right > innerWidth + 1)
    .slice(0, 5).map(node => node.outerHTML.slice(0, 200))"""


def fill(world: World, language: str) -> World:
    """An installation with what is hard to set: long words, tables, code, other scripts, many categories, an edit."""
    world.config["site"] = {**world.config["site"], "language": language}
    world.config["server"] = {"port": 0}
    world.config["output"] = {"entries": 20}
    world.source("Blog", url=FEED, category="技术/编程")
    world.source("另一个来源", url="https://other.example/feed", category="技术")
    world.source("文章", path="articles")
    items = [item(number, date=f"Sat, 28 Feb 2026 {number // 60:02d}:{number % 60:02d}:00 GMT") for number in range(70)]
    items.append(item("rich", title=LONG, body=RICH).replace("</item>", AUDIO))
    items.append(item("rtl", title="الطقس في المدينة هذا الصباح", body=RTL))
    items.append(item("shared", title="东湖管网切换", body=f"<p>{SHARED}</p>"))
    world.network.answers[FEED] = rss(*items)
    world.network.answers["https://other.example/feed"] = rss(
        item("x", title="东湖水厂切换管网", body=f"<p>{SHARED}</p>", link="https://other.example/x", guid="x")
    )
    for number in range(40):
        world.article(
            f"第{number}类/a.md", article(f"文章 {number}", f"<p>第 {number} 篇的正文。</p>", author=f"作者 {number}")
        )
    world.once()
    world.clock.forward(days=1)
    items[70] = items[70].replace("Quoted.", "Quoted, and corrected afterwards by a whole new sentence of its own.")
    world.network.answers[FEED] = rss(*items)
    world.once()
    return world


def entry_of(world: World, title: str) -> str:
    [[found]] = world.rows(
        f"SELECT story.uuid FROM story JOIN entry ON entry.id = story.lead_id WHERE entry.title LIKE '{title}%'"
    )
    return f"e/{UUID(str(found))}.html"


def paths_of(world: World) -> dict[str, str]:
    return {
        "home": "",
        "category": "c/技术/",
        "numbered page": "c/技术/page-1.html",
        "empty category": "c/all/page-999.html",
        "publisher": "s/Blog/",
        "rich entry": entry_of(world, LONG[:6]),
        "carried entry": entry_of(world, "东湖"),
        "right-to-left entry": entry_of(world, "الطقس"),
        "own entry": entry_of(world, "文章 11"),
        "search": "search",
        "search results": "search?q=东湖" if world.config["site"]["language"] == "zh" else "search?q=item",
        "nothing found": "search?q=quux",
        "status": "status",
        "missing": "c/nowhere/",
    }


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, dict[str, str]]]]:
    """By language: where it is served, and its pages by what they are."""
    with ExitStack() as stack:
        found = {}
        for language in LANGUAGES:
            world = fill(World(tmp_path_factory.mktemp(language)), language)
            found[language] = (stack.enter_context(running(world.folder, "serve")).url, paths_of(world))
        yield found


@pytest.fixture(scope="module")
def browser(sites: dict[str, Any]) -> Iterator[Any]:
    """After filling, for that runs a loop of its own, and there can be one only."""
    with chromium() as browser:
        yield browser


@contextmanager
def opened(browser: Any, base: str, **how: Any) -> Iterator[Any]:
    """A page that reaches nothing but our own server."""
    context = browser.new_context(base_url=base, **how)
    context.route("**/*", lambda route: route.continue_() if route.request.url.startswith(base) else route.abort())
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_has_a_serious_accessibility_fault(
    sites: dict[str, Any], browser: Any, language: str, scheme: str
) -> None:
    if not AXE.is_file():
        pytest.skip("no axe-core: `make browser` installs it where npm is")
    script, (base, paths) = AXE.read_text("utf-8"), sites[language]
    faults = {}
    with opened(browser, base, color_scheme=scheme) as page:
        for name, path in paths.items():
            page.goto(path)
            page.evaluate("document.querySelectorAll('details').forEach(node => node.open = !node.name)")
            page.evaluate(script)
            found = page.evaluate("axe.run()")
            assert len(found["passes"]) > 5, name
            bad = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
            if bad:
                faults[name] = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in bad]
    assert faults == {}, json.dumps(faults, ensure_ascii=False, indent=1)


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_scrolls_sideways(sites: dict[str, Any], browser: Any, language: str, width: int) -> None:
    base, paths = sites[language]
    wide = {}
    with opened(browser, base, viewport={"width": width, "height": 800}) as page:
        for name, path in paths.items():
            page.goto(path)
            if found := page.evaluate(TOO_WIDE):
                wide[name] = found
    assert wide == {}


@pytest.mark.parametrize("name", ["home", "category", "rich entry", "search results"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(sites: dict[str, Any], browser: Any, name: str) -> None:
    base, paths = sites["zh"]
    with opened(browser, base) as page:
        page.goto(paths[name])
        wanted = page.evaluate(REACHABLE)
        reached: list[str] = []
        unseen = []
        for _ in range(4 * len(wanted)):
            page.keyboard.press("Tab")
            html, outlined = page.evaluate(FOCUSED)
            if html.startswith("<body"):
                break
            reached.append(html)
            unseen += [] if outlined else [html]
        assert reached[0].startswith('<a class="skip"')
        assert set(wanted) - set(reached) == set()
        # Players and fields for dates show it on a part of themselves.
        assert [html for html in unseen if not html.startswith("<audio") and 'type="date"' not in html] == []


def test_the_first_key_leads_past_the_navigation(sites: dict[str, Any], browser: Any) -> None:
    base, paths = sites["zh"]
    with opened(browser, base) as page:
        page.goto(paths["category"])
        page.keyboard.press("Tab")
        box = page.locator(".skip").bounding_box()
        assert box["x"] >= 0
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('main') !== null")


def test_without_script_everything_works(sites: dict[str, Any], browser: Any) -> None:
    base, paths = sites["zh"]
    with opened(browser, base, java_script_enabled=False) as page:
        page.goto(paths["home"])
        assert page.locator("[data-copy]:visible").count() == 0
        page.locator(".tree summary").first.click()
        assert page.locator(".panel .address").first.is_visible()
        page.fill("#q", "东湖")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search?q=*")
        assert page.locator(".results .entry").count() == 1
        page.goto(paths["category"])
        page.click("nav.paging a[rel=next]")
        assert page.locator("h1").inner_text() == "技术 · 第 1 页"
        page.click("nav.paging a[rel=prev]")
        assert page.locator("h1").inner_text() == "技术"


def test_with_script_there_is_a_button_that_copies(sites: dict[str, Any], browser: Any) -> None:
    base, paths = sites["zh"]
    with opened(browser, base, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(paths["home"])
        page.click("#subscribe [data-copy]")
        page.wait_for_function("document.querySelector('#subscribe [data-copy]').textContent === '已复制'")
        assert page.evaluate("navigator.clipboard.readText()") == "https://news.example.org/feeds/all.atom"


def test_an_edit_is_shown_as_what_was_taken_out_and_what_came(sites: dict[str, Any], browser: Any) -> None:
    base, paths = sites["en"]
    with opened(browser, base) as page:
        page.goto(paths["rich entry"])
        versions = page.locator("[aria-labelledby=versions] li")
        assert versions.count() == 2
        versions.first.locator("summary").click()
        assert "corrected afterwards" in versions.first.locator("ins").first.inner_text()


def test_printed_there_is_the_article_and_nothing_to_press(sites: dict[str, Any], browser: Any) -> None:
    base, paths = sites["zh"]
    with opened(browser, base) as page:
        page.goto(paths["rich entry"])
        page.emulate_media(media="print")
        assert page.locator(".prose").is_visible()
        assert page.locator("button:visible, .masthead nav:visible, audio:visible").count() == 0
        assert "https://example.com/rich" in page.evaluate(
            "getComputedStyle(document.querySelector('.original a'), '::after').content"
        )


def test_nothing_is_asked_of_others_but_pictures_and_sound(sites: dict[str, Any], browser: Any) -> None:
    base, paths = sites["zh"]
    asked = []
    with opened(browser, base) as page:
        page.on("request", lambda request: asked.append((request.resource_type, request.url)))
        page.on(
            "console",
            lambda message: asked.append(("console", message.text)) if "Content Security" in message.text else None,
        )
        for path in paths.values():
            page.goto(path)
        # A picture is asked for when its place is drawn, which may be after the page was loaded.
        with page.expect_request("https://blog.example/wide.png"):
            page.goto(paths["rich entry"])
    others = {(kind, url) for kind, url in asked if not url.startswith(base)}
    assert others == {("image", "https://blog.example/wide.png")}
