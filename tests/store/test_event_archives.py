"""Archived events on a real file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.store import event_archives
from clary.store.database import Database
from clary.store.event_archives import EventArchives
from clary.store.sealing import Sealer


@pytest.fixture
def archives(tmp_path: Path) -> Iterator[EventArchives]:
    database = Database(tmp_path, "events")
    database.migrate()
    yield EventArchives(database, Sealer.at(tmp_path / "key"))
    database.close()


def fill(archives: EventArchives, archive: str, times: range, account: str = "1") -> None:
    with archives.database.write() as connection:
        for at_ms in times:
            archives.add(connection, archive, account, at_ms, f"event {at_ms}")


def test_events_are_read_in_the_order_they_came_from_a_span_of_time(archives: EventArchives) -> None:
    fill(archives, "a", range(10))
    fill(archives, "b", range(10))
    first = archives.read("a", 0, (2, 8), 4)
    assert [each.event for each in first] == ["event 2", "event 3", "event 4", "event 5"]
    assert [each.at_ms for each in archives.read("a", first[-1].id, (2, 8), 4)] == [6, 7]
    assert archives.count("a") == (10, 70)


def test_events_rest_sealed(archives: EventArchives) -> None:
    fill(archives, "a", range(1))
    with archives.database.read() as connection:
        assert b"event" not in connection.exec_driver_sql("select event from archived").scalar_one()


def test_old_events_leave_and_those_of_archives_that_are_gone(
    archives: EventArchives, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_archives, "TRIM_MAX", 3)
    for name in ("a", "b", "gone"):
        fill(archives, name, range(10))
    archives.drop("a", 7)
    archives.drop_others(["a", "b"])
    assert [archives.count(name)[0] for name in ("a", "b", "gone")] == [3, 10, 0]


def test_an_accounts_events_go_with_it(archives: EventArchives) -> None:
    fill(archives, "a", range(2), account="1")
    fill(archives, "b", range(2), account="2")
    archives.purge("1")
    assert archives.names() == {"b"}
