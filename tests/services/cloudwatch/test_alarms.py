"""DescribeAlarms, SetAlarmState, EnableAlarmActions, DisableAlarmActions and DeleteAlarms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.services.cloudwatch.test_metric_alarms import WATCH

from clary.core.errors import ServiceError
from clary.resources.alarm import ALARM_ACTION, ALARM_CLOCK, CLOCK_NAME
from clary.services.cloudwatch import alarm_records
from clary.store.query import Query

TOPIC = "arn:aws:sns:us-east-1:111111111111:alerts"


@pytest.fixture
def cloudwatch(aws: Any) -> Any:
    call = aws("cloudwatch")
    for name in ("web-1", "web-2", "db"):
        call("PutMetricAlarm", AlarmName=name, **WATCH, AlarmActions=[TOPIC] if name != "db" else [])
    call("PutCompositeAlarm", AlarmName="any", AlarmRule="ALARM(web-1) OR ALARM(web-2)")
    return call


def names(answer: Any) -> list[str]:
    return [each["AlarmName"] for each in [*answer["MetricAlarms"], *answer["CompositeAlarms"]]]


def test_alarms_are_described_by_what_is_asked_of_them(cloudwatch: Any) -> None:
    cloudwatch("SetAlarmState", AlarmName="db", StateValue="OK", StateReason="r")
    both = ["MetricAlarm", "CompositeAlarm"]
    for params, found in (
        ({}, ["db", "web-1", "web-2"]),
        ({"AlarmNamePrefix": "web"}, ["web-1", "web-2"]),
        ({"StateValue": "OK"}, ["db"]),
        ({"ActionPrefix": "arn:aws:sns"}, ["web-1", "web-2"]),
        ({"AlarmTypes": both}, ["db", "web-1", "web-2", "any"]),
        ({"AlarmNames": ["db", "any", "gone"]}, ["db"]),
        ({"AlarmNames": ["db", "any"], "AlarmTypes": both}, ["db", "any"]),
        ({"ChildrenOfAlarmName": "any"}, ["web-1", "web-2"]),
        ({"ParentsOfAlarmName": "web-2"}, ["any"]),
    ):
        assert names(cloudwatch("DescribeAlarms", **params)) == found


def test_pages_of_alarms_join_even_where_most_are_passed_over(cloudwatch: Any) -> None:
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        page = cloudwatch("DescribeAlarms", MaxRecords=1, ActionPrefix="arn", **more)
        found += names(page)
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert found == ["web-1", "web-2"]
    with pytest.raises(ServiceError) as caught:
        cloudwatch("DescribeAlarms", NextToken="odd")
    assert caught.value.code == "InvalidNextToken"


def test_a_state_that_is_set_brings_its_actions(aws: Any, cloudwatch: Any) -> None:
    data = json.dumps({"why": 1})
    cloudwatch("SetAlarmState", AlarmName="web-1", StateValue="ALARM", StateReason="drill", StateReasonData=data)
    (shown,) = cloudwatch("DescribeAlarms", AlarmNames=["web-1"])["MetricAlarms"]
    assert (shown["StateValue"], shown["StateReason"], shown["StateReasonData"]) == ("ALARM", "drill", data)
    records = aws.call("cloudwatch", "DescribeAlarms").store.records
    (action,) = records.page(ALARM_ACTION, Query()).items
    notice = json.loads(action.spec["message"])
    assert (action.state, action.spec["subject"]) == ("Pending", 'ALARM: "web-1" in US East (N. Virginia)')
    assert (notice["NewStateReason"], notice["Trigger"]["MetricName"], notice["Trigger"]["Statistic"]) == (
        "drill", "m", "SUM",
    )  # fmt: skip


def test_setting_the_state_that_is_there_changes_the_reason_only(aws: Any, cloudwatch: Any) -> None:
    for reason in ("one", "two"):
        cloudwatch("SetAlarmState", AlarmName="web-1", StateValue="ALARM", StateReason=reason)
    (shown,) = cloudwatch("DescribeAlarms", AlarmNames=["web-1"])["MetricAlarms"]
    assert shown["StateReason"] == "two"
    records = aws.call("cloudwatch", "DescribeAlarms").store.records
    assert len(records.page(ALARM_ACTION, Query()).items) == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"AlarmName": "gone", "StateValue": "OK"}, "ResourceNotFound"),
        ({"AlarmName": "db", "StateValue": "OK", "StateReasonData": "{"}, "InvalidFormat"),
    ],
)
def test_a_state_that_cannot_be_set_is_refused(cloudwatch: Any, params: dict[str, str], code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        cloudwatch("SetAlarmState", StateReason="r", **params)
    assert caught.value.code == code


def test_actions_are_switched_off_and_on(cloudwatch: Any) -> None:
    cloudwatch("DisableAlarmActions", AlarmNames=["web-1", "gone"])
    shown = cloudwatch("DescribeAlarms", AlarmNamePrefix="web")["MetricAlarms"]
    assert [each["ActionsEnabled"] for each in shown] == [False, True]
    cloudwatch("EnableAlarmActions", AlarmNames=["web-1"])
    shown = cloudwatch("DescribeAlarms", AlarmNamePrefix="web")["MetricAlarms"]
    assert [each["ActionsEnabled"] for each in shown] == [True, True]


def test_an_alarm_that_another_depends_on_stays(cloudwatch: Any) -> None:
    with pytest.raises(ServiceError, match=r"Cannot delete web-1 as there are composite alarm\(s\)") as caught:
        cloudwatch("DeleteAlarms", AlarmNames=["db", "web-1"])
    assert caught.value.code == "ResourceConflict"
    assert names(cloudwatch("DescribeAlarms")) == ["db", "web-1", "web-2"]
    cloudwatch("DeleteAlarms", AlarmNames=["any", "web-1", "gone"])
    assert names(cloudwatch("DescribeAlarms")) == ["db", "web-2"]


def test_the_clock_of_alarms_counts_them_up_to_the_quota(
    aws: Any, cloudwatch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = aws.call("cloudwatch", "DescribeAlarms").store.records
    clock = records.find(ALARM_CLOCK, CLOCK_NAME)
    assert clock.status == {"count": 4}
    monkeypatch.setattr(alarm_records, "ALARMS_MAX", 4)
    with pytest.raises(ServiceError) as caught:
        cloudwatch("PutMetricAlarm", AlarmName="more", **WATCH)
    assert caught.value.code == "LimitExceeded"
    cloudwatch("DeleteAlarms", AlarmNames=["db"])
    cloudwatch("PutMetricAlarm", AlarmName="more", **WATCH)
