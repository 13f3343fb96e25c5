"""Positions of sources on a real file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store.database import Database
from clary.store.event_positions import EventPositions, Move, Moved


@pytest.fixture
def positions(tmp_path: Path) -> Iterator[EventPositions]:
    database = Database(tmp_path, "events")
    database.migrate()
    yield EventPositions(database)
    database.close()


def test_a_source_moves_only_from_where_it_is(positions: EventPositions) -> None:
    assert positions.find("s") is None
    positions.take(Move("s", None, 5))
    positions.take(Move("s", 5, 9))
    for before in (None, 5):
        with pytest.raises(Moved):
            positions.take(Move("s", before, 11))
    assert positions.find("s") == 9


def test_what_lands_with_a_step_that_is_refused_is_not_kept(positions: EventPositions) -> None:
    positions.take(Move("s", None, 5))

    def both() -> None:
        with positions.database.write() as connection:
            Move("t", None, 1).write(connection)
            Move("s", 4, 6).write(connection)

    with pytest.raises(Moved):
        both()
    assert positions.names("") == ["s"]


def test_sources_are_listed_by_what_their_names_begin_with_and_forgotten(positions: EventPositions) -> None:
    for name in ("rule/a", "rule/b", "replay/c"):
        positions.take(Move(name, None, 1))
    assert positions.names("rule/") == ["rule/a", "rule/b"]
    positions.forget(["rule/a"])
    assert positions.names("rule/") == ["rule/b"]
