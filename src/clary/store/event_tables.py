"""Tables of events.db: what archives keep, how far each source got, and what is to be delivered.

Deliveries look as those of topics do, so that they are made in the same way.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text

from clary.store.queue_tables import DELIVERY, NOTICE, PUBLISHED

METADATA = MetaData()
for _table in (NOTICE, DELIVERY, PUBLISHED):
    _table.to_metadata(METADATA)

ARCHIVED = Table(
    "archived",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("archive", Text, nullable=False),  # its uid
    Column("account", Text, nullable=False),
    Column("at_ms", Integer, nullable=False),  # when it came
    Column("size", Integer, nullable=False),
    Column("event", LargeBinary, nullable=False),
    Index("archived_by_arrival", "archive", "id"),
    Index("archived_by_time", "archive", "at_ms", "id"),
    Index("archived_by_account", "account"),
    sqlite_autoincrement=True,
)

POSITION = Table(
    "position",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("value", Integer, nullable=False),
    sqlite_with_rowid=False,
)
