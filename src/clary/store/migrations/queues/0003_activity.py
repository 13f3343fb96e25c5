"""What queues and topics did, until it is told as metrics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003_activity"
down_revision = "0002_deliveries"


def upgrade() -> None:
    """Make the table, and the column that says when a queue was last used."""
    op.create_table(
        "activity",
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("arn", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("minute", "arn", "name"),
        sqlite_with_rowid=False,
    )
    op.add_column("queue", sa.Column("active_ms", sa.Integer(), nullable=True))
