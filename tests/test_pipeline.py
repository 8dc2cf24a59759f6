"""From sources to published feeds, over the real core: situations as users meet them."""

from __future__ import annotations

import pytest

from aggregator.model import Failed, Outcome, Tally
from tests.world import World, article, item, rss

LONG = "　　市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，水压较去年同期提高两成。"
OTHER = (
    "　　省气象台预计，未来三天北部山区将有小到中雪，累计降水量五至八毫米，农业部门提醒菜农及时加固大棚并注意夜间保温。"
)
FEED = "https://example.com/feed.xml"


@pytest.fixture
def folder(world: World) -> World:
    world.source("文章", path="articles")
    (world.folder / "articles").mkdir()
    return world


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED, category="科技/Blog")
    return world


# --- folder sources ------------------------------------------------------------------------


def test_an_article_file_is_in_every_feed_of_its_category_path(folder: World) -> None:
    folder.article("新媒体/晨报/最新/供水.md", article("东湖二期供水切换完成", f"<p>{LONG}</p>"))
    assert folder.once()["文章"].tally == Tally(new=1)
    for slug in ("all", "新媒体", "新媒体/晨报", "新媒体/晨报/最新"):
        assert folder.titles(slug) == ["东湖二期供水切换完成"]


def test_a_second_check_without_news_changes_no_byte(folder: World) -> None:
    for number in range(5):
        folder.article(
            f"{number}.md", article(f"第 {number} 篇", f"<p>{LONG}{number * 111}</p>", author=f"作者{number % 2}")
        )
    folder.once()
    before = folder.published()
    folder.clock.forward(hours=5)
    assert folder.once()["文章"].outcome is Outcome.UNCHANGED
    assert folder.published() == before


def test_a_deleted_file_changes_nothing_published_and_leaves_an_event(folder: World) -> None:
    folder.article("a.md", article("甲", f"<p>{LONG}</p>"))
    gone = folder.article("b.md", article("乙", f"<p>{OTHER}</p>"))
    folder.once()
    before = folder.published()
    gone.unlink()
    folder.once()
    assert folder.published() == before
    assert folder.rows("SELECT kind, path FROM event WHERE kind = 'missing'") == [("missing", "b.md")]


def test_what_comes_back_keeps_its_id_and_dates(folder: World) -> None:
    folder.article("a.md", article("甲", f"<p>{OTHER}</p>"))
    back = folder.article("b.md", article("乙", f"<p>{LONG}</p>"))
    folder.once()
    before = folder.published()
    back.unlink()
    folder.once()
    folder.clock.forward(hours=1)
    folder.article("b.md", article("乙", f"<p>{LONG}</p>"))
    folder.once()
    assert folder.published() == before


def test_a_renamed_file_keeps_its_id(folder: World) -> None:
    folder.article("keep.md", article("甲", f"<p>{OTHER}</p>"))
    old = folder.article("old.md", article("乙", f"<p>{LONG}</p>"))
    folder.once()
    before = folder.rows("SELECT uuid FROM entry WHERE title = '乙'")
    old.rename(old.with_name("another.md"))
    assert folder.once()["文章"].tally.new == 0
    assert folder.rows("SELECT uuid FROM entry WHERE title = '乙'") == before
    assert len(folder.titles()) == 2


def test_all_files_deleted_and_written_again_is_no_news(folder: World) -> None:
    """The seeds' generator does that thirteen times a day."""
    texts = {f"{n}.md": article(f"第{n}条快讯", f"<p>{n}{LONG}</p>") for n in range(3)}
    for path, text in texts.items():
        folder.article(path, text)
    folder.once()
    before = folder.published()
    for path in texts:
        (folder.folder / "articles" / path).unlink()
    folder.clock.forward(hours=2)
    for path, text in texts.items():
        folder.article(path, text)
    assert folder.once()["文章"].tally.new == 0
    assert folder.published() == before


def test_an_emptied_folder_is_a_failure_and_not_a_deletion(folder: World) -> None:
    file = folder.article("a.md", article("甲", f"<p>{LONG}</p>"))
    folder.once()
    before = folder.published()
    file.unlink()
    result = folder.once()["文章"]
    assert result.outcome is Outcome.NO_FOLDER
    assert result.message
    assert folder.published() == before


def test_a_broken_file_is_named_and_the_rest_is_ingested(folder: World) -> None:
    folder.article("good.md", article("甲", f"<p>{LONG}</p>"))
    folder.article("empty.md", "")
    result = folder.once()["文章"]
    assert result.tally == Tally(new=1, refused=1)
    assert [path for (path,) in folder.rows("SELECT path FROM event WHERE kind = 'refused'")] == ["empty.md"]
    folder.once()
    assert folder.rows("SELECT refused FROM source") == [(1,)]


