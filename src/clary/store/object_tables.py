"""Tables of objects.db: buckets, the versions of their objects, uploads, and which blobs hold the bytes.

Keys are binary, so that they compare in the order of their UTF-8 bytes and may hold anything, NUL too.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

METADATA = MetaData()

BUCKET = Table(
    "bucket",
    METADATA,
    Column("uid", Text, primary_key=True),  # of the bucket's record
    Column("account", Text, nullable=False),
    Index("bucket_by_account", "account"),
)

VERSION = Table(
    "version",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),  # of two versions of a key the newer has the higher
    Column("bucket", Text, ForeignKey("bucket.uid"), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("version", Text, nullable=False),
    Column("latest", Integer, nullable=False),
    Column("marker", Integer, nullable=False),  # a delete marker, which has no bytes
    Column("size", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Float, nullable=False),
    Column("checksum", Text, nullable=False),  # base64; of many parts with -N behind it
    Column("checksum_algorithm", Text, nullable=False),
    Column("checksum_type", Text, nullable=False),
    Column("parts", Integer, nullable=False),  # how many parts it was uploaded in, 0 if in one request
    Column("upload", Text, nullable=False),
    Column("about", Text, nullable=False),  # metadata, as JSON
    Column("tags", Text, nullable=False),  # as JSON
    Column("small", LargeBinary),  # a small blob itself, which then needs no part
    Index("version_by_id", "bucket", "key", "version", unique=True),
    Index("version_live", "bucket", "marker", "latest", "key"),
    Index("version_by_key", "bucket", "key", "seq"),
    sqlite_autoincrement=True,
)

UPLOAD = Table(
    "upload",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("bucket", Text, ForeignKey("bucket.uid"), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("initiated", Float, nullable=False),
    Column("initiator", Text, nullable=False),
    Column("checksum_algorithm", Text, nullable=False),
    Column("checksum_type", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Index("upload_by_key", "bucket", "key", "id"),
)

PART = Table(
    "part",
    METADATA,
    Column("blob", Text, primary_key=True),
    Column("version", Integer, ForeignKey("version.seq", ondelete="CASCADE")),
    Column("upload", Text, ForeignKey("upload.id")),
    Column("number", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("modified", Float, nullable=False),
    Column("checksum", Text, nullable=False),
    CheckConstraint("(version is null) <> (upload is null)", name="part_has_one_owner"),
    Index("part_by_version", "version", "number", unique=True),
    Index("part_by_upload", "upload", "number", unique=True),
)
