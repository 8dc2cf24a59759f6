"""Accidents of publishers, played from the source to what subscribers see: nothing of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator import holding
from aggregator.cli import cli
from aggregator.model import Document, Failed, Fetched, Outcome, Tally, Validators
from tests.world import World, article, item, rss

FEED = "https://example.com/feed.xml"

#: Items of the played feed.
SHOWN = 20


def words(number: int) -> str:
    """A text that shares nothing with any other."""
    return "".join(chr(0x4E00 + (number * 1009 + place * (131 + number * 17)) % 20000) for place in range(80))


class Journal:
    """A feed of the last twenty articles; one more appears, an hour old, before each check."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.count = SHOWN
        self.dates: dict[int, datetime] = {}
        world.source("Blog", url=FEED, category="科技")

    def write(self, number: int, **keys: str) -> str:
        date = self.dates.setdefault(number, self.world.clock.now - timedelta(hours=1))
        facts = {"title": f"题{words(number)[:8]}", "body": f"<p>{words(number)}</p>", "date": format_datetime(date)}
        return item(number, **(facts | keys))

    def document(self, change: Callable[[int], dict[str, str]] = lambda number: {}) -> str:
        return rss(*(self.write(number, **change(number)) for number in range(self.count - SHOWN, self.count)))

    def check(self, document: str | None = None) -> Tally:
        """One check, three hours after the one before."""
        self.world.clock.forward(hours=3)
        self.world.network.answers[FEED] = document or self.document()
        result = self.world.once()["Blog"]
        assert result.outcome in (Outcome.OK, Outcome.UNCHANGED), result
        return result.tally

    def normal_check(self) -> Tally:
        self.count += 1
        return self.check()

    def held(self) -> int:
        ((count,),) = self.world.rows("SELECT count(*) FROM entry WHERE held")
        return int(count)

    def message(self) -> str | None:
        ((message,),) = self.world.rows("SELECT message FROM source WHERE name = 'Blog'")
        return None if message is None else str(message)

    def accept(self) -> int | None:
        """As `sources accept` does it, by the played clock."""
        return holding.accept(self.world.open(), "Blog")


#: Feeds are what subscribers see here, and pages most of the work.
NO_PAGES = {"pages": False}


@pytest.fixture
def journal(world: World) -> Journal:
    """A feed with a past: four good checks, twenty-three entries."""
    world.config["output"] = NO_PAGES
    journal = Journal(world)
    journal.check()
    for _ in range(3):
        assert journal.normal_check() == Tally(new=1, same=SHOWN - 1)
    return journal


# --- accidents -----------------------------------------------------------------------------


def moved_with_everything(journal: Journal) -> str:
    """Another system: new ids, new addresses, and the day of the move as date of all."""
    day = format_datetime(journal.world.clock.now - timedelta(hours=7, minutes=13))
    return journal.document(lambda n: {"guid": f"post-{n}", "link": f"https://new.example.org/p/{n}", "date": day})


def ids_given_by_place(journal: Journal) -> str:
    """The first item is always 0: each id now means the article that another had."""
    return journal.document(lambda n: {"guid": f"id-{n + 1}", "link": f"https://example.com/x{n}"})


def one_link_for_all(journal: Journal) -> str:
    journal.count = 26
    return journal.document(lambda n: {"link": "https://example.com/"})


def a_page_of_errors(journal: Journal) -> str:
    return rss(item("e1", title="请登录", body="<p>会话已过期。</p>"), item("e2", title="出错了"))


def imported_today(journal: Journal) -> str:
    """Old articles that were never in the feed appear in it, dated whenever it is asked for."""
    now = format_datetime(journal.world.clock.now + timedelta(hours=3))
    journal.count = 40
    return journal.document(lambda n: {"date": now} if n >= 23 else {})


ACCIDENTS = (
    pytest.param(moved_with_everything, "re-identified", 20, id="moved with everything"),
    pytest.param(ids_given_by_place, "re-identified", 1, id="ids given by place"),
    pytest.param(one_link_for_all, "links-equal", 3, id="one link for all"),
    pytest.param(a_page_of_errors, "count-collapsed", 2, id="a page of errors"),
    pytest.param(imported_today, "dates-now", 17, id="imported today"),
)


def for_readers(world: World) -> dict[str, bytes]:
    """All that is published, but for what tells of the accident itself."""
    return {path: data for path, data in world.published().items() if path != "health.atom"}


