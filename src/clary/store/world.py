"""Records over all accounts: for reconcilers and for look-ups that precede an account.

Handlers get Records instead, which are bound to one account and region.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import bindparam, func, select

from clary.store.database import Database
from clary.store.records import Kind, Record, record_of
from clary.store.schema import RECORD
from clary.store.statements import Statement

BATCH_MAX = 500
FIND_UID = Statement(select(RECORD).where(RECORD.c.uid == bindparam("uid")))


@dataclass(frozen=True, slots=True)
class World:
    """Reads the records of everybody."""

    database: Database

    def all(self, kind: Kind) -> Iterator[Record]:
        """Give every record of a kind, in batches, each batch from a transaction of its own."""
        after = ""
        while True:
            query = select(RECORD).where(RECORD.c.kind == str(kind), RECORD.c.uid > after).order_by(RECORD.c.uid)
            with self.database.read() as connection:
                rows = connection.execute(query.limit(BATCH_MAX)).all()
            yield from map(record_of, rows)
            if len(rows) < BATCH_MAX:
                return
            after = rows[-1].uid

    def owned_by(self, account: str) -> list[Record]:
        """Return every record of an account, of any kind and region."""
        with self.database.read() as connection:
            return [record_of(row) for row in connection.execute(select(RECORD).where(RECORD.c.account == account))]

    def states(self, kind: Kind) -> dict[tuple[str, str, str], int]:
        """Return how many records of a kind are in each state, by account, region and state."""
        place = (RECORD.c.account, RECORD.c.region, RECORD.c.state)
        query = select(*place, func.count()).where(RECORD.c.kind == str(kind)).group_by(*place).order_by(*place)
        with self.database.read() as connection:
            return {(account, region, state): count for account, region, state, count in connection.execute(query)}

    def find_uid(self, uid: str) -> Record | None:
        """Return the record with this uid, or None."""
        rows = self.database.ask(FIND_UID, uid=uid)
        return record_of(rows[0]) if rows else None
