"""Sources with `full_text`, over the real core: what is asked for, what is published, what is kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from aggregator import asking, fulltext
from aggregator.config.schema import Source
from aggregator.errors import ConfigError
from aggregator.fetch.headers import for_request
from aggregator.fetch.trip import begin
from aggregator.model import Document, Failed, Fetched, Outcome, Tally, Validators
from tests.e2e.service import command, configure
from tests.played import Server, reply
from tests.test_fulltext import LOGIN, ONE, THREE, TITLE, TWO, page, paragraphs
from tests.world import World, item, rss

FEED = "https://example.com/feed.xml"
LATER = {"hours": 6}


@pytest.fixture
def paper(world: World) -> World:
    world.source("晨报", url=FEED, full_text=True, category="本地")
    return world


def address(number: int | str) -> str:
    return f"https://example.com/{number}"


def asked(world: World) -> list[str]:
    """The pages that were asked for."""
    return [url for url, _ in world.network.asked if url != FEED]


def show(world: World, *items: str, **pages: Any) -> None:
    """The feed as it is now, and the pages of its items by number (`p1`)."""
    world.network.answers[FEED] = rss(*items)
    for name, body in pages.items():
        world.network.answers[address(name[1:])] = body


def teaser(number: int, text: str = ONE, title: str = TITLE) -> str:
    return item(number, title=title, body=f"<p>{text}</p>")


def shown(world: World) -> str:
    """The words of the only entry of the feed, as readers have them."""
    (entry,) = world.feed().entries
    return str(entry.content[0].value)


MISSING = Failed(Outcome.HTTP_ERROR, "answered 404 Not Found: there is nothing at this address")
GONE = Failed(Outcome.GONE, "answered 410 Gone")
LIMITED = Failed(Outcome.RATE_LIMITED, "answered 429", wait=7200.0)
FULL = page(paragraphs(ONE, TWO, THREE))


def test_a_new_entry_is_published_at_once_in_the_words_of_its_page(paper: World) -> None:
    show(paper, teaser(1), p1=FULL)
    assert paper.once()["晨报"].tally == Tally(new=1)
    assert THREE in shown(paper)
    assert "首页" not in shown(paper)


def test_without_the_key_no_page_is_asked_for(world: World) -> None:
    world.source("晨报", url=FEED, category="本地")
    show(world, teaser(1))
    world.once()
    assert asked(world) == []


def test_a_page_source_has_full_text_as_well(world: World) -> None:
    world.source("馆", page="https://example.com/", select={"item": "li"}, full_text=True, category="本地")
    world.network.answers["https://example.com/"] = f"<ul><li><a href='/1'>{TITLE}</a></li></ul>"
    world.network.answers[address(1)] = FULL
    world.once()
    assert THREE in shown(world)


def test_a_selector_says_what_the_article_is(world: World) -> None:
    world.source("晨报", url=FEED, full_text="#content p", category="本地")
    show(world, teaser(1), p1=FULL.replace("<p>", "<div>广告位</div><p>"))
    world.once()
    assert THREE in shown(world)
    assert "广告位" not in shown(world)


@pytest.mark.parametrize(
    "answer",
    [
        page(paragraphs(ONE)),
        page(paragraphs(ONE, TWO[:20] + "……", "登录后阅读全文")),
        page(paragraphs(LOGIN, LOGIN), title="登录"),
        f"<html><title>登录</title><body><form><input type='password'></form>{paragraphs(ONE, TWO)}</body></html>",
        page(paragraphs("页面不存在，可能已经被删除，五秒后自动返回首页。" * 4), title="404"),
        "<html></html>",
        "x" * 3_000_000,
    ],
    ids=["teaser", "paywall", "login", "form", "error", "empty", "huge"],
)
def test_what_is_not_more_of_the_article_changes_nothing_and_is_not_asked_for_again(paper: World, answer: str) -> None:
    show(paper, teaser(1), p1=answer)
    paper.once()
    assert shown(paper).count("<p>") == 1
    assert ONE in shown(paper)
    paper.clock.forward(days=3)
    paper.once()
    assert len(asked(paper)) == 1
    ((why,),) = paper.rows("SELECT message FROM event WHERE kind = 'full-text'")
    assert why.startswith("the feed's words stay: ")


# --- only once -----------------------------------------------------------------------------


def test_only_new_and_changed_entries_are_asked_for(paper: World) -> None:
    show(paper, teaser(1), p1=FULL)
    paper.once()
    show(
        paper,
        teaser(1),
        teaser(2, TWO, "工程部介绍切换经过"),
        p2=page(paragraphs(TWO, THREE, ONE), title="工程部介绍切换经过"),
    )
    paper.clock.forward(**LATER)
    assert paper.once()["晨报"].tally == Tally(new=1, same=1)
    paper.clock.forward(**LATER)
    paper.once()
    assert asked(paper) == [address(1), address(2)]


def test_a_second_check_changes_no_byte_and_no_version(paper: World) -> None:
    show(paper, teaser(1), p1=FULL)
    paper.once()
    before = paper.published()
    paper.once()
    assert paper.published() == before
    assert paper.rows("SELECT changes FROM entry") == [(0,)]
    assert paper.rows("SELECT * FROM full_text") == []


def test_entries_that_share_an_address_have_no_page_of_their_own(paper: World) -> None:
    show(paper, *(item(n, link=address("home"), body=f"<p>{n}{ONE}</p>") for n in range(3)))
    paper.once()
    assert asked(paper) == []


def test_a_changed_entry_is_asked_for_anew_and_its_page_tells_whether_readers_hear_of_it(paper: World) -> None:
    show(paper, teaser(1), p1=FULL)
    paper.once()
    ((updated,),) = paper.rows("SELECT updated FROM entry")
    paper.clock.forward(**LATER)
    show(paper, teaser(1, ONE + "（续）"), p1=page(paragraphs(ONE, TWO.replace("八十", "九十"), THREE)))
    assert paper.once()["晨报"].tally == Tally(changed=1)
    assert "九十名工人" in shown(paper)
    assert paper.rows("SELECT updated FROM entry")[0][0] > updated


def test_a_changed_entry_keeps_what_its_page_gave_while_the_page_fails(paper: World) -> None:
    show(paper, teaser(1), p1=FULL)
    paper.once()
    before = paper.rows("SELECT updated FROM entry")
    paper.clock.forward(**LATER)
    show(paper, teaser(1, ONE + "（续）"), p1=MISSING)
    paper.once()
    assert THREE in shown(paper)
    assert paper.rows("SELECT updated FROM entry") == before
    assert paper.rows("SELECT attempts FROM full_text") == [(1,)]


def test_words_that_its_page_adds_are_no_news_even_with_an_edit_of_the_feed(paper: World) -> None:
    show(paper, teaser(1), p1=MISSING)
    paper.once()
    before = paper.rows("SELECT updated FROM entry")
    paper.clock.forward(minutes=10)
    show(paper, teaser(1, ONE + "（续）"), p1=FULL)
    assert paper.once()["晨报"].tally == Tally(changed=1)
    assert THREE in shown(paper)
    assert paper.rows("SELECT updated FROM entry") == before


# --- failures ------------------------------------------------------------------------------


def test_a_page_that_fails_is_published_in_the_feed_s_words_and_comes_later_unannounced(paper: World) -> None:
    show(paper, teaser(1), p1=MISSING)
    assert paper.once()["晨报"].outcome is Outcome.OK
    assert shown(paper).count("<p>") == 1
    before = paper.feed().entries[0]
    paper.network.answers[address(1)] = FULL
    paper.clock.forward(**LATER)
    assert paper.once()["晨报"].outcome is Outcome.UNCHANGED  # the feed itself is
    after = paper.feed().entries[0]
    assert THREE in shown(paper)
    assert (after.id, after.updated, after.published) == (before.id, before.updated, before.published)
    assert paper.rows("SELECT count(*) FROM entry_version") == [(0,)]
    assert paper.rows("SELECT * FROM full_text") == []


def test_a_page_that_keeps_failing_is_asked_for_less_and_less_and_then_given_up(paper: World) -> None:
    show(paper, teaser(1), p1=MISSING)
    hours = []
    for hour in range(24 * 5):
        before = len(asked(paper))
        paper.once()
        hours += [hour] * (len(asked(paper)) - before)
        paper.clock.forward(hours=1)
    assert hours == [0, 1, 3, 11, 35]
    assert paper.rows("SELECT * FROM full_text") == []


def test_a_page_that_is_gone_is_given_up_at_once(paper: World) -> None:
    show(paper, teaser(1), p1=GONE)
    paper.once()
    paper.clock.forward(days=2)
    paper.once()
    assert len(asked(paper)) == 1


def test_a_host_that_had_enough_is_left_alone_until_it_says_so(paper: World) -> None:
    show(paper, *(teaser(n, f"第{n}期。{ONE}") for n in range(4)), p0=LIMITED)
    paper.once()
    assert asked(paper) == [address(0)]
    for number in range(4):
        paper.network.answers[address(number)] = page(paragraphs(f"第{number}期。{ONE}", TWO, THREE))
    paper.clock.forward(hours=1)
    paper.once()
    assert asked(paper)[1:] == [address(1), address(2), address(3)]
    paper.clock.forward(hours=2)
    paper.once()
    assert asked(paper)[4:] == [address(0)]


def test_one_check_asks_for_so_many_pages_and_later_ones_for_the_rest(paper: World) -> None:
    count = fulltext.MOST + 7
    texts = [f"第{n * 37}号公告：{ONE}" for n in range(count)]
    show(
        paper,
        *(item(n, title=f"第{n * 37}号公告", body=f"<p>{texts[n]}</p>") for n in range(count)),
        **{f"p{n}": page(paragraphs(texts[n], TWO, THREE), title=f"第{n * 37}号公告") for n in range(count)},
    )
    assert paper.once()["晨报"].tally == Tally(new=count)
    assert len(asked(paper)) == fulltext.MOST + fulltext.LEAST_LATE
    paper.once()
    assert sorted(asked(paper)) == sorted(map(address, range(count)))
    assert paper.rows("SELECT * FROM full_text") == []


def test_a_check_that_is_cut_off_loses_nothing(paper: World) -> None:
    show(paper, teaser(1))  # the played network knows no page, which no check survives
    assert paper.once()["晨报"].outcome is Outcome.INTERNAL
    assert paper.rows("SELECT * FROM entry") == []
    paper.network.answers[address(1)] = FULL
    paper.once()
    assert THREE in shown(paper)


# --- cleaning and replay -------------------------------------------------------------------


def test_what_a_page_injects_is_cleaned_as_everything_is(paper: World) -> None:
    evil = f'<p onclick="steal()">{ONE}</p><p>{TWO}<script>steal()</script><a href="javascript:steal()">全文</a></p><p>{THREE}</p>'
    show(paper, teaser(1), p1=page(evil))
    paper.once()
    assert THREE in shown(paper)
    assert "steal" not in shown(paper)


def test_links_and_pictures_are_the_page_s(paper: World) -> None:
    rich = (
        paragraphs(ONE, TWO, THREE)
        + '<p><img data-original="pic/a.jpg" src="/blank.gif"><a href="?next">下一页</a></p>'
    )
    show(paper, teaser(1), p1=page(rich))
    paper.once()
    assert 'src="https://example.com/pic/a.jpg"' in shown(paper)
    assert 'href="https://example.com/1?next"' in shown(paper)


def test_a_replay_keeps_the_page_s_words_and_without_the_key_gives_the_feed_s(paper: World) -> None:
    show(paper, teaser(1), p1=FULL)
    paper.once()
    before = paper.published()
    assert paper.replay().changed == 0
    assert paper.published() == before
    paper.config["sources"][0]["full_text"] = False
    assert paper.replay().changed == 1
    assert THREE not in shown(paper)
    paper.config["sources"][0]["full_text"] = True
    assert paper.replay().changed == 1
    assert paper.published() == before
    assert len(asked(paper)) == 1


def test_a_rule_sees_the_page_s_words_and_its_drop_asks_for_no_page_again(paper: World) -> None:
    paper.config["rules"] = [{"when": {"content": "张女士"}, "drop": True}]
    show(paper, teaser(1), p1=FULL)
    paper.once()
    assert paper.feed().entries == []
    paper.clock.forward(days=1)
    paper.once()
    assert len(asked(paper)) == 1


def test_a_copy_elsewhere_is_found_by_the_page_s_words(paper: World) -> None:
    other = "https://other.example/feed.xml"
    paper.source("晚报", url=other, category="本地")
    show(paper, teaser(1), p1=FULL)
    paper.network.answers[other] = rss(
        item(9, title=TITLE, body=paragraphs(ONE, TWO, THREE), link="https://other.example/9")
    )
    paper.once()
    assert len(paper.feed().entries) == 1


def test_a_trial_shows_how_much_more_a_page_has_and_stores_nothing(tmp_path: Path) -> None:
    with Server({"/feed": reply(b""), "/1": reply(FULL.encode()), "/2": reply(status=404)}) as server:
        items = (item(n, title=TITLE, body=f"<p>{ONE}</p>", link=server.url(f"/{n}")) for n in (1, 2))
        server.scripts["/feed"] = reply(rss(*items).encode())
        source = {"name": "晨报", "url": server.url("/feed"), "full_text": True}
        configure(tmp_path, [source], network={"allow": ["127.0.0.1"]})
        tried = command(tmp_path, "sources", "test", "晨报", "--json")
    first, second = json.loads(tried.stdout)["entries"]
    assert (first["characters"], first["page"]) == (len(ONE), len("\n".join((ONE, TWO, THREE))))
    assert "404 Not Found" in second["page"]
    assert not (tmp_path / "data").exists()


# --- how pages are asked for ---------------------------------------------------------------


class Counting:
    """A network that keeps as whom each address was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[Source, str]] = []

    async def fetch(self, source: Source, url: str, *_: object) -> Fetched:
        self.asked.append((source, url))
        return Fetched(Document(FULL.encode(), url=url), Validators())


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://example.com/1", True),
        ("https://example.com:8443/1", False),
        ("http://example.com/1", False),
        ("https://ads.example.net/1", False),
    ],
)
def test_pages_are_asked_for_as_pages_and_only_the_source_s_own_host_is_trusted(
    world: World, url: str, own: bool
) -> None:
    world.source("晨报", url=FEED, full_text=True, cookies={"s": "1"}, allow_private=True)
    means = world.open()
    network = Counting()
    means.__dict__["fetcher"] = network
    asyncio.run(asking.ask(means, means.sources["晨报"], [url]))
    ((visitor, address),) = network.asked
    trip = begin(visitor, address, Validators(), world.clock.now, 20.0)
    assert address == url
    assert trip.trusted is own
    sent = for_request(visitor, "agent", trip.sent, trip.login, trusted=trip.trusted)
    assert sent["Accept"].startswith("text/html")
    assert ("Cookie" in sent) is own


class Hanging:
    """A network of which one host never answers, and the others do at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def fetch(self, _: Source, url: str, *__: object) -> Failed:
        self.asked.append(url)
        if url.startswith("https://slow.example/"):
            await asyncio.Event().wait()
        return MISSING


def test_a_host_that_hangs_holds_neither_others_nor_the_check_and_counts_as_failed(world: World) -> None:
    world.source("晨报", url=FEED, full_text=True)
    means = world.open()
    network = means.__dict__["fetcher"] = Hanging()
    urls = ["https://slow.example/1", "https://slow.example/2", address(1), address(2)]
    found = asyncio.run(asking.ask(means, means.sources["晨报"], urls, patience=0.05))
    assert sorted(network.asked) == sorted({*urls} - {"https://slow.example/2"})
    assert {url: answer.outcome for url, answer in found.items() if isinstance(answer, Failed)} == {
        "https://slow.example/1": Outcome.UNREACHABLE,
        address(1): Outcome.HTTP_ERROR,
        address(2): Outcome.HTTP_ERROR,
    }


def test_a_folder_needs_no_full_text(world: World) -> None:
    world.source("文章", path="articles", full_text=True)
    with pytest.raises(ConfigError, match="full_text is for feeds and pages"):
        world.open()
