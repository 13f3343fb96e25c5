"""What migrations build is what the tables in the code say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from clary.store import event_tables, log_tables, queue_tables, series_tables
from clary.store.database import Database


@pytest.mark.parametrize(
    ("name", "metadata"),
    [
        ("logs", log_tables.METADATA),
        ("series", series_tables.METADATA),
        ("queues", queue_tables.METADATA),
        ("events", event_tables.METADATA),
    ],
)
def test_migrations_build_the_tables_of_the_code(tmp_path: Path, name: str, metadata: MetaData) -> None:
    database = Database(tmp_path, name)
    database.migrate()
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()
