"""Search: which stories are indexed, and the index of SQLite"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

UNSEARCHED = sa.text("changed > searched")


def upgrade() -> None:
    op.add_column("story", sa.Column("searched", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "ix_story_unsearched", "story", ["published", "id"], sqlite_where=UNSEARCHED, postgresql_where=UNSEARCHED
    )
    if op.get_bind().dialect.name == "sqlite":
        _index()


def _index() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE story_fts USING fts5("
        "words, content='', detail=none, columnsize=0, tokenize=\"ascii tokenchars ':'\")"
    )
    op.create_table(
        "story_fts_number",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("story_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(16), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_story_fts_number")),
        sa.UniqueConstraint("story_id", name=op.f("uq_story_fts_number_story_id")),
        sqlite_autoincrement=True,
    )
