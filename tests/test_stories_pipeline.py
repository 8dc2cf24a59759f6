"""One article, many sources: what subscribers see as copies arrive, change, meet and part."""

from __future__ import annotations

from itertools import permutations
from uuid import UUID

import pytest
from lxml import etree

from aggregator.cli import cli
from aggregator.store import feeds
from tests.world import World, article, item, rss

WATER = (
    "　　市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，水压较去年同期提高两成。"
    "工程历时十一个月，其间夜间停水二十六次，均提前三天告知。下一步将改造西岸老旧小区的立管，预计明年汛期前完成。"
)
TRADITIONAL = (
    "　　市水務局介紹，東湖二期管網於三月一日清晨完成切換，共更換閥門四十七處，惠及沿線居民約兩萬戶，水壓較去年同期提高兩成。"
    "工程歷時十一個月，其間夜間停水二十六次，均提前三天告知。下一步將改造西岸老舊小區的立管，預計明年汛期前完成。"
)
SNOW = (
    "　　省气象台预计，未来三天北部山区将有小到中雪，累计降水量五至八毫米，农业部门提醒菜农及时加固大棚并注意夜间保温。"
    "交通部门已在三处山口备足融雪剂，客运班线视路面情况临时调整，出行前请查询当日通告。"
)
DELETED = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"


@pytest.fixture
def folder(world: World) -> World:
    world.source("文章", path="articles")
    (world.folder / "articles").mkdir()
    return world


def deleted(world: World) -> list[str]:
    tree = etree.parse(str(world.folder / "public/feeds/all.atom"))
    return [str(element.get("ref")) for element in tree.findall(DELETED)]


def act(world: World, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.chdir(world.folder)
    cli.main(list(arguments), standalone_mode=False)


def entry_ids(world: World) -> dict[str, int]:
    return {str(path): int(entry) for path, entry in world.rows("SELECT path, entry_id FROM file")}


def test_a_copy_in_the_other_script_with_other_spacing_is_the_same_article(folder: World) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.article("b.md", article("東湖二期供水切換完成", f"<p>{TRADITIONAL.replace('，', ', ')}</p>", author="晚報"))
    folder.once()
    assert len(folder.titles()) == 1


def test_a_story_is_in_the_categories_of_all_its_carriers_and_once_in_what_rolls_them_up(folder: World) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.article("b.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晚报"))
    folder.once()
    for slug in ("新媒体/晨报", "新媒体/晚报", "新媒体", "all"):
        assert len(folder.titles(slug)) == 1


def test_bulletins_of_one_template_stay_apart(folder: World) -> None:
    """A chain of days, each like the one before."""
    template = "　　截至{day}日收盘，两市共有{up}只个股涨停，主要集中在{field}等行业；另有{down}只个股跌停。全天成交{sum}亿元。"
    fields = ("机械设备、医药生物", "汽车、电气设备", "食品饮料、家用电器", "银行、房地产", "通信、电子")
    for day in range(1, 11):
        body = template.format(
            day=day, up=60 + day * 3, down=day + 4, sum=8100 + day * 37, field=fields[day % len(fields)]
        )
        folder.article(f"{day}.md", article(f"{60 + day * 3}只个股涨停", f"<p>{body}</p>", author="快讯"))
    folder.once()
    assert len(folder.titles()) == 10


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_outcome_does_not_depend_on_the_order_of_arrival(world: World, order: tuple[int, ...]) -> None:
    copies = [
        article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="甲报"),
        article("东湖管网切换", f"<p>本报讯</p><p>{WATER}</p><p>更多新闻请关注本报</p>", author="乙报"),
        article("北部山区将有雪", f"<p>{SNOW}</p>", author="丙报"),
    ]
    world.source("文章", path="articles")
    (world.folder / "articles").mkdir()
    for number in order:
        world.article(f"{number}.md", copies[number])
        world.clock.forward(hours=1)
        world.once()
    assert sorted(len(world.titles(f"新媒体/{name}")) for name in ("甲报", "乙报", "丙报")) == [1, 1, 1]
    assert sorted(world.titles()) == ["东湖管网切换", "北部山区将有雪"]


def test_stories_that_turn_out_to_be_one_merge_under_the_earlier_id(world: World) -> None:
    """The later one is announced as deleted, its page leads to the one that stays, and then all is quiet."""
    one, two = "https://one.example/feed", "https://two.example/feed"
    world.source("One", url=one)
    world.source("Two", url=two)
    flash = item(2, link="https://two.example/2", title="东湖供水", body="<p>详见稍后报道。</p>")
    world.network.answers = {one: rss(item(1, title="东湖二期供水切换完成", body=WATER)), two: rss(flash)}
    world.once(names=["One"])
    world.once(names=["Two"])
    (kept,), (ended,) = (
        [e.id for e in world.feed().entries if e.title == t] for t in ("东湖二期供水切换完成", "东湖供水")
    )
    world.clock.forward(hours=1)
    world.network.answers[two] = rss(flash.replace("<p>详见稍后报道。</p>", f"<p>{WATER}</p>"))
    world.once()
    assert [entry.id for entry in world.feed().entries] == [kept]
    assert deleted(world) == [ended]
    before = world.published()
    world.clock.forward(hours=1)
    world.once()
    assert world.published() == before


