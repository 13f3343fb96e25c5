"""Actions of alarms: done at least once, tried a bounded number of times, and told in the history."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from clary.controllers.alarm_actions import ATTEMPTS_MAX, AlarmActions
from clary.core.errors import AccessDenied, ResourceNotFound, ServiceError, ServiceUnavailable
from clary.core.settings import load
from clary.resources.alarm import ALARM_ACTION, ALARM_HISTORY
from clary.store.query import Query
from clary.store.records import Record, Records
from clary.store.store import open_store

ACCOUNT, REGION = "111111111111", "us-east-1"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:a"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
POLICY = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:1:resource/sagemaker/endpoint/e:policyName/p"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Topics:
    """Keeps what is published, once it has raised what it was given to raise."""

    raises: list[BaseException] = field(default_factory=list)
    published: list[tuple[str, str, str, str]] = field(default_factory=list)

    def publish(self, alarm_arn: str, topic_arn: str, subject: str, message: str) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.published.append((alarm_arn, topic_arn, subject, message))


@dataclass
class Scaling:
    """Keeps what is asked of one policy; there is no other."""

    executed: list[tuple[str, str, str]] = field(default_factory=list)

    def execute(self, alarm_arn: str, policy_arn: str, notice: Mapping[str, Any]) -> None:
        if policy_arn != POLICY:
            raise ResourceNotFound(f"There is no scaling policy {policy_arn}.")
        self.executed.append((alarm_arn, policy_arn, notice["NewStateValue"]))


@dataclass
class World:
    now: list[float]
    topics: Topics
    scaling: Scaling
    actions: AlarmActions
    records: Records

    def ask(self, action: str) -> None:
        spec = {"alarm": "a", "alarm_arn": ALARM, "type": "MetricAlarm", "action": action, "subject": "s",
                "message": '{"NewStateValue": "ALARM"}', "at": self.now[0]}  # fmt: skip
        self.records.create(ALARM_ACTION, "x.1", spec, state="Pending")

    def left(self) -> list[Record]:
        return list(self.records.page(ALARM_ACTION, Query()).items)

    def run(self, after_s: float = 0.0) -> float | None:
        self.now[0] += after_s
        return self.actions.reconcile(self.left()[0], self.records)

    def history(self) -> tuple[str, dict[str, str]]:
        (item,) = self.records.page(ALARM_HISTORY, Query()).items
        return item.spec["summary"], json.loads(item.spec["data"])


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    now = [1_795_348_800.0]
    store = open_store(load({"home": prepared_home}, {}), clock=lambda: now[0])
    topics, scaling = Topics(), Scaling()
    actions = AlarmActions(topics, scaling, lambda: now[0])
    yield World(now, topics, scaling, actions, store.records(ACCOUNT, REGION))
    store.close()


def test_an_action_is_done_told_and_forgotten(world: World) -> None:
    world.ask(TOPIC)
    assert world.run() is None
    assert world.topics.published == [(ALARM, TOPIC, "s", '{"NewStateValue": "ALARM"}')]
    summary, data = world.history()
    assert (summary, data["actionState"]) == (f"Successfully executed action {TOPIC}", "Succeeded")
    assert world.left() == []


def test_what_may_pass_is_tried_again(world: World) -> None:
    world.topics.raises = [ServiceUnavailable("full")]
    world.ask(TOPIC)
    assert world.run() == pytest.approx(1.0)
    assert world.run(0.4) == pytest.approx(0.6)
    world.run(0.6)
    assert len(world.topics.published) == 1


def test_trying_ends(world: World) -> None:
    world.topics.raises = [ServiceUnavailable("full") for _ in range(99)]
    world.ask(TOPIC)
    for _ in range(ATTEMPTS_MAX + 1):
        world.run(100)
    summary, data = world.history()
    assert (summary, data["error"]) == (f"Failed to execute action {TOPIC}", "ServiceUnavailable: full")
    assert (world.left(), len(world.topics.raises)) == ([], 99 - ATTEMPTS_MAX)


@pytest.mark.parametrize("refused", [AccessDenied("no"), ServiceError("gone", code="NotFound", status=404)])
def test_what_will_not_pass_fails_at_once(world: World, refused: ServiceError) -> None:
    world.topics.raises = [refused]
    world.ask(TOPIC)
    assert world.run() is None
    assert world.history()[1]["error"] == f"{refused.code}: {refused.message}"


def test_a_process_that_dies_in_the_middle_repeats_the_action_but_not_for_ever(world: World) -> None:
    world.topics.raises = [Killed() for _ in range(ATTEMPTS_MAX)]
    world.ask(TOPIC)
    for _ in range(ATTEMPTS_MAX):
        with pytest.raises(Killed):
            world.run(100)
    world.run(100)
    assert world.history()[0] == f"Failed to execute action {TOPIC}"


def test_a_scaling_policy_is_executed_with_what_the_alarm_tells(world: World) -> None:
    world.ask(POLICY)
    assert world.run() is None
    assert world.scaling.executed == [(ALARM, POLICY, "ALARM")]
    assert world.history()[0] == f"Successfully executed action {POLICY}"


@pytest.mark.parametrize(
    ("action", "error"),
    [
        (f"{POLICY}-gone", "There is no scaling policy"),
        ("arn:aws:automate:us-east-1:ec2:stop", "are not offered by Clary"),
    ],
)
def test_what_cannot_be_done_says_so_in_the_history(world: World, action: str, error: str) -> None:
    world.ask(action)
    world.run()
    summary, data = world.history()
    assert summary == f"Failed to execute action {action}"
    assert error in data["error"]
