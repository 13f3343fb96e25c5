"""Events are delivered to targets: at least once, as long as their policy says, else they are dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.controllers.event_world import ACCOUNT, NOON, QUEUE, REGION, World, event, world_in

from clary.access.principal import Principal
from clary.controllers.event_targets import HOPS_MAX, EventCourier
from clary.core.errors import AccessDenied, ServiceError
from clary.resources.event import Arrival
from clary.resources.event_rules import ARCHIVE, EVENT_BUS, RULE, bus_arn, rule_arn
from clary.resources.log_policy import LOG_POLICY
from clary.store.query import Query
from clary.store.records import Change
from clary.store.series import MetricQuery

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/g:*"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sender"
OTHER = "222222222222"


@dataclass
class Senders:
    """Stands for the internal caller: notes what is called by whom, or raises what it is told to."""

    error: ServiceError | None = None
    calls: list[tuple[str, str, str, dict[str, Any]]] = field(default_factory=list)

    def client(self, service: str, region: str, principal: Principal) -> Any:
        def invoke(operation: str, /, **params: Any) -> dict[str, Any]:
            if self.error is not None and params.get("QueueUrl", "") != f"/{ACCOUNT}/dead":
                raise self.error
            self.calls.append((principal.arn, principal.source_arn, operation, params))
            return {}

        return invoke

    def session(self, role_arn: str, rule_arn: str) -> Principal:
        if role_arn != ROLE:
            raise AccessDenied("no trust")
        return Principal(ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/sender/x", "AssumedRole", "id")


@pytest.fixture
def world(prepared_home: Path) -> Iterator[World]:
    with world_in(prepared_home) as world:
        yield world


@pytest.fixture
def senders() -> Senders:
    return Senders()


def send(world: World, senders: Senders, *, after_s: float = 0.0, bus: str = "default", new: bool = True) -> int:
    """Let an event come and what is due be delivered; return how many deliveries were tried."""
    if new:
        world.intake.take([Arrival(ACCOUNT, REGION, bus, event(x=1))])
    world.now[0] += after_s
    due = world.due()
    for each in due:
        EventCourier(world.store, senders, world.intake, world.clock).deliver(each)
    return len(due)


def counted(world: World) -> set[str]:
    return {each.name for each in world.store.series(ACCOUNT, REGION).metrics(MetricQuery("AWS/Events"), 100)}


def test_queues_and_topics_get_the_event_from_eventbridge_for_its_rule(world: World, senders: Senders) -> None:
    rule = world.rule(
        targets=[
            {"Id": "q", "Arn": f"{QUEUE}.fifo", "SqsParameters": {"MessageGroupId": "g"}, "InputPath": "$.detail"},
            {"Id": "t", "Arn": TOPIC},
            {"Id": "r", "Arn": QUEUE, "RoleArn": ROLE, "Input": "1"},
        ]
    )
    assert send(world, senders) == 3
    service = ("events.amazonaws.com", rule.arn)
    queue, topic, role = senders.calls
    params = {"QueueUrl": f"/{ACCOUNT}/q.fifo", "MessageBody": '{"x":1}', "MessageGroupId": "g"}
    assert queue == (*service, "SendMessage", params)
    assert topic == (*service, "Publish", {"TopicArn": TOPIC, "Message": event(x=1)})
    assert (role[0], role[3]["MessageBody"]) == (f"arn:aws:sts::{ACCOUNT}:assumed-role/sender/x", "1")
    assert send(world, senders, new=False, after_s=1e6) == 0
    assert {"Invocations", "InvocationAttempts", "MatchedEvents"} <= counted(world)


def test_a_rules_role_delivers_where_a_target_names_none(world: World, senders: Senders) -> None:
    world.rule(RoleArn=ROLE)
    send(world, senders)
    assert [principal for principal, *_ in senders.calls] == [f"arn:aws:sts::{ACCOUNT}:assumed-role/sender/x"]


def test_a_template_knows_its_rule_and_when_the_event_came(world: World, senders: Senders) -> None:
    template = '{"rule": <aws.events.rule-name>, "came": <aws.events.event.ingestion-time>, "x": <x>}'
    transformer = {"InputPathsMap": {"x": "$.detail.x"}, "InputTemplate": template}
    world.rule(targets=[{"Id": "q", "Arn": QUEUE, "InputTransformer": transformer}])
    send(world, senders)
    assert json.loads(senders.calls[0][3]["MessageBody"]) == {"rule": "r", "came": "2026-11-22T12:00:00Z", "x": 1}


def let_into_logs(world: World) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/*:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.records.create(LOG_POLICY, "p", {"policyDocument": document})


def test_a_log_group_gets_nothing_until_a_policy_lets_eventbridge_in(world: World, senders: Senders) -> None:
    world.rule(targets=[{"Id": "l", "Arn": GROUP}])
    assert send(world, senders) == 1
    assert senders.calls == []
    let_into_logs(world)
    send(world, senders)
    assert [operation for _, _, operation, _ in senders.calls] == ["CreateLogStream", "PutLogEvents"]


def test_a_log_group_gets_a_stream_and_lines(world: World, senders: Senders) -> None:
    let_into_logs(world)
    said = {"Id": "s", "Arn": GROUP, "Input": '{"timestamp": 5, "message": "hello"}'}
    world.rule(targets=[{"Id": "l", "Arn": GROUP}, said])
    send(world, senders)
    puts = [params for _, _, operation, params in senders.calls if operation == "PutLogEvents"]
    assert {put["logGroupName"] for put in puts} == {"/aws/events/g"}
    assert [put["logEvents"] for put in puts] == [
        [{"timestamp": int(NOON * 1000), "message": event(x=1)}],
        [{"timestamp": 5, "message": "hello"}],
    ]
    assert senders.calls[0][2] == "CreateLogStream"


def test_what_fails_for_now_is_tried_again_with_growing_pauses(world: World, senders: Senders) -> None:
    world.rule()
    senders.error = ServiceError("down", status=503)
    assert send(world, senders) == 1
    assert send(world, senders, new=False) == 0
    assert send(world, senders, new=False, after_s=1) == 1
    assert send(world, senders, new=False, after_s=1) == 0
    senders.error = None
    assert send(world, senders, new=False, after_s=1) == 1
    assert len(senders.calls) == 1


@pytest.mark.parametrize(
    ("policy", "condition"),
    [
        ({"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}, "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 60}, "MaximumEventAgeInSeconds"),
    ],
)
def test_what_keeps_failing_is_a_dead_letter_that_says_why(
    world: World, senders: Senders, policy: dict[str, int], condition: str
) -> None:
    dead = QUEUE.replace(":q", ":dead")
    target = {"Id": "t", "Arn": QUEUE, "RetryPolicy": policy, "DeadLetterConfig": {"Arn": dead}}
    rule = world.rule(targets=[target])
    senders.error = ServiceError("down", status=503)
    send(world, senders)
    tries = 1
    while not senders.calls:
        tries += send(world, senders, new=False, after_s=600 if tries > 8 else 10)
    ((principal, source, _, params),) = senders.calls
    assert (principal, source, params["QueueUrl"]) == ("events.amazonaws.com", rule.arn, f"/{ACCOUNT}/dead")
    assert params["MessageBody"] == event(x=1)
    assert {name: value["StringValue"] for name, value in params["MessageAttributes"].items()} == {
        "RULE_ARN": rule.arn,
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "ERROR_FROM_TARGET",
        "ERROR_MESSAGE": "down",
        "EXHAUSTED_RETRY_CONDITION": condition,
        "RETRY_ATTEMPTS": str(tries - 1),
    }
    assert {"FailedInvocations", "InvocationsSentToDlq", "RetryInvocationAttempts"} <= counted(world)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AccessDenied("no"), "NO_PERMISSIONS"),
        (ServiceError("gone", code="AWS.SimpleQueueService.NonExistentQueue", status=400), "NO_RESOURCE"),
        (ServiceError("bad", code="InvalidParameterValue", status=400), "INVALID_PARAMETER"),
    ],
)
def test_what_cannot_succeed_is_given_up_at_once(
    world: World, senders: Senders, error: ServiceError, code: str
) -> None:
    dead = {"DeadLetterConfig": {"Arn": QUEUE.replace(":q", ":dead")}}
    world.rule(targets=[{"Id": "t", "Arn": QUEUE, **dead}])
    senders.error = error
    assert send(world, senders) == 1
    (call,) = senders.calls
    assert call[3]["MessageAttributes"]["ERROR_CODE"]["StringValue"] == code
    assert "EXHAUSTED_RETRY_CONDITION" not in call[3]["MessageAttributes"]
    assert send(world, senders, new=False, after_s=1e6) == 0


def test_a_role_that_does_not_trust_eventbridge_delivers_nothing(world: World, senders: Senders) -> None:
    world.rule(targets=[{"Id": "t", "Arn": QUEUE, "RoleArn": f"{ROLE}2"}])
    assert send(world, senders) == 1
    assert send(world, senders, new=False, after_s=1e6) == 0
    assert "FailedInvocations" in counted(world)


def test_what_was_removed_meanwhile_is_dropped(world: World, senders: Senders) -> None:
    rule = world.rule()
    world.intake.take([Arrival(ACCOUNT, REGION, "default", event())])
    world.records.update(rule.record, Change(spec={**rule.record.spec, "Targets": []}))
    assert send(world, senders, new=False) == 1
    world.records.remove(world.records.page(RULE, Query()).items[0])
    assert send(world, senders, new=False, after_s=1e6) == 0
    assert senders.calls == []


def test_an_event_passes_from_bus_to_bus_unchanged_but_not_for_ever(world: World, senders: Senders) -> None:
    world.bus("second")
    world.rule("out", targets=[{"Id": "b", "Arn": bus_arn(ACCOUNT, REGION, "second")}])
    world.rule("back", bus="second", targets=[{"Id": "b", "Arn": bus_arn(ACCOUNT, REGION, "default")},
                                              {"Id": "q", "Arn": QUEUE}])  # fmt: skip
    send(world, senders)
    while send(world, senders, new=False):
        pass
    assert [call[3]["MessageBody"] for call in senders.calls] == [event(x=1)] * ((HOPS_MAX + 1) // 2)


def test_the_default_bus_takes_events_though_nobody_ever_looked_at_it(world: World, senders: Senders) -> None:
    archive = world.records.create(ARCHIVE, "a", {"RetentionDays": 0}, attributes={"bus": "default"})
    world.rule(bus="b", targets=[{"Id": "b", "Arn": bus_arn(ACCOUNT, REGION, "default")}])
    send(world, senders, bus="b")
    assert world.records.find(EVENT_BUS, "default") is None
    assert world.store.event_archives.count(archive.uid)[0] == 1


def test_another_accounts_bus_takes_what_its_policy_allows(world: World, senders: Senders) -> None:
    destination = bus_arn(OTHER, REGION, "b")
    records = world.store.records(OTHER, REGION)
    bus = records.create(EVENT_BUS, "b", {})
    spec = {"State": "ENABLED", "since": 0.0, "EventPattern": json.dumps({"account": [ACCOUNT]}),
            "Targets": [{"Id": "t", "Arn": QUEUE}]}  # fmt: skip
    records.create(RULE, "b/theirs", spec, parent=bus.uid)
    world.rule(targets=[{"Id": "b", "Arn": destination}])
    send(world, senders)
    assert world.due() == []
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "events:PutEvents",
                 "Resource": destination}  # fmt: skip
    records.update(bus, Change(spec={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]})}))
    send(world, senders)
    assert [each.subscription_arn for each in world.due()] == [f"{rule_arn(OTHER, REGION, 'b', 'theirs')}|t"]


def test_a_log_group_of_another_account_gets_nothing(world: World, senders: Senders) -> None:
    world.rule(targets=[{"Id": "l", "Arn": GROUP.replace(ACCOUNT, OTHER)}])
    assert send(world, senders) == 1
    assert senders.calls == []
