"""Targets of rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Refused = Callable[[str], Any]
QUEUE = "arn:aws:sqs:us-east-1:111122223333:q"


@pytest.fixture
def named(events: Any) -> str:
    events("PutRule", Name="r", ScheduleExpression="rate(1 hour)")
    return "r"


def test_targets_are_put_listed_written_over_and_removed(events: Any, named: str) -> None:
    told = events("PutTargets", Rule=named, Targets=[{"Id": "a", "Arn": QUEUE}, {"Id": "b", "Arn": QUEUE}])
    assert told == {"FailedEntryCount": 0, "FailedEntries": []}
    events("PutTargets", Rule=named, Targets=[{"Id": "a", "Arn": QUEUE, "Input": '"x"'}])
    first = events("ListTargetsByRule", Rule=named, Limit=1)
    rest = events("ListTargetsByRule", Rule=named, Limit=1, NextToken=first["NextToken"])
    assert (first["Targets"], rest["Targets"]) == (
        [{"Id": "a", "Arn": QUEUE, "Input": '"x"'}],
        [{"Id": "b", "Arn": QUEUE}],
    )
    removed = events("RemoveTargets", Rule=named, Ids=["a", "none"])
    assert [each["TargetId"] for each in removed["FailedEntries"]] == ["none"]
    assert [each["Id"] for each in events("ListTargetsByRule", Rule=named)["Targets"]] == ["b"]


def test_rules_are_found_by_their_target(events: Any, named: str) -> None:
    events("PutRule", Name="s", ScheduleExpression="rate(1 hour)")
    events("PutTargets", Rule=named, Targets=[{"Id": "a", "Arn": QUEUE}])
    assert events("ListRuleNamesByTarget", TargetArn=QUEUE) == {"RuleNames": [named]}
    assert events("ListRuleNamesByTarget", TargetArn=f"{QUEUE}2") == {"RuleNames": []}


def test_a_rule_has_five_targets_at_most(events: Any, named: str, refused: Refused) -> None:
    events("PutTargets", Rule=named, Targets=[{"Id": str(number), "Arn": QUEUE} for number in range(5)])
    with refused("LimitExceededException"):
        events("PutTargets", Rule=named, Targets=[{"Id": "6", "Arn": QUEUE}])
    with refused("ResourceNotFoundException"):
        events("PutTargets", Rule="none", Targets=[{"Id": "6", "Arn": QUEUE}])


@pytest.mark.parametrize(
    "target",
    [
        {"Arn": "q"},
        {"Arn": "arn:aws:lambda:us-east-1:111122223333:function:f"},
        {"Arn": "arn:aws:logs:us-east-1:111122223333:stream:x"},
        {"Arn": f"{QUEUE}.fifo"},
        {"Arn": "arn:aws:sns:us-east-1:111122223333:t", "SqsParameters": {"MessageGroupId": "g"}},
        {"Arn": QUEUE, "DeadLetterConfig": {"Arn": "arn:aws:sns:us-east-1:111122223333:t"}},
        {"Arn": QUEUE, "Input": "{"},
        {"Arn": QUEUE, "Input": "1", "InputPath": "$"},
    ],
)
def test_what_can_be_no_target_is_refused(events: Any, named: str, refused: Refused, target: dict[str, Any]) -> None:
    with refused("ValidationException"):
        events("PutTargets", Rule=named, Targets=[{"Id": "a", **target}])


def test_a_token_of_another_list_is_refused(events: Any, named: str, refused: Refused) -> None:
    with refused("ValidationException"):
        events("ListTargetsByRule", Rule=named, NextToken="x")
