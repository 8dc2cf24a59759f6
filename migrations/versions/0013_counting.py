"""A publisher's different articles are counted in its index, without reading them"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.drop_index("ix_entry_publisher", table_name="entry")
    columns = ["source_id", "publisher", "id", "text_digest", "fingerprint", "dropped"]
    where = sa.text("NOT held")
    op.create_index("ix_entry_publisher", "entry", columns, sqlite_where=where, postgresql_where=where)
