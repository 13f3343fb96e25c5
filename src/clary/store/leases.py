"""Fenced leases: who leads, and a number that tells an old leader from a new one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from clary.core.clock import Clock
from clary.core.errors import LeaseLost
from clary.store.database import Database
from clary.store.schema import LEASE


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act, until `expires`; `epoch` grows each time the holder changes."""

    name: str
    holder: str
    epoch: int
    expires: float

    def fence(self, connection: Connection) -> None:
        """Raise LeaseLost unless this lease is still the newest; part of every write of its holder."""
        epoch = connection.execute(select(LEASE.c.epoch).where(LEASE.c.name == self.name)).scalar()
        if epoch != self.epoch:
            raise LeaseLost(f"{self.name}: epoch {self.epoch} of {self.holder} is over, now {epoch}")


@dataclass(frozen=True, slots=True)
class Leases:
    """Grants leases."""

    database: Database
    clock: Clock

    def acquire(self, name: str, holder: str, duration_s: float) -> Lease | None:
        """Return a lease, renewed if `holder` has it already; None while another's is running."""
        now = self.clock()
        with self.database.write() as connection:
            row = connection.execute(select(LEASE).where(LEASE.c.name == name)).first()
            if row is not None and row.holder != holder and row.expires > now:
                return None
            epoch = 1 if row is None else row.epoch + (row.holder != holder)
            lease = Lease(name, holder, epoch, now + duration_s)
            values = {"holder": holder, "epoch": epoch, "expires": lease.expires}
            if row is None:
                connection.execute(insert(LEASE).values(name=name, **values))
            else:
                connection.execute(update(LEASE).where(LEASE.c.name == name).values(**values))
            return lease

    def end(self, name: str, holders: str) -> None:
        """Free a lease whose holder is dead, which the caller must know; `holders` begins that holder's name."""
        with self.database.write() as connection:
            mine = (LEASE.c.name == name) & LEASE.c.holder.startswith(holders, autoescape=True)
            connection.execute(update(LEASE).where(mine).values(expires=0.0))

    def release(self, lease: Lease) -> None:
        """Give a lease back before its time; does nothing if it is lost already."""
        with self.database.write() as connection:
            connection.execute(
                update(LEASE).where(LEASE.c.name == lease.name, LEASE.c.epoch == lease.epoch).values(expires=0.0)
            )