def test_a_draft_is_left_out_until_it_is_none(folder: World) -> None:
    folder.article("a.md", "---\ntitle: 草稿\ndraft: true\n---\n" + LONG)
    assert folder.once()["文章"].tally == Tally(refused=1)
    folder.clock.forward(minutes=1)
    folder.article("a.md", "---\ntitle: 草稿\ndraft: false\n---\n" + LONG)
    assert folder.once()["文章"].tally == Tally(new=1)


def test_a_file_still_being_written_is_read_once_it_rests(folder: World) -> None:
    folder.article("a.md", article("甲", f"<p>{LONG}</p>"), age=0.2)
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        folder.clock.forward(seconds=seconds)

    from aggregator import app, folders
    from aggregator.store import sources

    means = folder.open()
    with app.writing(means):
        with means.database.read() as connection:
            (state,) = sources.by_name(connection, ["文章"])
        result = folders.check(means, state, means.recipes["文章"], pause)
    assert paused == [1.0]
    assert result.tally.new == 1


def test_six_hundred_files_come_in_more_than_one_transaction(folder: World) -> None:
    for number in range(600):
        folder.article(f"{number:03}.md", f"---\ntitle: 第 {number} 条\n---\n{number}\n")
    assert folder.once()["文章"].tally.new == 600
    assert folder.rows("SELECT count(*) FROM file WHERE entry_id IS NOT NULL") == [(600,)]


# --- feeds ---------------------------------------------------------------------------------


def test_an_edit_of_substance_is_announced_and_keeps_its_id(blog: World) -> None:
    blog.network.answers[FEED] = rss(item(1, body=f"<p>{LONG}</p>"), item(2))
    blog.once()
    first = {entry.id: entry.updated for entry in blog.feed().entries}
    blog.clock.forward(hours=1)
    blog.network.answers[FEED] = rss(
        item(1, body=f"<p>{LONG.replace('四十七', '四十九')}更正：此前的报道中阀门数量有误，特此说明。</p>"), item(2)
    )
    assert blog.once()["Blog"].tally == Tally(changed=1, same=1)
    second = {entry.id: entry.updated for entry in blog.feed().entries}
    assert first.keys() == second.keys()
    assert sum(first[one] != second[one] for one in first) == 1
    assert "四十九" in blog.feed().entries[0].content[0].value


def test_a_corrected_number_is_substance_in_chinese_characters_too(blog: World) -> None:
    for text in (LONG, LONG.replace("四十七", "四十九")):
        blog.network.answers[FEED] = rss(item(1, body=f"<p>{text}</p>"))
        blog.once()
        blog.clock.forward(hours=1)
    assert blog.rows("SELECT message FROM event WHERE kind = 'changed'") == [
        ("known by its id; a number in its text changed",)
    ]


def test_a_touch_up_is_shown_and_not_announced(blog: World) -> None:
    blog.network.answers[FEED] = rss(item(1, body=f"<p>{LONG}</p>"))
    blog.once()
    before = blog.feed().entries[0].updated
    blog.clock.forward(hours=1)
    blog.network.answers[FEED] = rss(item(1, body=f"<p><b>{LONG}</b></p>"))
    assert blog.once()["Blog"].tally == Tally(changed=1)
    entry = blog.feed().entries[0]
    assert entry.updated == before
    assert "<b>" in entry.content[0].value
    assert blog.rows("SELECT count(*) FROM entry_version") == [(1,)]


@pytest.mark.parametrize("counter", ["阅读 {}", "阅读量：{}次 · 评论 3", "{} 次浏览", "<b>Views: {}</b>"])
def test_a_counter_of_readers_is_no_change(blog: World, counter: str) -> None:
    for number in (12, 13, 1_450):
        blog.network.answers[FEED] = rss(item(1, body=f"<p>{LONG}</p><p>{counter.format(number)}</p>"))
        tally = blog.once()["Blog"].tally
        blog.clock.forward(hours=1)
    assert tally == Tally(same=1)


def test_a_number_of_readers_in_a_sentence_is_substance(blog: World) -> None:
    for number in ("1200", "1900"):
        blog.network.answers[FEED] = rss(item(1, body=f"<p>{LONG}</p><p>该片上线首日播放 {number} 次，创下纪录。</p>"))
        tally = blog.once()["Blog"].tally
        blog.clock.forward(hours=1)
    assert tally == Tally(changed=1)
    assert blog.rows("SELECT message FROM event WHERE kind = 'changed'")[0][0].endswith("a number in its text changed")


