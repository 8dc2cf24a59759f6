"""What is asked with every check looks nothing through: SQLite says how it will find the answer.

Statements are taken down while a whole installation works, so that none is left out because nobody
thought of it. Whatever reads a whole table or index stands below with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from tests.world import World, item, rss

PENDING = "holds what is pending, and nothing else"
RARELY = "once at a start, or in the round that purges"
PEOPLE = "read from its end, and no more of it than is shown"

#: How the plan begins, a part of the statement, and why that is no harm.
ALLOWED = (
    ("SCAN category USING INDEX ix_category_dirty", "", PENDING),
    ("SCAN story USING INDEX ix_story_dirty", "", PENDING),
    ("SCAN story USING INDEX ix_story_unsearched", "", PENDING),
    ("SCAN entry USING INDEX ix_entry_ungrouped", "", PENDING),
    ("SCAN entry USING COVERING INDEX ix_entry_source_id_last_seen", "GROUP BY entry.source_id", RARELY),
    ("SCAN anon_1", "GROUP BY entry.source_id", RARELY),
    ("SCAN event", "ORDER BY event.id\n LIMIT", RARELY),
    ("SCAN story_gone", "DELETE FROM story_gone WHERE story_gone.at", RARELY),
    ("SCAN document", "FROM document", RARELY),
    ("SCAN source", "FROM block JOIN source", "once after the config says something else of boilerplate"),
    ("SCAN source", "source.next_check", "a start, and `--all`, concern every source"),
    ("SCAN source", "source.configured IS 0", RARELY),
    ("SCAN category", "WHERE category.kind", "the page of all categories shows them all"),
    ("SCAN condition USING INDEX ix_condition_updated", "LIMIT", PEOPLE),
    ("SCAN alembic_version", "", "one row"),
    ("SCAN (subquery", "SELECT 1 FROM (SELECT 1)", "the empty list"),
)


TEXT = "去年冬天河面结冰之前，镇上的木匠们照例修好了渡船，孩子们在岸边堆起沙袋，老人说这样的准备已经做了许多年。"


@pytest.fixture
def noted(tmp_path: Path) -> tuple[World, dict[str, Any]]:
    """An installation, and every statement that it executes, with the parameters of one time."""
    world = World(tmp_path)
    seen: dict[str, Any] = {}

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            seen.setdefault(statement, parameters[0] if many else parameters)

    event.listen(world.open().database.engine, "before_cursor_execute", note)
    return world, seen


def feed(numbers: range, say: str = "") -> str:
    return rss(*(item(n, body=f"<p>{say}{TEXT}其中第{n}次有{n * 7919}人参加。</p>") for n in numbers))


def live(world: World) -> None:
    """Files and a feed: a first check, one without news, one with a new entry, one with changed ones; then none is due."""
    world.source("Blog", url="https://example.com/feed")
    world.source("Notes", path="articles")
    for say, numbers in (("", range(30)), ("", range(30)), ("", range(31)), ("更正：", range(31))):
        world.network.answers["https://example.com/feed"] = feed(numbers, say)
        world.article(f"{len(numbers)}.md", f"---\ntitle: 札记{say}\n---\n{len(numbers)}年前的今天，{say}下了一场雪。")
        world.once(everything=True)
        world.clock.forward(hours=30)
    world.once(everything=False)


def scans(connection: Connection, statement: str, parameters: Sequence[Any]) -> set[str]:
    """What of it SQLite looks through from one end to the other."""
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return {row.detail for row in plan if row.detail.startswith("SCAN") and "CONSTANT ROW" not in row.detail}


def uncounted(connection: Connection) -> None:
    """As of a database that nobody counted: in one as small as this everything may be looked through."""
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    connection.exec_driver_sql("ANALYZE sqlite_schema")


def test_no_statement_of_a_check_looks_through_what_grows(noted: tuple[World, dict[str, Any]]) -> None:
    world, seen = noted
    live(world)
    statements = dict(seen)
    assert any("signature_band" in one for one in statements), "grouping was not reached"
    assert any("story_fts_number" in one for one in statements), "indexing was not reached"
    with world.open().database.write() as connection:
        uncounted(connection)
        found = {(scan, one) for one, with_ in statements.items() for scan in scans(connection, one, with_)}
    assert not [
        (scan, one)
        for scan, one in sorted(found)
        if not any(scan.startswith(plan) and part in one for plan, part, _ in ALLOWED)
    ]


def test_a_statement_without_an_index_is_found_out(tmp_path: Path) -> None:
    world = World(tmp_path)
    live(world)
    with world.open().database.read() as connection:
        assert scans(connection, "SELECT id FROM entry WHERE title = ?", ("x",)) == {"SCAN entry"}
