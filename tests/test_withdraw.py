"""Taking articles down: gone from everywhere, readers told, never back by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from aggregator import pipeline, withdraw
from aggregator.cli import cli
from aggregator.model import Withdrawn
from aggregator.store import feeds
from aggregator.store.tables import category, story_category
from aggregator.web.app import Web, make_app
from aggregator.web.folder import Folder
from tests.e2e.service import command, configure, eventually, running
from tests.subscriber import Subscriber, chain, deleted, ids, read, titles
from tests.test_stories_pipeline import WATER
from tests.test_web import ask
from tests.world import World, article, item, rss

FEED, OTHER = "https://blog.example/feed", "https://other.example/feed"


@pytest.fixture
def blog(world: World) -> World:
    world.config["output"] = {"entries": 3}
    world.source("Blog", url=FEED, category="技术")
    world.network.answers[FEED] = rss(*(dated(n) for n in range(11)))
    world.once()
    return world


@pytest.fixture
def folder(world: World) -> World:
    world.source("文章", path="articles", withdraw_deleted=True)
    world.article("keep.md", article("留下的一篇", "<p>东湖二期管网完成切换，共更换阀门四十七处。</p>"))
    world.article("gone.md", article("删掉的一篇", "<p>省气象台预计北部山区将有小雪，降水量五毫米。</p>"))
    world.once()
    return world


def dated(number: int, **changes: str) -> str:
    return item(number, date=f"Sun, 01 Mar 2026 08:{number:02d}:00 GMT", **changes)


def public(world: World) -> Path:
    return world.folder / "public"


def entry(world: World, title: str) -> tuple[int, str]:
    """Number and tag URI."""
    [(number, uuid)] = world.rows(f"SELECT id, uuid FROM entry WHERE title = '{title}'")
    return number, f"tag:news.example.org,2026:{UUID(uuid)}"


def take_down(world: World, title: str, change: Callable[..., object] = withdraw.article) -> None:
    number, _ = entry(world, title)
    with world.writing() as means:
        with means.database.write() as connection:
            change(connection, means, number)
        pipeline.group(means)
        pipeline.publish(means)


def everywhere(world: World) -> bytes:
    return b"".join(world.published().values())


def counted(world: World) -> bool:
    """Whether every feed's count is what a recount gives."""
    with world.open().database.read() as connection:
        recount = select(func.count()).where(story_category.c.category_id == category.c.id).scalar_subquery()
        rows = connection.execute(select(category.c.stories, recount)).all()
    return bool(rows) and all(kept == found for kept, found in rows)


@pytest.mark.parametrize("title", ["Item 10", "Item 1"], ids=["in the feed", "sealed in an archive"])
def test_what_is_withdrawn_is_nowhere_and_readers_are_told(blog: World, title: str) -> None:
    ref = entry(blog, title)[1]
    take_down(blog, title)
    assert f">{title}<".encode() not in everywhere(blog)
    for path in ("feeds/all.atom", "feeds/技术.atom", "s/Blog.atom"):
        assert deleted(read(public(blog), path)) == [ref]
        assert all(ref not in ids(feed) for feed in chain(public(blog), path))
    assert counted(blog)


def test_what_else_an_archive_holds_stays_byte_for_byte(blog: World) -> None:
    file = public(blog) / "feeds/技术/archive/1.atom"
    before = file.read_text()
    parts = before.split("<entry>")
    take_down(blog, "Item 1")
    kept = [part.replace("</feed>", "") for part in parts if "<title>Item 1</title>" not in part]
    after = file.read_text().replace("</feed>", "")
    assert after == "<entry>".join(kept)
    assert blog.published()["feeds/技术/archive/2.atom"]


