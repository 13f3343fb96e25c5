"""Targets are brought to what was decided, once, whatever dies in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.scaling_world import NOW, Killed, World, world_in

from clary.controllers.scaling_targets import PATIENCE_S, trim_activities, write
from clary.core.errors import ServiceUnavailable, ValidationError
from clary.resources.scaling import SCALABLE_TARGET
from clary.resources.scaling_activities import KEEP_S, Move, begun
from clary.store.records import Change, Records


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        yield world


def begin(world: World, desired: int) -> None:
    target = world.target()
    write(world.records, target, begun(target, Move(2, desired, "load"), world.now[0], target.memory))


def test_a_capacity_within_its_bounds_is_left_alone(world: World) -> None:
    world.register()
    assert world.run() is None
    assert world.played.asked == []
    assert world.activities() == []


@pytest.mark.parametrize(
    ("low", "high", "asked", "cause"),
    [(3, 4, 3, "minimum capacity was set to 3"), (1, 1, 1, "maximum capacity was set to 1")],
)
def test_a_capacity_outside_its_bounds_is_brought_inside(
    world: World, low: int, high: int, asked: int, cause: str
) -> None:
    world.register(low, high)
    assert world.run() is None
    assert world.played.asked == [asked]
    assert world.told() == [("Successful", cause)]
    (activity,) = world.activities()
    assert activity.spec["Description"] == f"Setting desired instance count to {asked}."
    assert activity.spec["StatusMessage"] == (
        f"Successfully set desired instance count to {asked}. Change successfully fulfilled by sagemaker."
    )
    assert activity.spec["EndTime"] >= activity.spec["StartTime"]


def test_what_is_busy_is_waited_for_but_not_for_ever(world: World) -> None:
    world.register()
    world.run()
    begin(world, 4)
    world.played.state = "Creating"
    for _ in range(3):
        assert world.targets.reconcile(world.target().record, world.records) is not None
    assert world.played.asked == []
    world.now[0] += PATIENCE_S + 1
    assert world.run() is None
    assert world.told() == [("Failed", "load")]


def test_what_is_refused_for_good_fails_with_the_reason_and_what_passes_is_tried_again(world: World) -> None:
    world.register()
    world.run()
    begin(world, 4)
    world.played.refuses = [ServiceUnavailable("later"), ValidationError("too many")]
    world.run()
    (activity,) = world.activities()
    assert (activity.state, activity.spec["StatusMessage"]) == ("Failed", "too many")
    assert world.target().memory.underway is None


def test_whoever_is_forestalled_by_another_update_waits_for_it(world: World) -> None:
    world.register(3, 4)
    world.played.forestalled = True
    assert world.run() is None
    assert world.played.asked == [3]
    assert world.told() == [("Successful", "minimum capacity was set to 3")]


def test_an_update_that_came_back_without_its_capacity_failed(world: World) -> None:
    world.register()
    world.run()
    begin(world, 4)
    assert world.targets.reconcile(world.target().record, world.records) is not None
    world.played.state = "InService"  # with what it had
    assert world.run() is None
    assert world.told() == [("Failed", "load")]


def test_what_is_gone_cannot_be_scaled(world: World) -> None:
    world.register(3, 4)
    world.played.gone = True
    assert world.run() is None
    assert world.activities() == []
    world.played.gone = False
    begin(world, 4)
    world.played.gone = True
    world.run()
    assert world.told() == [("Failed", "load")]


def test_a_scheduled_action_moves_the_bounds_and_then_the_capacity(world: World) -> None:
    world.register()
    world.schedule("up", "rate(1 hour)", {"MinCapacity": 3})
    assert world.run() == pytest.approx(3600.0)
    assert world.run(after_s=3600.0) == pytest.approx(3600.0)
    assert (world.target().bounds.low, world.target().bounds.high) == (3, 4)
    assert world.played.asked == [3]
    assert sorted(world.told()) == [
        ("Successful", "minimum capacity was set to 3"),
        ("Successful", "scheduled action name up was triggered"),
    ]


def test_times_that_were_missed_are_made_up_for_once_in_their_order(world: World) -> None:
    world.register()
    world.schedule("evening", "cron(0 18 * * ? *)", {"MinCapacity": 1, "MaxCapacity": 1})
    world.schedule("morning", "cron(0 9 * * ? *)", {"MinCapacity": 4, "MaxCapacity": 4})
    world.run()
    world.now[0] = datetime(2026, 11, 25, 12, 0, tzinfo=UTC).timestamp()
    world.run()
    assert sorted(cause for _, cause in world.told()) == [
        "minimum capacity was set to 4",
        "scheduled action name evening was triggered",
        "scheduled action name morning was triggered",
    ]
    assert world.target().bounds.low == 4
    assert world.played.asked == [4]


def test_a_schedule_that_is_suspended_passes(world: World) -> None:
    world.register(SuspendedState={"ScheduledScalingSuspended": True})
    world.schedule("up", "rate(1 hour)", {"MinCapacity": 3})
    world.run(after_s=3600.0)
    assert world.target().bounds.low == 1
    assert world.activities() == []
    world.records.update(world.target().record, Change(spec={**world.target().record.spec, "SuspendedState": {}}))
    world.run()
    assert world.target().bounds.low == 1  # that time is over


def test_a_schedule_has_a_start_and_an_end(world: World) -> None:
    world.register()
    world.schedule("up", "rate(1 hour)", {"MinCapacity": 3}, StartTime=NOW + 7200, EndTime=NOW + 3 * 3600)
    assert world.run() == pytest.approx(3 * 3600.0)
    assert world.run(after_s=3 * 3600.0) is None
    assert world.played.asked == [3]


@pytest.mark.parametrize("crash_after", range(1, 5))
def test_a_crash_after_any_write_scales_once_all_the_same(
    world: World, crash_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.register()
    world.schedule("up", f"at({datetime.fromtimestamp(NOW + 60, UTC):%Y-%m-%dT%H:%M:%S})", {"MinCapacity": 3})
    world.run()
    world.now[0] += 61
    left = [crash_after]

    write_once = Records._write

    @contextmanager
    def dying(self: Records) -> Iterator[Any]:
        with write_once(self) as connection:
            yield connection
        if self._connection is None:  # the transaction is over
            left[0] -= 1
            if left[0] == 0:
                raise Killed

    monkeypatch.setattr(Records, "_write", dying)
    for _ in range(3):
        with suppress(Killed):
            world.run()
    assert world.played.asked == [3]
    assert left[0] <= 0, "it was killed"
    assert sorted(world.told()) == [
        ("Successful", "minimum capacity was set to 3"),
        ("Successful", "scheduled action name up was triggered"),
    ]


def test_a_crash_between_asking_and_noting_it_asks_for_nothing_else(world: World) -> None:
    world.register()
    world.run()
    begin(world, 4)
    world.played.asked, world.played.state = [4], "Updating"  # it was asked, and the note of it is lost
    assert world.run() is None
    assert world.played.asked == [4]
    assert world.told() == [("Successful", "load")]


def test_activities_are_forgotten_when_nobody_is_told_of_them_any_more(world: World) -> None:
    world.register(3, 4)
    world.run()
    trim_activities(world.store, world.now[0])
    assert len(world.activities()) == 1
    trim_activities(world.store, world.now[0] + KEEP_S + 1)
    assert world.activities() == []
    assert world.records.find(SCALABLE_TARGET, world.target().scalable.name) is not None
