"""Schedules are due when they say, in their time zone, within their window, between their dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.event_world import ACCOUNT, NOON, QUEUE, World, world_in

from clary.controllers.event_calls import Call
from clary.controllers.event_timetables import Timetables
from clary.resources.event_schedules import SCHEDULE
from clary.store.records import Change

TARGET = {"Arn": QUEUE, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/sender"}


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        yield world


def make(world: World, expression: str, **spec: Any) -> None:
    whole = {
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        "Target": TARGET,
        "since": world.now[0],
    }
    world.records.create(SCHEDULE, "default/s", {**whole, **spec})


def look(world: World, after_s: float = 0.0) -> float | None:
    """Let time pass and the controller look; return when it wants to look again."""
    world.now[0] += after_s
    record = world.records.find(SCHEDULE, "default/s")
    assert record is not None
    controller = Timetables(world.store.event_positions, world.store.event_deliveries, world.clock)
    return controller.reconcile(record, world.records)


def calls(world: World) -> list[str]:
    """Return what the calls that are to be made were due at."""
    return [datetime.fromtimestamp(Call.read(each).due, UTC).strftime("%d %H:%M:%S") for each in world.due()]


def test_a_rate_begins_at_once_and_goes_on(world: World) -> None:
    make(world, "rate(5 minutes)")
    assert look(world) == 300
    assert look(world, 299) == 1
    assert look(world, 1) == 300
    assert calls(world) == ["22 12:00:00", "22 12:05:00"]


def test_a_rate_begins_and_ends_with_its_dates(world: World) -> None:
    make(world, "rate(1 hour)", StartDate=NOON + 600, EndDate=NOON + 600 + 3600)
    assert look(world) == 600
    assert look(world, 600) == 3600
    assert look(world, 3600) is None
    assert look(world, 1e6) is None
    assert calls(world) == ["22 12:10:00", "22 13:10:00"]


def test_a_one_time_schedule_is_called_once_in_its_time_zone_and_goes_if_it_is_to(world: World) -> None:
    make(world, "at(2026-11-22T13:30:00)", ScheduleExpressionTimezone="Europe/Berlin", ActionAfterCompletion="DELETE")
    assert look(world) == 1800
    assert look(world, 1800) is None
    assert calls(world) == ["22 12:30:00"]
    assert world.records.find(SCHEDULE, "default/s") is None


def test_a_one_time_schedule_of_the_past_is_never_called(world: World) -> None:
    make(world, "at(2026-11-22T11:00:00)")
    assert look(world) is None
    assert calls(world) == []


def test_a_cron_expression_is_read_in_its_time_zone(world: World) -> None:
    make(world, "cron(0 9 ? * MON *)", ScheduleExpressionTimezone="America/New_York")
    assert look(world) == 26 * 3600
    assert look(world, 26 * 3600) == 7 * 24 * 3600
    assert calls(world) == ["23 14:00:00"]


def test_a_call_falls_somewhere_into_its_window_and_every_controller_agrees_where(world: World) -> None:
    make(world, "rate(1 hour)", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15})
    first = look(world)
    assert first is not None
    assert 0 < first < 900
    assert look(world) == first
    assert calls(world) == []
    again = look(world, first)
    assert calls(world) == ["22 12:00:00"]
    assert again is not None
    assert 3600 - 900 < again < 3600 + 900


def test_what_was_missed_is_called_once_and_what_is_off_never(world: World) -> None:
    make(world, "rate(1 minute)")
    look(world)
    assert look(world, 3599) == 1
    assert calls(world) == ["22 12:00:00", "22 12:01:00"]
    record = world.records.find(SCHEDULE, "default/s")
    assert record is not None
    world.records.update(record, Change(spec={**record.spec, "State": "DISABLED"}))
    assert look(world, 3600) is None
