"""Archived events: written with their deliveries, read again in the order they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from clary.store.database import Database
from clary.store.sealing import Sealer

PURPOSE = "archived event"
TRIM_MAX = 5_000
ADD = "insert into archived (archive, account, at_ms, size, event) values (?, ?, ?, ?, ?)"
READ = (
    "select id, at_ms, event from archived"
    " where archive = ? and id > ? and at_ms >= ? and at_ms < ? order by id limit ?"
)
COUNT = "select count(*), coalesce(sum(size), 0) from archived where archive = ?"
TRIM = "delete from archived where id in (select id from archived where archive = ? and at_ms < ? limit ?)"
FOREVER_MS = 2**62


@dataclass(frozen=True, slots=True)
class Archived:
    """One event, and its place in its archive."""

    id: int
    at_ms: int
    event: str


@dataclass(frozen=True, slots=True)
class EventArchives:
    """The events of all archives, each known by its uid."""

    database: Database
    sealer: Sealer

    def add(self, connection: Connection, archive: str, account: str, at_ms: int, event: str) -> None:
        """Keep an event, in the writer's transaction."""
        told = event.encode()
        row = (archive, account, at_ms, len(told), self.sealer.seal(told, PURPOSE))
        connection.exec_driver_sql(ADD, row)

    def read(self, archive: str, after: int, span_ms: tuple[int, int], limit: int) -> list[Archived]:
        """Return events behind a place that came within a span of time, in the order they came."""
        with self.database.read() as connection:
            rows = connection.exec_driver_sql(READ, (archive, after, *span_ms, limit)).all()
        return [Archived(row.id, row.at_ms, self.sealer.open(row.event, PURPOSE).decode()) for row in rows]

    def count(self, archive: str) -> tuple[int, int]:
        """Return how many events an archive has, and how many bytes they are."""
        with self.database.read() as connection:
            count, size = connection.exec_driver_sql(COUNT, (archive,)).one()
        return count, size

    def drop(self, archive: str, before_ms: int = FOREVER_MS) -> None:
        """Forget the events of an archive from before a time, some thousands a transaction."""
        gone = TRIM_MAX
        while gone == TRIM_MAX:
            with self.database.write() as connection:
                gone = connection.exec_driver_sql(TRIM, (archive, before_ms, TRIM_MAX)).rowcount

    def drop_others(self, known: Iterable[str]) -> None:
        """Forget the events of archives that are gone; what is known must have been read after these were listed."""
        for archive in self.names() - set(known):
            self.drop(archive)

    def names(self) -> set[str]:
        """Return the archives that have events."""
        with self.database.read() as connection:
            return set(connection.exec_driver_sql("select distinct archive from archived").scalars())

    def purge(self, account: str) -> None:
        """Remove everything of an account."""
        with self.database.write() as connection:
            connection.exec_driver_sql("delete from archived where account = ?", (account,))