@pytest.mark.parametrize(("accident", "name", "held"), ACCIDENTS)
def test_subscribers_see_nothing_of_an_accident_and_nothing_is_lost(
    journal: Journal, accident: Callable[[Journal], str], name: str, held: int
) -> None:
    before = for_readers(journal.world)
    journal.check(accident(journal))
    assert for_readers(journal.world) == before
    keyed = "SELECT count(DISTINCT entry.id) FROM entry JOIN entry_alias ON entry_id = entry.id WHERE held"
    assert journal.world.rows(keyed) == [(held,)]
    assert journal.world.rows("SELECT count(*) FROM event WHERE kind = 'held'") == [(held,)]
    assert journal.world.rows("SELECT source FROM event WHERE kind = 'tripped'") == [("Blog",)]
    message = journal.message() or ""
    assert name in message
    assert "Blog" in message
    assert "aggregator sources accept Blog" in message


@pytest.mark.parametrize(("accident", "name", "held"), ACCIDENTS)
def test_an_accident_that_stays_is_no_normal_check(
    journal: Journal, accident: Callable[[Journal], str], name: str, held: int
) -> None:
    before = for_readers(journal.world)
    for _ in range(4):
        journal.check(accident(journal))
    assert for_readers(journal.world) == before
    assert journal.held() == held


@pytest.mark.parametrize(("accident", "name", "held"), ACCIDENTS)
def test_three_normal_checks_release_what_was_kept_back(
    journal: Journal, accident: Callable[[Journal], str], name: str, held: int
) -> None:
    before = journal.count
    journal.check(accident(journal))
    journal.count = before
    document = journal.document()
    for _ in range(2):
        journal.check(document)
    assert journal.held() == held
    journal.check(document)
    assert journal.held() == 0
    assert journal.message() is None
    assert journal.world.rows("SELECT count(*) FROM event WHERE kind = 'released'") == [(held,)]


@pytest.mark.parametrize(("accident", "name", "held"), ACCIDENTS)
def test_a_person_accepts_how_the_publisher_is_now(
    journal: Journal, accident: Callable[[Journal], str], name: str, held: int
) -> None:
    document = accident(journal)
    journal.check(document)
    assert journal.accept() == held
    assert journal.message() is None
    journal.check(document)
    assert journal.held() == 0
    assert journal.message() is None


def test_news_of_normal_checks_waits_with_the_rest_and_then_appears(journal: Journal) -> None:
    journal.check(a_page_of_errors(journal))
    before = set(journal.world.titles())
    for _ in range(2):
        journal.normal_check()
        assert set(journal.world.titles()) == before
    journal.normal_check()
    after = set(journal.world.titles())
    assert len(after - before) == 5
    assert {"请登录", "出错了"} < after


def test_articles_that_came_again_under_new_ids_join_their_old_stories(journal: Journal) -> None:
    before = journal.world.titles()
    journal.check(moved_with_everything(journal))
    journal.accept()
    journal.check(journal.document())
    assert sorted(journal.world.titles()) == sorted(before)


def test_failed_checks_are_neither_normal_nor_accidents(journal: Journal) -> None:
    journal.check(a_page_of_errors(journal))
    journal.check(journal.document())
    for _ in range(4):
        journal.world.clock.forward(hours=3)
        journal.world.network.answers[FEED] = Failed(Outcome.UNREACHABLE, "no answer", "look at it")
        journal.world.once()
    assert journal.held() == 2
    journal.check(journal.document())
    journal.check(journal.document())
    assert journal.held() == 0


def test_a_new_accident_starts_the_count_of_normal_checks_again(journal: Journal) -> None:
    journal.check(a_page_of_errors(journal))
    journal.check(journal.document())
    journal.check(journal.document())
    journal.check(a_page_of_errors(journal))
    journal.check(journal.document())
    journal.check(journal.document())
    assert journal.held() == 2


def test_the_changes_of_an_accident_are_taken_once_it_is_accepted(journal: Journal) -> None:
    document = one_link_for_all(journal)
    journal.check(document)
    journal.accept()
    assert journal.check(document).changed > 0
    links = journal.world.rows("SELECT count(DISTINCT url) FROM entry JOIN event ON entry_id = entry.id")
    assert links < [(10,)]


def test_what_was_accepted_trips_nothing_afterwards(journal: Journal) -> None:
    journal.check(one_link_for_all(journal))
    journal.accept()
    for _ in range(6):
        journal.count += 1
        assert journal.check(journal.document(lambda n: {"link": "https://example.com/"})).new == 1
    assert journal.held() == 0


