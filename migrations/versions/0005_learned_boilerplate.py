"""Learned boilerplate: who has each block, how far learning is with an entry, and what of it is shown"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNLEARNED = sa.text("learning < 2 AND NOT held")


def upgrade() -> None:
    op.add_column("entry", sa.Column("shown", sa.LargeBinary(), nullable=True))
    op.add_column("entry", sa.Column("blocks", sa.LargeBinary(), nullable=True))
    op.add_column("entry", sa.Column("learning", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_index(
        "ix_entry_unlearned", "entry", ["learning", "id"], sqlite_where=UNLEARNED, postgresql_where=UNLEARNED
    )
    op.drop_table("block")  # nothing ever wrote to it
    op.create_table(
        "block",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_id", BIG_ID, nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("reach", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_block_source_id_source"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_block")),
    )
    op.create_index("ix_block_source_id_publisher", "block", ["source_id", "publisher"])
    op.create_table(
        "block_entry",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["entry.id"], name=op.f("fk_block_entry_entry_id_entry"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key", "entry_id", name=op.f("pk_block_entry")),
        sqlite_with_rowid=False,
    )
