"""Runs the migrations on the connection that `aggregator.store.engine` hands over."""

from typing import Any

from alembic import context
from sqlalchemy.types import TypeDecorator

#: Tables that other programs or virtual tables bring along; not ours to compare.
FOREIGN = ("story_fts", "procrastinate_", "schema_oldest")


def ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith(FOREIGN))


def plain(kind: str, item: Any, _context: object) -> str | bool:
    """Column types of ours as what they are stored as: a migration must not change with our code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    target_metadata=attributes["metadata"],
    render_as_batch=True,
    include_name=ours,
    render_item=plain,
)
with context.begin_transaction():
    context.run_migrations()
