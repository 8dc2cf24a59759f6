"""Which articles are one, as named situations, and what holds for every grouping."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.config.schema import Duplicates
from aggregator.dedupe.fingerprint import ENOUGH
from aggregator.dedupe.fold import fold
from aggregator.dedupe.stories import compare, contradict, group, lead, like_titles
from aggregator.model import Member, Pair, digest

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
ALL = Duplicates()

REPORT = (
    "云帆科技今日宣布，旗下新工厂在宜宾正式投产，年产能达到30吉瓦时，计划总投资50亿元。董事长林晓舟表示，工厂将优先供应国内车企。"
    "业内分析人士认为，随着渗透率持续提升，需求仍将保持较快增长。"
)
DAILY = (
    "8月5日0时至24时，上海新增本土确诊病例3例，新增本土无症状感染者11例，均在闭环管控中发现，相关情况正在进一步调查。"
)
BLURB = "每周五更新，请多多关注我们的频道，点赞收藏支持一下，商务合作请联系邮箱，我们下期再见，不见不散。"
ENGLISH = (
    "The central bank raised its benchmark rate by a quarter point on Wednesday, its tenth increase in a little more "
    "than a year. Governor Alice Marlowe said that officials would watch the data closely before deciding what to do in June."
)


def member(
    number: int, text: str = REPORT, title: str = "云帆科技新工厂投产", *, publisher: str = "", hours: float = 0.0, prefer: int = 0,
    link: bytes | None = None,
) -> Member:  # fmt: skip
    codes = fold(text)
    return Member(
        id=number,
        uuid=uuid5(NAMESPACE_URL, str(number)),
        source="source",
        publisher=publisher or f"publisher {number}",
        published=NOON + timedelta(hours=hours),
        first_seen=NOON,
        title=title,
        text=text,
        prefer=prefer,
        digest=digest(codes.tobytes()) if codes.size >= ENOUGH else None,
        link=link,
    )


SAME = {
    "the same text": (REPORT, "别的标题", REPORT),
    "a newswire lead": (REPORT, "新工厂投产", "中新网3月5日电 据本报记者获悉，" + REPORT),
    "another way to write the numbers": (REPORT, "新工厂投产", REPORT.replace("30吉瓦时", " ３０ 吉瓦时").replace("50亿", "五十亿")),
    "an exact figure rounded": (DAILY + "占12.34%。", "新增3例", DAILY + "占12.3%。"),
    "a converted amount added": (REPORT, "新工厂投产", REPORT.replace("50亿元", "约50亿元（约合7.1亿美元）")),
    "an editor's other word": (REPORT, "云帆科技新工厂投产", REPORT.replace("持续提升", "不断提高")),
    "a dateline in English": (ENGLISH, "Rates go up", "LISBON, March 5 (Wire) - " + ENGLISH),
    "credits": (DAILY, "新增3例", DAILY + "\n责任编辑：方圆 SF017"),
    "numbered captions": (DAILY + "\n图3：现场", "新增3例", DAILY + "\n图5：现场"),
    "damage, one digit among it": (
        REPORT * 2 + DAILY,
        "新工厂投产",
        (REPORT * 2 + DAILY).replace("宣布", "宣怖", 1).replace("车企", "车金", 1).replace("林晓", "木晓", 1).replace("渗透", "参透", 1).replace("11例", "17例"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("situation", SAME)
def test_one_article_at_two_publishers(situation: str) -> None:
    one, title, other = SAME[situation]
    pair = compare(member(1, one), member(2, other, title, hours=20), ALL)
    assert pair is not None
    assert (pair.a, pair.b) == (1, 2)
    assert 0 < pair.strength <= 1


DIFFERENT = {
    "another company": ("云帆科技投产", REPORT, "海川生物投产", REPORT.replace("云帆科技", "海川生物").replace("林晓舟", "陈若谷")),
    "another figure": ("新工厂投产", REPORT, "新工厂投产", REPORT.replace("30吉瓦时", "45吉瓦时")),
    "another place": ("新增3例", DAILY, "新增3例", DAILY.replace("上海", "北京")),
    "another day": ("新增3例", DAILY, "新增3例", DAILY.replace("8月5日", "8月6日")),
    "the next episode": ("夜航船 第12集", BLURB * 2, "夜航船 第13集", BLURB * 2),
    "the next episode in words": ("夜航船 第十二集", BLURB * 2, "夜航船 第十三集", BLURB * 2),
    "another name in a flash": ("公告", DAILY.replace("本土", "云帆"), "公告", DAILY.replace("本土", "海川")),
    "two names that share a letter": ("冠军", f"昨晚陈若谷夺冠，{BLURB}", "冠军", f"昨晚沈若水夺冠，{BLURB}"),
    "one letter of a name, wherever it stands": ("张伟当选", f"张伟当选市长，张伟表示感谢。{BLURB}", "张强当选", f"张强当选市长，张强表示感谢。{BLURB}"),
    "another bank": ("Rates go up", ENGLISH, "Rates go up", ENGLISH.replace("Alice Marlowe", "Priya Nandan")),
    "another month": ("Rates go up", ENGLISH, "Rates go up", ENGLISH.replace("in June", "in July")),
    "another text under the same title": ("今日要闻", REPORT, "今日要闻", DAILY),
    "a flash and the digest that holds it": ("新增3例", DAILY, "早报", REPORT + DAILY + ENGLISH + REPORT.replace("3", "4") + BLURB * 5),
}  # fmt: skip


@pytest.mark.parametrize("situation", DIFFERENT)
def test_articles_that_only_look_like_one(situation: str) -> None:
    title, text, other_title, other_text = DIFFERENT[situation]
    assert compare(member(1, text, title), member(2, other_text, other_title, hours=20), ALL) is None


def test_too_little_text_never_decides() -> None:
    assert compare(member(1, "转发微博", "转发微博"), member(2, "转发微博", "转发微博"), ALL) is None


def test_an_address_in_common_is_enough_across_publishers() -> None:
    one, other = member(1, link=b"x" * 16), member(2, "评论", "评论", link=b"x" * 16)
    assert compare(one, other, ALL) is not None
    assert compare(one, replace(other, publisher=one.publisher), ALL) is None


def test_within_a_publisher_only_what_is_soon_and_nearly_the_same() -> None:
    other = REPORT.replace("持续提升", "不断提高")
    one = member(1, publisher="p")
    assert compare(one, member(2, other, publisher="p", hours=70), ALL) is not None
    assert compare(one, member(2, other, publisher="p", hours=74), ALL) is None
    assert compare(one, member(2, REPORT, "云帆科技：投产", publisher="p", hours=29 * 24), ALL) is not None


def test_sent_again_with_a_new_beginning() -> None:
    again = "本台刚刚从主办方得到证实，以下内容属实，后续进展将持续更新，请您留意我们的报道。" + REPORT
    assert compare(member(1, publisher="p"), member(2, again, publisher="p", hours=1), ALL) is not None
    assert compare(member(1, publisher="p"), member(2, again, publisher="p", hours=30), ALL) is None


def test_standing_words_of_a_channel_are_not_an_article() -> None:
    one = member(1, BLURB * 3, "跟我学做菜：红烧肉", publisher="p")
    assert compare(one, member(2, BLURB * 3, "跟我学做菜：糖醋鱼", publisher="p", hours=48), ALL) is None
    clip = "Taken from our show. Watch the whole of it on our channel, with a new part every Tuesday at noon."
    first = member(3, clip, "Why Ferries Sink", publisher="p")
    assert compare(first, member(4, clip, "A Barber Remembers", publisher="p", hours=24), ALL) is None


def test_beyond_the_window_nothing_is_compared() -> None:
    assert compare(member(1), member(2, hours=30 * 24 + 1), ALL) is None


def test_what_config_switches_off() -> None:
    one, equal, near = member(1), member(2), member(3, "中新网电 " + REPORT)
    exact_only, nothing = Duplicates(near=False), Duplicates(exact=False, near=False)
    assert compare(one, equal, exact_only) is not None
    assert compare(one, near, exact_only) is None
    assert compare(one, equal, nothing) is None


def test_a_truncated_copy_belongs_to_the_whole() -> None:
    whole = member(1, REPORT + DAILY + "\n" + ENGLISH)
    assert compare(whole, member(2, REPORT, "云帆科技新工厂投产"), ALL) is not None


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("10天跳水1350元 显卡崩了", "10天跳水1350元！显卡崩了", True),
        ("云帆科技新工厂在宜宾投产", "云帆科技新工厂在宜宾正式投产", True),
        ("", "", False),
        ("台风登陆", "股市收涨", False),
    ],
)
def test_titles(one: str, other: str, alike: bool) -> None:
    assert like_titles(one, other) is alike


# --- groups -----------------------------------------------------------------------------------


def pairs_of(members: list[Member], options: Duplicates = ALL) -> list[Pair]:
    found = (compare(a, b, options) for a, b in combinations(members, 2))
    return [pair for pair in found if pair]


def test_everyone_is_in_exactly_one_story() -> None:
    members = [member(1), member(2), member(3, DAILY, "新增3例")]
    assert group(members, pairs_of(members), ALL) == [(1, 2), (3,)]


def test_a_pair_that_contradicts_a_third_gives_way_to_a_stronger_one() -> None:
    brief = REPORT.replace("年产能达到30吉瓦时，", "")
    members = [member(1), member(2, REPORT.replace("30吉瓦时", "45吉瓦时")), member(3, brief)]
    pairs = pairs_of(members)
    assert {(pair.a, pair.b) for pair in pairs} == {(1, 3), (2, 3)}
    stronger = [replace(pair, strength=0.9 if pair.a == 2 else 0.8) for pair in pairs]
    assert group(members, stronger, ALL) == [(1,), (2, 3)]


def test_a_story_lies_within_one_window() -> None:
    members = [member(1), member(2, hours=20 * 24), member(3, hours=40 * 24)]
    stories = group(members, pairs_of(members), ALL)
    assert sorted(map(len, stories)) == [1, 2]


def test_a_person_parts_and_joins_for_good() -> None:
    members = [member(1), member(2), member(3, DAILY, "新增3例")]
    pairs = pairs_of(members)
    assert group(members, pairs, ALL, apart={(2, 1)}) == [(1,), (2,), (3,)]
    assert group(members, pairs, ALL, together={(3, 1)}) == [(1, 2, 3)]
    against = [member(1), member(2, REPORT.replace("30吉瓦时", "45吉瓦时"))]
    assert group(against, [], ALL, together={(1, 2)}) == [(1, 2)]


def test_a_chain_of_daily_bulletins_does_not_grow_into_one_story() -> None:
    days = [
        member(
            day,
            DAILY.replace("8月5日", f"8月{day}日").replace("11例", f"{day + 20}例"),
            "昨日新增",
            publisher="p",
            hours=24 * day,
        )
        for day in range(1, 15)
    ]
    copies = [replace(one, id=one.id + 50, uuid=uuid5(NAMESPACE_URL, f"{one.id + 50}"), publisher="q") for one in days]
    stories = group([*days, *copies], pairs_of([*days, *copies]), ALL)
    assert stories == [(day, day + 50) for day in range(1, 15)]


def test_the_lead_is_complete_then_preferred_then_early() -> None:
    short = member(1, REPORT[:60], prefer=9)
    early, late = member(2, hours=1), member(3, hours=2)
    assert lead([late, short, early]).id == 2
    assert lead([early, replace(late, prefer=1), short]).id == 3


VARIANTS = (
    REPORT,
    "中新网电 " + REPORT,
    REPORT + "\n责任编辑：方圆",
    REPORT.replace("年产能达到30吉瓦时，", ""),
    REPORT.replace("30吉瓦时", "45吉瓦时"),
    REPORT.replace("50亿", "80亿"),
    REPORT[: len(REPORT) * 2 // 3],
    DAILY,
    DAILY.replace("8月5日", "8月6日"),
    DAILY + "另有治愈出院6例。",
)

MEMBERS = st.lists(
    st.tuples(st.sampled_from(VARIANTS), st.sampled_from("pqr"), st.integers(0, 40 * 24)), min_size=2, max_size=7
).map(lambda drawn: [member(n, text, publisher=by, hours=hours) for n, (text, by, hours) in enumerate(drawn, 1)])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(members=MEMBERS, data=st.data())
def test_groups_depend_on_the_set_and_not_on_its_order(members: list[Member], data: st.DataObject) -> None:
    pairs = pairs_of(members)
    shuffled = data.draw(st.permutations(members))
    turned = [pair for a, b in combinations(shuffled, 2) if (pair := compare(a, b, ALL))]
    assert group(shuffled, turned, ALL) == group(members, pairs, ALL)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(members=MEMBERS)
def test_no_story_holds_a_contradiction_or_leaves_its_window(members: list[Member]) -> None:
    by_id = {one.id: one for one in members}
    pairs = pairs_of(members)
    stories = group(members, pairs, ALL)
    assert sorted(id for story in stories for id in story) == sorted(by_id)
    for story in stories:
        for a, b in combinations(story, 2):
            assert not contradict(by_id[a], by_id[b])
            assert abs(by_id[a].published - by_id[b].published) <= ALL.window


@settings(max_examples=60, deadline=None, derandomize=True)
@given(members=MEMBERS)
def test_grouping_what_is_grouped_changes_nothing(members: list[Member]) -> None:
    pairs = pairs_of(members)
    by_id = {one.id: one for one in members}
    for story in group(members, pairs, ALL):
        assert group([by_id[id] for id in story], pairs, ALL) == [story]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(members=MEMBERS)
def test_a_decision_does_not_depend_on_who_is_asked_first(members: list[Member]) -> None:
    for a, b in combinations(members, 2):
        assert compare(a, b, ALL) == compare(b, a, ALL)


@pytest.mark.parametrize(
    "text",
    [
        "啊" * 50_000,
        "甲1\n" * 10_000,
        "十百千" * 20_000,
        "1,000" * 10_000,
        "\n".join(f"第{n}行 {n * 7}" for n in range(5_000)),
    ],
    ids=["one letter", "short lines", "numerals", "commas", "rows"],
)
def test_hostile_texts_are_decided(text: str) -> None:
    """Some of these take minutes where sentences, numerals and pairs are not bounded."""
    assert compare(member(1, text), member(2, text + "完。" + REPORT, "另一篇"), ALL) is not None
