"""Calls of schedules are made as their role, and tried again, or told as dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.event_world import ACCOUNT, NOON, QUEUE, REGION, World, world_in

from clary.access.principal import Principal
from clary.controllers.event_calls import CallCourier
from clary.controllers.event_couriers import EventCouriers
from clary.controllers.event_targets import EventCourier
from clary.core.errors import AccessDenied, ServiceError
from clary.resources.event import Arrival
from clary.resources.event_rules import bus_arn
from clary.resources.event_schedules import Action, schedule_arn
from clary.store.deliveries import Notice
from clary.store.series import MetricQuery

ARN = schedule_arn(ACCOUNT, REGION, "g", "s")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sender"
SCHEDULER = MetricQuery("AWS/Scheduler")
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/sender/x"


@dataclass
class Senders:
    """Stands for the internal caller: notes what is called by whom, or raises what it is told to."""

    error: ServiceError | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    calls: list[tuple[str, Any, Any]] = field(default_factory=list)

    def client(self, service: str, region: str, principal: Principal) -> Any:
        def invoke(operation: str, /, **params: Any) -> dict[str, Any]:
            if self.error is not None and params.get("QueueUrl", "") != f"/{ACCOUNT}/dead":
                raise self.error
            self.calls.append((principal.arn, operation, params))
            return self.answer

        return invoke

    def session(self, role_arn: str, rule_arn: str) -> Principal:
        raise AssertionError("that is for rules")

    def scheduled(self, role_arn: str, schedule_arn: str) -> Principal:
        if role_arn != ROLE:
            raise AccessDenied("no trust")
        assert schedule_arn == ARN
        return Principal(ACCOUNT, SESSION, "AssumedRole", "id")

    def call(self, action: Action, region: str, principal: Principal, params: Mapping[str, Any]) -> None:
        self.calls.append((principal.arn, action, params))


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        yield world


@pytest.fixture
def senders() -> Senders:
    return Senders()


def due(world: World, **target: Any) -> None:
    content = {"target": {"Id": "s", "RoleArn": ROLE, **target}, "due": NOON, "group": "g"}
    world.store.event_deliveries.publish([Notice(ARN, json.dumps(content).encode(), {ARN: None})], int(NOON * 1000))


def deliver(world: World, senders: Senders, after_s: float = 0.0) -> int:
    """Let time pass and what is due be called; return how many calls were tried."""
    world.now[0] += after_s
    events = EventCourier(world.store, senders, world.intake, world.clock)
    courier = EventCouriers(events, CallCourier(world.store, senders, world.clock))
    waiting = world.due()
    for each in waiting:
        courier.deliver(each)
    return len(waiting)


def test_queues_topics_and_buses_are_called_as_the_role(world: World, senders: Senders) -> None:
    bus, topic = bus_arn(ACCOUNT, REGION, "b"), f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
    due(world, Arn=f"{QUEUE}.fifo", Input="hello", SqsParameters={"MessageGroupId": "m"})
    due(world, Arn=topic, Input="at <aws.scheduler.scheduled-time> try <aws.scheduler.attempt-number>")
    due(world, Arn=bus, Input='{"a": 1}', EventBridgeParameters={"Source": "s", "DetailType": "d"})
    assert deliver(world, senders) == 3
    entry = {"Source": "s", "DetailType": "d", "Detail": '{"a": 1}', "EventBusName": bus}
    queue = {"QueueUrl": f"/{ACCOUNT}/q.fifo", "MessageBody": "hello", "MessageGroupId": "m"}
    assert senders.calls == [
        (SESSION, "SendMessage", queue),
        (SESSION, "Publish", {"TopicArn": topic, "Message": "at 2026-11-22T12:00:00Z try 1"}),
        (SESSION, "PutEvents", {"Entries": [entry]}),
    ]
    assert deliver(world, senders, 1e6) == 0


def test_any_operation_can_be_called(world: World, senders: Senders) -> None:
    due(world, Arn="arn:aws:scheduler:::aws-sdk:sagemaker:stopTrainingJob", Input='{"TrainingJobName": "j"}')
    deliver(world, senders)
    assert senders.calls == [(SESSION, Action("sagemaker", "StopTrainingJob"), {"TrainingJobName": "j"})]


def test_a_call_that_fails_for_now_is_made_later(world: World, senders: Senders) -> None:
    due(world, Arn=QUEUE)
    senders.error = ServiceError("down", status=503)
    assert deliver(world, senders) == 1
    assert deliver(world, senders) == 0
    senders.error = None
    assert deliver(world, senders, 1) == 1
    assert len(senders.calls) == 1


def test_a_call_that_cannot_succeed_is_a_dead_letter(world: World, senders: Senders) -> None:
    dead = {"DeadLetterConfig": {"Arn": QUEUE.replace(":q", ":dead")}}
    due(world, Arn=QUEUE, Input="hello", **dead)
    senders.error = AccessDenied("no")
    assert deliver(world, senders) == 1
    ((_, operation, params),) = senders.calls
    assert (operation, params["MessageBody"]) == ("SendMessage", "hello")
    told = {name: value["StringValue"] for name, value in params["MessageAttributes"].items()}
    assert told.pop("EXECUTION_ID")
    assert told == {
        "SCHEDULE_ARN": ARN,
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": "no",
        "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": "2026-11-22T12:00:00Z",
    }
    assert deliver(world, senders, 1e6) == 0


def test_a_policy_ends_the_tries(world: World, senders: Senders) -> None:
    due(world, Arn=QUEUE, RetryPolicy={"MaximumRetryAttempts": 1})
    senders.error = ServiceError("down", status=503)
    assert [deliver(world, senders, 600) for _ in range(3)] == [1, 1, 0]


def test_an_event_that_its_bus_refuses_was_not_delivered(world: World, senders: Senders) -> None:
    parameters = {"Source": "aws.s", "DetailType": "d"}
    due(world, Arn=bus_arn(ACCOUNT, REGION, "b"), EventBridgeParameters=parameters)
    senders.answer = {"Entries": [{"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "no"}]}
    deliver(world, senders)
    metrics = {each.name for each in world.store.series(ACCOUNT, REGION).metrics(SCHEDULER, 100)}
    assert metrics == {"InvocationAttemptCount", "TargetErrorCount", "InvocationDroppedCount"}


def test_a_role_that_does_not_trust_the_scheduler_calls_nothing(world: World, senders: Senders) -> None:
    due(world, Arn=QUEUE, RoleArn=f"{ROLE}2")
    assert deliver(world, senders) == 1
    assert deliver(world, senders, 1e6) == 0
    assert senders.calls == []


def test_events_go_to_the_targets_of_rules(world: World, senders: Senders) -> None:
    world.rule()
    told = json.dumps({"source": "s", "detail": {}})
    world.intake.take([Arrival(ACCOUNT, REGION, "default", told)])
    deliver(world, senders)
    assert [params["MessageBody"] for _, _, params in senders.calls] == [told]
