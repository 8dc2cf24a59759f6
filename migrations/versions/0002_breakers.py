"""Circuit breakers"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "breaker",
        sa.Column("source_id", ID, nullable=False),
        sa.Column("publisher", sa.Text(), nullable=False),
        sa.Column("tripped", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("normal", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("fewest", sa.Integer(), nullable=True),
        sa.Column("fewest_at", sa.BigInteger(), nullable=True),
        sa.Column("collapsed_to", sa.Integer(), nullable=True),
        sa.Column("accepted", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_breaker_source_id_source"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("source_id", "publisher", name=op.f("pk_breaker")),
    )
    # Not in batch mode: on SQLite that replaces the table, and what refers to its rows would be deleted with it.
    op.add_column("entry", sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index("ix_entry_ungrouped", table_name="entry")
    for name, columns, where in (
        ("ix_entry_ungrouped", ["id"], sa.text("NOT grouped AND NOT held")),
        ("ix_entry_held", ["source_id", "publisher"], sa.text("held")),
        ("ix_entry_publisher", ["source_id", "publisher", "id"], sa.text("NOT held")),
    ):
        op.create_index(name, "entry", columns, sqlite_where=where, postgresql_where=where)
