"""What each gateway worker has applied of the routes, told by the workers themselves."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from clary.core.clock import Clock
from clary.store.database import Database
from clary.store.schema import GATEWAY
from clary.store.statements import Statement

SILENT_S = 30.0
"""A worker that was not heard of for this long no longer counts."""
SELECT_LIVE = Statement(select(GATEWAY).where(GATEWAY.c.seen > bindparam("after")))


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway worker: the newest change its routes hold, and dropped instances it has not drained."""

    worker: str
    applied: int
    holding: frozenset[str]
    seen: float


@dataclass(frozen=True, slots=True)
class Gateways:
    """The register of gateway workers."""

    database: Database
    clock: Clock

    def report(self, worker: str, applied: int, holding: Collection[str]) -> None:
        """Tell how far a worker is."""
        with self.database.write() as connection:
            connection.execute(delete(GATEWAY).where(GATEWAY.c.worker == worker))
            connection.execute(
                insert(GATEWAY).values(
                    worker=worker, applied=applied, holding=json.dumps(sorted(holding)), seen=self.clock()
                )
            )

    def forget(self, worker: str) -> None:
        """Take a worker out that will not come back."""
        with self.database.write() as connection:
            connection.execute(delete(GATEWAY).where(GATEWAY.c.worker == worker))

    def live(self) -> list[Gateway]:
        """Return the workers heard of lately."""
        with self.database.read() as connection:
            rows = SELECT_LIVE.rows(connection, after=self.clock() - SILENT_S)
        return [Gateway(row.worker, row.applied, frozenset(json.loads(row.holding)), row.seen) for row in rows]
