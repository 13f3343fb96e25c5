"""Audit: one row for each call, written in batches by a thread of its own.

Rows are on disk within FLUSH_S; a call is never slower for being audited, and
when the disk cannot keep up the call waits rather than go unrecorded.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Column, Float, Index, Integer, MetaData, Table, Text, insert, select
from sqlalchemy.exc import SQLAlchemyError

from clary.store.database import Database
from clary.store.statements import Statement, named

log = logging.getLogger(__name__)

METADATA = MetaData()
AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("params", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("audit_by_account", "account", "at"),
)
TO_JSON = json.JSONEncoder(default=str)
ADD = Statement(insert(AUDIT).values(named(AUDIT, "seq")))
FLUSH_S = 0.2
RETRY_S = 1.0
FULL_S = 0.01
"""How often a call looks for room where the disk cannot keep up."""
QUEUE_MAX = 10_000
BATCH_MAX = 500


class Entry(NamedTuple):
    """One call: who did what, from where, and how it ended ('' is well)."""

    at: float
    request_id: str
    account: str
    region: str
    principal: str
    service: str
    operation: str
    source: str
    agent: str
    params: Mapping[str, Any]
    error: str


class Audit:
    """The trail of calls."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: queue.SimpleQueue[Entry] = queue.SimpleQueue()  # which costs a call no lock
        self._noted = threading.Event()
        self._writer: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closing = threading.Event()

    def note(self, entry: Entry) -> None:
        """Take an entry; it is on disk shortly after. Wakes the writer for the first of a batch only."""
        self._start()
        while self._queue.qsize() >= QUEUE_MAX and not self._closing.wait(FULL_S):
            pass
        self._queue.put(entry)
        if not self._noted.is_set():
            self._noted.set()

    def entries(self, account: str, *, limit: int = 100) -> list[Entry]:
        """Return the newest entries of an account, newest first."""
        columns = [AUDIT.c[name] for name in Entry._fields]
        query = select(*columns).where(AUDIT.c.account == account).order_by(AUDIT.c.seq.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [Entry(**{**row, "params": json.loads(row["params"])}) for row in rows]

    def close(self) -> None:
        """Write what is queued, then stop, and close the database."""
        if self._writer is not None:
            self._closing.set()
            self._noted.set()
            self._writer.join()
        self._database.close()

    def _start(self) -> None:
        if self._writer is None:
            with self._starting:
                if self._writer is None:
                    self._writer = threading.Thread(target=self._write, name="audit", daemon=True)
                    self._writer.start()

    def _write(self) -> None:
        while not (self._closing.is_set() and self._queue.empty()):
            self._noted.wait()
            self._closing.wait(FLUSH_S)
            self._noted.clear()
            while batch := self._gather():
                closing = False
                while not self._written(batch) and not closing:
                    closing = self._closing.wait(RETRY_S)  # after which it is tried once more

    def _written(self, batch: list[Entry]) -> bool:
        """Write a batch; say whether it is on disk, which may be full for a while."""
        try:
            with self._database.write() as connection:
                ADD.run_all(connection, map(_row, batch))
        except (SQLAlchemyError, OSError):
            log.exception("%d rows of the trail could not be written yet", len(batch))
            return False
        return True

    def _gather(self) -> list[Entry]:
        batch: list[Entry] = []
        with suppress(queue.Empty):
            while len(batch) < BATCH_MAX:
                batch.append(self._queue.get_nowait())
        return batch


def _row(entry: Entry) -> dict[str, Any]:
    return {**entry._asdict(), "params": TO_JSON.encode(entry.params)}
