"""What need not be kept is forgotten."""

from __future__ import annotations

from pathlib import Path

from tests.controllers.event_world import ACCOUNT, NOON, REGION, event, world_in

from clary.controllers.event_upkeep import keep_events
from clary.resources.event import Arrival
from clary.resources.event_rules import ARCHIVE, DAY_S, REPLAY, RULE, ReplayState
from clary.store.event_positions import Move


def test_archives_keep_events_as_long_as_they_say(prepared_home: Path) -> None:
    with world_in(prepared_home) as world:
        archives = [
            world.records.create(ARCHIVE, name, {"RetentionDays": days}, attributes={"bus": "default"})
            for name, days in (("short", 1), ("ever", 0), ("gone", 0))
        ]
        for at in (NOON - 2 * DAY_S, NOON):
            world.now[0] = at
            world.intake.take([Arrival(ACCOUNT, REGION, "default", event())])
        world.records.remove(archives[2])
        keep_events(world.store)
        assert [world.store.event_archives.count(each.uid)[0] for each in archives] == [1, 2, 0]


def test_old_replays_and_positions_of_what_is_gone_are_forgotten(prepared_home: Path) -> None:
    with world_in(prepared_home) as world:
        old, new = NOON - 91 * DAY_S, NOON - 89 * DAY_S
        for name, ended in (("old", old), ("new", new)):
            world.records.create(REPLAY, name, {}, status={"ended": ended}, state=ReplayState.COMPLETED)
        rule = world.rule(ScheduleExpression="rate(1 day)")
        for name in (f"rule/{rule.uid}/1", "rule/gone/1", "replay/gone", "outbox"):
            world.store.event_positions.take(Move(name, None, 1))
        keep_events(world.store)
        assert [each.name for each in world.store.world.all(REPLAY)] == ["new"]
        assert world.store.event_positions.names("") == ["outbox", f"rule/{rule.uid}/1"]
        assert world.records.find(RULE, "default/r") is not None
