"""Tables of logs.db: groups, streams, events and how far each shipper got.

Events are clustered by stream and time, so that a page of any stream costs
the same wherever it lies, and a line costs little more than its text.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint

from clary.store.marks import mark_table

METADATA = MetaData()
END_MS = 2**62

GROUP = Table(
    "log_group",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("retention_days", Integer),  # empty: events never expire
    Column("storage_class", Text, nullable=False),
    Column("protected", Integer, nullable=False),
    Column("tags", Text, nullable=False),  # JSON
    Column("stored_bytes", Integer, nullable=False),
    UniqueConstraint("account", "region", "name"),
    sqlite_autoincrement=True,
)

STREAM = Table(
    "log_stream",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("group_id", Integer, ForeignKey("log_group.id")),  # empty: deleted, its events wait to be swept
    Column("name", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("first_ms", Integer, nullable=False),  # END_MS while there is no event
    Column("last_ms", Integer, nullable=False),  # 0 while there was none
    Column("ingested_ms", Integer, nullable=False),
    Column("next_seq", Integer, nullable=False),
    Column("stored_bytes", Integer, nullable=False),
    UniqueConstraint("group_id", "name"),
    Index("log_stream_by_last", "group_id", "last_ms", "name"),
    sqlite_autoincrement=True,
)

EVENT = Table(
    "log_event",
    METADATA,
    Column("stream_id", Integer, ForeignKey("log_stream.id"), primary_key=True),
    Column("at_ms", Integer, primary_key=True),
    Column("seq", Integer, primary_key=True),  # order of arrival in the stream
    Column("ingested_ms", Integer, nullable=False),
    Column("message", Text, nullable=False),
    sqlite_with_rowid=False,
)

MARK = mark_table("log_mark", METADATA, Column("marked_ms", Integer, nullable=False))
