"""How far each source of events got: the outbox, a schedule, a replay.

A source moves in the same transaction as what it led to, and only from where it was seen: whoever is killed,
and whoever else does the same work at the same time, nothing is missed and nothing is told twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from clary.store.database import Database

PUT = "insert into position (name, value) values (?, ?) on conflict do nothing"
MOVE = "update position set value = ? where name = ? and value = ?"


class Moved(Exception):
    """Somebody else was there first; look again."""


@dataclass(frozen=True, slots=True)
class Move:
    """A step of a source; `before` is None for its first."""

    name: str
    before: int | None
    after: int

    def write(self, connection: Connection) -> None:
        """Take the step in the writer's transaction, or raise Moved."""
        if self.before is None:
            done = connection.exec_driver_sql(PUT, (self.name, self.after))
        else:
            done = connection.exec_driver_sql(MOVE, (self.after, self.name, self.before))
        if done.rowcount != 1:
            raise Moved(self.name)


@dataclass(frozen=True, slots=True)
class EventPositions:
    """The positions of all sources."""

    database: Database

    def find(self, name: str) -> int | None:
        """Return where a source is, None if it never moved."""
        with self.database.read() as connection:
            return connection.exec_driver_sql("select value from position where name = ?", (name,)).scalar()

    def take(self, move: Move) -> None:
        """Take a step that leads to nothing, or raise Moved."""
        with self.database.write() as connection:
            move.write(connection)

    def names(self, prefix: str) -> list[str]:
        """Return the sources whose names begin so."""
        query = "select name from position where substr(name, 1, ?) = ?"
        with self.database.read() as connection:
            return list(connection.exec_driver_sql(query, (len(prefix), prefix)).scalars())

    def forget(self, names: Iterable[str]) -> None:
        """Forget sources that are gone."""
        with self.database.write() as connection:
            for name in names:
                connection.exec_driver_sql("delete from position where name = ?", (name,))
