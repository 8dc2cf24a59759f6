"""What changed between two versions: told in their words, bounded, and never as markup."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import ParsedEntry, Text
from aggregator.publish.changes import MOST_CHANGES, MOST_LINES, changes


def entry(html: str, title: str = "Title", full: str | None = None) -> ParsedEntry:
    return ParsedEntry(title=Text(title), content=Text(html, "html"), full=Text(full, "html") if full else None)


def told(before: str, after: str) -> list[str]:
    """Each changed paragraph with [-what was taken out-] and {+what came+}."""
    marks = {"same": "%s", "removed": "[-%s-]", "added": "{+%s+}"}
    return ["".join(marks[kind] % text for kind, text in line) for line in changes(entry(before), entry(after))]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("<p>a</p>", "<p>a</p>", []),
        ("<p>Power 170 MW.</p>", "<p>Power 180 MW.</p>", ["Power [-170-]{+180+} MW."]),
        ("<p>储能功率一百七十万千瓦。</p>", "<p>储能功率一百八十万千瓦。</p>", ["储能功率一百[-七-]{+八+}十万千瓦。"]),
        ("<p>a</p>", "<p>a</p><p>b</p>", ["{+b+}"]),
        ("<p>a</p><p>b</p>", "<p>a</p>", ["[-b-]"]),
        # Nothing in common that a reader would follow.
        ("<p>one two three</p>", "<p>sechs sieben acht neun</p>", ["[-one two three-]", "{+sechs sieben acht neun+}"]),
        # Markup, white space and what nobody sees are no words.
        ("<p>a <b>b</b></p>", "<div class=x>a\n b</div><script>c</script><style>d</style>", []),
        ("a<br>b", "<p>a</p><p>b</p>", []),
        ("&lt;i&gt; 1", "&lt;i&gt; 2", ["<i> [-1-]{+2+}"]),
    ],
)
def test_changed_paragraphs_are_told(before: str, after: str, expected: list[str]) -> None:
    assert told(before, after) == expected


def test_a_changed_title_is_told() -> None:
    [line] = changes(entry("<p>a</p>", "Rain today"), entry("<p>a</p>", "Rain tomorrow"))
    assert line == [("same", "Rain "), ("removed", "today"), ("added", "tomorrow")]


def test_the_text_of_its_own_page_counts_where_there_is_one() -> None:
    assert changes(entry("<p>old</p>", full="<p>whole</p>"), entry("<p>new</p>", full="<p>whole</p>")) == []


def test_of_what_stayed_only_the_surroundings_are_shown() -> None:
    same = "word " * 100
    assert told(f"<p>{same}one {same}</p>", f"<p>{same}two {same}</p>") == [
        "…ord word word word word [-one-]{+two+} word word word word wor…"
    ]


def test_what_is_compared_and_shown_is_bounded() -> None:
    lines = [f"<p>line {number}</p>" for number in range(MOST_LINES - 1)]
    changed = [line.replace("line", "zeile") for line in lines]
    assert len(told("".join(lines), "".join(changed))) == MOST_CHANGES
    assert told("<p>x</p>" * (MOST_LINES + 1), "<p>y</p>") == []
    assert max(map(len, told("<p>" + "a " * 50_000 + "</p>", "<p>" + "b " * 50_000 + "</p>"))) < 500


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_can_be_compared(before: str, after: str) -> None:
    for line in changes(entry(before), entry(after)):
        assert all(kind in ("same", "added", "removed") for kind, _ in line)
    assert changes(entry(before), entry(before)) == []