def test_the_past_of_what_was_accepted_begins_anew(journal: Journal) -> None:
    """As with a new publisher: nothing is judged before there are twenty entries to judge it by."""
    journal.check(imported_today(journal))
    journal.accept()
    for _ in range(3):
        journal.normal_check()
    journal.check(moved_with_everything(journal))
    assert journal.held() == 0


def test_an_answer_with_the_new_entries_only_is_no_collapse(journal: Journal) -> None:
    """RFC 3229: the server sent what is new since the validators, and said so."""
    part = rss(item("fresh", title="新的一篇", body="<p>只有这一篇是新的，别的没有变。</p>"))
    for address in journal.world.network.answers:
        journal.world.network.answers[address] = Fetched(
            Document(part.encode(), url=address), Validators(etag='"2"'), partial=True
        )
    journal.world.clock.forward(hours=1)
    journal.world.once()
    assert journal.message() is None
    assert "新的一篇" in journal.world.titles()


def test_what_the_feed_says_of_itself_in_an_accident_is_not_kept(journal: Journal) -> None:
    journal.check(rss(item("e1", title="请登录"), title="Error"))
    assert journal.world.rows("SELECT title FROM source") == [("Example",)]


def test_status_says_what_happened_and_what_to_do_until_it_is_over(journal: Journal) -> None:
    journal.check(a_page_of_errors(journal))
    journal.check(journal.document())
    file = str(journal.world.folder / "config.yaml")
    said = CliRunner().invoke(cli, ["status", "--json", "-c", file], catch_exceptions=False).output
    (status,) = json.loads(said)["sources"]
    assert status["outcome"] == "unchanged"
    assert status["message"].startswith("circuit breaker: Blog: count-collapsed: it shows 2 entries")


def accepted_by_command(world: World) -> str:
    file = str(world.folder / "config.yaml")
    return CliRunner().invoke(cli, ["sources", "accept", "Blog", "-c", file], catch_exceptions=False).output


def test_a_source_without_a_tripped_breaker_has_nothing_to_accept(journal: Journal) -> None:
    assert journal.accept() is None


def test_the_command_says_how_many_entries_it_releases(journal: Journal) -> None:
    journal.check(one_link_for_all(journal))
    assert "3 entries are released" in accepted_by_command(journal.world)
    assert journal.held() == 0


def test_nothing_is_made_where_there_is_no_database_yet(world: World) -> None:
    Journal(world)
    world.open().database.close()
    said = accepted_by_command(world)
    assert "no circuit breaker is tripped" in said
    assert not (world.folder / "data").exists()


# --- normal life, in which no breaker trips --------------------------------------------------


def test_twenty_new_articles_after_a_long_pause_are_news(journal: Journal) -> None:
    journal.world.clock.forward(days=20)
    for number in range(journal.count, journal.count + SHOWN):
        journal.dates[number] = journal.world.clock.now - timedelta(hours=20 - number % 20)
    journal.count += SHOWN
    assert journal.check() == Tally(new=SHOWN)
    assert journal.held() == 0
    assert journal.message() is None


def test_new_ids_alone_are_recognised_by_the_links(journal: Journal) -> None:
    """Nothing is new, so nothing is kept back."""
    assert journal.check(journal.document(lambda n: {"guid": f"other-{n}"})).new == 0
    assert journal.message() is None


def test_new_ids_and_links_are_recognised_by_title_and_date(journal: Journal) -> None:
    document = journal.document(lambda n: {"guid": f"other-{n}", "link": f"https://new.example.org/{n}"})
    assert journal.check(document) == Tally(changed=SHOWN)
    assert journal.message() is None


def test_a_source_without_a_past_is_not_judged(world: World) -> None:
    journal = Journal(world)
    journal.check()
    journal.check(moved_with_everything(journal))
    assert journal.message() is None


def test_failed_checks_are_no_past(world: World) -> None:
    journal = Journal(world)
    journal.check()
    for _ in range(3):
        world.clock.forward(hours=3)
        world.network.answers[FEED] = Failed(Outcome.UNREACHABLE, "no answer", "look at it")
        world.once()
    journal.check(moved_with_everything(journal))
    assert journal.held() == 0


def test_articles_that_appeared_all_at_once_are_released_when_they_stay(journal: Journal) -> None:
    """Published at the very minute of a check: it cannot be told from an import, but it passes."""
    document = imported_today(journal)
    for expected in (17, 17, 17, 0):
        journal.check(document)
        assert journal.held() == expected


def test_a_feed_that_is_always_dated_now_is_believed(world: World) -> None:
    journal = Journal(world)
    for _ in range(6):
        journal.count += 10
        now = format_datetime(world.clock.now + timedelta(hours=3))
        dated = {number: {"date": now} for number in range(journal.count - 10, journal.count)}
        journal.check(journal.document(lambda n, dated=dated: dated.get(n, {})))  # type: ignore[misc]
        assert journal.message() is None


