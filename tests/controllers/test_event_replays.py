"""Archived events come to their bus again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.event_world import ACCOUNT, NOON, REGION, World, event, world_in

from clary.controllers import event_replays
from clary.controllers.event_replays import Replays
from clary.resources.event import Arrival
from clary.resources.event_rules import ARCHIVE, REPLAY, ReplayState, bus_arn
from clary.store.records import Change, Record

BUS = bus_arn(ACCOUNT, REGION, "default")


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        yield world


@pytest.fixture
def archive(world: World) -> Record:
    spec = {"EventSourceArn": BUS, "RetentionDays": 0}
    return world.records.create(ARCHIVE, "a", spec, state="ENABLED", attributes={"bus": "default"})


def come(world: World, source: str) -> None:
    world.intake.take([Arrival(ACCOUNT, REGION, "default", event(source))])


def start(world: World, archive: Record, **destination: Any) -> None:
    spec = {
        "archive": archive.uid,
        "EventSourceArn": "",
        "Destination": {"Arn": BUS, **destination},
        "EventStartTime": NOON,
        "EventEndTime": NOON + 3600,
    }
    world.records.create(REPLAY, "again", spec, state=ReplayState.STARTING)


def replay(world: World) -> Record:
    found = world.records.find(REPLAY, "again")
    assert found is not None
    return found


def run(world: World, steps: int = 100) -> Record:
    """Take steps until the replay is over, or so many."""
    controller = Replays(world.store.event_archives, world.store.event_positions, world.intake, world.clock)
    for _ in range(steps):
        if ReplayState(replay(world).state).final:
            break
        controller.reconcile(replay(world), world.records)
    return replay(world)


def test_what_came_in_its_time_comes_again_in_order_and_bears_its_name(
    world: World, archive: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_replays, "BATCH_MAX", 2)
    world.now[0] = NOON - 10
    come(world, "early")
    world.now[0] = NOON
    for number in range(5):
        come(world, f"s{number}")
    world.now[0] = NOON + 3600
    come(world, "late")
    world.rule()
    start(world, archive)
    ended = run(world)
    assert (ended.state, ended.status) == ("COMPLETED", {"last": NOON, "ended": NOON + 3600})
    events = world.events()
    assert [each["source"] for each in events] == [f"s{number}" for number in range(5)]
    assert {each["replay-name"] for each in events} == {"again"}
    assert world.store.event_archives.count(archive.uid)[0] == 7  # what is replayed is not archived again


def test_only_the_rules_that_are_named_get_it(world: World, archive: Record) -> None:
    come(world, "s")
    wanted = world.rule("one")
    world.rule("two")
    start(world, archive, FilterArns=[wanted.arn])
    run(world)
    assert [each.subscription_arn for each in world.due()] == [f"{wanted.arn}|t"]


def test_a_crash_between_events_and_status_replays_nothing_twice(
    world: World, archive: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_replays, "BATCH_MAX", 2)
    for number in range(5):
        come(world, f"s{number}")
    world.rule()
    start(world, archive)
    run(world, steps=1)
    controller = Replays(world.store.event_archives, world.store.event_positions, world.intake, world.clock)
    stale = replay(world)
    world.records.update(stale, Change(status={"touched": True}))
    with pytest.raises(Exception, match="again"):
        controller.reconcile(stale, world.records)  # its events are taken in, its status is not written
    run(world)
    assert [each["source"] for each in world.events()] == [f"s{number}" for number in range(5)]


def test_a_replay_can_be_cancelled_in_the_middle(
    world: World, archive: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_replays, "BATCH_MAX", 2)
    for number in range(5):
        come(world, f"s{number}")
    world.rule()
    start(world, archive)
    run(world, steps=2)
    world.records.update(replay(world), Change(state=ReplayState.CANCELLING))
    assert run(world).state == "CANCELLED"
    assert len(world.due()) == 2


def test_without_its_archive_a_replay_fails(world: World, archive: Record) -> None:
    start(world, archive)
    world.records.remove(archive)
    ended = run(world)
    assert (ended.state, ended.status["reason"]) == ("FAILED", "The archive was deleted.")
