"""What is wrong with sources and documents, and how sources fared day by day"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STANDING = sa.text("until IS NULL")
ZERO = sa.text("0")


def upgrade() -> None:
    op.create_table(
        "condition",
        sa.Column("id", BIG_ID, autoincrement=True, nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("source_id", BIG_ID, nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_condition_source_id_source"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_condition")),
        sa.UniqueConstraint("uuid", name=op.f("uq_condition_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_condition_standing", "condition", ["source_id"], sqlite_where=STANDING, postgresql_where=STANDING
    )
    op.create_index("ix_condition_source_id", "condition", ["source_id", "id"])
    op.create_index("ix_condition_updated", "condition", ["updated"])
    op.create_table(
        "source_day",
        sa.Column("source_id", BIG_ID, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("new", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("failed", sa.Integer(), server_default=ZERO, nullable=False),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_source_day_source_id_source"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source_id", "day", name=op.f("pk_source_day")),
        sqlite_with_rowid=False,
    )
