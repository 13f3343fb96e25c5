"""The feed of changes: a row in the writer's transaction, then a doorbell.

A bell is a datagram without data to every subscriber's Unix socket; a lost one
costs time, never a change, since readers ask by sequence number.
"""

from __future__ import annotations

import os
import select as polling
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from clary.store.database import Database
from clary.store.schema import CHANGE
from clary.store.statements import Statement, named

if TYPE_CHECKING:
    from clary.store.records import Record

FEED_MAX = 100_000
READ_MAX = 1_000
RESYNC_S = 1.0
NEWEST = Statement(select(func.max(CHANGE.c.seq).label("seq")))
LAST = Statement(
    select(func.max(CHANGE.c.seq).label("seq")).where(
        CHANGE.c.kind == bindparam("kind"),
        CHANGE.c.account == bindparam("account"),
        CHANGE.c.region == bindparam("region"),
        CHANGE.c.name == bindparam("name"),
    )
)
SINCE = Statement(select(CHANGE).where(CHANGE.c.seq > bindparam("seq")).order_by(CHANGE.c.seq).limit(READ_MAX))
ADD = Statement(insert(CHANGE).values(named(CHANGE, "seq")))


@dataclass(frozen=True, slots=True)
class Changed:
    """One record changed."""

    seq: int
    account: str
    region: str
    kind: str
    name: str
    uid: str
    verb: str


@dataclass(frozen=True, slots=True)
class Bell:
    """Wakes whoever listens in a folder of Unix sockets."""

    folder: Path

    def ring(self) -> None:
        """Wake every listener; those that are gone or full are passed over."""
        with suppress(FileNotFoundError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)
            for path in self.folder.iterdir():
                _ring_one(sender, path)

    @contextmanager
    def listen(self, name: str) -> Iterator[Ear]:
        """Give an ear that hears each ring from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.{os.getpid()}"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
            receiver.bind(str(path))
            receiver.settimeout(0)
            try:
                yield Ear(receiver)
            finally:
                path.unlink(missing_ok=True)


def _ring_one(sender: socket.socket, path: Path) -> None:
    try:
        sender.sendto(b"!", str(path))
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)  # its listener was killed
    except OSError:
        return


@dataclass(frozen=True, slots=True)
class Ear:
    """The listening end of a bell."""

    receiver: socket.socket

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self.receiver.fileno()

    def wait(self, timeout_s: float) -> bool:
        """Return True as soon as the bell rang, False when the time is over; empties the bell."""
        ready, _, _ = polling.select([self.receiver], [], [], max(0.0, timeout_s))
        with suppress(BlockingIOError):
            while ready:
                self.receiver.recv(16)
        return bool(ready)


class Behind(Exception):
    """The reader fell behind what the feed keeps and must read everything anew."""


@dataclass(frozen=True, slots=True)
class Feed:
    """The changes of a database, read by sequence number."""

    database: Database

    def newest(self) -> int:
        """Return the sequence number of the newest change, 0 if there was none."""
        return self.database.ask(NEWEST)[0].seq or 0

    def since(self, seq: int) -> list[Changed]:
        """Return up to READ_MAX changes behind `seq`, oldest first, or raise Behind."""
        rows = [Changed(*row) for row in self.database.ask(SINCE, seq=seq)]
        if rows and seq and rows[0].seq != seq + 1:
            raise Behind
        return rows

    def last(self, kind: object, account: str, region: str, name: str) -> int:
        """Return the newest change of one name; 0 if the feed holds none any more."""
        return self.database.ask(LAST, kind=str(kind), account=account, region=region, name=name)[0].seq or 0

    def trim(self) -> None:
        """Forget what is older than the newest FEED_MAX changes."""
        with self.database.write() as connection:
            newest = connection.execute(select(func.max(CHANGE.c.seq))).scalar() or 0
            connection.execute(delete(CHANGE).where(CHANGE.c.seq <= newest - FEED_MAX))


def place_of(record: Record) -> dict[str, str]:
    """Return the columns by which rows about a record say which one it is."""
    names = ("account", "region", "kind", "name", "uid")
    return {name: getattr(record, name) for name in names}


def note_change(connection: Connection, record: Record, verb: str) -> None:
    """Write the change row of a record, in the writer's transaction."""
    ADD.run(connection, **place_of(record), verb=verb)
