"""Search over what is stored: found by any copy's words, never what is gone, bounded whatever is asked."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import feedparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from aggregator import indexing, searching, withdraw
from aggregator.dedupe import words
from aggregator.model import Answer, Asked
from aggregator.store import search, search_sqlite
from aggregator.store.search import Narrow
from tests.world import World, article

GRID = "　　近海风电首次承担全省晚高峰三成负荷，储能电站同步放电，省电网公司说频率偏差没有超过零点零四赫兹，当晚没有启动备用机组。"
CABINET = "　　社區儲能櫃進小區，住户代表关心的不是价格，而是离儿童活动场地有多远；物业给出的答案是十五米，以及每季度一次的检测。"
NIGHT = (
    "　　夜里十一点，三号厂房的储能柜开始放电，值班员老周在本子上写下第一行数字，窗外的雪还没有停，收音机里说明天放晴。"
)
TEA = "　　春茶上市第一周，产区交易量比去年同期增加一成，收购商更看重检测报告，茶农说今年的雨水来得早，头采只做了四天。"


@pytest.fixture
def world(world: World) -> World:
    world.source("文章", path="articles")
    world.article("a.md", article("三成负荷来自海上", f"<p>{GRID}</p>", author="青禾财经"))
    world.article(
        "b.md",
        article("噪声与消防怎么算", f"<p>{CABINET}</p>", author="江北晚报", date="Mon, 02 Feb 2026 08:00:00 GMT"),
    )
    world.article(
        "c.md", article("雨水早，春茶好", f"<p>{TEA}</p>", author="江北晚报", date="Tue, 03 Feb 2026 08:00:00 GMT")
    )
    world.once()
    return world


def ask(world: World, asked: str, *, limit: int = searching.PAGE, **more: object) -> Answer:
    means = world.open()
    answer = searching.answer(means, Asked(asked, **more), limit)  # type: ignore[arg-type]
    means.database.close()
    return answer


def titles(world: World, asked: str, **more: object) -> list[str]:
    return [hit.story.title for hit in ask(world, asked, **more).hits]


@pytest.mark.parametrize("asked", ["储能", "儲能", "检测 OR 储能 -茶农", "儲能 -没有的词"])
def test_a_word_of_two_characters_is_found_in_either_script_newest_first(world: World, asked: str) -> None:
    assert titles(world, asked) == ["三成负荷来自海上", "噪声与消防怎么算"]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("海上 负荷", ["三成负荷来自海上"]),
        ("储能电站", ["三成负荷来自海上"]),
        ("储能电柜", []),
        ("储能 -电站", ["噪声与消防怎么算"]),
        ("茶", ["雨水早，春茶好"]),
        ("茶 检测", ["雨水早，春茶好"]),
        ("江北晚报", ["雨水早，春茶好", "噪声与消防怎么算"]),
        ("-储能", []),
        ("*()", []),
    ],
)
def test_words_phrases_and_what_is_left_out(world: World, asked: str, found: list[str]) -> None:
    assert titles(world, asked) == found


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({"category": "新媒体/江北晚报"}, 1),
        ({"category": "新媒体"}, 2),
        ({"source": "青禾财经"}, 1),
        ({"source": "文章"}, 2),
        ({"since": date(2026, 2, 2), "until": date(2026, 2, 2)}, 1),
        ({"since": date(2026, 3, 2)}, 0),
        ({"until": date.min}, 2),
        ({"until": date.max}, 2),
        ({"until": date(2026, 2, 2)}, 1),
        ({"until": date(1960, 1, 1)}, 0),
        ({"since": date(1960, 1, 1), "until": date(2026, 2, 28)}, 1),
        ({"since": date(2024, 5, 1), "until": date(2026, 3, 1)}, 2),
        ({"since": date(2026, 3, 1), "until": date(2026, 2, 1)}, 0),
        ({"category": "新媒体", "source": "江北晚报", "since": date(2026, 1, 1)}, 1),
    ],
)
def test_narrowed_to_categories_publishers_sources_and_days(
    world: World, narrowed: dict[str, object], found: int
) -> None:
    assert ask(world, "储能", **narrowed).count == found


def test_a_name_that_nothing_has_is_told(world: World) -> None:
    answer = ask(world, "储能", category="体育", source="路透")
    assert (answer.unknown, answer.hits) == (("体育", "路透"), ())


def test_the_best_match_has_the_word_in_its_title(world: World) -> None:
    world.article(
        "d.md",
        article(
            "检测，检测",
            "<p>　　一篇短文只说这一件事，别的什么都不说，也就到这里为止。</p>",
            date="Thu, 01 Jan 2026 08:00:00 GMT",
        ),
    )
    world.once()
    assert titles(world, "检测")[-1] == "检测，检测"
    assert titles(world, "检测", best=True)[0] == "检测，检测"


def test_the_words_of_a_copy_find_the_story(world: World) -> None:
    world.article("d.md", article("三成负荷来自海上", f"<p>{GRID}编辑：林若溪</p>", author="能源观察"))
    world.once()
    answer = ask(world, "林若溪")
    assert [len(hit.story.carriers) for hit in answer.hits] == [2]
    assert titles(world, "能源观察") == ["三成负荷来自海上"]
    assert titles(world, "储能", source="能源观察") == ["三成负荷来自海上"]


def test_an_edit_is_found_by_its_new_words_and_not_by_the_old(world: World) -> None:
    world.article(
        "a.md", article("三成负荷来自海上", f"<p>{GRID.replace('储能电站', '抽水蓄能')}</p>", author="青禾财经"), age=30
    )
    world.clock.forward(minutes=5)
    world.once()
    assert titles(world, "蓄能") == ["三成负荷来自海上"]
    assert titles(world, "储能") == ["噪声与消防怎么算"]


def test_what_rules_leave_out_is_not_found(world: World) -> None:
    world.config["rules"] = [{"when": {"title": "海上"}, "drop": True}]
    world.replay()
    assert titles(world, "储能") == ["噪声与消防怎么算"]
    world.config["rules"] = []
    world.replay()
    world.once()
    assert titles(world, "储能") == ["三成负荷来自海上", "噪声与消防怎么算"]


def test_what_is_withdrawn_is_not_found_at_once_and_is_found_again_when_it_is_back(world: World) -> None:
    with world.writing() as means, means.database.write() as connection:
        withdraw.article(connection, means, 1)
    assert titles(world, "储能") == ["噪声与消防怎么算"]
    world.once()
    assert world.rows(f"SELECT count(*) FROM {world.indexed}") == [(2,)]
    with world.writing() as means, means.database.write() as connection:
        withdraw.undo(connection, means, 1)
    world.once()
    assert titles(world, "储能") == ["三成负荷来自海上", "噪声与消防怎么算"]


def test_what_is_forgotten_is_not_found_from_then_on(world: World) -> None:
    with world.writing() as means, means.database.write() as connection:
        search.forget(connection, [1])
    assert titles(world, "储能") == ["噪声与消防怎么算"]


@pytest.mark.sqlite
def test_what_is_erased_leaves_no_word_behind(world: World) -> None:
    with world.writing() as means, means.database.write() as connection:
        indexing.erase(connection, [1, 2, 3])
        connection.execute(text("INSERT INTO story_fts (story_fts) VALUES ('optimize')"))
        held = connection.execute(text('SELECT count(*) FROM story_fts WHERE story_fts MATCH \'"储能" OR "t:海"\''))
        assert held.scalar_one() == 0


def test_a_story_that_joins_another_is_found_once(world: World, tmp_path: Path) -> None:
    world = world.another(tmp_path / "empty")
    world.source("文章", path="articles")
    world.config["duplicates"] = {"exact": False, "near": False}
    for author in ("青禾财经", "能源观察"):
        world.article(f"{author}.md", article("三成负荷来自海上", f"<p>{GRID}</p>", author=author))
    world.once()
    assert len(titles(world, "储能电站")) == 2
    del world.config["duplicates"]
    world.replay()
    assert len(titles(world, "储能电站")) == 1
    world.once()
    assert world.rows(f"SELECT count(*) FROM {world.indexed}") == [(1,)]


# --- indexing ------------------------------------------------------------------------------


def test_nothing_waits_after_once_and_a_second_indexes_nothing(world: World) -> None:
    assert ask(world, "储能").waiting == 0
    with world.writing() as means:
        assert indexing.index(means) == 0


def test_indexing_goes_on_where_it_was_cut_off(world: World) -> None:
    with world.writing() as means:
        with means.database.write() as connection:
            search.clear(connection)
        assert indexing.step(means, batch=1) == indexing.Step(1)
    assert ask(world, "储能").waiting == 2
    with world.writing() as means:
        assert indexing.index(means) == 2
    assert len(titles(world, "储能")) == 2


def test_another_way_of_cutting_into_words_indexes_everything_anew(world: World) -> None:
    with world.writing() as means:
        with means.database.write() as connection:
            connection.execute(text("UPDATE setting SET value = 'old' WHERE key = 'search'"))
        assert indexing.index(means) == 3
    assert len(titles(world, "储能")) == 2


def test_a_change_while_a_step_was_under_way_is_still_pending(world: World) -> None:
    with world.writing() as means, means.database.write() as connection:
        connection.execute(text("UPDATE story SET searched = 0"))
        counters = search.pending(connection, 10)
        connection.execute(text("UPDATE story SET changed = changed + 1 WHERE id = 1"))
        search.settle(connection, counters)
        assert [story_id for story_id, _ in search.pending(connection, 10)] == [1]


@pytest.mark.sqlite
def test_a_change_that_leaves_the_words_writes_nothing_into_the_index(world: World) -> None:
    before = world.rows("SELECT max(id) FROM story_fts_data")
    with world.writing() as means:
        with means.database.write() as connection:
            connection.execute(text("UPDATE story SET changed = changed + 1"))
        assert indexing.index(means) == 3
    assert world.rows("SELECT max(id) FROM story_fts_data") == before


@pytest.mark.sqlite
@pytest.mark.parametrize("rounds", [60])
def test_writing_a_story_again_under_its_number_adds_words_and_loses_none(world: World, rounds: int) -> None:
    """What the index rests on: FTS5 takes a second row of one number for the same row."""
    with world.writing() as means, means.database.write() as connection:
        search.clear(connection)
        for turn in range(rounds):
            for story_id in (1, 2, 3):
                search_sqlite.write(connection, {story_id: {f"w{turn}", f"s{story_id}", "all"}})
            if turn % 7 == 0:
                search_sqlite.remove(connection, {2: {f"w{turn}", "s2", "all"}})
        connection.execute(text("INSERT INTO story_fts (story_fts) VALUES ('integrity-check')"))
        last = f"w{rounds - 1}"
        for token, found in (("all", 3), ("s1", 1), (last, 3)):
            assert len(search.candidates(connection, [[[token]]], Narrow(), 100).ids) == found


# --- whatever is asked ---------------------------------------------------------------------


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(asked=st.text(max_size=60) | st.text(alphabet='储能"*()^-:+ ANDORNEARt{}', max_size=30))
def test_no_query_is_a_syntax_error(world: World, asked: str) -> None:
    with world.open().database.read() as connection:
        query = words.parse(asked)
        searching.find(connection, query, Narrow(), Asked(asked), 20)
        searching.find(connection, query, Narrow(), Asked(asked, best=True), 20)


@pytest.mark.parametrize(
    "asked",
    [
        "".join(map(chr, range(0x4E00, 0x4E00 + 200))),
        " OR ".join(f"词{chr(0x4E00 + number)}" for number in range(16)),
        " ".join(f"w{number}" for number in range(40)),
    ],
)
def test_the_longest_queries_are_answered(world: World, asked: str) -> None:
    assert ask(world, asked, until=date(2026, 3, 1), source="青禾财经", category="新媒体").hits == ()


def test_pages_show_everything_once(world: World) -> None:
    for number in range(12):
        words_of = "".join(chr(0x4E00 + number * 50 + place * 7) for place in range(60))
        world.article(
            f"n{number}.md",
            article(f"第 {number} 篇", f"<p>储能{words_of}</p>", date=f"Thu, {number + 1:02} Jan 2026 08:00:00 GMT"),
        )
    world.once()
    seen, first = [], 0
    while True:
        answer = ask(world, "储能", first=first, limit=5)
        seen += [hit.story.published for hit in answer.hits]
        if answer.next is None:
            break
        first = answer.next
    assert len(seen) == 14
    assert seen == sorted(seen, reverse=True)


def test_of_the_commonest_words_only_so_many_are_put_in_order(world: World) -> None:
    with world.open().database.read() as connection:
        found = search.candidates(connection, words.wanted(words.parse("检测")), Narrow(), 1)
    assert (len(found.ids), found.more) == (1, True)


def test_what_is_newer_than_was_asked_for_hides_nothing_that_is_old_enough(world: World) -> None:
    """The index knows months, and no days: it gives what came later in the month first."""
    for day in (10, 11, 12):
        moment = f"Tue, {day} Feb 2026 08:00:00 GMT"
        world.article(f"{day}.md", article(f"第 {day} 篇", f"<p>{day} 日的检测记录，{TEA[:20]}</p>", date=moment))
    world.once()
    with world.open().database.read() as connection:
        narrow = Narrow(until=datetime(2026, 2, 3, tzinfo=UTC))
        found = search.candidates(connection, words.wanted(words.parse("检测")), narrow, 1)
    assert len(found.ids) == 1
    assert titles(world, "检测", until=date(2026, 2, 2)) == ["噪声与消防怎么算"]


def plan(world: World, asked: str, narrow: Narrow) -> str:
    """How SQLite goes about the very statement that a search sends."""
    sent: list[str] = []
    with world.open().database.read() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_trace_callback(sent.append)
        search.candidates(connection, words.wanted(words.parse(asked)), narrow, 50)
        raw.set_trace_callback(None)
        statement = next(one for one in sent if one.startswith("SELECT story.id"))
        return " / ".join(row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}"))


@pytest.mark.sqlite
@pytest.mark.parametrize("narrow", [Narrow(), Narrow(feeds=((1, 2), (3,)))])
def test_the_index_leads_and_nothing_is_sorted(world: World, narrow: Narrow) -> None:
    found = plan(world, "储能", narrow)
    assert found.startswith("SCAN story_fts VIRTUAL TABLE")
    assert "TEMP B-TREE" not in found
    assert found.count("SCAN") == 1


@pytest.mark.sqlite
def test_what_waits_is_found_by_an_index_in_the_order_of_dates(world: World) -> None:
    with world.open().database.read() as connection:
        statement = "SELECT id, changed FROM story WHERE changed > searched ORDER BY published, id LIMIT 20"
        found = " / ".join(row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}")))
    assert "ix_story_unsearched" in found
    assert "TEMP B-TREE" not in found


def test_matching_asks_the_texts_alone(world: World) -> None:
    with world.writing() as means, means.database.write() as connection:
        search.clear(connection)
        assert searching.matching(connection, words.parse("储能 -电站"), [1, 2, 3]) == {2}


def test_readers_take_no_lock(world: World) -> None:
    with world.writing():
        assert len(titles(world, "储能")) == 2


# --- saved searches ------------------------------------------------------------------------


@pytest.fixture
def saving(world: World) -> World:
    world.config["categories"] = [{"path": "储能观察", "query": "储能 -茶", "title": "看储能"}]
    world.once()
    return world


def saved(world: World, slug: str = "储能观察") -> list[str]:
    parsed = feedparser.parse(str(world.folder / "public" / "q" / f"{slug}.atom"))
    assert not parsed.bozo
    return [entry.title for entry in parsed.entries]


def test_a_saved_search_is_a_feed_of_what_was_stored_before(saving: World) -> None:
    assert saved(saving) == ["三成负荷来自海上", "噪声与消防怎么算"]
    parsed = feedparser.parse(str(saving.folder / "public" / "q" / "储能观察.atom"))
    assert parsed.feed.title == "看储能"
    before = saving.published()
    saving.once()
    assert saving.published() == before


def test_a_saved_search_takes_in_what_comes_and_lets_go_what_changed(saving: World) -> None:
    saving.article(
        "d.md",
        article(
            "夜间放电",
            f"<p>{NIGHT}</p>",
            author="能源观察",
        ),
    )
    saving.article(
        "a.md", article("三成负荷来自海上", f"<p>{GRID.replace('储能', '备用')}</p>", author="青禾财经"), age=30
    )
    saving.clock.forward(minutes=5)
    saving.once()
    assert sorted(saved(saving)) == ["噪声与消防怎么算", "夜间放电"]


def test_an_edited_query_is_asked_of_everything_anew(saving: World) -> None:
    saving.config["categories"][0]["query"] = "检测"
    saving.once()
    assert saved(saving) == ["雨水早，春茶好", "噪声与消防怎么算"]


def test_a_query_that_left_the_configuration_keeps_what_it_found(saving: World) -> None:
    saving.config["categories"] = [{"path": "茶", "query": "茶"}]
    saving.once()
    saving.article("a.md", article("三成负荷来自海上", f"<p>{GRID}春茶</p>", author="青禾财经"), age=30)
    saving.clock.forward(minutes=5)
    saving.once()
    assert sorted(saved(saving, "茶")) == ["三成负荷来自海上", "雨水早，春茶好"]
    assert sorted(saved(saving)) == ["三成负荷来自海上", "噪声与消防怎么算"]


def test_a_query_that_comes_back_finds_what_it_missed(saving: World) -> None:
    kept = saving.config.pop("categories")
    saving.article("d.md", article("夜间放电", f"<p>{NIGHT}</p>", author="能源观察"))
    saving.once()
    assert "夜间放电" not in saved(saving)
    saving.config["categories"] = kept
    saving.once()
    assert "夜间放电" in saved(saving)


def test_a_saved_search_is_no_category(saving: World) -> None:
    assert not (saving.folder / "public" / "feeds" / "储能观察.atom").exists()
