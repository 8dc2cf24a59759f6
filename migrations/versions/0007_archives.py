"""Archives by arrival, feeds of publishers, counts kept, and what people withdrew"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WITHDRAWN = sa.text("withdrawn IS NOT NULL")
UNSEALED = sa.text("archive IS NULL")
ZERO = sa.text("0")

COUNT = "UPDATE category SET stories = (SELECT count(*) FROM story_category WHERE category_id = category.id)"
#: Stories come into their publishers' feeds when they are grouped.
REGROUP = "UPDATE entry SET grouped = false WHERE grouped AND NOT held AND dropped IS NULL"


def upgrade() -> None:
    op.add_column("entry", sa.Column("withdrawn", sa.BigInteger(), nullable=True))
    op.create_index("ix_entry_withdrawn", "entry", ["source_id"], sqlite_where=WITHDRAWN, postgresql_where=WITHDRAWN)
    op.add_column("category", sa.Column("kind", sa.String(10), server_default="category", nullable=False))
    op.add_column("category", sa.Column("stories", sa.BigInteger(), server_default=ZERO, nullable=False))
    op.add_column("category", sa.Column("positions", sa.BigInteger(), server_default=ZERO, nullable=False))
    op.add_column("story_category", sa.Column("position", sa.BigInteger(), server_default=ZERO, nullable=False))
    op.add_column("story_category", sa.Column("archive", sa.Integer(), nullable=True))
    op.create_index(
        "ix_story_category_unsealed",
        "story_category",
        ["category_id", "position"],
        sqlite_where=UNSEALED,
        postgresql_where=UNSEALED,
    )
    op.add_column("story_gone", sa.Column("archive", sa.Integer(), nullable=True))
    op.create_index("ix_story_gone_at", "story_gone", ["category_id", "at"])
    op.add_column("document", sa.Column("archive", sa.Integer(), nullable=True))
    op.add_column("document", sa.Column("size", sa.BigInteger(), nullable=True))
    op.add_column("document", sa.Column("mtime", sa.BigInteger(), nullable=True))
    _archives()
    op.execute(COUNT)
    op.execute(REGROUP)


def _archives() -> None:
    op.create_table(
        "archive",
        sa.Column("category_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("written", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_archive_category_id_category"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("category_id", "number", name=op.f("pk_archive")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_archive_written", "archive", ["written", "category_id", "number"])
    op.create_table(
        "archive_story",
        sa.Column("category_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("story_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_archive_story_category_id_category"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_archive_story_story_id_story"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("category_id", "number", "story_id", name=op.f("pk_archive_story")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_archive_story_story_id", "archive_story", ["story_id"])