def test_neither_a_check_nor_an_edit_nor_a_replay_brings_it_back(blog: World) -> None:
    ref = entry(blog, "Item 10")[1]
    take_down(blog, "Item 10")
    blog.clock.forward(days=1)
    edited = dated(10, title="Item ten, in quite other words", body="<p>All of it was written anew since then.</p>")
    blog.network.answers[FEED] = rss(*(dated(n) for n in range(10)), edited)
    blog.once()
    blog.replay()
    blog.publish(everything=True)
    assert all(ref not in ids(feed) for feed in chain(public(blog), "feeds/all.atom"))
    assert b"in quite other words" not in everywhere(blog)


def test_its_page_answers_that_it_is_gone(blog: World) -> None:
    uuid = UUID(entry(blog, "Item 10")[1].rpartition(":")[2])
    means = blog.open()

    def story(wanted: UUID) -> object:
        with means.database.read() as connection:
            return feeds.one(connection, wanted, means.shown)

    app = make_app(Web(Folder(public(blog)), means.config.site, story))  # type: ignore[arg-type]
    assert ask(app, f"/e/{uuid}.html").status == 200
    take_down(blog, "Item 10")
    assert story(uuid) == Withdrawn(uuid)
    gone = ask(app, f"/e/{uuid}.html")
    assert gone.status == 410
    assert "Item 10" not in gone.body.decode()


def test_its_page_on_the_disk_is_taken_away(folder: World) -> None:
    uuid = entry(folder, "删掉的一篇")[1].rpartition(":")[2]
    assert f"e/{uuid}.html" in folder.published()
    take_down(folder, "删掉的一篇")
    assert f"e/{uuid}.html" not in folder.published()


def test_who_was_away_learns_of_it_from_an_archive(blog: World) -> None:
    sleeper = Subscriber(public(blog), "feeds/技术.atom")
    sleeper.poll()
    ref = entry(blog, "Item 1")[1]
    take_down(blog, "Item 1")
    later = [item(n, date=f"Tue, 03 Mar 2026 08:{n}:00 GMT") for n in range(20, 40)]
    blog.clock.forward(days=2)
    blog.network.answers[FEED] = rss(*(dated(n) for n in range(11)), *later)
    blog.once()
    assert deleted(read(public(blog), "feeds/技术.atom")) == []
    sleeper.poll()
    assert ref not in sleeper.entries
    assert len(sleeper.entries) == 30


def test_undone_it_is_published_again_under_its_id(blog: World) -> None:
    ref = entry(blog, "Item 10")[1]
    before = blog.rows("SELECT uuid, published, updated FROM entry WHERE title = 'Item 10'")
    take_down(blog, "Item 10")
    take_down(blog, "Item 10", withdraw.undo)
    current = read(public(blog), "feeds/技术.atom")
    assert ref in ids(current)
    assert deleted(current) == []
    assert blog.rows("SELECT uuid, published, updated FROM entry WHERE title = 'Item 10'") == before
    assert counted(blog)


def test_an_article_is_withdrawn_with_every_copy_of_it(blog: World) -> None:
    blog.network.answers[FEED] = rss(dated(50, title="东湖管网切换", body=f"<p>{WATER}</p>"))
    blog.once()
    blog.source("Other", url=OTHER)
    blog.network.answers[OTHER] = rss(dated(60, title="东湖管网切换", body=f"<p>{WATER}</p>", guid="elsewhere"))
    blog.once()
    first, _ = [row[0] for row in blog.rows("SELECT id FROM entry WHERE title = '东湖管网切换' ORDER BY id")]
    with blog.writing() as means:
        with means.database.write() as connection:
            assert len(withdraw.article(connection, means, first)) == 2
        pipeline.group(means)
        pipeline.publish(means)
    assert "东湖管网切换".encode() not in everywhere(blog)


def test_of_a_removed_source_what_others_carried_stays(blog: World) -> None:
    blog.network.answers[FEED] = rss(dated(50, title="东湖管网切换", body=f"<p>{WATER}</p>"))
    blog.once()
    blog.source("Other", url=OTHER)
    blog.network.answers[OTHER] = rss(dated(60, title="东湖管网切换", body=f"<p>{WATER}</p>", guid="elsewhere"))
    blog.once()
    with blog.writing() as means:
        assert withdraw.source(means, "Blog") == 12
        pipeline.group(means)
        pipeline.publish(means)
    assert [one for feed in chain(public(blog), "feeds/all.atom") for one in titles(feed)] == ["东湖管网切换"]
    assert len(deleted(read(public(blog), "feeds/all.atom"))) == 12
    assert b">Blog<" not in blog.published()["feeds/all.atom"]
    assert counted(blog)


