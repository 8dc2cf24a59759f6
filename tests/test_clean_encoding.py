"""Texts read in the wrong encoding somewhere, and texts that only look so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.clean.encoding import repaired
from aggregator.clean.text import line

MEANT = ["上海市房地产开发投资", "「东湖二期」管网，切换完成。", "it’s – “quoted”", "<p>café naïve déjà vu</p>"]


@pytest.mark.parametrize("text", MEANT)
def test_utf_8_that_was_read_as_windows_1252_or_latin_1(text: str) -> None:
    assert repaired(text.encode().decode("latin-1")) == text
    windows = "".join(bytes([code]).decode("cp1252", "ignore") or chr(code) for code in text.encode())
    assert repaired(windows) == text


def test_utf_8_that_was_read_as_chinese() -> None:
    text = "<p>新闻，投资，下降</p>"
    assert repaired("<p>鏂伴椈锛屾姇璧勶紝涓嬮檷</p>") == text
    assert text.encode().decode("gb18030") == "<p>鏂伴椈锛屾姇璧勶紝涓嬮檷</p>"


@pytest.mark.parametrize(
    "text",
    [
        *MEANT,
        "replace “â€™” with ’",
        "Ã© is how é looks in Latin-1",
        "São Paulo, Zürich, Ångström",
        "one Â£ is not enough to be certain",
        "锛在字典里",
        "plain",
        "",
    ],
)
def test_what_is_right_or_uncertain_stays(text: str) -> None:
    assert repaired(text) == text


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5) | st.sampled_from("，。的“”")))
def test_no_chinese_text_is_changed(text: str) -> None:
    """Of those that are longer than a word: `联通` in GBK is valid UTF-8."""
    assert repaired(text) == text


def test_titles_are_repaired() -> None:
    assert line("上海房价".encode().decode("latin-1")) == "上海房价"
