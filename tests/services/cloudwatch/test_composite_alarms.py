"""PutCompositeAlarm."""

from __future__ import annotations

from typing import Any

import pytest
from tests.services.cloudwatch.test_metric_alarms import WATCH

from clary.core.errors import ServiceError


@pytest.fixture
def cloudwatch(aws: Any) -> Any:
    call = aws("cloudwatch")
    call("PutMetricAlarm", AlarmName="m", **WATCH)
    return call


def test_a_composite_alarm_is_shown_to_those_who_ask_for_its_type(cloudwatch: Any) -> None:
    periods = {"ActionsSuppressorWaitPeriod": 10, "ActionsSuppressorExtensionPeriod": 20}
    rule = "ALARM(m) OR FALSE"
    cloudwatch("PutCompositeAlarm", AlarmName="c", AlarmRule=rule, ActionsSuppressor="m", **periods)
    assert [each["AlarmName"] for each in cloudwatch("DescribeAlarms")["MetricAlarms"]] == ["m"]
    assert cloudwatch("DescribeAlarms")["CompositeAlarms"] == []
    answer = cloudwatch("DescribeAlarms", AlarmTypes=["CompositeAlarm"])
    (shown,) = answer["CompositeAlarms"]
    assert (shown["AlarmRule"], shown["ActionsSuppressorWaitPeriod"], answer["MetricAlarms"]) == (rule, 10, [])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"AlarmRule": "ALARM(gone) OR OK(lost)"}, r"alarms \[gone, lost\] in the alarm rule do not exist"),
        ({"AlarmRule": "ALARM(c)"}, "names c itself"),
        ({"AlarmRule": "ALARM(m"}, "Invalid AlarmRule for composite alarm c"),
        ({"AlarmRule": "TRUE", "ActionsSuppressor": "m"}, "ActionsSuppressorWaitPeriod is required"),
        ({"AlarmRule": "TRUE", "ActionsSuppressorWaitPeriod": 1}, "needs an ActionsSuppressor"),
        (
            {
                "AlarmRule": "TRUE", "ActionsSuppressor": "gone", "ActionsSuppressorWaitPeriod": 1,
                "ActionsSuppressorExtensionPeriod": 1,
            },
            "gone does not exist",
        ),
        ({"AlarmRule": "TRUE", "AlarmActions": ["x"]}, "Invalid arn syntax"),
    ],
)  # fmt: skip
def test_a_rule_must_be_readable_and_name_alarms_that_are_there(
    cloudwatch: Any, params: dict[str, Any], message: str
) -> None:
    with pytest.raises(ServiceError, match=message):
        cloudwatch("PutCompositeAlarm", AlarmName="c", **params)


def test_a_name_belongs_to_one_type_of_alarm(cloudwatch: Any) -> None:
    with pytest.raises(ServiceError, match="is a MetricAlarm"):
        cloudwatch("PutCompositeAlarm", AlarmName="m", AlarmRule="TRUE")
