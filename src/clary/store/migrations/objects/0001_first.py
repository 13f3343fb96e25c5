"""The first schema of objects.db."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bucket",
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index("bucket_by_account", "bucket", ["account"], unique=False)
    op.create_table(
        "upload",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("initiated", sa.Float(), nullable=False),
        sa.Column("initiator", sa.Text(), nullable=False),
        sa.Column("checksum_algorithm", sa.Text(), nullable=False),
        sa.Column("checksum_type", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["bucket"], ["bucket.uid"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("upload_by_key", "upload", ["bucket", "key", "id"], unique=False)
    op.create_table(
        "version",
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("marker", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("modified", sa.Float(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.Column("checksum_algorithm", sa.Text(), nullable=False),
        sa.Column("checksum_type", sa.Text(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("upload", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["bucket"], ["bucket.uid"]),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
    )
    op.create_index("version_by_id", "version", ["bucket", "key", "version"], unique=True)
    op.create_index("version_by_key", "version", ["bucket", "key", "seq"], unique=False)
    op.create_index("version_live", "version", ["bucket", "marker", "latest", "key"], unique=False)
    op.create_table(
        "part",
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("upload", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("modified", sa.Float(), nullable=False),
        sa.Column("checksum", sa.Text(), nullable=False),
        sa.CheckConstraint("(version is null) <> (upload is null)", name="part_has_one_owner"),
        sa.ForeignKeyConstraint(["upload"], ["upload.id"]),
        sa.ForeignKeyConstraint(["version"], ["version.seq"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("blob"),
    )
    op.create_index("part_by_upload", "part", ["upload", "number"], unique=True)
    op.create_index("part_by_version", "part", ["version", "number"], unique=True)
