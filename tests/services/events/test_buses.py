"""Event buses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from clary.resources.event_rules import EVENT_BUS

Refused = Callable[[str], Any]


def test_every_account_has_a_default_bus(aws: Any, events: Any, refused: Refused) -> None:
    bus = events("DescribeEventBus")
    assert (bus["Name"], bus["Arn"]) == ("default", f"arn:aws:events:us-east-1:{aws.account}:event-bus/default")
    assert [each["Name"] for each in events("ListEventBuses")["EventBuses"]] == ["default"]
    with refused("ValidationException"):
        events("DeleteEventBus", Name="default")
    with refused("ResourceAlreadyExistsException"):
        events("CreateEventBus", Name="default")


def test_a_bus_is_made_described_changed_listed_and_deleted(aws: Any, events: Any, refused: Refused) -> None:
    arn = events("CreateEventBus", Name="orders", Description="of ours")["EventBusArn"]
    assert arn == f"arn:aws:events:us-east-1:{aws.account}:event-bus/orders"
    assert events("DescribeEventBus", Name=arn)["Description"] == "of ours"
    assert events("UpdateEventBus", Name="orders", Description="new")["Description"] == "new"
    first = events("ListEventBuses", Limit=1)
    second = events("ListEventBuses", Limit=1, NextToken=first["NextToken"])
    assert [each["Name"] for each in (*first["EventBuses"], *second["EventBuses"])] == ["default", "orders"]
    assert [each["Arn"] for each in events("ListEventBuses", NamePrefix="o")["EventBuses"]] == [arn]
    with refused("ResourceAlreadyExistsException"):
        events("CreateEventBus", Name="orders")
    events("DeleteEventBus", Name="orders")
    events("DeleteEventBus", Name="orders")
    with refused("ResourceNotFoundException"):
        events("DescribeEventBus", Name="orders")


def test_a_bus_with_rules_is_kept(events: Any, refused: Refused) -> None:
    events("CreateEventBus", Name="b")
    events("PutRule", Name="r", EventBusName="b", EventPattern=json.dumps({"source": ["s"]}))
    with refused("ValidationException"):
        events("DeleteEventBus", Name="b")
    events("DeleteRule", Name="r", EventBusName="b")
    events("DeleteEventBus", Name="b")


def test_what_is_not_built_or_wrong_is_refused(aws: Any, events: Any, refused: Refused) -> None:
    with refused("ValidationException"):
        events("CreateEventBus", Name="a/b")
    with refused("ResourceNotFoundException"):
        events("CreateEventBus", Name="aws.partner/x/y", EventSourceName="aws.partner/x/y")
    with refused("ValidationException"):
        events("CreateEventBus", Name="b", KmsKeyIdentifier="k")
    with refused("ValidationException"):
        events("CreateEventBus", Name="b", LogConfig={"Level": "INFO"})
    with refused("AccessDeniedException"):
        events("DescribeEventBus", Name=aws.other()("events")("DescribeEventBus")["Arn"])


def test_an_account_has_a_hundred_buses_at_most(aws: Any, events: Any, refused: Refused) -> None:
    with aws.store.records(aws.account, aws.region).together() as records:
        for number in range(99):
            records.create(EVENT_BUS, f"b{number}", {})
    with refused("LimitExceededException"):
        events("CreateEventBus", Name="one-more")
