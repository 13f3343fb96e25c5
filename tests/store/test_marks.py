from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Float, MetaData, create_engine

from clary.store.marks import Marks, mark_table


def test_a_mark_moves_forward_only_and_each_account_and_region_has_its_own(tmp_path: Path) -> None:
    table = mark_table("mark", MetaData(), Column("marked", Float, nullable=False))
    engine = create_engine(f"sqlite:///{tmp_path / 'marks.db'}")
    table.metadata.create_all(engine)
    mine, theirs = (Marks(table, account, "us-east-1") for account in ("1", "2"))
    with engine.begin() as connection:
        assert mine.offset(connection, "log") == 0
        assert mine.advance(connection, ("log", 5), marked=1.0)
        assert not mine.advance(connection, ("log", 5), marked=2.0)
        assert not mine.advance(connection, ("log", 4), marked=2.0)
        assert mine.advance(connection, ("log", 6), marked=2.0)
        assert (mine.offset(connection, "log"), theirs.offset(connection, "log")) == (6, 0)
        assert theirs.advance(connection, ("log", 1), marked=2.0)
    engine.dispose()
