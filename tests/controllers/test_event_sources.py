"""What happens to resources is told to buses, each change once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.event_world import ACCOUNT, REGION, World, world_in

from clary.controllers.event_sources import POSITION, Sources
from clary.resources.endpoint import ENDPOINT
from clary.resources.training_job import TRAINING_JOB
from clary.store.event_positions import Moved
from clary.store.records import Change, Record


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        yield world


@pytest.fixture
def sources(world: World) -> Sources:
    return Sources(world.store, world.intake)


def job(world: World, name: str = "j") -> Record:
    status = {"TrainingJobArn": "arn", "SecondaryStatus": "Starting", "SecondaryStatusTransitions": []}
    return world.records.create(TRAINING_JOB, name, {"RoleArn": "r"}, status=status, state="InProgress")


def told(world: World) -> list[tuple[str, Any]]:
    return [(each["detail"]["TrainingJobName"], each["detail"]["TrainingJobStatus"]) for each in world.events()]


def test_every_change_of_state_is_an_event_in_order(world: World, sources: Sources) -> None:
    world.rule()
    first, second = job(world), job(world, "k")
    world.records.update(first, Change(state="Completed"))
    world.records.update(second, Change(status={**second.status, "SecondaryStatus": "Training"}))  # the same state
    sources.step()
    assert told(world) == [("j", "InProgress"), ("k", "InProgress"), ("j", "Completed")]
    sources.step()
    assert len(world.due()) == 3


def test_what_no_service_of_aws_tells_of_is_passed_over(world: World, sources: Sources) -> None:
    world.rule()
    world.records.create(TRAINING_JOB, "j", {}, status={"TrainingJobArn": "a"}, state="InProgress")
    found = world.records.find(TRAINING_JOB, "j")
    assert found is not None
    world.records.remove(found)
    sources.step()
    assert told(world) == [("j", "InProgress")]
    position = world.store.event_positions.find(POSITION)
    assert world.store.outbox.since(position or 0) == []


def test_an_endpoint_that_is_gone_is_still_told_of(world: World, sources: Sources) -> None:
    world.rule()
    world.records.remove(world.records.create(ENDPOINT, "e", {}, state="Deleting"))
    sources.step()
    assert [each["detail"]["EndpointStatus"] for each in world.events()] == ["DELETING", "DELETED"]


def test_of_two_that_tell_the_same_changes_one_is_stopped_and_nothing_is_told_twice(
    world: World, sources: Sources
) -> None:
    world.rule()
    job(world)
    seen = world.store.event_positions.find(POSITION)
    transitions = world.store.outbox.since(0)
    sources.take(seen, transitions)
    with pytest.raises(Moved):
        sources.take(seen, transitions)
    assert len(world.due()) == 1


def test_it_follows_until_it_is_told_to_stop_and_outlives_what_fails(
    world: World, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.rule()
    stop, failed = threading.Event(), threading.Event()
    monkeypatch.setattr("clary.controllers.event_sources.FAILED_S", 0.0)
    outbox = world.store.records(ACCOUNT, REGION)

    def fail_once(*arguments: Any) -> None:
        monkeypatch.undo()
        failed.set()
        raise OSError("the disk is tired")

    monkeypatch.setattr(type(world.intake), "take", fail_once)
    thread = threading.Thread(target=sources.run, args=(stop,))
    thread.start()
    outbox.create(TRAINING_JOB, "j", {}, status={"TrainingJobArn": "a"}, state="InProgress")
    assert failed.wait(30)
    for _ in range(3000):
        if world.due():
            break
        threading.Event().wait(0.01)
    stop.set()
    world.store.bell.ring()
    thread.join(30)
    assert told(world) == [("j", "InProgress")]
