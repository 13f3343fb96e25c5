"""The messages of one queue: sent, received for a while, given back, deleted, moved.

What `send` returned is on disk. A message is out of sight from a receive until
its time-out; of a FIFO queue's group nothing comes while one of it is out.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from clary.store.activity import count
from clary.store.database import Database
from clary.store.queues import FIND, Queue, queue_of
from clary.store.words import Words

IN_FLIGHT_MAX = 120_000
VISIBILITY_S_MAX = 12 * 3600
DUPLICATES_S = 300
RECEIPT_BYTES = 16
DEAD_LETTERS_MAX = 1_000
"""Messages that one receive moves away at most."""

# Plain SQL, since every message passes here and building a statement costs more than running it.
INSERT = (
    "insert into message (queue_id, message_id, content, sent_ms, visible_ms, received, group_id, deduplication_id)"
    " values (?, ?, ?, ?, ?, 0, ?, ?) returning id"
)
TWIN = "select message_id, sequence from duplicate where queue_id = ? and key = ? and expires_ms > ?"
REMEMBER = "insert or replace into duplicate (queue_id, key, message_id, sequence, expires_ms) values (?, ?, ?, ?, ?)"
VISIBLE = "select * from message where queue_id = ? and visible_ms <= ? and sent_ms > ?"
BY_TIME = VISIBLE + " order by visible_ms, id limit ?"
IN_ORDER = (
    "select * from message m indexed by message_by_arrival where queue_id = ? and visible_ms <= ? and sent_ms > ?"
    " and not exists (select 1 from message b where b.queue_id = m.queue_id and b.group_id = m.group_id"
    " and b.visible_ms > ? and (b.receipt is not null or b.id < m.id)) order by id limit ?"
)
HIDDEN = "select count(*) from (select 1 from message where queue_id = ? and visible_ms > ? limit ?)"
HIDE = (
    "update message set visible_ms = ?, received = received + 1, first_ms = coalesce(first_ms, ?), last_ms = ?,"
    " receipt = ?, attempt = ? where id = ?"
)
REPEATED = (
    "select * from message where queue_id = ? and attempt = ? and receipt is not null and visible_ms > ?"
    " and last_ms > ? order by id"
)
SHOW_AT = "update message set visible_ms = ? where id = ?"
MOVE = (
    "update message set queue_id = ?, source_id = ?, receipt = null, attempt = null, visible_ms = ?,"
    " sent_ms = case when ? then ? else sent_ms end where id = ?"
)
HELD = "select * from message where id = ? and queue_id = ?"
DELETE = "delete from message where id = ?"
COUNT = (
    "select coalesce(sum(visible_ms <= ?1), 0), coalesce(sum(visible_ms > ?1 and receipt is not null), 0),"
    " coalesce(sum(visible_ms > ?1 and receipt is null), 0) from message where queue_id = ?2 and sent_ms > ?3"
)
NEXT = "select min(visible_ms) from message where queue_id = ? and visible_ms > ?"


class TooManyInFlight(Exception):
    """As many messages as there may be are out already."""


class NotInFlight(Exception):
    """The message is not out with this receipt."""


class TooLong(Exception):
    """The message would be out for longer than it may."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message to be sent; `key` is what makes another a duplicate of it, '' for none."""

    content: bytes
    delay_s: int
    group: str | None = None
    deduplication: str | None = None
    key: str = ""
    size: int = 0  # as it counts towards the limits


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message that was sent."""

    message_id: str
    sequence: int
    twin: bool = False  # it was sent before


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a receive asks for."""

    count: int
    visibility_s: int
    attempt: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """Names one receive of one message of one queue."""

    queue_id: int
    id: int
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A message as a receive returns it; times in milliseconds."""

    receipt: Receipt
    message_id: str
    content: bytes
    sent_ms: int
    first_ms: int
    received: int
    group: str | None
    deduplication: str | None
    source_id: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages can be received, are out, and are delayed."""

    visible: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Messages:
    """The messages of a queue at a moment."""

    database: Database
    words: Words
    queue: Queue
    now_ms: int

    def send(self, messages: Sequence[NewMessage]) -> list[Sent]:
        """Store messages in their order; one that is a duplicate of another is that other."""
        with self.database.write() as connection:
            sent = [self._send(connection, message) for message in messages]
            fresh = [message.size for message, each in zip(messages, sent, strict=True) if not each.twin]
            self._count(connection, NumberOfMessagesSent=[1] * len(fresh), SentMessageSize=fresh,
                        NumberOfDeduplicatedSentMessages=[1] * (len(sent) - len(fresh)))  # fmt: skip
        self._tell(self.queue.id)
        return sent

    def receive(self, wanted: Wanted) -> list[Received]:
        """Return messages, which are out of sight from now on; raise TooManyInFlight.

        One that was received too often goes to the queue of dead letters instead.
        """
        with self.database.read() as connection:  # An empty queue costs no write.
            if not self._repeated(connection, wanted) and not self._visible(connection, 1):
                return []
        dead: set[int] = set()
        with self.database.write() as connection:
            received = self._repeat(connection, wanted) or self._take(connection, wanted, dead)
            self._count(connection, NumberOfMessagesReceived=[len(received)] if received else [])
        for queue_id in dead:
            self._tell(queue_id)
        return received

    def next_ms(self) -> int | None:
        """Return when the next message comes into sight by itself."""
        with self.database.read() as connection:
            return connection.exec_driver_sql(NEXT, (self.queue.id, self.now_ms)).scalar()

    def delete(self, receipts: Sequence[Receipt]) -> list[bool]:
        """Delete messages; tell for each if its receipt still held, which in a FIFO queue it must."""
        with self.database.write() as connection:
            held = [self._delete(connection, receipt) for receipt in receipts]
            self._count(connection, NumberOfMessagesDeleted=[1] * sum(held))
        if self.queue.fifo:
            self._tell(self.queue.id)
        return held

    def show(self, receipt: Receipt, after_s: int) -> None:
        """Let a message come into sight again after a while; raise NotInFlight, or TooLong."""
        until_ms = self.now_ms + after_s * 1000
        with self.database.write() as connection:
            row = connection.exec_driver_sql(HELD, (receipt.id, self.queue.id)).first()
            if row is None or row.receipt != receipt.nonce or row.visible_ms <= self.now_ms:
                raise NotInFlight
            if until_ms > row.last_ms + VISIBILITY_S_MAX * 1000:
                raise TooLong
            connection.exec_driver_sql(SHOW_AT, (until_ms, row.id))
        self._tell(self.queue.id)

    def counts(self) -> Counts:
        """Return how many messages there are."""
        with self.database.read() as connection:
            row = connection.exec_driver_sql(COUNT, (self.now_ms, self.queue.id, self._oldest_ms())).one()
        return Counts(*row)

    def purge(self) -> None:
        """Delete every message."""
        with self.database.write() as connection:
            connection.exec_driver_sql("delete from message where queue_id = ?", (self.queue.id,))

    def _count(self, connection: Connection, **amounts: Sequence[float]) -> None:
        count(connection, self.queue.arn, self.now_ms, amounts)

    def _tell(self, queue_id: int) -> None:
        self.words.say(word_of(queue_id))

    def _oldest_ms(self) -> int:
        return self.now_ms - self.queue.number("MessageRetentionPeriod") * 1000

    def _send(self, connection: Connection, message: NewMessage) -> Sent:
        if message.key:
            twin = connection.exec_driver_sql(TWIN, (self.queue.id, message.key, self.now_ms)).first()
            if twin is not None:
                return Sent(twin.message_id, twin.sequence, twin=True)
        message_id = str(uuid.uuid4())
        visible_ms = self.now_ms + message.delay_s * 1000
        row = (
            self.queue.id,
            message_id,
            message.content,
            self.now_ms,
            visible_ms,
            message.group,
            message.deduplication,
        )
        sequence = connection.exec_driver_sql(INSERT, row).scalar_one()
        if message.key:
            expires_ms = self.now_ms + DUPLICATES_S * 1000
            connection.exec_driver_sql(REMEMBER, (self.queue.id, message.key, message_id, sequence, expires_ms))
        return Sent(message_id, sequence)

    def _visible(self, connection: Connection, count: int) -> Sequence[Row[Any]]:
        place = (self.queue.id, self.now_ms, self._oldest_ms())
        if self.queue.fifo:
            return connection.exec_driver_sql(IN_ORDER, (*place, self.now_ms, count)).all()
        return connection.exec_driver_sql(BY_TIME, (*place, count)).all()

    def _repeated(self, connection: Connection, wanted: Wanted) -> Sequence[Row[Any]]:
        """Return what an earlier receive of the same attempt returned and still holds."""
        if not (wanted.attempt and self.queue.fifo):
            return []
        since_ms = self.now_ms - DUPLICATES_S * 1000
        return connection.exec_driver_sql(REPEATED, (self.queue.id, wanted.attempt, self.now_ms, since_ms)).all()

    def _repeat(self, connection: Connection, wanted: Wanted) -> list[Received]:
        rows = self._repeated(connection, wanted)
        until_ms = self.now_ms + wanted.visibility_s * 1000
        if rows:
            connection.exec_driver_sql(SHOW_AT, [(until_ms, row.id) for row in rows])
        return [self._received(row, row.receipt, row.received) for row in rows]

    def _take(self, connection: Connection, wanted: Wanted, dead: set[int]) -> list[Received]:
        hidden = connection.exec_driver_sql(HIDDEN, (self.queue.id, self.now_ms, IN_FLIGHT_MAX)).scalar_one()
        if hidden >= IN_FLIGHT_MAX:
            raise TooManyInFlight
        redrive = self._redrive(connection)
        for _ in range(DEAD_LETTERS_MAX):
            rows = self._visible(connection, wanted.count)
            worn = [row for row in rows if redrive is not None and row.received >= redrive[1]]
            if redrive is None or not worn:
                return self._hide(connection, rows, wanted)
            self._bury(connection, worn, redrive[0])
            dead.add(redrive[0].id)
        return []

    def _hide(self, connection: Connection, rows: Sequence[Row[Any]], wanted: Wanted) -> list[Received]:
        now_ms = self.now_ms
        until_ms = now_ms + wanted.visibility_s * 1000
        taken = [(row, secrets.token_bytes(RECEIPT_BYTES)) for row in rows]
        if taken:
            attempt = wanted.attempt
            hidden = [(until_ms, now_ms, now_ms, nonce, attempt, row.id) for row, nonce in taken]
            connection.exec_driver_sql(HIDE, hidden)
        return [self._received(row, nonce, row.received + 1) for row, nonce in taken]

    def _redrive(self, connection: Connection) -> tuple[Queue, int] | None:
        told = self.queue.redrive()
        if told is None:
            return None
        name = told[0].rpartition(":")[2]
        row = connection.exec_driver_sql(FIND, (self.queue.account, self.queue.region, name)).first()
        # A queue for dead letters that is gone keeps nobody's messages: they stay where they are.
        return None if row is None else (queue_of(row), told[1])

    def _bury(self, connection: Connection, rows: Sequence[Row[Any]], grave: Queue) -> None:
        now_ms = self.now_ms
        moved = [(grave.id, self.queue.id, now_ms, grave.fifo, now_ms, row.id) for row in rows]
        connection.exec_driver_sql(MOVE, moved)

    def _delete(self, connection: Connection, receipt: Receipt) -> bool:
        row = connection.exec_driver_sql(HELD, (receipt.id, self.queue.id)).first()
        if row is None:
            return True  # It was deleted before, and deleting is idempotent.
        held = row.receipt == receipt.nonce and not (self.queue.fifo and row.visible_ms <= self.now_ms)
        if held:
            connection.exec_driver_sql(DELETE, (row.id,))
        return held

    def _received(self, row: Row[Any], nonce: bytes, received: int) -> Received:
        return Received(
            receipt=Receipt(self.queue.id, row.id, nonce),
            message_id=row.message_id,
            content=row.content,
            sent_ms=row.sent_ms,
            first_ms=row.first_ms or self.now_ms,
            received=received,
            group=row.group_id,
            deduplication=row.deduplication_id,
            source_id=row.source_id,
        )


def word_of(queue_id: int) -> str:
    """Return the word that is said when a queue's messages change."""
    return f"queue/{queue_id}"
