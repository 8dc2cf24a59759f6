"""Web processes that share no folder with the writer: every document from the database, to the byte and the tag."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette

from aggregator import rendering
from aggregator.cli.website import answering
from aggregator.errors import StoreError
from aggregator.model import Failed, Outcome
from aggregator.web.app import make_app
from aggregator.web.folder import Backed, Folder, Known, Memory
from tests.test_web import Answer, ask
from tests.world import World, article, item, rss

FEED, WIRE, DEAD = "https://blog.example/feed", "https://wire.example/feed", "https://dead.example/feed"

#: Headers that caches and readers go by.
SEEN = ("etag", "last-modified", "content-type", "cache-control", "vary", "content-encoding", "content-location")


@pytest.fixture
def shown(world: World) -> World:
    """Archives, numbered pages, articles without an address, a category that moved, a saved search, a dead source."""
    world.config["output"] = {"entries": 10}
    world.config["categories"] = [{"path": "水务", "query": "东湖"}, {"path": "Technik", "was": ["技术"]}]
    world.source("Blog", url=FEED, category="技术")
    world.source("Wire", url=WIRE)
    world.source("Dead", url=DEAD)
    world.source("文章", path="articles")
    world.network.answers[WIRE] = rss(item(50))
    world.network.answers[DEAD] = Failed(Outcome.GONE, "410 Gone")
    world.article("a.md", article("东湖二期", "<p>东湖二期管网完成切换，共更换阀门四十七处。</p>"))
    world.article("b.md", article("北部小雪", "<p>省气象台预计北部山区将有小雪，降水量五毫米。</p>"))
    for hour in (7, 8, 9):
        dates = [f"Sun, 01 Mar 2026 {hour:02d}:{minute:02d}:00 GMT" for minute in range(30)]
        world.network.answers[FEED] = rss(*(item(100 * hour + n, date=date) for n, date in enumerate(dates)))
        world.once()
        world.clock.forward(hours=1)
    paths = world.published().keys()
    for part in ("/archive/2.atom", "/page-1.html", "e/", "q/", "s/", "health.atom", "opml.xml", "static/"):
        assert any(part in path for path in paths), part
    return world


def site(world: World, root: Path) -> Starlette:
    """One `serve` of its own, with this output folder."""
    return make_app(answering(world.open(), Folder(root)))


def seen(answer: Answer) -> tuple[int, bytes, dict[str, str | None]]:
    return answer.status, answer.body, {name: answer.headers.get(name) for name in SEEN}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_every_document_is_the_same_with_and_without_the_folder(shown: World, tmp_path: Path, coding: str) -> None:
    here, elsewhere = site(shown, shown.folder / "public"), site(shown, tmp_path / "nothing")
    for path in shown.published():
        address = f"/{path}"
        filed, made = (ask(app, address, accept_encoding=coding) for app in (here, elsewhere))
        assert filed.status == 200
        assert seen(made) == seen(filed), path
        assert ask(elsewhere, address, accept_encoding=coding, if_none_match=filed.headers["etag"]).status == 304
    shown.open().database.close()


def test_addresses_without_a_file_of_their_own_lead_to_the_same(shown: World, tmp_path: Path) -> None:
    here, elsewhere = site(shown, shown.folder / "public"), site(shown, tmp_path / "nothing")
    addresses = [
        "/",
        "/feeds/all",
        "/c/all",
        "/c/all/",
        "/feeds/Technik",
        "/feeds/技术.atom",
        "/feeds/none",
        "/none.html",
    ]
    for address in addresses:
        for accept in ("text/html", "application/feed+json", "*/*"):
            filed, made = (ask(app, address, accept=accept) for app in (here, elsewhere))
            assert seen(made) == seen(filed), address
            assert made.headers.get("location") == filed.headers.get("location")
    assert ask(elsewhere, "/readyz").status == 200
    shown.open().database.close()


def test_what_changes_is_made_anew_and_what_is_not_published_is_not_there(shown: World, tmp_path: Path) -> None:
    elsewhere = site(shown, tmp_path / "nothing")
    before = ask(elsewhere, "/feeds/all.atom")
    late = item(99, title="Quite new", date="Sun, 01 Mar 2026 11:00:00 GMT")
    shown.network.answers[FEED] = rss(late, *(item(900 + n) for n in range(30)))
    shown.once()
    after = ask(elsewhere, "/feeds/all.atom")
    assert b"Quite new" in after.body
    assert after.body == shown.published()["feeds/all.atom"]
    assert after.headers["etag"] != before.headers["etag"]
    assert rendering.document(shown.open(), "feeds/none.atom") is None
    shown.open().database.close()


# --- the memory of what was made


class Database:
    """Knows one document; counts how often it is made."""

    def __init__(self) -> None:
        self.body: bytes | None = b"<p>one</p>"
        self.published = b"<p>one</p>"
        self.made = 0
        self.away = False

    def known(self, path: str) -> Known | None:
        if self.away:
            raise StoreError("the database is away")
        from aggregator.web.conditional import digest

        return Known(digest(self.published), 1) if path == "a.html" else None

    def make(self, path: str) -> bytes | None:
        self.made += 1
        return self.body


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def backed(database: Database, tmp_path: Path) -> Backed:
    return Backed(Folder(tmp_path), database.known, database.make, Memory())


def body(backed: Backed) -> bytes:
    shown = backed.read("a.html")
    assert shown is not None
    return shown.body


def test_a_document_is_made_once_until_another_is_published(backed: Backed, database: Database) -> None:
    assert [body(backed), body(backed), database.made] == [b"<p>one</p>", b"<p>one</p>", 1]
    database.body = database.published = b"<p>two</p>"
    assert [body(backed), body(backed), database.made] == [b"<p>two</p>", b"<p>two</p>", 2]


def test_what_is_not_published_yet_is_shown_and_not_kept(backed: Backed, database: Database) -> None:
    database.body = b"<p>two</p>"
    assert [body(backed), body(backed), database.made] == [b"<p>two</p>", b"<p>two</p>", 2]


def test_while_the_database_is_away_what_was_published_last_stays(backed: Backed, database: Database) -> None:
    body(backed)
    database.away = True
    assert body(backed) == b"<p>one</p>"
    with pytest.raises(StoreError):
        backed.read("b.html")


def test_a_file_goes_before_what_would_be_made(backed: Backed, database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("a file")
    assert (body(backed), database.made) == (b"a file", 0)


def test_what_is_withdrawn_between_two_looks_is_not_there(backed: Backed, database: Database) -> None:
    database.body = None
    assert backed.read("a.html") is None
    assert not backed.has("b.html")
