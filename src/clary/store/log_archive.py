"""The upkeep of all logs: what has expired, was deleted or belongs to a closed account leaves the disk.

Events go in small transactions, so that no writer waits long; a trim that is
cut short is taken up by the next one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, LargeBinary, cast, delete, func, select, tuple_, update

from clary.core.clock import Clock
from clary.store.database import Database
from clary.store.log_events import EVENT_OVERHEAD_BYTES, resize
from clary.store.log_tables import END_MS, EVENT, GROUP, MARK, STREAM
from clary.store.logs import DAY_MS, Logs

DELETE_EVENTS = 10_000
MARK_DAYS = 30


@dataclass(frozen=True, slots=True)
class LogArchive:
    """The logs of everybody."""

    database: Database
    clock: Clock

    def of(self, account: str, region: str) -> Logs:
        """Return the logs of one account in one region."""
        return Logs(self.database, self.clock, account, region)

    def trim(self, now: float) -> int:
        """Remove expired and deleted events and old marks; return how many events went."""
        now_ms = int(now * 1000)
        with self.database.write() as connection:
            connection.execute(delete(MARK).where(MARK.c.marked_ms < now_ms - MARK_DAYS * DAY_MS))
        return self._expire(now_ms) + self._sweep()

    def purge(self, account: str) -> None:
        """Remove everything of an account."""
        groups = select(GROUP.c.id).where(GROUP.c.account == account)
        with self.database.write() as connection:
            connection.execute(update(STREAM).where(STREAM.c.group_id.in_(groups)).values(group_id=None))
            connection.execute(delete(GROUP).where(GROUP.c.account == account))
            connection.execute(delete(MARK).where(MARK.c.account == account))
        self._sweep()

    def close(self) -> None:
        """Close every file."""
        self.database.close()

    def _expire(self, now_ms: int) -> int:
        cut = now_ms - GROUP.c.retention_days * DAY_MS
        query = select(STREAM.c.id, cut.label("cut")).join(GROUP, GROUP.c.id == STREAM.c.group_id)
        with self.database.read() as connection:
            streams = connection.execute(query.where(STREAM.c.first_ms < cut)).all()
        return sum(self._drain(stream_id, before_ms) for stream_id, before_ms in streams)

    def _sweep(self) -> int:
        with self.database.read() as connection:
            streams = connection.execute(select(STREAM.c.id).where(STREAM.c.group_id.is_(None))).scalars().all()
        gone = 0
        for stream_id in streams:
            gone += self._drain(stream_id, END_MS)
            with self.database.write() as connection:
                connection.execute(delete(STREAM).where(STREAM.c.id == stream_id))
        return gone

    def _drain(self, stream_id: int, before_ms: int) -> int:
        """Remove a stream's events before a time, a few thousand a transaction; return how many."""
        gone = DELETE_EVENTS
        total = 0
        while gone == DELETE_EVENTS:
            with self.database.write() as connection:
                gone = _delete_oldest(connection, stream_id, before_ms)
            total += gone
        return total


def _delete_oldest(connection: Connection, stream_id: int, before_ms: int) -> int:
    expired = (EVENT.c.stream_id == stream_id, EVENT.c.at_ms < before_ms)
    size = func.length(cast(EVENT.c.message, LargeBinary)) + EVENT_OVERHEAD_BYTES
    oldest = select(EVENT.c.at_ms, EVENT.c.seq, size.label("size")).where(*expired)
    rows = connection.execute(oldest.order_by(EVENT.c.at_ms, EVENT.c.seq).limit(DELETE_EVENTS)).all()
    if rows:
        place = tuple_(EVENT.c.at_ms, EVENT.c.seq)
        connection.execute(delete(EVENT).where(*expired, place <= tuple_(rows[-1].at_ms, rows[-1].seq)))
        _note_gone(connection, stream_id, sum(row.size for row in rows))
    return len(rows)


def _note_gone(connection: Connection, stream_id: int, gone_bytes: int) -> None:
    first = select(func.min(EVENT.c.at_ms)).where(EVENT.c.stream_id == stream_id).scalar_subquery()
    moved = update(STREAM).where(STREAM.c.id == stream_id).values(first_ms=func.coalesce(first, END_MS))
    stream = connection.execute(moved.returning(STREAM.c.id, STREAM.c.group_id)).one()
    resize(connection, stream, -gone_bytes)
