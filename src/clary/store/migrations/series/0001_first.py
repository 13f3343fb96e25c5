"""The first schema of series.db."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "metric",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=False),
        sa.Column("seen", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account", "region", "namespace", "name", "dimensions"),
    )
    op.create_table(
        "dimension",
        sa.Column("metric", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["metric"], ["metric.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("metric", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index("dimension_by_value", "dimension", ["name", "value"], unique=False)
    op.create_table(
        "point",
        sa.Column("metric", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("count", sa.Float(), nullable=False),
        sa.Column("sum", sa.Float(), nullable=False),
        sa.Column("min", sa.Float(), nullable=False),
        sa.Column("max", sa.Float(), nullable=False),
        sa.Column("spread", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["metric"], ["metric.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("metric", "width", "at", "unit"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series_mark",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("marked", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("account", "region", "source"),
        sqlite_with_rowid=False,
    )
