"""PutMetricAlarm and DescribeAlarmsForMetric."""

from __future__ import annotations

from typing import Any

import pytest

from clary.core.errors import ServiceError

WATCH: dict[str, Any] = {
    "Namespace": "N", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip
RULE = {name: WATCH[name] for name in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}


def stat(name: str, *, period: int = 60, returned: bool = False) -> dict[str, Any]:
    metric = {"Namespace": "N", "MetricName": name}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}, "ReturnData": returned}


def put(aws: Any, name: str = "a", **params: Any) -> None:
    aws("cloudwatch")("PutMetricAlarm", AlarmName=name, **params)


def alarm(aws: Any, name: str = "a") -> Any:
    (found,) = aws("cloudwatch")("DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
    return found


def test_an_alarm_begins_without_data_and_is_shown_as_it_was_put(aws: Any) -> None:
    put(aws, **{**WATCH, "Threshold": 1}, AlarmDescription="d", DatapointsToAlarm=1, TreatMissingData="ignore")
    shown = alarm(aws)
    assert (shown["StateValue"], shown["StateReason"]) == ("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")
    assert {name: shown[name] for name in WATCH} == WATCH
    assert isinstance(shown["Threshold"], float)  # as its reason will show it, however it was sent
    assert (shown["ActionsEnabled"], shown["AlarmActions"], shown["Dimensions"]) == (True, [], [])
    assert shown["AlarmArn"] == f"arn:aws:cloudwatch:us-east-1:{aws.account}:alarm:a"


def test_putting_an_alarm_again_overwrites_it_and_keeps_its_state(aws: Any) -> None:
    put(aws, **WATCH, TreatMissingData="ignore", Tags=[{"Key": "k", "Value": "v"}])
    aws("cloudwatch")("SetAlarmState", AlarmName="a", StateValue="OK", StateReason="r")
    put(aws, **{**WATCH, "Threshold": 7.0})
    shown = alarm(aws)
    assert (shown["StateValue"], shown["Threshold"], "TreatMissingData" in shown) == ("OK", 7.0, False)
    assert aws("cloudwatch")("ListTagsForResource", ResourceARN=shown["AlarmArn"])["Tags"] == [
        {"Key": "k", "Value": "v"}
    ]


def test_an_alarm_may_watch_an_expression(aws: Any) -> None:
    metrics = [stat("x"), stat("y"), {"Id": "e", "Expression": "x / y", "Label": "ratio"}]
    put(aws, Metrics=metrics, **RULE)
    assert alarm(aws)["Metrics"] == metrics


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({**WATCH, "Period": 45}, "must be 10, 20, 30 or a multiple of 60"),
        ({**WATCH, "EvaluationPeriods": 1441}, "more than a day"),
        ({**WATCH, "Period": 86400, "EvaluationPeriods": 8}, "more than seven days"),
        ({**WATCH, "DatapointsToAlarm": 2}, "DatapointsToAlarm must be less than or equal"),
        ({**WATCH, "TreatMissingData": "odd"}, "Option odd is not supported"),
        ({**WATCH, "AlarmActions": ["sns"]}, "Invalid arn syntax: sns"),
        ({**WATCH, "AlarmActions": ["arn:aws:sns:r:1:t"] * 2}, "more than once"),
        ({**WATCH, "ExtendedStatistic": "p99"}, "either Statistic or ExtendedStatistic"),
        ({**WATCH, "ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly detection"),
        ({**WATCH, "WarmUpConfiguration": {}}, "WarmUpConfiguration is not offered by Clary"),
        ({**WATCH, "Metrics": [stat("x", returned=True)]}, "mutually exclusive"),
        ({**RULE, "Metrics": [stat("x"), stat("y")]}, "Exactly one element"),
        ({**RULE, "Metrics": [stat("x", returned=True), stat("y", period=300)]}, "the same period"),
        ({**RULE, "Metrics": [{"Id": "e", "Expression": "TIME_SERIES(1)"}]}, "must be a metric"),
        ({**RULE, "Metrics": [stat("x"), {"Id": "e", "Expression": "SUM(SEARCH('x', 'Sum'))"}]}, "SEARCH is not supp"),
        ({**RULE, "Metrics": [stat("x"), {"Id": "e", "Expression": "x +"}]}, "Error in expression 'e'"),
        ({**RULE, "Metrics": [stat("x", returned=True), stat("y")], "ThresholdMetricId": "y"}, "mutually exclusive"),
        ({name: value for name, value in WATCH.items() if name != "Threshold"}, "Threshold is required"),
        ({name: value for name, value in WATCH.items() if name != "Period"}, "Period is required"),
    ],
)
def test_an_alarm_that_could_not_be_evaluated_is_refused(aws: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        put(aws, **params)
    assert aws("cloudwatch")("DescribeAlarms")["MetricAlarms"] == []


def test_alarms_are_found_by_the_metric_they_watch(aws: Any) -> None:
    dimensions = [{"Name": "b", "Value": "1"}, {"Name": "a", "Value": "2"}]
    put(aws, "plain", **WATCH)
    put(aws, "of", **WATCH, Dimensions=dimensions)
    put(aws, "long", **{**WATCH, "Period": 300}, Dimensions=dimensions)
    asked = {"Namespace": "N", "MetricName": "m", "Dimensions": dimensions[::-1]}
    cloudwatch = aws("cloudwatch")
    found = cloudwatch("DescribeAlarmsForMetric", **asked)["MetricAlarms"]
    assert [each["AlarmName"] for each in found] == ["long", "of"]
    found = cloudwatch("DescribeAlarmsForMetric", **asked, Period=60)["MetricAlarms"]
    assert [each["AlarmName"] for each in found] == ["of"]
