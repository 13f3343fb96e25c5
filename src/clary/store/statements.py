"""Statements that are run all the time: compiled once, then given to the driver as they are.

SQLAlchemy builds, keys and wraps a statement anew each time it is run, which costs
ten times what SQLite takes to answer it. Values are bound by name, never written in.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import BindParameter, ClauseElement, Connection, Table, bindparam
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DatabaseError


class Statement:
    """One statement with named parameters."""

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause

    def rows(self, connection: Connection, **values: Any) -> list[Any]:
        """Return the rows, each with its columns as attributes."""
        return self.rows_of(driver_of(connection), **values)

    def first(self, connection: Connection, **values: Any) -> Any:
        """Return the first row, or None."""
        rows = self.rows(connection, **values)
        return rows[0] if rows else None

    def run(self, connection: Connection, **values: Any) -> int:
        """Change what the statement changes, and return how many rows that were."""
        return int(self._executed(driver_of(connection), values).rowcount)

    def add(self, connection: Connection, **values: Any) -> int:
        """Add the row that the statement adds, and return its number."""
        return int(self._executed(driver_of(connection), values).lastrowid)

    def run_all(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Change what the statement changes for each of many sets of values."""
        text, constants = self._compiled
        assert not constants, "each row brings all its values"
        execute(driver_of(connection), text, rows, many=True)

    def rows_of(self, driver: Any, **values: Any) -> list[Any]:
        """Return the rows as a connection of the driver's own gives them."""
        return list(map(self._row._make, self._executed(driver, values)))

    def _executed(self, driver: Any, values: Mapping[str, Any]) -> Any:
        text, constants = self._compiled
        return execute(driver, text, {**constants, **values} if constants else values)

    @cached_property
    def _compiled(self) -> tuple[str, dict[str, Any]]:
        """Return the text, and the values that stand in the clause itself."""
        compiled = self._clause.compile(dialect=sqlite.dialect(paramstyle="named"))
        return str(compiled), {name: value for name, value in compiled.params.items() if value is not None}

    @cached_property
    def _row(self) -> Any:
        return namedtuple("Row", [column.name for column in self._clause.exported_columns], rename=True)  # type: ignore[attr-defined]


def named(table: Table, *but: str) -> dict[str, BindParameter[Any]]:
    """Return a parameter for each column of a table, named as the column is."""
    return {column.name: bindparam(column.name) for column in table.c if column.name not in but}


def driver_of(connection: Connection) -> Any:
    """Return the driver's connection beneath one of SQLAlchemy's."""
    return connection.connection.dbapi_connection  # which is the driver's own, as SQLite's is not wrapped


def execute(driver: Any, text: str, values: Any = (), *, many: bool = False) -> Any:
    """Run a statement on the driver's connection; what it raises is SQLAlchemy's, as everywhere in the store."""
    try:
        return driver.executemany(text, values) if many else driver.execute(text, values)
    except sqlite3.DatabaseError as error:
        raise DatabaseError(text, None, error) from error
