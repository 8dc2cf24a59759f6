"""What a source's address became, and how often it brings something"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("source", sa.Column("scope", sa.String(length=10), nullable=True))
    op.add_column("source", sa.Column("arrivals", sa.LargeBinary(), nullable=True))
    op.add_column("source", sa.Column("moved_to", sa.Text(), nullable=True))
    op.add_column("source", sa.Column("moved_since", sa.BigInteger(), nullable=True))
    op.add_column("source", sa.Column("moved_seen", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("source", sa.Column("moved_for_good", sa.BigInteger(), nullable=True))
    op.add_column("source", sa.Column("moved_doubted", sa.Boolean(), server_default=sa.false(), nullable=False))
