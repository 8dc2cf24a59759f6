"""What is wrong with sources and documents, from the check that shows it to the feed that tells of it."""

from __future__ import annotations

import json
from typing import Any

import feedparser
import pytest
from click.testing import CliRunner

from aggregator import health, publishing
from aggregator.cli import cli
from aggregator.model import Document, Failed, Fetched, Outcome, Validators
from aggregator.publish.lint import lint
from aggregator.publish.phrases import phrases
from aggregator.rounds import Made, Round
from tests.test_breakers_pipeline import Journal, moved_with_everything
from tests.world import World, item, rss

FEED = "https://reader:pass@example.com/feed.xml?key=sesame"
REFUSED = Failed(Outcome.HTTP_ERROR, f"{FEED} answered 403", "Set `headers`.")
SILENT_HOST = Failed(Outcome.UNREACHABLE, f"{FEED}: no answer", "Wait.", scope="host")
GONE = Failed(Outcome.GONE, "410 Gone", "Remove it.")


@pytest.fixture
def blog(world: World) -> World:
    world.config["output"] = {"pages": False}
    world.source("晨报", url=FEED, category="新闻")
    world.network.answers[FEED] = rss(item(1), item(2))
    world.once()
    return world


def entries(world: World) -> list[Any]:
    """The health feed as a reader sees it; one that any validator faults fails the test."""
    document = (world.folder / "public" / "health.atom").read_bytes()
    assert lint(document, "https://news.example.org/health.atom", world.clock.now) == []
    parsed = feedparser.parse(document)
    assert not parsed.bozo
    return list(parsed.entries)


def check(world: World, answer: str | Failed, times: int = 1) -> list[Any]:
    """Visit the source an hour later, several times over; gives the health feed after that."""
    world.network.answers[FEED] = answer
    for _ in range(times):
        world.clock.forward(hours=1)
        world.once()
    return entries(world)


def test_while_all_is_well_there_is_a_valid_feed_without_entries(blog: World) -> None:
    assert entries(blog) == []
    before = blog.published()
    blog.clock.forward(days=3)
    blog.once()
    assert blog.published() == before


def test_a_source_that_fails_three_times_is_told_once(blog: World) -> None:
    assert check(blog, REFUSED, 2) == []
    (told,) = check(blog, REFUSED)
    assert told.title == "“晨报”检查失败：服务器返回错误"
    assert "<code>headers</code>" in told.content[0].value
    assert told.link == "https://news.example.org/status/%E6%99%A8%E6%8A%A5"
    before = blog.published()
    check(blog, REFUSED, 3)
    assert blog.published() == before


def test_a_failure_of_another_class_updates_the_entry(blog: World) -> None:
    (first,) = check(blog, REFUSED, 3)
    (second,) = check(blog, SILENT_HOST)
    assert second.id == first.id
    assert second.updated > first.updated
    assert second.published == first.published
    assert "连不上服务器" in second.title


def test_one_good_check_ends_it_and_the_next_trouble_is_another_entry(blog: World) -> None:
    (first,) = check(blog, REFUSED, 3)
    (over,) = check(blog, rss(item(1), item(2), item(3)))
    assert over.id == first.id
    assert over.title == "已恢复：“晨报”检查失败：服务器返回错误"
    assert over.updated > first.updated
    again = check(blog, REFUSED, 3)
    assert [one.id for one in again[1:]] == [first.id]
    assert again[0].id != first.id


def test_what_is_gone_is_told_at_once_and_comes_back_when_asked_for_by_name(blog: World) -> None:
    (gone,) = check(blog, GONE)
    assert gone.title == "“晨报”已消失"
    blog.network.answers[FEED] = rss(item(1), item(2))
    blog.clock.forward(hours=1)
    blog.once(names=["晨报"])
    (back,) = entries(blog)
    assert back.id == gone.id
    assert back.title.startswith("已恢复")


def test_a_failure_that_concerns_everybody_is_nobodys(blog: World) -> None:
    network = Failed(Outcome.UNREACHABLE, "the network is down", "", scope="everybody")
    assert check(blog, network, 5) == []
    assert blog.rows("SELECT count(*) FROM condition") == [(0,)]


