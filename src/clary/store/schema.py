"""Tables of records.db: what every noun of every service is stored in."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, MetaData, Table, Text

METADATA = MetaData()

RECORD = Table(
    "record",
    METADATA,
    Column("slot", Text, primary_key=True),  # what must be unique, spelled out; see Kind.slot
    Column("uid", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("deleting", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    Index("record_by_name", "account", "region", "kind", "name"),
    Index("record_by_created", "account", "region", "kind", "created", "name"),
    Index("record_by_modified", "account", "region", "kind", "modified", "name"),
    Index("record_by_kind", "kind", "uid"),
    Index("record_by_parent", "parent"),
)

ATTRIBUTE = Table(
    "attribute",
    METADATA,
    Column("uid", Text, ForeignKey("record.uid", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Index("attribute_by_value", "name", "value"),
)

CHANGE = Table(
    "change",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Index("change_by_name", "kind", "account", "region", "name", "seq"),
    sqlite_autoincrement=True,
)

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", Float, nullable=False),
    sqlite_autoincrement=True,
)

LEASE = Table(
    "lease",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("expires", Float, nullable=False),
)

TOKEN = Table(
    "token",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("region", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("token", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("expires", Float, nullable=False),
)

GATEWAY = Table(
    "gateway",
    METADATA,
    Column("worker", Text, primary_key=True),
    Column("applied", Integer, nullable=False),  # the newest change its routes hold
    Column("holding", Text, nullable=False),  # dropped instances with requests still in flight, as JSON
    Column("seen", Float, nullable=False),
)
