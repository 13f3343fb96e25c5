"""How far sources were stored: an offset that moves in the transaction that stores what ends there.

A shipper that crashed and sends a batch again finds it stored already, so that nothing is lost or counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, select
from sqlalchemy.dialects.sqlite import insert

Mark = tuple[str, int]
"""A source, and the offset in it that a batch ends at."""


def mark_table(name: str, metadata: MetaData, marked: Column[float] | Column[int]) -> Table:
    """Return the table of the marks of one database; `marked` is when each moved last, so that old ones can go."""
    return Table(
        name,
        metadata,
        Column("account", Text, primary_key=True),
        Column("region", Text, primary_key=True),
        Column("source", Text, primary_key=True),
        Column("offset", Integer, nullable=False),
        marked,
        sqlite_with_rowid=False,
    )


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one account in one region."""

    table: Table
    account: str
    region: str

    def offset(self, connection: Connection, source: str) -> int:
        """Return where a source's mark stands, 0 if it has none."""
        mark = self.table.c
        mine = (mark.account == self.account, mark.region == self.region, mark.source == source)
        return connection.execute(select(mark.offset).where(*mine)).scalar() or 0

    def advance(self, connection: Connection, mark: Mark, **marked: float) -> bool:
        """Move a source's mark; False when it stands there or further already."""
        source, offset = mark
        if self.offset(connection, source) >= offset:
            return False
        moved = {"offset": offset, **marked}
        row = insert(self.table).values(account=self.account, region=self.region, source=source, **moved)
        connection.execute(row.on_conflict_do_update(index_elements=self.table.primary_key, set_=moved))
        return True
