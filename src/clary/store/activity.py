"""What queues and topics did, minute by minute, counted in the transaction that did it.

A minute's counts go to the metrics once it is over, and are forgotten then: see `controllers/queue_metrics.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from clary.core.ids import Arn
from clary.store.database import Database
from clary.store.queues import Queue, queue_of
from clary.store.summaries import Summary

MINUTE_MS = 60_000
ACTIVE_MS = 6 * 3600 * 1000
"""How long a queue where nothing happens is told of; SQS developer guide, «Monitoring … using CloudWatch»."""

# Plain SQL, since every message passes here.
COUNT = (
    "insert into activity (arn, minute, name, count, total, low, high) values (?, ?, ?, ?, ?, ?, ?)"
    " on conflict (minute, arn, name) do update set count = count + excluded.count, total = total + excluded.total,"
    " low = min(low, excluded.low), high = max(high, excluded.high)"
)
FINISHED = (
    "select minute, arn, name, count as times, total, low, high from activity"
    " where minute = (select min(minute) from activity where minute < ?)"
)
FORGET = "delete from activity where minute = ?"
TOUCH = "update queue set active_ms = ? where account = ? and region = ? and name = ?"
ACTIVE = (
    "select * from queue q where active_ms > ? or exists (select 1 from message m where m.queue_id = q.id)"
    " order by account, region"
)
VISIBLE = "select count(*) from message where queue_id = ? and visible_ms <= ?"
HIDDEN = (
    "select coalesce(sum(receipt is not null), 0), coalesce(sum(receipt is null), 0) from message"
    " where queue_id = ? and visible_ms > ?"
)
OLDEST = "select sent_ms from message where queue_id = ? order by id limit 1"
Amounts = Mapping[str, Sequence[float]]
"""Values of metrics, by their names."""


@dataclass(frozen=True, slots=True)
class Count:
    """What one queue or topic did in one minute, for one metric."""

    arn: str
    name: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages a queue holds, and how old the oldest is."""

    queue: Queue
    visible: int
    in_flight: int
    delayed: int
    oldest_s: float


def count(connection: Connection, arn: str, now_ms: int, amounts: Amounts) -> None:
    """Count what happens in this transaction."""
    minute = now_ms // MINUTE_MS
    rows = [
        (arn, minute, name, len(values), sum(values), min(values), max(values))
        for name, values in amounts.items()
        if values
    ]
    if rows:
        connection.exec_driver_sql(COUNT, rows)


@dataclass(frozen=True, slots=True)
class Activity:
    """What is counted and not shipped yet, and how full queues are."""

    database: Database

    def finished(self, before_ms: int) -> tuple[int, list[Count]]:
        """Return the first minute that ended before a time, and its counts; none if all are shipped."""
        with self.database.read() as connection:
            rows = connection.exec_driver_sql(FINISHED, (before_ms // MINUTE_MS,)).all()
        minute = rows[0].minute if rows else 0
        return minute, [
            Count(row.arn, row.name, Summary.of_totals(row.times, row.total, row.low, row.high)) for row in rows
        ]

    def forget(self, minute: int, arns: Sequence[str]) -> None:
        """Forget a minute's counts, which are shipped; remember which queues were active then."""
        queues = [arn for text in arns if (arn := Arn.parse(text)) is not None and arn.service == "sqs"]
        rows = [(minute * MINUTE_MS, each.account, each.region, each.resource) for each in queues]
        with self.database.write() as connection:
            connection.exec_driver_sql(FORGET, (minute,))
            if rows:
                connection.exec_driver_sql(TOUCH, rows)

    def backlogs(self, now_ms: int) -> list[Backlog]:
        """Return how full each queue is that holds messages, or was used in the past hours."""
        with self.database.read() as connection:
            queues = [queue_of(row) for row in connection.exec_driver_sql(ACTIVE, (now_ms - ACTIVE_MS,))]
            return [_backlog(connection, queue, now_ms) for queue in queues]

    def purge(self, account: str) -> None:
        """Remove everything of an account."""
        with self.database.write() as connection:
            connection.exec_driver_sql("delete from activity where arn like ?", (f"arn:aws:%:{account}:%",))


def _backlog(connection: Connection, queue: Queue, now_ms: int) -> Backlog:
    def one(statement: str, *place: Any) -> Any:
        return connection.exec_driver_sql(statement, (queue.id, *place)).first()

    oldest = one(OLDEST)
    in_flight, delayed = one(HIDDEN, now_ms)
    age_s = 0.0 if oldest is None else max(0.0, (now_ms - oldest[0]) / 1000)
    return Backlog(queue, one(VISIBLE, now_ms)[0], in_flight, delayed, age_s)
