"""Identity within one source: what is new, what changed, what only came back under another name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from aggregator.dedupe.fingerprint import fingerprint, sign
from aggregator.dedupe.identity import (
    Changed,
    Decision,
    Known,
    New,
    Remembered,
    Same,
    Trust,
    identify,
    keys,
    remembered,
    substantial,
    trust_of,
)
from aggregator.dedupe.ids import category_uuid, public_uuid, stamp
from aggregator.dedupe.links import link_key
from aggregator.model import Enclosure, Entry, Image, Key, KnownEntry, ParsedEntry, Prepared, Text

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
TEXT = "市图书馆从下周一起延长开放时间，工作日开到晚上十点，周末开到八点；自习室的座位也增加了一倍，读者可以通过新的小程序预约。"
OTHER = "昨晚的暴雨使三条公交线路改道，抢修人员连夜清理了倒伏的树木，预计今天中午之前恢复正常，气象台提醒市民留意夜里的第二轮降雨。"


def item(
    title: str = "图书馆延长开放",
    text: str = TEXT,
    *,
    id: str | None = None,
    url: str | None = None,
    path: str | None = None,
    date: datetime | None = NOON,
    image: str | None = None,
    crawled: bool = False,
) -> Prepared:
    """An entry as parse and clean would have made it."""
    pictures = (Image(image),) if image else ()
    parsed = ParsedEntry(
        id=id,
        path=path,
        url=url,
        title=Text(title),
        content=Text(text),
        published=date,
        images=pictures,
        crawled=crawled,
    )
    entry = Entry(
        title=title, html=text, text=text, summary="", publisher="p", url=url, authors=(), published=date,
        published_claimed=date, updated=None, paths=(("新闻",),), terms=(), image=pictures[0] if pictures else None,
    )  # fmt: skip
    return Prepared(parsed, entry, sign(parsed, entry), keys(parsed, entry))


class Source:
    """The memory of one source, as the store would keep it: keys point to entries."""

    def __init__(self) -> None:
        self.entries: dict[int, Prepared] = {}
        self.changes: dict[int, int] = {}
        self.aliases: dict[Key, int] = {}
        self.missing: set[int] = set()
        self.trust = Trust()
        self.recalled = 0

    def check(self, *batch: Prepared) -> list[Decision]:
        self.trust = trust_of(batch, self.trust)
        decisions = identify(batch, self.known(), trust=self.trust)
        for decision in decisions:
            self.take(decision)
        return decisions

    def known(self) -> Known:
        vanished: dict[bytes, tuple[int, ...]] = {}
        for entry_id in sorted(self.missing):
            mark = self.entries[entry_id].signature.fingerprint
            vanished[mark] = (*vanished.get(mark, ()), entry_id)
        return Known({key: self.entry(i) for key, i in self.aliases.items()}, self.recall, vanished)

    def entry(self, entry_id: int) -> KnownEntry:
        held = self.entries[entry_id]
        return KnownEntry(entry_id, held.signature.fingerprint, held.entry.title, self.changes.get(entry_id, 0))

    def recall(self, entry_id: int) -> Remembered:
        self.recalled += 1
        return remembered(self.entries[entry_id].entry)

    def take(self, decision: Decision) -> None:
        entry_id = len(self.entries) + 1 if isinstance(decision, New) else decision.entry_id
        if not isinstance(decision, Same):
            self.entries[entry_id] = decision.prepared
        if isinstance(decision, Changed):
            self.changes[entry_id] = self.changes.get(entry_id, 0) + 1
        assert set(decision.take) == {key for key in decision.add if key in self.aliases}
        self.aliases |= dict.fromkeys(decision.add, entry_id)
        self.missing.discard(entry_id)


def kinds(decisions: list[Decision]) -> list[str]:
    return [type(decision).__name__ for decision in decisions]


@pytest.fixture
def source() -> Source:
    return Source()


def test_what_was_seen_before_is_the_same_and_costs_no_text(source: Source) -> None:
    assert kinds(source.check(item(id="1", url="http://a.example/1"))) == ["New"]
    assert kinds(source.check(item(id="1", url="http://a.example/1"))) == ["Same"]
    assert source.recalled == 0


def test_a_guid_is_believed_whatever_else_changes(source: Source) -> None:
    source.check(item(id="1", url="http://a.example/1"))
    (decision,) = source.check(item("改名", OTHER, id="1", url="http://a.example/2"))
    assert isinstance(decision, Changed)
    assert decision.substance


def test_a_guid_that_drifts_is_bridged_by_the_link(source: Source) -> None:
    source.check(item(id="1?v=1", url="http://a.example/1"))
    (decision,) = source.check(item(id="1?v=2", url="http://a.example/1"))
    assert isinstance(decision, Same)
    assert Key("guid", "1?v=2") in decision.add


def test_a_link_that_shows_another_article_makes_a_new_entry(source: Source) -> None:
    source.check(item(url="http://a.example/today"))
    (decision,) = source.check(item("暴雨改道", OTHER, url="http://a.example/today", date=NOON + timedelta(days=1)))
    assert isinstance(decision, New)
    assert Key("link", "a.example/today") in decision.take


def test_a_change_of_scheme_or_of_tracking_changes_nothing(source: Source) -> None:
    source.check(item(url="http://www.a.example/1"))
    (decision,) = source.check(item(url="https://a.example/1/?utm_source=rss"))
    assert not isinstance(decision, New)


def test_a_move_to_another_host_is_bridged_by_title_and_date(source: Source) -> None:
    source.check(item(id="http://old.example/1", url="http://old.example/1"))
    (decision,) = source.check(item(id="http://new.example/1", url="http://new.example/1"))
    assert not isinstance(decision, New)
    assert Key("link", "new.example/1") in decision.add


def test_one_guid_for_all_items_is_no_key(source: Source) -> None:
    batch = [item("一", TEXT, id="x", url="http://a.example/1"), item("二", OTHER, id="x", url="http://a.example/2")]
    assert kinds(source.check(*batch)) == ["New", "New"]
    assert not source.trust.guid
    assert kinds(source.check(*batch)) == ["Same", "Same"]


def test_one_link_for_all_items_is_no_key(source: Source) -> None:
    batch = [item("一", TEXT, url="http://a.example/"), item("二", OTHER, url="http://a.example/")]
    assert kinds(source.check(*batch)) == ["New", "New"]
    assert not source.trust.link
    assert kinds(source.check(item("三", OTHER + "续", url="http://a.example/"), *batch)) == ["New", "Same", "Same"]


def test_a_single_slip_of_a_publisher_costs_only_the_items_concerned(source: Source) -> None:
    batch = [item(f"第{n}条", f"{TEXT}{n}", id=str(n)) for n in range(9)]
    batch.append(item("另一条", OTHER, id="8"))
    source.check(*batch)
    assert source.trust.guid
    assert kinds(source.check(*batch)) == ["Same"] * 10


def test_an_item_listed_twice_counts_once(source: Source) -> None:
    assert kinds(source.check(item(id="1"), item(id="1"))) == ["New"]
    assert kinds(source.check(item(id="1"), item(text=TEXT + "（更新）", id="1"))) == ["Same"]


def test_a_guid_that_is_the_title_does_not_join_two_articles_of_that_title(source: Source) -> None:
    source.check(item("晚间公告", TEXT, id="晚间公告"))
    (decision,) = source.check(item("晚间公告", OTHER, id="晚间公告", date=NOON + timedelta(days=1)))
    assert isinstance(decision, Changed)


def test_items_without_id_and_link_are_known_by_title_and_date(source: Source) -> None:
    source.check(item())
    assert kinds(source.check(item(text=OTHER))) == ["Changed"]
    assert kinds(source.check(item(date=NOON + timedelta(days=1)))) == ["New"]


def test_items_of_one_title_and_date_are_told_apart_by_their_text(source: Source) -> None:
    batch = [item(text=TEXT), item(text=OTHER)]
    assert kinds(source.check(*batch)) == ["New", "New"]
    assert kinds(source.check(*batch)) == ["Same", "Same"]


def test_nothing_but_pictures(source: Source) -> None:
    batch = [item("", "", url=f"http://a.example/{n}", image=f"http://a.example/{n}.jpg") for n in (1, 2)]
    assert kinds(source.check(*batch)) == ["New", "New"]
    moved = [item("", "", url="http://a.example/1", image="http://a.example/3.jpg")]
    assert kinds(source.check(*moved)) == ["New"]


def test_a_file_is_its_path_and_a_copy_beside_it_another_entry(source: Source) -> None:
    decisions = source.check(item(path="a.md"), item(path="b.md"))
    assert kinds(decisions) == ["New", "New"]
    assert [decision.add for decision in decisions] == [(Key("path", "a.md"),), (Key("path", "b.md"),)]


def test_blank_titled_files_share_a_path_one_after_the_other(source: Source) -> None:
    source.check(item("..", TEXT, path=".md"))
    (decision,) = source.check(item("..", OTHER, path=".md"))
    assert isinstance(decision, New)
    assert decision.take == (Key("path", ".md"),)


def test_an_edited_file_of_the_same_path_is_the_same_entry(source: Source) -> None:
    source.check(item("..", TEXT, path=".md"))
    assert kinds(source.check(item("..", TEXT + OTHER, path=".md"))) == ["Changed"]


def test_a_renamed_file_keeps_its_entry(source: Source) -> None:
    source.check(item(path="old.md"))
    source.missing.add(1)
    (decision,) = source.check(item(path="new.md"))
    assert isinstance(decision, Same)
    assert decision.entry_id == 1
    assert Key("path", "new.md") in decision.add


def test_a_rename_needs_one_file_on_each_side_and_some_text(source: Source) -> None:
    source.check(item(path="a.md"), item(path="b.md"), item("短", "太短", path="c.md"))
    source.missing |= {1, 2, 3}
    assert kinds(source.check(item(path="d.md"))) == ["New"]
    assert kinds(source.check(item("短", "太短", path="e.md"))) == ["New"]
    source.missing -= {2}
    assert kinds(source.check(item(path="f.md"), item(path="g.md"))) == ["New", "New"]


def test_a_strong_key_of_a_later_item_wins_over_a_weak_one_of_an_earlier(source: Source) -> None:
    source.check(item(id="1", url="http://a.example/1"))
    batch = [item("图书馆延长开放（续）", id="2", url="http://a.example/1"), item(id="1", url="http://a.example/9")]
    first, second = source.check(*batch)
    assert isinstance(first, New)
    assert isinstance(second, Changed)
    assert second.entry_id == 1
    assert kinds(source.check(*batch)) == ["Same", "Same"]


def test_after_many_changes_only_substance_counts(source: Source) -> None:
    source.check(item(id="1"))
    for count in range(24):
        assert kinds(source.check(item(text=TEXT + "，" * (count + 1), id="1"))) == ["Changed"]
    assert kinds(source.check(item(text=TEXT + "！", id="1"))) == ["Same"]
    assert kinds(source.check(item(text=OTHER, id="1"))) == ["Changed"]


def test_identifying_again_adds_no_keys(source: Source) -> None:
    batch = [item(id="1", url="http://a.example/1"), item("二", OTHER, id="2", url="http://a.example/2")]
    source.check(*batch)
    assert all(decision.add == () for decision in source.check(*batch))


# --- changed in substance, or touched up ------------------------------------------------------

LONG = TEXT * 6


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("图书馆延长开放", LONG.replace("，", ", ")),
        ("圖書館延長開放", LONG),
        ("图书馆延长开放！", LONG.replace("十点", "十點")),
        ("图书馆延长开放", LONG.replace("小程序", "小程序里", 2)),
    ],
)
def test_touch_ups(title: str, text: str) -> None:
    assert substantial(Remembered("图书馆延长开放", LONG), item(title, text).entry) is None


@pytest.mark.parametrize(
    ("title", "text", "why"),
    [
        ("图书馆延长开放", LONG + "今年新增书目3万册", "number"),
        ("图书馆延长开放", LONG.replace("市图书馆", "上海图书馆", 1), "name"),
        ("图书馆延长开放到23点", LONG, "number in its title"),
        ("图书馆延长开放", LONG.replace("读者可以通过新的小程序预约", "孩子们因此多了一个可去之处", 1), "characters"),
        ("Microsoft 图书馆", LONG, "name in its title"),
    ],
)
def test_substance(title: str, text: str, why: str) -> None:
    assert why in (substantial(Remembered("图书馆延长开放", LONG), item(title, text).entry) or "")


def test_a_new_picture_or_enclosure_is_substance() -> None:
    pictured = item(image="http://a.example/2.jpg").entry
    old = remembered(item(image="http://a.example/1.jpg").entry)
    assert substantial(old, pictured) == "its picture changed"
    podcast = replace(item().entry, enclosures=(Enclosure("http://a.example/1.mp3"),))
    assert substantial(remembered(item().entry), podcast) == "an enclosure changed"


# --- the fingerprint --------------------------------------------------------------------------


def test_random_pictures_crawl_times_and_trackers_are_volatile() -> None:
    def written(run: int) -> bytes:
        body = f'<a href="http://a.example/1?utm_source={run}&amp;id=3">x</a><img src="https://picsum.photos/400/300?random={run}">'
        parsed = item(
            image=f"https://picsum.photos/400/300?random={run}",
            url=f"http://a.example/1?utm_campaign=c{run}",
            date=NOON + timedelta(hours=run),
            crawled=True,
        ).parsed
        return fingerprint(replace(parsed, content=Text(body, "html")))

    assert written(1) == written(2)


@pytest.mark.parametrize(
    "change",
    [
        {"title": Text("别的")},
        {"content": Text(OTHER)},
        {"url": "http://a.example/2"},
        {"published": NOON + timedelta(seconds=1)},
        {"images": (Image("http://a.example/2.jpg"),)},
        {"enclosures": (Enclosure("http://a.example/2.mp3"),)},
    ],
)
def test_everything_else_counts(change: dict[str, Any]) -> None:
    parsed = item(url="http://a.example/1").parsed
    assert fingerprint(parsed) != fingerprint(replace(parsed, **change))


def test_too_little_text_has_no_digest_and_no_bands() -> None:
    assert item(text="太短").signature.digest is None
    assert item(text="太短").signature.bands == ()
    assert item().signature.digest == item(text=TEXT.replace("，", " ")).signature.digest


# --- links and ids ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://www.a.example/p/?b=2&a=1#top", "https://a.example/p?a=1&b=2"),
        ("https://a.example:443/p?utm_medium=rss", "http://A.example/p"),
    ],
)
def test_one_address_in_two_spellings(one: str, other: str) -> None:
    assert link_key(one) == link_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://a.example/p?id=1", "http://a.example/p?id=2"),
        ("http://a.example/#!/1", "http://a.example/#!/2"),
        ("http://a.example/P", "http://a.example/p"),
        ("http://a.example/p?from=paris", "http://a.example/p?from=rome"),
    ],
)
def test_two_addresses(one: str, other: str) -> None:
    assert link_key(one) != link_key(other)


def test_public_ids_are_the_same_everywhere_and_never_given_twice() -> None:
    key = Key("guid", "1")
    first = public_uuid("新闻", key, lambda _: False)
    assert first == UUID("44970a47-59f3-5571-9d40-d3c16d9e2d72")
    second = public_uuid("新闻", key, {first}.__contains__)
    third = public_uuid("新闻", key, {first, second}.__contains__)
    assert len({first, second, third, public_uuid("别处", key, lambda _: False)}) == 4
    assert second == public_uuid("新闻", Key("guid", "1#2"), lambda _: False)


def test_ids_of_categories_depend_on_the_whole_path() -> None:
    assert category_uuid(("a", "b")) != category_uuid(("a/b",))
    assert category_uuid(("金融",)) == category_uuid(("金融",))


def test_a_stamp_keeps_the_second_and_tells_entries_apart() -> None:
    one, other = stamp(NOON, uuid4()), stamp(NOON, UUID(int=123_456))
    assert one.replace(microsecond=0) == NOON
    assert other == NOON.replace(microsecond=123_456)
