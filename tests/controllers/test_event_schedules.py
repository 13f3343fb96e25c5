"""Rules with a schedule send their events when they are due."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.event_world import ACCOUNT, NOON, REGION, World, world_in

from clary.controllers.event_schedules import Schedules
from clary.resources.event_rules import RULE
from clary.store.records import Change


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        yield world


def look(world: World, after_s: float = 0.0) -> float | None:
    """Let time pass and the controller look; return when it wants to look again."""
    world.now[0] += after_s
    record = world.records.find(RULE, "default/r")
    assert record is not None
    return Schedules(world.store.event_positions, world.intake, world.clock).reconcile(record, world.records)


def change(world: World, **spec: Any) -> None:
    record = world.records.find(RULE, "default/r")
    assert record is not None
    world.records.update(record, Change(spec={**record.spec, **spec}))


def test_a_rate_counts_from_when_the_rule_was_put(world: World) -> None:
    rule = world.rule(ScheduleExpression="rate(1 minute)")
    assert look(world, 5) == 55
    assert world.due() == []
    assert look(world, 55) == 60
    assert look(world, 1) == 59
    (event,) = world.events()
    assert {**event, "id": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": "2026-11-22T12:01:00Z",
        "region": REGION,
        "resources": [rule.arn],
        "detail": {},
    }


def test_a_cron_expression_is_followed(world: World) -> None:
    world.rule(ScheduleExpression="cron(30 12 * * ? *)")
    assert look(world) == 1800
    assert look(world, 1800) == 24 * 3600
    assert [each["time"] for each in world.events()] == ["2026-11-22T12:30:00Z"]


def test_what_was_missed_while_nobody_led_is_sent_once(world: World) -> None:
    world.rule(ScheduleExpression="rate(1 minute)")
    look(world)
    assert look(world, 3601) == 59
    assert [each["time"] for each in world.events()] == ["2026-11-22T12:01:00Z"]


def test_a_rule_that_is_off_rests_and_counts_anew_once_it_is_on(world: World) -> None:
    world.rule(ScheduleExpression="rate(1 hour)")
    look(world)
    change(world, State="DISABLED")
    assert look(world, 7200) is None
    change(world, State="ENABLED", since=NOON + 7300)
    assert look(world, 100) == 3600
    assert world.due() == []


def test_a_schedule_without_a_further_time_ends(world: World) -> None:
    world.rule(ScheduleExpression="cron(0 13 22 11 ? 2026)")
    assert look(world) == 3600
    assert look(world, 3600) is None
    assert look(world, 3600) is None
    assert len(world.due()) == 1


def test_a_rule_without_a_schedule_is_left_alone(world: World) -> None:
    world.rule()
    assert look(world) is None


def test_two_controllers_send_it_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.rule(ScheduleExpression="rate(1 minute)")
    look(world)
    world.now[0] += 60
    record = world.records.find(RULE, "default/r")
    assert record is not None
    one, other = (Schedules(world.store.event_positions, world.intake, world.clock) for _ in range(2))
    sent = type(world.intake).send

    def second_in_between(*arguments: Any) -> None:
        monkeypatch.setattr(type(world.intake), "send", sent)
        assert other.reconcile(record, world.records) == 60
        sent(*arguments)

    monkeypatch.setattr(type(world.intake), "send", second_in_between)
    assert one.reconcile(record, world.records) == 0.0
    assert len(world.due()) == 1
