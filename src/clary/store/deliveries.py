"""What topics and event buses have not delivered yet: a row for each receiver, written with the acknowledgement.

A row goes when its delivery was made or given up, so that whatever is killed
meanwhile, a message arrives at least once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from clary.store.activity import Amounts, count
from clary.store.database import Database
from clary.store.sealing import Sealer
from clary.store.words import Words

WORD = "deliveries"
DUPLICATES_MS = 300_000
Beside = Callable[[Connection], None]
"""Writes what has to land in the same transaction."""

TWIN = "select message_id, sequence from published where topic_arn = ? and key = ? and expires_ms > ?"
REMEMBER = "insert or replace into published (topic_arn, key, message_id, sequence, expires_ms) values (?, ?, ?, ?, ?)"
ADD_NOTICE = "insert into notice (topic_arn, message_id, content, published_ms) values (?, ?, ?, ?) returning id"
ADD = "insert into delivery (notice_id, subscription_arn, lane, tries, due_ms) values (?, ?, ?, 0, ?)"
DUE = (
    "select d.id, d.subscription_arn, d.tries, n.id as sequence, n.topic_arn, n.message_id, n.content, n.published_ms"
    " from delivery d join notice n on n.id = d.notice_id where d.due_ms <= ? and (d.lane is null or not exists"
    " (select 1 from delivery e where e.lane = d.lane and e.id < d.id)) order by d.due_ms, d.id limit ?"
)
NEXT = "select min(due_ms) from delivery"
PUT_OFF = "update delivery set tries = tries + 1, due_ms = ? where id = ?"
DROP = "delete from delivery where id = ? returning notice_id"
DROP_NOTICE = "delete from notice where id = ? and not exists (select 1 from delivery where notice_id = ?)"
SWEEP = "delete from notice where not exists (select 1 from delivery where notice_id = notice.id)"


@dataclass(frozen=True, slots=True)
class Notice:
    """A message as it is published; `key` is what makes another a duplicate of it, '' for none."""

    topic_arn: str
    content: bytes
    lanes: Mapping[str, str | None]  # by subscription; None where order does not matter
    key: str = ""
    size: int = 0  # of a message that counts as published; 0 of what Clary itself sends
    filtered: int = 0  # how many subscriptions did not want it


@dataclass(frozen=True, slots=True)
class Published:
    """What a publisher is told."""

    message_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message for one subscription."""

    id: int
    subscription_arn: str
    tries: int
    sequence: int
    topic_arn: str
    message_id: str
    content: bytes
    published_ms: int


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The deliveries of all topics, or of all event buses."""

    database: Database
    words: Words
    sealer: Sealer
    service: str = "sns"

    @property
    def purpose(self) -> str:
        """Return what contents are sealed for."""
        return f"{self.service} notice"

    def publish(self, notices: Sequence[Notice], now_ms: int, beside: Beside | None = None) -> list[Published]:
        """Store messages and whom each goes to, in one transaction; one that is a duplicate is the other."""
        with self.database.write() as connection:
            published = [self._publish(connection, notice, now_ms) for notice in notices]
            if beside is not None:
                beside(connection)
        self.words.say(WORD)
        return published

    def due(self, now_ms: int, limit: int) -> list[Delivery]:
        """Return deliveries whose time has come, oldest first; of each lane its first alone."""
        with self.database.read() as connection:
            rows = connection.exec_driver_sql(DUE, (now_ms, limit)).all()
        return [
            Delivery(
                id=row.id,
                subscription_arn=row.subscription_arn,
                tries=row.tries,
                sequence=row.sequence,
                topic_arn=row.topic_arn,
                message_id=row.message_id,
                content=self.sealer.open(row.content, self.purpose),
                published_ms=row.published_ms,
            )
            for row in rows
        ]

    def next_ms(self) -> int | None:
        """Return when the first delivery is or was due."""
        with self.database.read() as connection:
            return connection.exec_driver_sql(NEXT).scalar()

    def done(self, delivery: Delivery, now_ms: int, outcome: str = "") -> None:
        """Forget a delivery, and its message with the last of them; count the outcome under a metric's name."""
        with self.database.write() as connection:
            notice = connection.exec_driver_sql(DROP, (delivery.id,)).scalar()
            if outcome and notice is not None:
                count(connection, delivery.topic_arn, now_ms, {outcome: [1]})
            connection.exec_driver_sql(DROP_NOTICE, (notice, notice))

    def put_off(self, number: int, until_ms: int) -> None:
        """Count a try that failed, and try again later."""
        with self.database.write() as connection:
            connection.exec_driver_sql(PUT_OFF, (until_ms, number))

    def trim(self, now: float) -> None:
        """Forget messages that nobody waits for, and what can be no duplicate's twin any more."""
        with self.database.write() as connection:
            connection.exec_driver_sql(SWEEP)
            connection.exec_driver_sql("delete from published where expires_ms <= ?", (int(now * 1000),))

    def purge(self, account: str) -> None:
        """Remove everything of an account."""
        owned = f"arn:aws:%:%:{account}:%"
        with self.database.write() as connection:
            connection.exec_driver_sql("delete from delivery where subscription_arn like ?", (owned,))
            connection.exec_driver_sql("delete from published where topic_arn like ?", (owned,))
            connection.exec_driver_sql(SWEEP)

    def _publish(self, connection: Connection, notice: Notice, now_ms: int) -> Published:
        if notice.key:
            twin = connection.exec_driver_sql(TWIN, (notice.topic_arn, notice.key, now_ms)).first()
            if twin is not None:
                return Published(twin.message_id, twin.sequence)
        message_id = str(uuid.uuid4())
        sealed = self.sealer.seal(notice.content, self.purpose)
        row = (notice.topic_arn, message_id, sealed, now_ms)
        sequence = connection.exec_driver_sql(ADD_NOTICE, row).scalar_one()
        if notice.lanes:
            rows = [(sequence, subscription, lane, now_ms) for subscription, lane in notice.lanes.items()]
            connection.exec_driver_sql(ADD, rows)
        if notice.size:
            count(connection, notice.topic_arn, now_ms, _amounts(notice))
        if notice.key:
            twin_row = (notice.topic_arn, notice.key, message_id, sequence, now_ms + DUPLICATES_MS)
            connection.exec_driver_sql(REMEMBER, twin_row)
        return Published(message_id, sequence)


def _amounts(notice: Notice) -> Amounts:
    filtered = [1] * notice.filtered
    return {
        "NumberOfMessagesPublished": [1],
        "PublishSize": [notice.size],
        "NumberOfNotificationsFilteredOut": filtered,
    }
