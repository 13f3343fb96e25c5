"""Tables of queues.db: queues and their messages, what topics have still to deliver, and what both did lately.

A message is one row whatever becomes of it: a receive moves the time it is
visible from, a dead letter moves to another queue's number.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

METADATA = MetaData()

QUEUE = Table(
    "queue",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_ms", Integer, nullable=False),
    Column("modified_ms", Integer, nullable=False),
    Column("attributes", Text, nullable=False),  # JSON, as SetQueueAttributes has them
    Column("tags", Text, nullable=False),  # JSON
    Column("active_ms", Integer),  # the last minute that messages came or went in, once that is told as metrics
    UniqueConstraint("account", "region", "name"),
    sqlite_autoincrement=True,  # a number is never used twice, so that a receipt fits one queue for ever
)

MESSAGE = Table(
    "message",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),  # order of arrival, and FIFO's sequence number
    Column("queue_id", Integer, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("sent_ms", Integer, nullable=False),
    Column("visible_ms", Integer, nullable=False),
    Column("received", Integer, nullable=False),  # how often
    Column("first_ms", Integer),  # when for the first time
    Column("last_ms", Integer),  # when for the last time
    Column("receipt", LargeBinary),  # of the last receive; empty while it was never received here
    Column("attempt", Text),  # the client's name of the last receive
    Column("group_id", Text),
    Column("deduplication_id", Text),
    Column("source_id", Integer),  # the queue that a dead letter came from
    Index("message_by_visible", "queue_id", "visible_ms", "id"),
    Index("message_by_arrival", "queue_id", "id"),
    Index("message_by_group", "queue_id", "group_id", "visible_ms"),
    sqlite_autoincrement=True,
)

DUPLICATE = Table(
    "duplicate",
    METADATA,
    Column("queue_id", Integer, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("expires_ms", Integer, nullable=False),
    Index("duplicate_by_expiry", "expires_ms"),
    sqlite_with_rowid=False,
)

MOVE = Table(
    "move",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("queue_id", Integer, nullable=False),
    Column("destination_id", Integer),  # empty: each message goes back to where it came from
    Column("moved", Integer, nullable=False),
    Column("started_ms", Integer, nullable=False),
    Index("move_by_queue", "queue_id", "id"),
    sqlite_autoincrement=True,
)

NOTICE = Table(
    "notice",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),  # a FIFO topic's sequence number
    Column("topic_arn", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("published_ms", Integer, nullable=False),
    sqlite_autoincrement=True,
)

DELIVERY = Table(
    "delivery",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("notice_id", Integer, nullable=False),
    Column("subscription_arn", Text, nullable=False),
    Column("lane", Text),  # deliveries of one lane go one after the other, in the order of their ids
    Column("tries", Integer, nullable=False),
    Column("due_ms", Integer, nullable=False),
    Index("delivery_by_due", "due_ms", "id"),
    Index("delivery_by_lane", "lane", "id"),
    Index("delivery_by_notice", "notice_id"),
    sqlite_autoincrement=True,
)

PUBLISHED = Table(
    "published",
    METADATA,
    Column("topic_arn", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("message_id", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("expires_ms", Integer, nullable=False),
    Index("published_by_expiry", "expires_ms"),
    sqlite_with_rowid=False,
)

ACTIVITY = Table(
    "activity",
    METADATA,
    Column("minute", Integer, primary_key=True),
    Column("arn", Text, primary_key=True),
    Column("name", Text, primary_key=True),  # of the metric
    Column("count", Integer, nullable=False),
    Column("total", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    sqlite_with_rowid=False,
)
