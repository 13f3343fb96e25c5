"""The upkeep of all metrics: points grow coarser with age, as CloudWatch keeps them, and leave in the end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, select

from clary.core.clock import Clock
from clary.store.database import Database
from clary.store.points import FIVE_MINUTES_S, HOUR_S, MINUTE_S, SECOND_S, Place, store
from clary.store.series import Series
from clary.store.series_tables import MARK, METRIC, POINT
from clary.store.summaries import Summary, merged, unpacked

DAY_S = 24 * 3600
METRICS_BATCH = 50
KEEP_S = {SECOND_S: 3 * 3600, MINUTE_S: 15 * DAY_S, FIVE_MINUTES_S: 63 * DAY_S, HOUR_S: 455 * DAY_S}
COARSER = {SECOND_S: MINUTE_S, MINUTE_S: FIVE_MINUTES_S, FIVE_MINUTES_S: HOUR_S}
MARK_KEEP_S = 30 * DAY_S


@dataclass(frozen=True, slots=True)
class SeriesArchive:
    """The metrics of everybody."""

    database: Database
    clock: Clock

    def of(self, account: str, region: str) -> Series:
        """Return the metrics of one account in one region."""
        return Series(self.database, self.clock, account, region)

    def roll_up(self, now: float) -> None:
        """Merge points that are past their age into wider ones; forget what is past every age, and old marks."""
        after = -1
        while metrics := self._metrics(after):
            for width in COARSER:
                with self.database.write() as connection:
                    _widen(connection, metrics, width, now)
            self._forget(metrics, now - KEEP_S[HOUR_S])
            after = metrics[-1]
        with self.database.write() as connection:
            connection.execute(delete(MARK).where(MARK.c.marked < now - MARK_KEEP_S))

    def purge(self, account: str) -> None:
        """Remove everything of an account."""
        with self.database.write() as connection:
            connection.execute(delete(METRIC).where(METRIC.c.account == account))
            connection.execute(delete(MARK).where(MARK.c.account == account))

    def close(self) -> None:
        """Close every file."""
        self.database.close()

    def _forget(self, metrics: list[int], before: float) -> None:
        with self.database.write() as connection:
            of_these = POINT.c.metric.in_(metrics)
            connection.execute(delete(POINT).where(of_these, POINT.c.width == HOUR_S, POINT.c.at < before))
            pointless = ~exists().where(POINT.c.metric == METRIC.c.id)
            connection.execute(delete(METRIC).where(METRIC.c.id.in_(metrics), METRIC.c.seen < before, pointless))

    def _metrics(self, after: int) -> list[int]:
        query = select(METRIC.c.id).where(METRIC.c.id > after).order_by(METRIC.c.id).limit(METRICS_BATCH)
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())


def _widen(connection: Connection, metrics: list[int], width: int, now: float) -> None:
    wider = COARSER[width]
    cut = int(now - KEEP_S[width]) // wider * wider
    old = (POINT.c.metric.in_(metrics), POINT.c.width == width, POINT.c.at < cut)
    parts: dict[Place, list[Summary]] = defaultdict(list)
    for row in connection.execute(select(POINT).where(*old)):
        place = Place(row.metric, wider, row.at // wider * wider, row.unit)
        parts[place].append(unpacked(*row[4:]))
    if parts:
        connection.execute(delete(POINT).where(*old))
        store(connection, {place: merged(summaries) for place, summaries in parts.items()})
