"""Who may put events on a bus."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Refused = Callable[[str], Any]


def policy(events: Any, **bus: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(events("DescribeEventBus", **bus)["Policy"])["Statement"]
    return found


def test_statements_are_added_replaced_and_removed(aws: Any, events: Any, refused: Refused) -> None:
    for principal in ("111122223333", "444455556666"):
        events("PutPermission", Action="events:PutEvents", Principal=principal, StatementId="s")
    condition = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"}
    events("PutPermission", Action="events:PutEvents", Principal="*", StatementId="all", Condition=condition)
    first, second = policy(events)
    assert first["Principal"] == {"AWS": "arn:aws:iam::444455556666:root"}
    assert first["Resource"] == f"arn:aws:events:us-east-1:{aws.account}:event-bus/default"
    assert (second["Principal"], second["Condition"]) == ("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}})
    with refused("ResourceNotFoundException"):
        events("RemovePermission", StatementId="none")
    events("RemovePermission", StatementId="s")
    assert [each["Sid"] for each in policy(events)] == ["all"]
    events("RemovePermission", RemoveAllPermissions=True)
    assert "Policy" not in events("DescribeEventBus")
    with refused("ResourceNotFoundException"):
        events("RemovePermission", StatementId="all")


def test_a_whole_policy_can_be_put(events: Any, refused: Refused) -> None:
    events("CreateEventBus", Name="b")
    statement = {"Sid": "x", "Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "*"}
    events("PutPermission", EventBusName="b", Policy=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert json.loads(events("DescribeEventBus", Name="b")["Policy"])["Statement"] == statement
    with refused("ValidationException"):
        events("PutPermission", EventBusName="b", Policy="{")
    long = {"Version": "2012-10-17", "Statement": [{**statement, "Sid": "s" * 64, "Resource": ["*" * 99] * 120}]}
    with refused("PolicyLengthExceededException"):
        events("PutPermission", EventBusName="b", Policy=json.dumps(long))


def test_parameters_must_be_whole(events: Any, refused: Refused) -> None:
    with refused("ValidationException"):
        events("PutPermission", Action="events:PutEvents", Principal="*")
    with refused("ValidationException"):
        events("PutPermission", Action="events:PutRule", Principal="*", StatementId="s")
    with refused("ValidationException"):
        events("RemovePermission")


def test_another_account_puts_events_once_it_is_let_in(
    aws: Any, events: Any, rule: Any, due: Any, refused: Refused
) -> None:
    other = aws.other()
    bus = events("DescribeEventBus")["Arn"]
    rule({"account": [other.account]})
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}", "EventBusName": bus}
    with refused("AccessDeniedException"):
        other("events")("PutEvents", Entries=[entry])
    events("PutPermission", Action="events:PutEvents", Principal=other.account, StatementId="s")
    assert other("events")("PutEvents", Entries=[entry])["FailedEntryCount"] == 0
    assert [event["account"] for _, event in due()] == [other.account]
