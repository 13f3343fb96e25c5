"""Schedules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

Refused = Callable[[str], Any]
Asked = dict[str, Any]
NOW = datetime.now(UTC)


def test_a_schedule_is_made_shown_written_over_and_deleted(
    aws: Any, scheduler: Any, asked: Asked, refused: Refused
) -> None:
    start = NOW + timedelta(days=1)
    told = scheduler("CreateSchedule", Name="s", StartDate=start, Description="mine", ClientToken="t", **asked)
    arn = f"arn:aws:scheduler:us-east-1:{aws.account}:schedule/default/s"
    assert told == {"ScheduleArn": arn}
    shown = scheduler("GetSchedule", Name="s")
    dates = {shown.pop(name) for name in ("CreationDate", "LastModificationDate")}
    assert len(dates) == 1
    assert shown == {
        "Arn": arn,
        "GroupName": "default",
        "Name": "s",
        "State": "ENABLED",
        "Description": "mine",
        "ScheduleExpressionTimezone": "UTC",
        "ActionAfterCompletion": "NONE",
        "StartDate": start.timestamp(),
        **asked,
    }
    scheduler("UpdateSchedule", Name="s", State="DISABLED", **asked)
    shown = scheduler("GetSchedule", Name="s")
    assert (shown["State"], "Description" in shown, "StartDate" in shown) == ("DISABLED", False, False)
    scheduler("DeleteSchedule", Name="s")
    for name in ("GetSchedule", "DeleteSchedule"):
        with refused("ResourceNotFoundException"):
            scheduler(name, Name="s")
    with refused("ResourceNotFoundException"):
        scheduler("UpdateSchedule", Name="s", **asked)


def test_the_same_request_sent_again_makes_the_same_schedule(scheduler: Any, asked: Asked, refused: Refused) -> None:
    first = scheduler("CreateSchedule", Name="s", ClientToken="t", **asked)
    assert scheduler("CreateSchedule", Name="s", ClientToken="t", **asked) == first
    for other in ({"ClientToken": "u"}, {"ClientToken": "t", "Description": "other"}, {}):
        with refused("ConflictException"):
            scheduler("CreateSchedule", Name="s", **other, **asked)


def test_schedules_are_listed_by_group_prefix_and_state(scheduler: Any, asked: Asked, refused: Refused) -> None:
    scheduler("CreateScheduleGroup", Name="g")
    for name in ("a1", "a2", "b"):
        scheduler("CreateSchedule", Name=name, **asked)
    scheduler("CreateSchedule", Name="a3", GroupName="g", State="DISABLED", **asked)
    first = scheduler("ListSchedules", MaxResults=2)
    rest = scheduler("ListSchedules", MaxResults=2, NextToken=first["NextToken"])
    assert [each["Name"] for each in (*first["Schedules"], *rest["Schedules"])] == ["a1", "a2", "b", "a3"]
    assert first["Schedules"][0]["Target"] == {"Arn": asked["Target"]["Arn"]}
    assert [each["Name"] for each in scheduler("ListSchedules", GroupName="g")["Schedules"]] == ["a3"]
    assert len(scheduler("ListSchedules", NamePrefix="a")["Schedules"]) == 3
    assert [each["Name"] for each in scheduler("ListSchedules", State="DISABLED")["Schedules"]] == ["a3"]
    with refused("ResourceNotFoundException"):
        scheduler("ListSchedules", GroupName="none")


@pytest.mark.parametrize(
    "change",
    [
        {"ScheduleExpression": "rate(1 minutes)"},
        {"ScheduleExpression": "cron(* * * * * *)"},
        {"ScheduleExpressionTimezone": "Mars/Olympus"},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        {"StartDate": NOW + timedelta(days=2), "EndDate": NOW + timedelta(days=1)},
        {"EndDate": NOW - timedelta(days=1)},
        {"KmsKeyArn": "k"},
    ],
)
def test_what_can_be_no_schedule_is_refused(
    scheduler: Any, asked: Asked, refused: Refused, change: dict[str, Any]
) -> None:
    with refused("ValidationException"):
        scheduler("CreateSchedule", Name="s", **{**asked, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"Arn": "q"},
        {"Arn": "arn:aws:kinesis:us-east-1:111122223333:stream/s"},
        {"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:describeEndpoint"},
        {"Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint", "Input": "{"},
        {"Arn": "arn:aws:events:us-east-1:111122223333:event-bus/default"},
        {"DeadLetterConfig": {"Arn": "arn:aws:sns:us-east-1:111122223333:t"}},
    ],
)
def test_what_can_be_no_target_is_refused(
    scheduler: Any, asked: Asked, refused: Refused, change: dict[str, Any]
) -> None:
    with refused("ValidationException"):
        scheduler("CreateSchedule", Name="s", **{**asked, "Target": {**asked["Target"], **change}})
