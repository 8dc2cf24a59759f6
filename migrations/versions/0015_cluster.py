"""Several processes check sources: what they share, and on PostgreSQL the queue that their work waits in"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

#: The newest change of Procrastinate's own schema that is in this revision; one that it brings later is a revision
#: of ours that runs the files after this one (`SchemaManager.get_migrations_path()`).
PROCRASTINATE = "03.04.00_50_post_add_retry_failed_job_procedure.sql"


def upgrade() -> None:
    op.create_table(
        "host",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("unnamed", sa.Integer(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_host")),
    )
    op.create_table(
        "configuration",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_configuration")),
    )
    if op.get_bind().dialect.name == "postgresql":
        _queue()


def _queue() -> None:
    from procrastinate.schema import SchemaManager

    # By the driver itself: what is in there has signs that SQLAlchemy takes for parameters.
    op.get_bind().connection.driver_connection.execute(SchemaManager.get_schema())
