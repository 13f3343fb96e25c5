"""DescribeAlarmHistory."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.services.cloudwatch.test_metric_alarms import WATCH

from clary.core.errors import ServiceError


@pytest.fixture
def cloudwatch(aws: Any) -> Any:
    call = aws("cloudwatch")
    call("PutMetricAlarm", AlarmName="a", **WATCH)
    call("SetAlarmState", AlarmName="a", StateValue="ALARM", StateReason="r")
    call("PutCompositeAlarm", AlarmName="c", AlarmRule="TRUE")
    return call


def told(cloudwatch: Any, **params: Any) -> list[str]:
    return [item["HistorySummary"] for item in cloudwatch("DescribeAlarmHistory", **params)["AlarmHistoryItems"]]


def test_the_newest_comes_first_unless_asked_otherwise(cloudwatch: Any) -> None:
    made, changed = 'Alarm "a" created', "Alarm updated from INSUFFICIENT_DATA to ALARM"
    assert told(cloudwatch) == [changed, made]
    assert told(cloudwatch, ScanBy="TimestampAscending") == [made, changed]
    assert told(cloudwatch, HistoryItemType="StateUpdate") == [changed]
    assert told(cloudwatch, AlarmTypes=["CompositeAlarm"]) == ['Alarm "c" created']
    assert told(cloudwatch, AlarmName="c", AlarmTypes=["CompositeAlarm", "MetricAlarm"]) == ['Alarm "c" created']
    now = datetime.now(UTC)
    assert told(cloudwatch, EndDate=now - timedelta(hours=1)) == []
    assert len(told(cloudwatch, StartDate=now - timedelta(hours=1), EndDate=now)) == 2


def test_an_item_tells_both_states(cloudwatch: Any) -> None:
    (item,) = cloudwatch("DescribeAlarmHistory", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    data = json.loads(item["HistoryData"])
    assert data["oldState"]["stateValue"] == "INSUFFICIENT_DATA"
    assert data["newState"] == {"stateValue": "ALARM", "stateReason": "r"}


def test_the_history_outlives_its_alarm_and_is_read_in_pages(cloudwatch: Any) -> None:
    cloudwatch("DeleteAlarms", AlarmNames=["a"])
    first = cloudwatch("DescribeAlarmHistory", AlarmName="a", MaxRecords=2)
    rest = cloudwatch("DescribeAlarmHistory", AlarmName="a", MaxRecords=2, NextToken=first["NextToken"])
    found = [item["HistorySummary"] for item in first["AlarmHistoryItems"] + rest["AlarmHistoryItems"]]
    assert (found[0], len(found)) == ('Alarm "a" deleted', 3)
    with pytest.raises(ServiceError) as caught:
        cloudwatch("DescribeAlarmHistory", NextToken=first["NextToken"])
    assert caught.value.code == "InvalidNextToken"