def test_a_person_parts_what_was_joined_and_it_holds(folder: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.article("b.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晚报"))
    folder.once()
    (before,) = (entry.id for entry in folder.feed().entries)
    act(folder, monkeypatch, "story", "split", "b.md")
    assert len(folder.feed().entries) == 2
    assert before in {entry.id for entry in folder.feed().entries}
    folder.clock.forward(hours=1)
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}（完）</p>", author="晨报"))
    folder.once()
    assert len(folder.feed().entries) == 2


def test_a_person_joins_what_was_apart_and_subscribers_are_told(folder: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.article("b.md", article("北部山区将有雪", f"<p>{SNOW}</p>", author="晚报"))
    folder.once()
    first, second = entry_ids(folder)["a.md"], entry_ids(folder)["b.md"]
    uuids = {row[0]: row[1] for row in folder.rows("SELECT id, uuid FROM entry")}
    act(folder, monkeypatch, "story", "merge", "a.md", "b.md")
    (entry,) = folder.feed().entries
    assert entry.id == f"tag:news.example.org,2026:{UUID(uuids[first])}"
    assert deleted(folder) == [f"tag:news.example.org,2026:{UUID(uuids[second])}"]
    means = folder.open()
    with means.database.read() as connection:
        assert feeds.one(connection, UUID(uuids[second]), means.shown) == UUID(uuids[first])
    means.database.close()


def test_what_was_joined_and_parted_again_is_not_announced_as_deleted(
    folder: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.article("b.md", article("北部山区将有雪", f"<p>{SNOW}</p>", author="晚报"))
    folder.once()
    before = {entry.id for entry in folder.feed().entries}
    act(folder, monkeypatch, "story", "merge", "a.md", "b.md")
    act(folder, monkeypatch, "story", "split", "b.md")
    assert {entry.id for entry in folder.feed().entries} == before
    assert deleted(folder) == []


def test_a_more_complete_copy_leads_under_the_same_id_and_date(folder: World) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.once()
    (before,) = folder.feed().entries
    folder.clock.forward(hours=1)
    more = (
        "记者在现场看到，泵房已经全部改为无人值守，值班室的屏幕上实时显示着各小区的水压与水质，抢修队由三支增加到五支。"
    )
    date = "Sun, 01 Mar 2026 09:30:00 GMT"
    folder.article("b.md", article("东湖二期供水切换完成", f"<p>{WATER}</p><p>{more}</p>", author="晚报", date=date))
    folder.once()
    (after,) = folder.feed().entries
    assert (after.id, after.published) == (before.id, before.published)
    assert "无人值守" in after.content[0].value


def test_explain_tells_what_it_was_compared_with_and_how_it_changed(
    folder: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.article("b.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晚报"))
    folder.once()
    folder.clock.forward(hours=1)
    folder.article("b.md", article("东湖二期供水切换完成", f"<p>{WATER}</p><p>本报记者补充报道</p>", author="晚报"))
    folder.once()
    act(folder, monkeypatch, "explain", "b.md")
    told = capsys.readouterr().out
    assert "晨报" in told
    assert "+本报记者补充报道" in told
    assert "feeds/新媒体/晚报.atom" in told
    assert "new" in told


def test_explain_tells_which_rule_put_an_entry_where_it_is(
    folder: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.config["rules"] = [
        {"when": {"title": "供水"}, "category": "民生"},
        {"when": {"title": "彩票"}, "drop": True},
    ]
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>"))
    folder.article("b.md", article("彩票开奖", f"<p>{SNOW}</p>"))
    folder.once()
    act(folder, monkeypatch, "explain", "a.md")
    assert "category 民生 by the rule for title 供水" in capsys.readouterr().out
    act(folder, monkeypatch, "explain", "b.md")
    assert "rule: title 彩票" in capsys.readouterr().out
    assert folder.titles("民生") == ["东湖二期供水切换完成"]


def test_no_public_id_is_used_twice_or_changed(folder: World) -> None:
    seen: dict[int, str] = {}
    for step in range(6):
        number = step % 3
        folder.article(
            f"{number}.md", article(f"第{step}稿", f"<p>{step}{SNOW if step % 2 else WATER}</p>", author=f"社{number}")
        )
        folder.clock.forward(hours=3)
        folder.once()
        now = {int(row[0]): str(row[1]) for row in folder.rows("SELECT id, uuid FROM entry")}
        assert len(set(now.values())) == len(now)
        assert all(now[entry] == uuid for entry, uuid in seen.items())
        seen = now


def test_the_database_of_a_story_names_its_first_entry(folder: World) -> None:
    folder.article("a.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晨报"))
    folder.article("b.md", article("东湖二期供水切换完成", f"<p>{WATER}</p>", author="晚报"))
    folder.once()
    assert folder.rows("SELECT min(entry_id) = story_id FROM story_entry GROUP BY story_id") == [(1,)]
