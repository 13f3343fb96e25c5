"""Transitions: one row each time the state of a record changes, in the same transaction.

Events, pipelines and lineage need every one; readers of states alone would miss some.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from clary.store.changes import place_of
from clary.store.database import Database
from clary.store.schema import OUTBOX
from clary.store.statements import Statement, named

if TYPE_CHECKING:
    from clary.store.records import Record

READ_MAX = 1_000
KEEP_S = 7 * 24 * 3600.0
SINCE = Statement(select(OUTBOX).where(OUTBOX.c.seq > bindparam("seq")).order_by(OUTBOX.c.seq).limit(READ_MAX))
ADD = Statement(insert(OUTBOX).values(named(OUTBOX, "seq")))


@dataclass(frozen=True, slots=True)
class Transition:
    """A record went from one state to another; '' is before its birth or after its end."""

    seq: int
    account: str
    region: str
    kind: str
    name: str
    uid: str
    before: str
    after: str
    status: dict[str, Any]
    at: float


@dataclass(frozen=True, slots=True)
class Outbox:
    """Transitions, read by sequence number."""

    database: Database

    def since(self, seq: int) -> list[Transition]:
        """Return up to READ_MAX transitions behind `seq`, oldest first."""
        rows = self.database.ask(SINCE, seq=seq)
        return [Transition(**{**row._asdict(), "status": json.loads(row.status)}) for row in rows]

    def trim(self, now: float) -> None:
        """Forget what is older than KEEP_S."""
        with self.database.write() as connection:
            connection.execute(delete(OUTBOX).where(OUTBOX.c.at < now - KEEP_S))


def note_transition(connection: Connection, record: Record, *, before: str, at: float) -> None:
    """Write the transition of a record, in the writer's transaction."""
    status = json.dumps(record.status)
    ADD.run(connection, **place_of(record), before=before, after=record.state, status=status, at=at)
