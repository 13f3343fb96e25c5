"""One SQL database: short read transactions, queued write transactions, migrations.

SQLite's own busy handler starves writers, so writers of one file queue at a
lock file first. A write that has returned is on disk (`synchronous=FULL`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, inspect, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool

from clary.core.errors import ServiceUnavailable
from clary.store.statements import Statement, driver_of, execute

BUSY_TIMEOUT_MS = 10_000
CONNECTIONS_MAX = 32
KEPT_MAX = 8
"""How many of them are kept at hand for single questions, and how many for transactions."""
MIGRATIONS = Path(__file__).parent / "migrations"


class Unusable(Exception):
    """A database's file is damaged, is none, or may not be opened; the message names it."""


def unavailable(error: DatabaseError) -> ServiceUnavailable:
    """Return what clients are told when a database refuses; a full disk is told by its name."""
    full = getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    reason = "the disk is full; make room" if full else f"{error.orig}"
    return ServiceUnavailable(f"Clary's database cannot do this at the moment: {reason}, and try again.")


class Database:
    """A SQLite file and the schema that belongs in it."""

    def __init__(self, folder: Path, name: str, *, synchronous: str = "FULL") -> None:
        self.name = name
        self.path = folder / f"{name}.db"
        self._lock_path = folder / f"{name}.lock"
        self._synchronous = synchronous
        self._engine = self._open()
        self._readers: list[PoolProxiedConnection] = []  # at hand, without the pool's ceremony
        self._connections: list[Connection] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection whose statements see one moment; nothing may be written."""
        with self._connection() as connection:
            execute(driver_of(connection), "BEGIN")
            try:
                yield connection
            finally:
                _roll_back(connection)

    def ask(self, statement: Statement, **values: Any) -> list[Any]:
        """Return the rows of one statement that only reads; alone it needs no transaction."""
        reader = self._reader()
        rows = statement.rows_of(reader.driver_connection, **values)
        if len(self._readers) < KEPT_MAX:
            self._readers.append(reader)
        else:
            reader.close()
        return rows

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes land together, durably, or not at all."""
        with self._queue(), self._connection() as connection:
            execute(driver_of(connection), "BEGIN IMMEDIATE")
            try:
                yield connection
                execute(driver_of(connection), "COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    def migrate(self) -> None:
        """Bring the schema to its newest version, or raise Unusable; cheap when it is there already."""
        newest = max(path.stem for path in (MIGRATIONS / self.name).glob("[0-9]*.py"))
        try:
            with self._queue():
                if self._version() != newest:
                    self._upgrade()
        except DatabaseError as error:
            raise Unusable(f"The database {self.path} cannot be used: {error.orig}.") from error

    def close(self) -> None:
        """Close every connection."""
        while self._readers:
            self._readers.pop().close()
        while self._connections:
            self._connections.pop().close()
        self._engine.dispose()

    def _reader(self) -> PoolProxiedConnection:
        """Take a connection to read with; one that breaks is not put back."""
        try:
            return self._readers.pop()
        except IndexError:
            return self._engine.raw_connection()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Take a connection for a transaction; one in whose hands something broke is not put back."""
        try:
            connection = self._connections.pop()
        except IndexError:
            connection = self._engine.connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        if len(self._connections) < KEPT_MAX:
            self._connections.append(connection)
        else:
            connection.close()

    @contextmanager
    def _queue(self) -> Iterator[None]:
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _version(self) -> str:
        with self._engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return ""
            return connection.execute(text("select version_num from alembic_version")).scalar_one()

    def _upgrade(self) -> None:
        # Imported here: Alembic costs more than the rest of a start, and most starts need none of it.
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.set_main_option("version_locations", str(MIGRATIONS / self.name))
        config.set_main_option("path_separator", "os")
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
            connection.exec_driver_sql("COMMIT")

    def _open(self) -> Engine:
        engine = create_engine(
            f"sqlite:///{self.path}",
            poolclass=QueuePool,
            pool_size=CONNECTIONS_MAX,
            max_overflow=0,
            pool_reset_on_return=None,
            # Transactions are begun and ended here by hand, so that a read can never turn into a write.
            isolation_level="AUTOCOMMIT",
            connect_args={"check_same_thread": False},
        )
        event.listen(engine, "connect", self._prepare)
        return engine

    def _prepare(self, connection: Any, _: object) -> None:
        connection.execute(f"pragma busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("pragma journal_mode=wal")
        connection.execute(f"pragma synchronous={self._synchronous}")
        connection.execute("pragma foreign_keys=on")


def _roll_back(connection: Connection) -> None:
    """End a transaction; SQLite may have ended it by itself, as it does when the disk is full."""
    driver = driver_of(connection)
    if driver.in_transaction:
        execute(driver, "ROLLBACK")
