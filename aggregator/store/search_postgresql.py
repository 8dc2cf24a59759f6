"""The search index in PostgreSQL: each story's tokens as an array of integers, with a GIN index over them.

Every server has that, also for words of two characters, of which pg_trgm knows none. Measured with 1,700 characters
of Chinese an article, 1,100 tokens: a `tsvector` of the same tokens takes half as much room again and finds nothing
sooner. Two tokens may share a number: what is found is compared with the text anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any
from zlib import crc32

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    Table,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from aggregator.store.among import among
from aggregator.store.tables import story
from aggregator.store.types import Instant, Record

#: Not among the tables of all: only PostgreSQL has it.
_fts = Table(
    "story_fts",
    MetaData(),
    Column("story_id", BigInteger, primary_key=True, autoincrement=False),
    #: The story's, so that only those are joined to it that come into question.
    Column("published", Instant, nullable=False),
    Column("tokens", ARRAY(Integer), nullable=False),
)


def _write() -> Any:
    of = bindparam("of", type_=BigInteger)
    published = select(story.c.published).where(story.c.id == of).scalar_subquery()
    fresh = insert(_fts).values(story_id=of, published=published, tokens=bindparam("now"))
    new = {name: fresh.excluded[name] for name in ("published", "tokens")}
    changed = or_(*(_fts.c[name].is_distinct_from(value) for name, value in new.items()))
    return fresh.on_conflict_do_update(index_elements=["story_id"], set_=new, where=changed)


_WRITE = _write()

#: The rows are short, for their arrays lie elsewhere. Of common words the planner therefore thinks that looking through
#: all rows is cheap, and would fetch every array: forty times as long.
_WAYS = ("enable_seqscan", "enable_indexscan")
_BY_TOKENS, _ANYHOW = (
    select(*(func.set_config(name, value, literal(value=True)) for name in _WAYS)) for value in ("off", "on")
)


def write(connection: Connection, tokens: Mapping[int, Collection[str]]) -> None:
    """Have these stories found by these tokens; does nothing where they are by exactly those."""
    if tokens:
        rows = [{"of": story_id, "now": _numbers(own)} for story_id, own in sorted(tokens.items())]
        connection.execute(_WRITE, rows)


def remove(connection: Connection, tokens: Mapping[int, Collection[str]]) -> None:
    """Take stories out; a row is all that there is of one, whatever its tokens were."""
    forget(connection, tokens.keys())


def forget(connection: Connection, story_ids: Collection[int]) -> None:
    if story_ids:
        connection.execute(delete(_fts).where(among(connection, _fts.c.story_id, story_ids)))


def clear(connection: Connection) -> None:
    connection.execute(delete(_fts))


def candidates(
    connection: Connection, wanted: Sequence[Sequence[Sequence[str]]], living: Select[Any], most: int
) -> list[Record]:
    """Of the stories that `living` selects the `most` that were published last."""
    found: list[Record] = []
    for ids in _newest(connection, wanted, most):
        rows = connection.execute(living.where(among(connection, story.c.id, ids)))
        found += sorted(rows, key=lambda row: (row.published, row.id), reverse=True)
        if len(found) >= most:
            break
    return found[:most]


def _newest(connection: Connection, wanted: Sequence[Sequence[Sequence[str]]], most: int) -> Iterator[list[int]]:
    """Stories that have the tokens, the newest first; as many as are wanted, and if those do not do, ever more.

    They rarely do not: the tokens say nearly all that a search is narrowed by, but for the day of a month.
    """
    newest_first = (_fts.c.published.desc(), _fts.c.story_id.desc())
    query = select(_fts.c.story_id, _fts.c.published).where(*_conditions(wanted)).order_by(*newest_first)
    rest: Select[Any] = query
    for size in (most * 4**turn for turn in count()):
        connection.execute(_BY_TOKENS)
        rows = connection.execute(rest.limit(literal(size, BigInteger))).all()
        connection.execute(_ANYHOW)
        yield [row.story_id for row in rows]
        if len(rows) < size:
            return
        last = literal(rows[-1].published, Instant()), literal(rows[-1].story_id, BigInteger)
        rest = query.where(tuple_(_fts.c.published, _fts.c.story_id) < tuple_(*last))


def _conditions(wanted: Sequence[Sequence[Sequence[str]]]) -> Iterator[ColumnElement[bool]]:
    """As few as can be: of each the planner may think that it is cheaper looked at than looked up."""
    certain = {token for alternatives in wanted if len(alternatives) == 1 for token in alternatives[0]}
    if certain:
        yield _fts.c.tokens.contains(_numbers(certain))
    for alternatives in wanted:
        if len(alternatives) > 1 and all(len(tokens) == 1 for tokens in alternatives):
            yield _fts.c.tokens.overlap(_numbers(tokens[0] for tokens in alternatives))
        elif len(alternatives) > 1:
            yield or_(*(_fts.c.tokens.contains(_numbers(tokens)) for tokens in alternatives))


def _numbers(tokens: Iterable[str]) -> list[int]:
    """A signed integer for each token, in order, so that the same tokens make the same array."""
    return sorted({crc32(token.encode("utf-8", "surrogatepass")) - 2**31 for token in tokens})