def test_a_deleted_file_alone_announces_nothing(world: World) -> None:
    world.source("文章", path="articles")
    world.article("keep.md", article("留下的一篇", "<p>东湖二期管网完成切换，共更换阀门四十七处。</p>"))
    gone = world.article("gone.md", article("删掉的一篇", "<p>省气象台预计北部山区将有小雪，降水量五毫米。</p>"))
    world.once()
    before = world.published()
    gone.unlink()
    for _ in range(3):
        world.clock.forward(hours=2)
        world.once()
    assert world.published() == before


def test_where_files_count_one_is_withdrawn_after_two_scans_an_hour_apart(folder: World) -> None:
    before = folder.published()
    (folder.folder / "articles" / "gone.md").unlink()
    folder.once()
    folder.clock.forward(minutes=59)
    folder.once()
    assert folder.published() == before
    folder.clock.forward(minutes=1)
    folder.once()
    assert folder.titles() == ["留下的一篇"]
    assert len(deleted(read(public(folder), "feeds/all.atom"))) == 1


def test_with_its_file_the_article_comes_back_under_its_id(folder: World) -> None:
    before = folder.published()
    text = (folder.folder / "articles" / "gone.md").read_text()
    (folder.folder / "articles" / "gone.md").unlink()
    folder.once()
    folder.clock.forward(hours=2)
    folder.once()
    folder.article("gone.md", text)
    folder.once()
    assert folder.published() == before


def test_what_a_person_withdrew_does_not_come_back_with_its_file(folder: World) -> None:
    text = (folder.folder / "articles" / "gone.md").read_text()
    take_down(folder, "删掉的一篇")
    (folder.folder / "articles" / "gone.md").unlink()
    folder.once()
    folder.clock.forward(hours=2)
    folder.once()
    folder.article("gone.md", text)
    folder.once()
    assert folder.titles() == ["留下的一篇"]


def test_a_file_under_another_name_is_not_a_lost_one(folder: World) -> None:
    articles = folder.folder / "articles"
    (articles / "gone.md").rename(articles / "moved.md")
    for _ in range(3):
        folder.once()
        folder.clock.forward(hours=2)
    assert len(folder.titles()) == 2


def test_the_command_takes_any_name_of_the_article(
    blog: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(blog.folder)
    for words in (str(entry(blog, "Item 10")[0]), entry(blog, "Item 9")[1], "https://example.com/8"):
        cli.main(["withdraw", words, "--reason", "a wish of its author"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert shown.count("withdrawn: entries") == 3
    assert titles(read(public(blog), "feeds/技术.atom"))[0] == "Item 7"
    assert blog.rows("SELECT DISTINCT message FROM event WHERE kind = 'withdrawn'") == [("a wish of its author",)]
    cli.main(["withdraw", entry(blog, "Item 10")[1], "--undo"], standalone_mode=False)
    assert titles(read(public(blog), "feeds/技术.atom"))[0] == "Item 10"


def test_beside_a_running_service_it_is_the_service_that_publishes_it(tmp_path: Path) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_text(article("第一篇", "<p>东湖二期管网完成切换。</p>"), encoding="utf-8")
    configure(tmp_path, [{"name": "文章", "path": "articles"}])
    with running(tmp_path) as service:
        eventually(lambda: b"<entry" in service.get("feeds/all.atom")[2])
        asked = command(tmp_path, "withdraw", "1")
        assert (asked.returncode, "the running service" in asked.stdout) == (0, True), asked.stderr
        eventually(lambda: b"deleted-entry" in service.get("feeds/all.atom")[2])
