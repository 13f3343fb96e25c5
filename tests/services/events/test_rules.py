"""Rules of event buses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from clary.resources.event_rules import RULE

Refused = Callable[[str], Any]
PATTERN = json.dumps({"source": ["s"]})


def test_a_rule_is_put_described_and_deleted(aws: Any, events: Any, refused: Refused) -> None:
    events("CreateEventBus", Name="b")
    arn = events("PutRule", Name="r", EventPattern=PATTERN, Description="mine")["RuleArn"]
    assert arn == f"arn:aws:events:us-east-1:{aws.account}:rule/r"
    assert events("PutRule", Name="r", EventPattern=PATTERN, EventBusName="b")["RuleArn"].endswith(":rule/b/r")
    assert events("DescribeRule", Name="r") == {
        "Name": "r",
        "Arn": arn,
        "State": "ENABLED",
        "EventBusName": "default",
        "EventPattern": PATTERN,
        "Description": "mine",
        "CreatedBy": aws.account,
    }
    events("DeleteRule", Name="r")
    events("DeleteRule", Name="r")
    with refused("ResourceNotFoundException"):
        events("DescribeRule", Name="r")
    assert events("DescribeRule", Name="r", EventBusName="b")["EventBusName"] == "b"


def test_putting_a_rule_again_writes_it_over_and_keeps_its_targets(events: Any, rule: Any) -> None:
    rule({"source": ["s"]}, Description="old")
    events("PutRule", Name="r", ScheduleExpression="rate(5 minutes)", State="DISABLED")
    told = events("DescribeRule", Name="r")
    assert (told["ScheduleExpression"], told["State"]) == ("rate(5 minutes)", "DISABLED")
    assert "EventPattern" not in told
    assert "Description" not in told
    assert len(events("ListTargetsByRule", Rule="r")["Targets"]) == 1


def test_rules_are_listed_by_bus_and_prefix(events: Any) -> None:
    events("CreateEventBus", Name="b")
    for name in ("a1", "a2", "c"):
        events("PutRule", Name=name, EventPattern=PATTERN)
    events("PutRule", Name="other", EventPattern=PATTERN, EventBusName="b")
    first = events("ListRules", Limit=2)
    rest = events("ListRules", Limit=2, NextToken=first["NextToken"])
    assert [each["Name"] for each in (*first["Rules"], *rest["Rules"])] == ["a1", "a2", "c"]
    assert [each["Name"] for each in events("ListRules", NamePrefix="a")["Rules"]] == ["a1", "a2"]
    assert [each["Name"] for each in events("ListRules", EventBusName="b")["Rules"]] == ["other"]


def test_a_rule_that_is_off_matches_nothing(events: Any, rule: Any, due: Any) -> None:
    rule({"source": ["s"]})
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}"}
    events("DisableRule", Name="r")
    assert events("DescribeRule", Name="r")["State"] == "DISABLED"
    events("PutEvents", Entries=[entry])
    assert due() == []
    events("EnableRule", Name="r")
    events("PutEvents", Entries=[entry])
    assert len(due()) == 1


def test_a_rule_with_targets_is_kept(events: Any, rule: Any, refused: Refused) -> None:
    rule({"source": ["s"]})
    with refused("ValidationException"):
        events("DeleteRule", Name="r")


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("ValidationException", {}),
        ("InvalidEventPatternException", {"EventPattern": '{"source": "s"}'}),
        ("ValidationException", {"ScheduleExpression": "rate(1 minutes)"}),
        ("ValidationException", {"ScheduleExpression": "at(2030-01-01T00:00:00)"}),
        ("ValidationException", {"ScheduleExpression": "rate(1 minute)", "EventBusName": "b"}),
        ("ResourceNotFoundException", {"EventPattern": PATTERN, "EventBusName": "none"}),
    ],
)
def test_what_is_no_rule_is_refused(events: Any, refused: Refused, code: str, params: dict[str, Any]) -> None:
    events("CreateEventBus", Name="b")
    with refused(code):
        events("PutRule", Name="r", **params)


def test_a_bus_has_three_hundred_rules_at_most(aws: Any, events: Any, refused: Refused) -> None:
    events("PutRule", Name="r7", EventPattern=PATTERN)
    with aws.store.records(aws.account, aws.region).together() as records:
        first = records.find(RULE, "default/r7")
        for number in range(299):
            records.create(RULE, f"default/more{number}", first.spec, parent=first.parent)
    with refused("LimitExceededException"):
        events("PutRule", Name="one-more", EventPattern=PATTERN)
    events("PutRule", Name="r7", EventPattern=PATTERN)