def test_a_source_that_moved_for_good_is_told_with_its_new_address(world: World) -> None:
    target = "https://new.example.org/feed.xml?key=sesame"
    world.source("晨报", url="https://old.example.org/feed.xml")
    for hours in (0, 13, 13):
        world.clock.forward(hours=hours)
        body = rss(item(1)).encode()
        fetched = Fetched(Document(body, url=target), Validators(), moved=target)
        world.network.fetch = answering(fetched)  # type: ignore[method-assign]  # the played network knows no redirects
        world.once()
    (moved,) = entries(world)
    assert moved.title == "“晨报”已搬家"
    assert "https://new.example.org/feed.xml，" in moved.content[0].value
    assert "sesame" not in moved.content[0].value
    world.config["sources"] = []
    world.source("晨报", url=target)
    world.network.fetch = answering(Fetched(Document(body, url=target), Validators()))  # type: ignore[method-assign]  # the same
    world.once()
    assert entries(world)[0].title == "已恢复：“晨报”已搬家"


def answering(answer: Fetched) -> Any:
    async def fetch(*_: Any) -> Fetched:
        return answer

    return fetch


def test_a_source_is_silent_once_it_brings_nothing_against_its_habit(blog: World) -> None:
    for number in range(3, 8):
        blog.clock.forward(hours=11)
        assert check(blog, rss(item(number), item(number - 1))) == []
    blog.clock.forward(days=6)
    assert check(blog, rss(item(7), item(6))) == []
    blog.clock.forward(days=1)
    (silent,) = check(blog, rss(item(7), item(6)))
    assert silent.title == "“晨报”沉默了"
    blog.clock.forward(days=30)
    (still,) = check(blog, rss(item(7), item(6)))
    assert still == silent
    (over,) = check(blog, rss(item(8), item(7)))
    assert over.title == "已恢复：“晨报”沉默了"


def test_a_broken_document_is_told_until_a_whole_one_comes(blog: World) -> None:
    (degraded,) = check(blog, rss(item(1), item(3)).replace("</rss>", ""))
    assert degraded.title == "“晨报”的文件残缺"
    (over,) = check(blog, rss(item(1), item(3), item(4)))
    assert over.title.startswith("已恢复")


@pytest.mark.parametrize("accepted", [True, False])
def test_what_a_circuit_breaker_keeps_back_is_told_until_it_is_released(world: World, accepted: bool) -> None:
    world.config["output"] = {"pages": False}
    journal = Journal(world)
    for _ in range(4):
        journal.normal_check()
    before = journal.document()
    journal.check(moved_with_everything(journal))
    (held,) = entries(world)
    assert held.title == "“Blog”的新文章暂缓发布"
    if accepted:
        journal.accept()
        world.publish()
    else:
        for _ in range(3):
            journal.check(before)
    (over,) = entries(world)
    assert over.id == held.id
    assert over.title.startswith("已恢复")


def test_a_source_that_leaves_the_config_or_is_disabled_concerns_nobody(blog: World) -> None:
    check(blog, REFUSED, 3)
    blog.config["sources"][0]["enabled"] = False
    blog.once()
    assert entries(blog)[0].title.startswith("已恢复")
    blog.config["sources"][0]["enabled"] = True
    check(blog, REFUSED, 3)
    blog.config["sources"] = []
    blog.once()
    assert all(one.title.startswith("已恢复") for one in entries(blog))


def test_nothing_that_is_published_names_a_secret(blog: World) -> None:
    blog.source("目录", path=str(blog.folder / "private-place"))
    check(blog, REFUSED, 3)
    (blog.folder / "config.yaml").write_text("", encoding="utf-8")
    health.misconfigured(blog.open(), "config.yaml:3:7: token: 'hunter2' is no token\nconfig.yaml:9:1: unknown key")
    blog.clock.forward(hours=1)
    blog.publish()
    document = (blog.folder / "public" / "health.atom").read_text("utf-8")
    assert "目录" in document
    for secret in ("sesame", "reader:", "pass", "private-place", str(blog.folder), "hunter2", "example.com/feed"):
        assert secret not in document


def test_no_feed_of_articles_and_no_list_of_feeds_tells_of_health(blog: World) -> None:
    check(blog, REFUSED, 3)
    for path, data in blog.published().items():
        if path.endswith((".atom", ".rss", ".json", ".xml")) and path != "health.atom":
            assert "检查失败" not in data.decode(), path
            assert "health.atom" not in data.decode(), path


