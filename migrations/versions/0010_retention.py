"""Retention: when a source last showed what, and what is to be remembered of what was purged"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: Of feeds: the last document's entries are those seen last. Of folders: what is gone was there until it was missed.
READ = "UPDATE source SET last_read = (SELECT max(last_seen) FROM entry WHERE entry.source_id = source.id)"
MISSED = "SELECT max(missing_since) FROM file WHERE file.entry_id = entry.id"
SEEN = f"UPDATE entry SET last_seen = ({MISSED}) WHERE last_seen < ({MISSED})"  # noqa: S608 - both are written above


def upgrade() -> None:
    op.add_column("source", sa.Column("last_read", sa.BigInteger(), nullable=True))
    op.create_index("ix_entry_source_id_last_seen", "entry", ["source_id", "last_seen"])
    op.create_index("ix_story_lead_id", "story", ["lead_id"])
    op.create_index("ix_document_story_id", "document", ["story_id"])
    op.execute(READ)
    op.execute(SEEN)
    _tombstones()
    _without_foreign_key("signature_band", "band")
    _without_foreign_key("block_entry", "key")


def _tombstones() -> None:
    op.drop_table("tombstone")  # nothing ever wrote to it
    op.create_table(
        "tombstone",
        sa.Column("source_id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.LargeBinary(length=16), nullable=True),
        sa.Column("words", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("source_id", "kind", "key", name=op.f("pk_tombstone")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tombstone_uuid", "tombstone", ["uuid"])


def _without_foreign_key(table: str, first: str) -> None:
    """SQLite cannot drop a constraint: the table is written anew."""
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(f"fk_{table}_entry_id_entry", table, type_="foreignkey")
        return
    op.create_table(
        f"{table}_new",
        sa.Column(first, sa.BigInteger(), nullable=False),
        sa.Column("entry_id", BIG_ID, nullable=False),
        sa.PrimaryKeyConstraint(first, "entry_id", name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO {table}_new SELECT {first}, entry_id FROM {table}")  # noqa: S608 - names of ours
    op.drop_table(table)
    op.rename_table(f"{table}_new", table)
