"""What is asked with every check looks nothing through: the database says how it will find the answer.

Statements are taken down while a whole installation works, so that none is left out because nobody
thought of it. Whatever reads a whole table or index stands below with its reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event

from aggregator.store.engine import Database
from tests import postgres
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
    ("SCAN anon_1", "WHERE learning < 2", PENDING),
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

START = "a start, and `--all`, concern every source"
EMPTY = "empty in this test, so that nothing is known of what is in it"

#: As above: the table or the index that is walked through, a part of the statement, and why that is no harm.
ALLOWED_ON_A_SERVER = (
    ("index ix_category_dirty", "", PENDING),
    ("index ix_entry_ungrouped", "", PENDING),
    ("index ix_condition_updated", "LIMIT", PEOPLE),
    ("index ix_condition_updated", "SELECT max(", EMPTY),  # before version 17; with rows its end is all that is read
    ("index ix_entry_source_id_last_seen", "GROUP BY entry.source_id", RARELY),
    ("table document", "FROM document", RARELY),
    ("table source", "source.last_check >", RARELY),
    ("table source", "FROM source", START),
    ("index pk_source", "source.held_until >", START),
    (
        "index ix_block_source_id_publisher",
        "SELECT DISTINCT",
        "once after the config says something else of boilerplate",
    ),
    ("index pk_category", "WHERE category.kind", "the page of all categories shows them all"),
    ("table category", "WHERE category.kind", "the page of all categories shows them all"),
    ("index alembic_version_pkc", "", "one row"),
    ("index pk_archive", "archive.written = false", EMPTY),
    ("index ix_archive_story_story_id", "archive.written = false", EMPTY),
    ("index pk_page", "page.written = false", EMPTY),
    ("index pk_condition", "until IS NULL", EMPTY),
    ("index ix_story_choice_b", "", EMPTY),
)


TEXT = "去年冬天河面结冰之前，镇上的木匠们照例修好了渡船，孩子们在岸边堆起沙袋，老人说这样的准备已经做了许多年。"


@pytest.fixture
def noted(world: World) -> tuple[World, dict[str, Any]]:
    """An installation, and every statement that it executes, with the parameters of one time."""
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


def counted(connection: Connection) -> None:
    """As of a large installation that was counted while nothing was pending, as the service has it done."""
    connection.exec_driver_sql("ANALYZE")
    large = "CAST(stat AS INTEGER) * 10000 || substr(stat, instr(stat, ' '))"
    connection.exec_driver_sql(f"UPDATE sqlite_stat1 SET stat = {large} WHERE idx IS NOT NULL")
    connection.exec_driver_sql("ANALYZE sqlite_schema")


@pytest.mark.sqlite
@pytest.mark.parametrize("statistics", [uncounted, counted])
def test_no_statement_of_a_check_looks_through_what_grows(
    noted: tuple[World, dict[str, Any]], statistics: Callable[[Connection], None]
) -> None:
    world, seen = noted
    live(world)
    statements = dict(seen)
    assert any("signature_band" in one for one in statements), "grouping was not reached"
    assert any("story_fts_number" in one for one in statements), "indexing was not reached"
    with world.open().database.write() as connection:
        statistics(connection)
        found = {(scan, one) for one, with_ in statements.items() for scan in scans(connection, one, with_)}
    assert not [
        (scan, one)
        for scan, one in sorted(found)
        if not any(scan.startswith(plan) and part in one for plan, part, _ in ALLOWED)
    ]


def walks(connection: Connection, statement: str, parameters: Any) -> set[str]:
    """What of it PostgreSQL looks through from one end to the other, with no way to avoid it."""
    ((plan,),) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).all()
    found, nodes = set(), [(plan[0]["Plan"], False)]
    while nodes:
        node, stops = nodes.pop()
        nodes += [(one, node["Node Type"] == "Limit") for one in node.get("Plans", ())]
        if node["Node Type"] == "Seq Scan":
            found.add(f"table {node['Relation Name']}")
        elif "Index Name" in node and "Index Cond" not in node and ("Filter" in node or not stops):
            found.add(f"index {node['Index Name']}")
    return found


def grown(connection: Connection) -> None:
    """As of tables like these with a million rows on each page; looking through one is what is not wanted at all."""
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql(
        "UPDATE pg_class SET reltuples = 1000000, relpages = 1 WHERE relnamespace = 'public'::regnamespace "
        "AND relkind = 'r'"
    )
    for other in ("seqscan", "hashjoin", "mergejoin"):
        connection.exec_driver_sql(f"SET LOCAL enable_{other} = off")


@pytest.mark.postgres
def test_no_statement_of_a_check_looks_through_what_grows_on_a_server(noted: tuple[World, dict[str, Any]]) -> None:
    world, seen = noted
    live(world)
    statements = dict(seen)
    with world.open().database.write() as connection:
        grown(connection)
        found = {(scan, one) for one, with_ in statements.items() for scan in walks(connection, one, with_)}
    assert not [
        (scan, one)
        for scan, one in sorted(found)
        if not any(scan == walked and part in one for walked, part, _ in ALLOWED_ON_A_SERVER)
    ]


@pytest.mark.postgres
def test_a_statement_without_an_index_is_found_out_on_a_server() -> None:
    with postgres.database() as url:
        database = Database(url)
        with database.write() as connection:
            grown(connection)
            asked = "SELECT id FROM entry WHERE title = %(title)s"
            assert walks(connection, asked, {"title": "x"}) == {"table entry"}
        database.close()


@pytest.mark.sqlite
def test_a_statement_without_an_index_is_found_out(world: World) -> None:
    live(world)
    with world.open().database.read() as connection:
        assert scans(connection, "SELECT id FROM entry WHERE title = ?", ("x",)) == {"SCAN entry"}