def test_an_edited_config_that_is_not_in_force_is_told_by_line_and_column(blog: World) -> None:
    means = blog.open()
    health.misconfigured(means, "config.yaml:3:7: expected a number\nconfig.yaml:9:1: unknown key")
    publishing.publish_round(means)
    (told,) = entries(blog)
    assert told.title == "改过的配置没有生效"
    assert "3:7, 9:1" in told.content[0].value
    blog.clock.forward(hours=1)
    blog.once()
    assert entries(blog)[0].title == "已恢复：改过的配置没有生效"


def test_a_document_that_fails_its_check_is_told_until_it_is_mended(blog: World) -> None:
    path = "feeds/新闻.atom"
    good = blog.published()[path]
    with blog.writing() as means:
        this = Round(means, trusting=False)
        this.put([Made(path, good.replace(b"<published>2026", b"<published>noon 2026", 1))])
        this.tell()
        publishing.publish_round(means)
    (told,) = entries(blog)
    assert told.title == f"没有发布：{path}"
    assert "Item" in told.content[0].value
    blog.clock.forward(hours=1)
    blog.publish(everything=True)
    assert entries(blog)[0].title == f"已恢复：没有发布：{path}"


def test_a_health_feed_that_somebody_deleted_or_altered_is_written_again(blog: World) -> None:
    check(blog, REFUSED, 3)
    before = blog.published()
    (blog.folder / "public" / "health.atom").unlink()
    blog.once()
    assert blog.published() == before
    (blog.folder / "public" / "health.atom").write_text("other", encoding="utf-8")
    blog.once()
    assert blog.published() == before


def test_several_that_begin_in_one_instant_have_dates_of_their_own(world: World) -> None:
    world.config["output"] = {"pages": False}
    for number in range(60):
        world.source(f"S{number}", url=f"https://example.com/{number}")
        world.network.answers[f"https://example.com/{number}"] = GONE
    world.once()
    told = entries(world)
    assert len(told) == 50
    assert len({one.updated for one in told}) == 50
    assert [one.updated for one in told] == sorted((one.updated for one in told), reverse=True)


def test_a_clock_that_was_set_back_turns_no_date_back(blog: World) -> None:
    (first,) = check(blog, REFUSED, 3)
    blog.clock.forward(hours=-20)
    (over,) = check(blog, rss(item(1), item(2), item(3)))
    assert over.updated > first.updated


def test_how_sources_fare_is_counted_by_day_and_forgotten_after_two_months(blog: World) -> None:
    check(blog, rss(item(1), item(2), item(3)))
    check(blog, REFUSED, 2)
    assert blog.rows("SELECT day, new, failed FROM source_day") == [("2026-03-01", 3, 2)]
    blog.clock.forward(days=1)
    check(blog, rss(item(1), item(2), item(3)))
    assert blog.rows("SELECT count(*) FROM source_day") == [(1,)]
    blog.clock.forward(days=60)
    check(blog, REFUSED)
    assert blog.rows("SELECT day, new, failed FROM source_day") == [("2026-05-01", 0, 1)]


def test_a_day_is_one_of_the_sites_zone(blog: World) -> None:
    blog.config["site"] = {**blog.config["site"], "timezone": "Asia/Shanghai"}
    blog.clock.forward(hours=5)
    check(blog, REFUSED)
    assert ("2026-03-02", 0, 1) in blog.rows("SELECT day, new, failed FROM source_day")


def test_the_command_tells_what_is_wrong(blog: World) -> None:
    check(blog, REFUSED, 3)
    arguments = ["-c", str(blog.folder / "config.yaml"), "status"]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    assert done.exit_code == 0
    (told,) = json.loads(done.stdout)["conditions"]
    assert (told["kind"], told["source"], told["detail"]) == ("failing", "晨报", "http-error")
    assert "failing\t晨报" in CliRunner().invoke(cli, arguments).stdout


def test_most_checks_write_nothing_about_health(blog: World) -> None:
    before = blog.rows("SELECT * FROM condition"), blog.rows("SELECT * FROM source_day")
    check(blog, rss(item(1), item(2)), 3)
    assert (blog.rows("SELECT * FROM condition"), blog.rows("SELECT * FROM source_day")) == before


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_class_of_failure_has_words_and_a_remedy(language: str) -> None:
    words = phrases(language)
    for outcome in set(Outcome) - {Outcome.OK, Outcome.UNCHANGED}:
        assert words[f"why_{outcome}"]
        assert words[f"do_{outcome}"]
