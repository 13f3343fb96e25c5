"""Tags of buses and rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Refused = Callable[[str], Any]


def test_buses_and_rules_bear_tags(events: Any) -> None:
    tags = [{"Key": "a", "Value": "1"}]
    bus = events("CreateEventBus", Name="b", Tags=tags)["EventBusArn"]
    schedule = {"ScheduleExpression": "rate(1 hour)"}
    rules = [
        events("PutRule", Name="r", Tags=tags, **schedule)["RuleArn"],
        events("PutRule", Name="r", Tags=tags, EventBusName="b", EventPattern='{"source": ["s"]}')["RuleArn"],
    ]
    for arn in (bus, *rules):
        events("TagResource", ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
        events("UntagResource", ResourceARN=arn, TagKeys=["a"])
        assert events("ListTagsForResource", ResourceARN=arn) == {"Tags": [{"Key": "b", "Value": "2"}]}


def test_what_cannot_be_tagged_is_refused(aws: Any, events: Any, refused: Refused) -> None:
    bus = events("DescribeEventBus")["Arn"]
    for arn in ("x", bus.replace("default", "none"), bus.replace("event-bus/default", "rule/none")):
        with refused("ResourceNotFoundException"):
            events("ListTagsForResource", ResourceARN=arn)
    with refused("ResourceNotFoundException"):
        aws.other()("events")("ListTagsForResource", ResourceARN=bus)
    for tags in ([{"Key": "aws:x", "Value": ""}], [{"Key": str(number), "Value": ""} for number in range(51)]):
        with refused("ValidationException"):
            events("TagResource", ResourceARN=bus, Tags=tags)
