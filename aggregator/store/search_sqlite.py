"""The search index in SQLite: an FTS5 table that holds tokens and no text, and whose each row is.

Measured with 1,700 characters of Chinese an article: positions (`detail=full`) would make it three
times as large, the text kept beside it half as large again. Without positions it knows no phrases, and
without the text a changed row cannot be taken out; it is written once more under its number, which
adds words and leaves the old ones. Both give candidates that are none, and those are compared
with the text anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    bindparam,
    column,
    delete,
    insert,
    select,
    table,
    text,
    update,
)

from aggregator.store.tables import story
from aggregator.store.types import Record

#: Not among the tables of all: only SQLite has it.
_number = Table(
    "story_fts_number",
    MetaData(),
    #: Grows with time, so that the index gives the newest without looking at the rest.
    Column("number", Integer, primary_key=True),
    Column("story_id", Integer, nullable=False, unique=True),
    #: Of the tokens: most changes of a story leave its words as they were.
    Column("digest", LargeBinary(16), nullable=False),
    sqlite_autoincrement=True,
)
_fts = table("story_fts", column("rowid"))

_INSERT = text("INSERT INTO story_fts (rowid, words) VALUES (:number, :words)")
_DELETE = text("INSERT INTO story_fts (story_fts, rowid, words) VALUES ('delete', :number, :words)")
_CLEAR = text("INSERT INTO story_fts (story_fts) VALUES ('delete-all')")


def write(connection: Connection, tokens: Mapping[int, Collection[str]]) -> None:
    """Have these stories found by these tokens; does nothing where they are by exactly those."""
    known = _known(connection, tokens)
    words = {story_id: " ".join(sorted(own)) for story_id, own in tokens.items()}
    rows = {story_id: {"of": story_id, "now": _digest(one)} for story_id, one in words.items()}
    fresh = [row for story_id, row in rows.items() if story_id not in known]
    changed = {i: row for i, row in rows.items() if i in known and row["now"] != known[i].digest}
    if fresh:
        connection.execute(insert(_number).values(story_id=bindparam("of"), digest=bindparam("now")), fresh)
    if changed:
        statement = update(_number).where(_number.c.story_id == bindparam("of")).values(digest=bindparam("now"))
        connection.execute(statement, list(changed.values()))
    numbers = _known(connection, (tokens.keys() - known.keys()) | changed.keys())
    if numbers:
        connection.execute(_INSERT, [{"number": row.number, "words": words[i]} for i, row in numbers.items()])


def remove(connection: Connection, tokens: Mapping[int, Collection[str]]) -> None:
    """Take stories out, with the tokens that they are found by."""
    rows = [
        {"number": row.number, "words": " ".join(sorted(tokens[story_id]))}
        for story_id, row in _known(connection, tokens).items()
    ]
    if rows:
        connection.execute(_DELETE, rows)
    forget(connection, tokens.keys())


def _digest(words: str) -> bytes:
    return blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def forget(connection: Connection, story_ids: Collection[int]) -> None:
    if story_ids:
        connection.execute(delete(_number).where(_number.c.story_id.in_(list(story_ids))))


def clear(connection: Connection) -> None:
    connection.execute(_CLEAR)
    connection.execute(delete(_number))


def candidates(
    connection: Connection, wanted: Sequence[Sequence[Sequence[str]]], living: Select[Any], most: int
) -> list[Record]:
    """Of the stories that `living` selects the `most` with the greatest numbers: FTS5 walks backwards and stops."""
    query = (
        living.join(_number, _number.c.story_id == story.c.id)
        .join(_fts, _fts.c.rowid == _number.c.number)
        .where(text("story_fts MATCH :tokens"))
        .order_by(_fts.c.rowid.desc())
        .limit(most)
    )
    return list(connection.execute(query, {"tokens": expression(wanted)}))


def expression(wanted: Sequence[Sequence[Sequence[str]]]) -> str:
    """In FTS5's language; in quotes everything is a token, and no token has a quote in it."""
    return " AND ".join(
        f"({' OR '.join(f'({_all(alternative)})' for alternative in alternatives)})" for alternatives in wanted
    )


def _all(tokens: Sequence[str]) -> str:
    return " AND ".join(f'"{token}"' for token in tokens)


def _known(connection: Connection, ids: Collection[int]) -> dict[int, Record]:
    if not ids:
        return {}
    query = select(_number).where(_number.c.story_id.in_(list(ids))).order_by(_number.c.number)
    return {row.story_id: row for row in connection.execute(query)}
