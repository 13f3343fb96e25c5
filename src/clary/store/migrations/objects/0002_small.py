"""The bytes of small objects, beside those that lie in files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002_small"
down_revision = "0001_first"


def upgrade() -> None:
    """Make room for them; what has a file keeps it."""
    op.add_column("version", sa.Column("small", sa.LargeBinary(), nullable=True))
