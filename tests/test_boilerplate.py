"""What a publisher repeats in all its articles, from files to published feeds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from aggregator.cli import cli
from tests.world import World, article

NOTICE = "本报微信公众号已开通，欢迎扫码关注获取更多本地消息。"
DISCLAIMER = "以上内容仅供参考，不构成任何投资建议，转载请联系授权。"
ADVERT = "夏日特惠进行中，点此进入本报商城选购精选好物。"
QUOTED = "市长在会上说，供水是一座城市的底线，再难也要在汛期之前完成全部管网的切换。"
PLANTED = (NOTICE, DISCLAIMER, ADVERT)

STREETS = ["东湖", "西山", "南屿", "北渡", "石埕", "柳塘", "新桥", "旧港", "云台", "青石"]
STREETS += ["白塔", "河口", "竹园", "梅岭", "沙洲", "古井", "长坡", "双溪", "杏林", "松原"]
MATTERS = ("路灯", "水管", "公交", "图书馆", "菜场", "学校", "桥梁", "公园", "医院", "码头")


def body(number: int, *, planted: bool = True) -> str:
    street, matter = STREETS[number % 20], MATTERS[number * 7 % 10]
    own = [
        f"{street}街道第{number}号工程于本周动工，居民盼了{number + 3}年的{matter}改造终于有了时间表。",
        f"负责{matter}的{street}施工队说，最难的一段在第{number * 13}号井，预计{number % 9 + 2}个月完成。",
        f"住在{street}的第{number}位受访者提到，上一次{matter}大修还是在{1960 + number}年。",
    ]
    if number in (3, 21):
        own.insert(1, QUOTED)
    lines = [own[0], ADVERT, *own[1:], NOTICE, DISCLAIMER] if planted else own
    return "".join(f"<p>{line}</p>" for line in lines)


def write(world: World, numbers: range | list[int], *, author: str = "晨报", planted: bool = True) -> None:
    for number in numbers:
        text = article(
            f"{STREETS[number % 20]}{MATTERS[number * 7 % 10]}第{number}期",
            body(number, planted=planted),
            author=author,
        )
        world.article(f"{author}/{number:02}.md", text)


@pytest.fixture
def folder(world: World) -> World:
    world.source("文章", path="articles")
    world.config["output"] = {"entries": 200}
    (world.folder / "articles").mkdir()
    return world


def contents(world: World) -> dict[str, str]:
    return {entry.title: entry.content[0].value for entry in world.feed().entries}


def assert_learned(world: World) -> None:
    shown = contents(world)
    assert len(shown) == 40
    assert not [title for title, html in shown.items() for planted in PLANTED if planted in html]
    assert sum(QUOTED in html for html in shown.values()) == 2
    assert all(html.count("<p>") >= 3 for html in shown.values())


def test_three_planted_blocks_go_from_all_articles_in_the_same_run_and_a_quotation_of_two_stays(folder: World) -> None:
    write(folder, range(40))
    folder.once()
    assert_learned(folder)


def test_a_second_once_changes_no_byte(folder: World) -> None:
    write(folder, range(40))
    folder.once()
    before = folder.published()
    folder.clock.forward(hours=5)
    folder.once()
    assert folder.published() == before


@pytest.mark.parametrize("order", [range(40), range(39, -1, -1)], ids=["forwards", "backwards"])
def test_in_four_checks_earlier_articles_are_cleaned_of_what_is_learned_later(folder: World, order: range) -> None:
    for start in range(0, 40, 10):
        write(folder, list(order)[start : start + 10])
        folder.once()
    assert_learned(folder)


def test_the_outcome_depends_on_the_set_of_articles(folder: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    write(folder, range(40))
    folder.once()
    other = folder.another(tmp_path_factory.mktemp("other"))
    other.config = folder.config | {key: other.config[key] for key in other.config.keys() & {"database"}}
    for number in (*range(39, 2, -1), 0, 1, 2):
        write(other, [number])
        if number % 13 == 0:
            other.once()
    other.once()
    assert contents(other) == contents(folder)


def test_it_is_learned_with_the_fifth_article_and_not_before(folder: World) -> None:
    write(folder, range(4))
    folder.once()
    assert all(NOTICE in html for html in contents(folder).values())
    write(folder, [4])
    folder.once()
    assert not any(NOTICE in html for html in contents(folder).values())
    kinds = folder.rows("SELECT kind, message FROM event WHERE kind = 'learned' ORDER BY message")
    assert len(kinds) == 3
    assert "晨报: left out, in 5 of 5 articles" in kinds[0][1]


def test_an_article_sent_out_six_times_teaches_nothing(folder: World) -> None:
    for number in range(6):
        folder.article(f"{number}.md", article(f"第{number}次", body(1)))
    folder.once()
    assert all(NOTICE in html for html in contents(folder).values())


@pytest.mark.parametrize("where", ["all", "source"])
def test_learning_can_be_switched_off_and_on_again(folder: World, where: str) -> None:
    part = folder.config if where == "all" else folder.config["sources"][0]
    write(folder, range(40))
    part["clean"] = {"learn": False}
    folder.once()
    assert all(planted in html for html in contents(folder).values() for planted in PLANTED)
    part["clean"] = {"learn": True}
    folder.once()
    assert_learned(folder)
    part["clean"] = {"learn": False}
    folder.once()
    assert all(planted in html for html in contents(folder).values() for planted in PLANTED)


def test_a_person_forbids_a_block_and_confirms_another(folder: World) -> None:
    write(folder, range(40))
    folder.config["clean"] = {"forbid": ["不构成任何投资建议"], "confirm": ["供水是一座城市的底线"]}
    folder.once()
    shown = contents(folder).values()
    assert all(DISCLAIMER in html and NOTICE not in html for html in shown)
    assert not any(QUOTED in html for html in shown)


def test_what_is_most_of_an_article_stays(folder: World) -> None:
    for number in range(8):
        own = f"<p>{STREETS[number]}的{MATTERS[number]}今日开放。</p>"
        folder.article(f"{number}.md", article(f"{STREETS[number]}快讯", f"{own}<p>{NOTICE}{DISCLAIMER}</p>"))
    folder.once()
    assert all(DISCLAIMER in html for html in contents(folder).values())


def test_two_publishers_of_one_folder_are_learned_apart(folder: World) -> None:
    write(folder, range(10))
    write(folder, range(10, 13), author="晚报")
    folder.once()
    shown = contents(folder)
    assert sum(NOTICE in html for html in shown.values()) == 3


def test_articles_are_not_taken_for_one_because_of_what_they_repeat(folder: World) -> None:
    long = "".join(f"<p>{DISCLAIMER}{n}</p>" for n in range(8))
    for number in range(6):
        folder.article(f"{number}.md", article(f"公告{STREETS[number]}", body(number, planted=False) + long))
    folder.once()
    assert len(folder.titles()) == 6


def test_summary_and_lead_picture_are_the_articles_own(folder: World) -> None:
    code = '<p><img src="https://images.example.com/code.png?v={}"></p>'
    for number in range(6):
        own = '<p><img src="https://images.example.com/own.jpg"></p>' if number == 0 else ""
        html = f"<p>{NOTICE}</p>{code.format(number)}{body(number, planted=False)}{own}"
        folder.article(f"{number}.md", article(f"第{number}期", html))
    folder.once()
    entries = {entry.title: entry for entry in folder.feed().entries}
    assert all("code.png" not in str(entry) and "扫码" not in str(entry) for entry in entries.values())
    assert "own.jpg" in str(entries["第0期"].get("media_thumbnail"))


def test_an_article_that_changes_counts_with_what_it_says_now(folder: World) -> None:
    write(folder, range(5))
    folder.once()
    folder.clock.forward(hours=1)
    for number in range(3):
        write(folder, [number], planted=False)
    folder.once()
    shown = contents(folder)
    assert sum(NOTICE in html for html in shown.values()) == 2
    assert folder.rows("SELECT count(*) FROM event WHERE kind = 'unlearned'") == [(3,)]


def test_an_article_that_changes_hands_counts_for_its_new_publisher(folder: World) -> None:
    write(folder, range(5))
    folder.article("one.md", article("第9期", body(9), author="晚报"))
    folder.once()
    assert sum(NOTICE in html for html in contents(folder).values()) == 1
    folder.clock.forward(hours=1)
    folder.article("one.md", article("第9期", body(9), author="晨报"))
    folder.once()
    assert not any(NOTICE in html for html in contents(folder).values())


def test_the_command_lists_what_is_learned_and_what_may_be(folder: World) -> None:
    write(folder, range(40))
    folder.once()
    result = CliRunner().invoke(cli, ["sources", "boilerplate", "文章", "-c", str(folder.folder / "config.yaml")])
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.output.splitlines() if line.startswith("晨报")]
    assert {(row[1], row[2], row[3], row[5]) for row in rows} == {
        *(("learned", "anywhere", "40", planted) for planted in PLANTED),
        ("candidate", "nowhere", "2", QUOTED),
    }
    assert "clean.forbid" in result.output


def test_the_bundled_examples_lose_what_is_planted_in_them(folder: World) -> None:
    examples = Path(__file__).parent.parent / "examples" / "articles"
    shutil.copytree(examples, folder.folder / "articles", dirs_exist_ok=True)
    folder.clock.forward(days=365 * 5)  # copied just now, by the clock of the machine
    folder.once()
    everything = "".join(contents(folder).values())
    assert "云港" in everything
    for planted in (
        "欢迎扫码关注“北巷科技”公众号",
        "转载请注明出处。欢迎加入码间读者群",
        "扫码下载海岸财经",
        "责任编辑",
    ):
        assert planted not in everything
