"""The oldest programs that may write, and what only PostgreSQL has: its search index"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    _oldest()
    if op.get_bind().dialect.name == "postgresql":
        _search()


def _oldest() -> None:
    """One row: the revision that a program has to know. A migration that takes away what older ones use raises it:

        op.execute("UPDATE schema_oldest SET revision = '<its own>'")

    Not among the settings: it belongs to the schema, and is not copied from one database to another.
    """
    op.create_table("schema_oldest", sa.Column("revision", sa.String(length=10), nullable=False))
    op.execute("INSERT INTO schema_oldest VALUES ('0014')")


def _search() -> None:
    """The arrays, four bytes a token, do not compress: as they are, and in a place of their own, so that what an index
    leads to are short rows."""
    op.create_table(
        "story_fts",
        sa.Column("story_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("tokens", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint("story_id", name=op.f("pk_story_fts")),
    )
    op.execute("ALTER TABLE story_fts ALTER tokens SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE story_fts SET (toast_tuple_target = 128)")
    op.create_index("ix_story_fts_tokens", "story_fts", ["tokens"], postgresql_using="gin")
