"""Events that clients put."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

Refused = Callable[[str], Any]
ENTRY = {"Source": "shop", "DetailType": "Order", "Detail": '{"total": 3.0e2}'}


def test_an_event_goes_to_the_rules_that_want_it(aws: Any, events: Any, rule: Any, due: Any) -> None:
    arn = rule({"source": ["shop"]})
    rule({"source": ["other"]}, name="other")
    at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    told = events("PutEvents", Entries=[{**ENTRY, "Time": at, "Resources": ["x"]}])
    assert told["FailedEntryCount"] == 0
    ((address, event),) = due()
    assert address == f"{arn}|t"
    assert event == {
        "version": "0",
        "id": told["Entries"][0]["EventId"],
        "detail-type": "Order",
        "source": "shop",
        "account": aws.account,
        "time": "2030-01-02T03:04:05Z",
        "region": "us-east-1",
        "resources": ["x"],
        "detail": {"total": 300},
    }


def test_numbers_reach_patterns_as_they_were_written(events: Any, rule: Any, due: Any) -> None:
    rule({"detail": {"total": [300]}}, name="plain")
    rule({"detail": {"total": [{"numeric": ["=", 300]}]}}, name="numeric")
    events("PutEvents", Entries=[ENTRY])
    assert [address.rpartition("/")[2] for address, _ in due()] == ["numeric|t"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[]"}, "MalformedDetail"),
        ({"Detail": '{"a": NaN}'}, "MalformedDetail"),
        ({"Source": "aws.s3"}, "NotAuthorizedForSourceException"),
    ],
)
def test_one_bad_entry_spoils_no_other(events: Any, rule: Any, due: Any, change: dict[str, str], code: str) -> None:
    rule({"source": [{"exists": True}]})
    told = events("PutEvents", Entries=[{**ENTRY, **change}, ENTRY])
    assert told["FailedEntryCount"] == 1
    assert told["Entries"][0]["ErrorCode"] == code
    assert [event["id"] for _, event in due()] == [told["Entries"][1]["EventId"]]


def test_a_batch_has_its_limit(events: Any, refused: Refused) -> None:
    big = {**ENTRY, "Detail": json.dumps({"x": "y" * 132_000})}
    assert events("PutEvents", Entries=[big])["FailedEntryCount"] == 0
    for request in ({"Entries": [big, big]}, {"Entries": [ENTRY], "EndpointId": "abc.def"}):
        with refused("ValidationException"):
            events("PutEvents", **request)


def test_each_bus_has_rules_of_its_own(events: Any, rule: Any, due: Any) -> None:
    events("CreateEventBus", Name="b")
    rule({"source": ["shop"]})
    arn = rule({"source": ["shop"]}, EventBusName="b")
    told = events("PutEvents", Entries=[{**ENTRY, "EventBusName": "b"}, {**ENTRY, "EventBusName": "none"}])
    assert told["FailedEntryCount"] == 0
    assert [address for address, _ in due()] == [f"{arn}|t"]


def test_what_matched_is_counted(aws: Any, events: Any, rule: Any) -> None:
    events("CreateEventBus", Name="b")
    rule({"source": ["shop"]})
    rule({"source": ["shop"]}, EventBusName="b")
    events("PutEvents", Entries=[ENTRY, ENTRY, {**ENTRY, "EventBusName": "b"}])
    told = aws("cloudwatch")("ListMetrics", Namespace="AWS/Events", MetricName="MatchedEvents")["Metrics"]
    dimensions = [{each["Name"]: each["Value"] for each in metric["Dimensions"]} for metric in told]
    assert {"RuleName": "r"} in dimensions
    assert {"RuleName": "r", "EventBusName": "b"} in dimensions
