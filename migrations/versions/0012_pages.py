"""Numbered pages of feeds: where in the order of arrival a story stands for good"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ZERO = sa.text("0")


def upgrade() -> None:
    op.add_column("category", sa.Column("places", sa.BigInteger(), server_default=ZERO, nullable=False))
    op.add_column("story_category", sa.Column("place", sa.BigInteger(), server_default=ZERO, nullable=False))
    op.create_index("ix_story_category_place", "story_category", ["category_id", "place"])
    op.add_column("document", sa.Column("page", sa.Integer(), nullable=True))
    op.create_table(
        "page",
        sa.Column("category_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("written", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("empty", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_page_category_id_category"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("category_id", "number", name=op.f("pk_page")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_page_written", "page", ["written", "category_id", "number"])
    # Whatever has arrived already keeps its order.
    op.execute("UPDATE story_category SET place = position")
    op.execute("UPDATE category SET places = positions")
