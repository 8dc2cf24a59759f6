"""What replay needs: what a feed says of itself, entries that rules leave out, categories that moved"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("source", sa.Column("base", sa.Text(), nullable=True))
    op.add_column("source", sa.Column("described", sa.LargeBinary(), nullable=True))
    op.add_column("entry", sa.Column("dropped", sa.Text(), nullable=True))
    op.add_column(
        "category", sa.Column("moved_to", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column("category", sa.Column("moved", sa.BigInteger(), nullable=True))
