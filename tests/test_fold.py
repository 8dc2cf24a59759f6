"""What counts when texts are compared, and what does not."""

import numpy as np
import pytest

from aggregator.dedupe.fingerprint import bands, steady
from aggregator.dedupe.fold import fold, folded, name_key
from aggregator.dedupe.similar import alike_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("繁體中文與資訊", "繁体中文与资讯"),
        ("ＲＴＸ　３０８０", "rtx 3080"),
        ("“引号”，标点。", "引号标点"),
        ("café", "cafe\u0301"),
        ("が", "か\u3099"),
        ("ｶﾞ", "ガ"),
        ("1,234 人", "1234人"),
        ("著名", "着名"),
        ("10:30", "10：30"),
        ("a\u200bb\ufeffc", "abc"),
        ("葛\U000e0100飾", "葛飾"),
    ],
)
def test_spelling_does_not_count(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("下降18.0%", "下降180%"),
        ("1-5月", "15月"),
        ("12 34", "1234"),
        ("上海", "北京"),
        ("हिन्दी", "हन्द"),
        ("\U00020000", "\U00020001"),
    ],
)
def test_numbers_and_letters_do_count(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_punctuation_alone_folds_to_nothing() -> None:
    assert folded("……“” 🎂💕 —！\n") == ""
    assert folded("") == ""


def test_a_lone_surrogate_does_no_harm() -> None:
    assert folded("a\ud800b") == "ab"


def test_the_result_is_independent_of_the_table() -> None:
    codes = fold("abc")
    codes[:] = 0
    assert folded("abc") == "abc"


def test_names_of_categories_meet_across_scripts_and_widths() -> None:
    assert name_key("軟體　開發") == name_key("软体 开发")
    assert name_key("ＡＩ") == name_key("ai")
    assert name_key(" Straße ") == name_key("STRASSE")


def test_names_of_categories_keep_their_punctuation() -> None:
    assert len({name_key(name) for name in ("C", "C++", "C#", ".NET", "NET", "café", "cafe")}) == 7


LONG = "。".join(f"第{n}段说的是完全不同的第{n * 7919}件事情，与前后都没有关系" for n in range(40))


def test_bands_are_signed_and_the_same_in_every_process() -> None:
    found = bands(fold("一篇用来检验签名的短文，长度足够，内容固定，不会改变，所以签名也不会改变，永远如此。"))
    assert found[0] == 4454784994433532029
    assert all(-(2**63) <= band < 2**63 for band in found)


def test_bands_of_an_edited_text_meet_and_those_of_another_do_not() -> None:
    edited = LONG.replace("第5段", "第五段落").replace("没有关系", "毫无关系", 3)
    other = "；".join(f"另一篇文章的第{n}句，谈论{n * 31}种植物与{n * 17}种动物的习性" for n in range(40))
    mine = set(bands(fold(LONG)))
    assert mine & set(bands(fold(edited)))
    assert not mine & set(bands(fold(other)))


def test_bands_of_a_truncated_copy_meet() -> None:
    assert set(bands(fold(LONG))) & set(bands(fold(LONG[:160])))


def test_likeness_counts_shared_runs() -> None:
    same = alike_text(LONG, LONG[: len(LONG) // 2])
    assert same.containment == pytest.approx(1.0, abs=0.01)
    assert 0.4 < same.jaccard < 0.6
    assert alike_text("短", LONG).jaccard == 0.0
    assert alike_text("完全另一回事，什么也不像", LONG).jaccard < 0.05


def test_english_texts_that_share_only_common_words_are_not_alike() -> None:
    one = "The council voted to reopen the old swimming pool before the summer holidays begin next year"
    other = "The museum has decided to close its northern wing while the roof is being repaired this winter"
    assert alike_text(one, other).containment < 0.2


def test_folding_does_not_depend_on_the_order_of_bytes() -> None:
    assert fold("中").tolist() == [0x4E2D]
    assert fold("中").dtype == np.uint32


def test_signatures_stay_what_they_are() -> None:
    """Those of stored entries are compared with those of new ones: other values would find nothing any more."""
    found = bands(fold("新闻 2026 年 1-5 月，销量下降 18.0%。The quick brown fox jumps over the lazy dog. " * 3))
    assert len(found) == 17
    assert (*found[:2], found[-1]) == (7088632500535056387, -2934171793755478848, 80564998391499751)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://a.example/?utm_source=x&utm_medium=y&id=1", "https://a.example/?id=1"),
        ("https://a.example/?id=1&amp;utm_source=x&amp;spm=2", "https://a.example/?id=1"),
        ("https://a.example/?UTM_Source=x", "https://a.example/"),
        ("https://a.example/?id=1&fbclid=x#top", "https://a.example/?id=1#top"),
        ("spm=1 is no parameter", "spm=1 is no parameter"),
        ("<p>阅读 1,234</p><p>1234 次浏览 of it</p>", "<p></p><p>1234 次浏览 of it</p>"),
        ("阅读 1,234", "阅读 1,234"),
    ],
)
def test_what_changes_by_itself_is_no_change(written: str, kept: str) -> None:
    assert steady(written) == kept
