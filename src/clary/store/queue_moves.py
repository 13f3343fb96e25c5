"""Moves of all messages of a queue at once: dead letters that go back to where they came from, or elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select

from clary.store.database import Database
from clary.store.queue_messages import word_of
from clary.store.queue_tables import MOVE
from clary.store.queues import Queue
from clary.store.words import Words

SOURCES = "select distinct source_id from message where queue_id = ? and source_id is not null and visible_ms <= ?"
MOVE_ALL = (
    "update message set queue_id = ?1, source_id = null, received = 0, first_ms = null, receipt = null,"
    " attempt = null, visible_ms = ?2, sent_ms = ?2 where queue_id = ?3 and visible_ms <= ?2"
)
FROM_SOURCE = " and source_id = ?1 and exists (select 1 from queue where id = ?1)"
KEPT_MAX = 10
"""How many moves of a queue are told, as AWS does."""


@dataclass(frozen=True, slots=True)
class Move:
    """A move that was made; without a destination each message went back to where it came from."""

    id: int
    destination_id: int | None
    moved: int
    started_ms: int


@dataclass(frozen=True, slots=True)
class Moves:
    """Moves out of one queue."""

    database: Database
    words: Words
    queue: Queue

    def make(self, destination: Queue | None, now_ms: int) -> int:
        """Move all messages that are in sight, in one transaction; return the move's number."""
        with self.database.write() as connection:
            if destination is None:
                sources = connection.exec_driver_sql(SOURCES, (self.queue.id, now_ms)).scalars().all()
                moves = [(source, MOVE_ALL + FROM_SOURCE) for source in sources]
            else:
                moves = [(destination.id, MOVE_ALL)]
            moved = sum(
                connection.exec_driver_sql(statement, (to, now_ms, self.queue.id)).rowcount for to, statement in moves
            )
            row = insert(MOVE).values(
                queue_id=self.queue.id,
                destination_id=destination.id if destination else None,
                moved=moved,
                started_ms=now_ms,
            )
            number = connection.execute(row.returning(MOVE.c.id)).scalar_one()
        for to, _ in moves:
            self.words.say(word_of(to))
        return number

    def newest(self, limit: int) -> Sequence[Move]:
        """Return the newest moves, newest first."""
        query = select(MOVE.c.id, MOVE.c.destination_id, MOVE.c.moved, MOVE.c.started_ms)
        query = query.where(MOVE.c.queue_id == self.queue.id).order_by(MOVE.c.id.desc()).limit(min(limit, KEPT_MAX))
        with self.database.read() as connection:
            return [Move(*row) for row in connection.execute(query)]