def test_an_undated_entry_keeps_the_time_it_was_first_seen(blog: World) -> None:
    undated = item(1).replace("<pubDate>Sun, 01 Mar 2026 08:00:00 GMT</pubDate>", "")
    blog.network.answers[FEED] = rss(undated)
    blog.once()
    before = blog.feed().entries[0].published
    assert before.startswith("2026-03-01T12:00:00")
    blog.clock.forward(days=3)
    blog.network.answers[FEED] = rss(undated, item(2))
    blog.once()
    assert {e.title: e.published for e in blog.feed().entries}["Item 1"] == before


def test_entries_of_one_second_have_distinct_stamps(blog: World) -> None:
    blog.network.answers[FEED] = rss(*(item(number) for number in range(30)))
    blog.once()
    stamps = [entry.updated for entry in blog.feed().entries]
    assert len(set(stamps)) == 30


def test_a_failure_is_recorded_and_the_others_go_on(blog: World) -> None:
    blog.source("Down", url="https://down.example/feed")
    blog.network.answers[FEED] = rss(item(1))
    blog.network.answers["https://down.example/feed"] = Failed(Outcome.UNREACHABLE, "no answer", "look at it")
    results = blog.once()
    assert results["Down"].outcome is Outcome.UNREACHABLE
    assert results["Blog"].outcome is Outcome.OK
    assert blog.rows("SELECT failures, outcome, message FROM source WHERE name = 'Down'") == [
        (1, "unreachable", "no answer: look at it")
    ]


def test_what_is_gone_is_not_asked_again_but_by_name(blog: World) -> None:
    blog.network.answers[FEED] = Failed(Outcome.GONE, "410", "remove it")
    blog.once()
    assert blog.once() == {}
    assert list(blog.once(names=["Blog"])) == ["Blog"]


def test_a_server_that_asked_for_time_gets_it_from_all_but_by_name(blog: World) -> None:
    blog.network.answers[FEED] = Failed(Outcome.RATE_LIMITED, "slow down", "wait", wait=3600.0)
    blog.once()
    assert blog.once() == {}
    blog.clock.forward(seconds=3601)
    assert list(blog.once()) == ["Blog"]


def test_a_fault_of_ours_in_one_source_is_recorded_there(blog: World, caplog: pytest.LogCaptureFixture) -> None:
    blog.source("Other", url="https://other.example/feed")
    blog.network.answers["https://other.example/feed"] = rss(item(1))  # FEED has no answer: a KeyError
    results = blog.once()
    assert results["Blog"].outcome is Outcome.INTERNAL
    assert results["Other"].outcome is Outcome.OK
    assert "check failed" in caplog.text


def test_the_next_check_is_written_before_the_request(blog: World) -> None:
    """A process that dies during a request must not repeat it at once."""
    seen: list[object] = []
    original = blog.network.fetch

    async def fetch(*arguments: object) -> object:
        seen.extend(blog.rows("SELECT next_check FROM source"))
        return await original(*arguments)  # type: ignore[arg-type]

    blog.network.fetch = fetch  # type: ignore[assignment,method-assign]
    blog.network.answers[FEED] = rss(item(1))
    blog.once()
    ahead = blog.clock.now.timestamp() * 1_000_000 + 600 * 1_000_000
    assert seen == [(int(ahead),)]


# --- the same article more than once --------------------------------------------------------


def test_the_same_text_from_two_publishers_is_shown_once_and_names_both(folder: World) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{LONG}</p>", author="晨报"))
    folder.article("b.md", article("东湖二期管网切换", f"<div><p>{LONG}</p></div>", author="晚报"))
    folder.once()
    (entry,) = folder.feed().entries
    assert {link.rel for link in entry.links} == {"alternate", "via"}
    assert "晚报" in entry.content[0].value
    assert folder.titles("新媒体/晨报") == folder.titles("新媒体/晚报") == [entry.title]


def test_a_re_edited_copy_of_one_publisher_is_no_second_carrier(folder: World) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{LONG}</p>"))
    folder.article("b.md", article("东湖二期供水切换已完成", f"<p>{LONG}</p>"))
    folder.once()
    (entry,) = folder.feed().entries
    assert {link.rel for link in entry.links} == {"alternate"}


def test_two_sources_that_bring_one_article_in_one_check_meet(blog: World) -> None:
    blog.source("Mirror", url="https://mirror.example/feed")
    blog.network.answers[FEED] = rss(item(1, body=f"<p>{LONG}</p>"))
    blog.network.answers["https://mirror.example/feed"] = rss(
        item(9, body=f"<p>{LONG}</p>", link="https://mirror.example/9", title="Item 1")
    )
    blog.once()
    assert len(blog.feed().entries) == 1


