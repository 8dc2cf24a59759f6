"""What a person decided of stories, stories that ended, and the bands of an entry in its own row"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "story_choice",
        sa.Column("a", ID, nullable=False),
        sa.Column("b", ID, nullable=False),
        sa.Column("together", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["a"], ["entry.id"], name=op.f("fk_story_choice_a_entry"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["b"], ["entry.id"], name=op.f("fk_story_choice_b_entry"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("a", "b", name=op.f("pk_story_choice")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_story_choice_b", "story_choice", ["b"])
    op.create_table(
        "story_gone",
        sa.Column("category_id", ID, nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["category.id"], name=op.f("fk_story_gone_category_id_category"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("category_id", "uuid", name=op.f("pk_story_gone")),
    )
    # Not in batch mode: on SQLite that replaces the table, and what refers to its rows would be deleted with it.
    op.add_column("entry", sa.Column("bands", sa.LargeBinary(), nullable=True))
    op.drop_index("ix_signature_band_entry_id", table_name="signature_band")