def test_a_feed_that_starts_anew_every_midnight_is_learned(journal: Journal) -> None:
    """At its first midnight it is kept back; once its past shows that, it is not."""
    night = [journal.write(number) for number in (900, 901)]
    journal.check(rss(*night))
    assert journal.held() == 2
    for _ in range(3):
        journal.normal_check()
    assert journal.held() == 0
    journal.check(rss(*(journal.write(number) for number in (910, 911))))
    assert journal.held() == 0
    assert journal.message() is None


# --- folders: one source, many publishers ------------------------------------------------------


@pytest.fixture
def folder(world: World) -> World:
    """Two publishers; the one with a past has twenty-five articles."""
    world.config["output"] = NO_PAGES
    world.source("文章", path="articles")
    for number in range(25):
        world.article(f"晨报/{number}.md", article(f"题{words(number)[:6]}", f"<p>{words(number)}</p>"))
    for number in range(4):
        world.clock.forward(hours=3)
        world.article(f"晚报/{number}.md", article(f"晚{number}", f"<p>{words(100 + number)}</p>", author="晚报"))
        world.once()
    return world


def rewritten(world: World, name: str, extra: str = "") -> None:
    for file in Path(world.folder / "articles" / "晨报").glob("*.md"):
        file.unlink()
    for number in range(25):
        title = f"题{words(number)[:6]}{extra}"
        world.article(f"晨报/{name}{number}.md", article(title, f"<p>{words(number)}</p>"))


def test_a_folder_deleted_and_written_again_trips_nothing(folder: World) -> None:
    before = folder.published()
    for _ in range(4):
        rewritten(folder, "")
        folder.clock.forward(hours=2)
        result = folder.once()["文章"]
        assert (result.tally.new, result.message) == (0, None)
    assert folder.published() == before


def test_files_under_new_names_are_recognised_by_what_they_say(folder: World) -> None:
    rewritten(folder, "post-")
    result = folder.once()["文章"]
    assert (result.tally.new, result.message) == (0, None)


def test_files_under_new_names_and_new_titles_are_kept_back_and_other_publishers_are_not(folder: World) -> None:
    before = set(folder.titles())
    rewritten(folder, "post-", "（转载）")
    folder.article("晚报/new.md", article("晚报新闻", f"<p>{words(200)}</p>", author="晚报"))
    result = folder.once()["文章"]
    assert result.tally.new == 26
    assert "晨报: re-identified" in (result.message or "")
    assert set(folder.titles()) - before == {"晚报新闻"}


def test_a_publisher_that_is_new_in_an_old_folder_has_no_past(folder: World) -> None:
    for number in range(25):
        folder.article(f"a{number}.md", article(f"周{number}", f"<p>{words(600 + number)}</p>", author="周报"))
    folder.once()
    for number in range(25):
        (folder.folder / "articles" / f"a{number}.md").unlink()
        folder.article(f"b{number}.md", article(f"刊{number}", f"<p>{words(600 + number)}</p>", author="周报"))
    result = folder.once()["文章"]
    assert (result.tally.new, result.message) == (25, None)


def test_batches_of_one_scan_are_one_normal_check(folder: World) -> None:
    rewritten(folder, "post-", "（转载）")
    folder.once()
    folder.clock.forward(hours=3)
    for number in range(1100):
        folder.article(f"more/{number:04}.md", article(f"新{number}", f"<p>{words(1000 + number)}</p>"))
    folder.once()
    assert folder.rows("SELECT normal FROM breaker WHERE tripped IS NOT NULL") == [(1,)]


def test_many_new_files_of_a_publisher_are_news(folder: World) -> None:
    folder.clock.forward(days=10)
    for number in range(300, 340):
        folder.article(f"晨报/{number}.md", article(f"题{words(number)[:6]}", f"<p>{words(number)}</p>"))
    result = folder.once()["文章"]
    assert (result.tally.new, result.message) == (40, None)
    assert folder.rows("SELECT count(*) FROM entry WHERE held") == [(0,)]


def test_files_gone_are_no_collapse(folder: World) -> None:
    for number in range(24):
        (folder.folder / "articles" / "晨报" / f"{number}.md").unlink()
    folder.article("晨报/new.md", article("早间新闻", f"<p>{words(500)}</p>"))
    result = folder.once()["文章"]
    assert (result.tally.new, result.message) == (1, None)
    assert "早间新闻" in folder.titles()