def test_each_copy_stays_alone_when_duplicates_are_switched_off(folder: World) -> None:
    folder.config["duplicates"] = {"exact": False, "near": False}
    folder.article("a.md", article("甲", f"<p>{LONG}</p>", author="晨报"))
    folder.article("b.md", article("甲", f"<p>{LONG}</p>", author="晚报"))
    folder.once()
    assert len(folder.feed().entries) == 2


def test_two_installations_give_the_same_ids(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = world.another(tmp_path_factory.mktemp("other"))
    for one in (world, other):
        one.source("Blog", url=FEED)
        one.network.answers[FEED] = rss(item(1), item(2, body=f"<p>{LONG}</p>"), item(3))
        one.once()
    assert world.published() == other.published()


# --- publishing -----------------------------------------------------------------------------


def test_a_deleted_document_is_written_again(blog: World) -> None:
    blog.network.answers[FEED] = rss(item(1))
    blog.once()
    before = blog.published()
    for path in ("feeds/all.atom", "opml.xml", "index.html"):
        (blog.folder / "public" / path).unlink()
    blog.publish()
    assert blog.published() == before


def test_only_what_differs_is_written(blog: World) -> None:
    blog.source("Quiet", url="https://quiet.example/feed", category="静")
    blog.network.answers[FEED] = rss(item(1))
    blog.network.answers["https://quiet.example/feed"] = rss(item(5, link="https://quiet.example/5"))
    blog.once()
    assert blog.publish(everything=True) == []
    blog.network.answers[FEED] = rss(item(1), item(2))
    before = {path: (blog.folder / "public" / path).stat().st_mtime_ns for path in blog.published()}
    blog.once()
    after = {path: (blog.folder / "public" / path).stat().st_mtime_ns for path in blog.published()}
    assert before["feeds/静.atom"] == after["feeds/静.atom"]
    assert before["feeds/all.atom"] != after["feeds/all.atom"]


def test_a_category_has_one_node_whatever_its_script_case_and_width(blog: World) -> None:
    blog.config["sources"] = []
    for name, category in (("a", "金融/ＡＩ"), ("b", "金融/ai"), ("c", "金融/Ai")):
        blog.source(name, url=f"https://{name}.example/feed", category=category)
        blog.network.answers[f"https://{name}.example/feed"] = rss(item(name, link=f"https://{name}.example/1"))
    blog.once()
    assert len(blog.rows("SELECT slug FROM category WHERE slug LIKE '金融/%'")) == 1


def test_nothing_published_shows_a_secret_of_a_source(blog: World) -> None:
    blog.config["sources"] = []
    url = "https://user:pass@example.com/feed.xml?key=s3cret"
    blog.source("Private", url=url)
    blog.network.answers[url] = rss(item(1))
    blog.once()
    everything = b"".join(blog.published().values())
    assert b"s3cret" not in everything
    assert b"pass@" not in everything
    assert str(blog.folder).encode() not in everything


def test_a_renamed_source_keeps_its_entries(blog: World) -> None:
    blog.network.answers[FEED] = rss(item(1))
    blog.once()
    before = blog.rows("SELECT uuid FROM entry")
    blog.config["sources"][0]["name"] = "Journal"
    blog.once()
    assert blog.rows("SELECT uuid FROM entry") == before
    assert blog.rows("SELECT name FROM source") == [("Journal",)]


def test_a_source_that_left_the_config_keeps_its_entries_and_is_not_asked(blog: World) -> None:
    blog.network.answers[FEED] = rss(item(1))
    blog.once()
    blog.config["sources"] = []
    assert blog.once() == {}
    assert blog.titles() == ["Item 1"]


def test_the_promised_columns_are_there(blog: World) -> None:
    blog.network.answers[FEED] = rss(item(1))
    blog.once()
    assert blog.rows("SELECT id, source_id, url, title, published, first_seen, updated FROM entry")
    assert blog.rows("SELECT source_id, at, outcome, message FROM source_check")
    assert blog.rows("SELECT at, source, path, entry_id, kind, message FROM event")


def test_a_new_title_of_the_site_reaches_every_page(folder: World) -> None:
    folder.article("a.md", article("甲", f"<p>{LONG}</p>"))
    folder.once()
    folder.config["site"] = {**folder.config["site"], "title": "新刊"}
    folder.publish()
    pages = {path: data for path, data in folder.published().items() if path.endswith(".html")}
    assert pages
    assert all("新刊" in data.decode() for data in pages.values())
