"""GetMetricStatistics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.core.errors import ServiceError

HOUR = timedelta(hours=1)


@pytest.fixture
def start() -> datetime:
    return datetime.now(UTC).replace(minute=23, second=0, microsecond=0) - 2 * HOUR


@pytest.fixture
def cloudwatch(aws: Any, start: datetime) -> Any:
    call = aws("cloudwatch")
    data = [
        {"MetricName": "m", "Value": float(minute), "Timestamp": start + timedelta(minutes=minute), "Unit": "Seconds"}
        for minute in range(10)
    ]
    call("PutMetricData", Namespace="N", MetricData=data)
    return call


def statistics(cloudwatch: Any, start: datetime, **params: Any) -> Any:
    common = {"Namespace": "N", "MetricName": "m", "StartTime": start, "EndTime": start + HOUR, "Period": 300}
    return cloudwatch("GetMetricStatistics", **{**common, **params})


def test_the_five_statistics_of_each_period(cloudwatch: Any, start: datetime) -> None:
    names = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    answer = statistics(cloudwatch, start, Statistics=names)
    assert answer["Label"] == "m"
    assert [tuple(point[name] for name in names) for point in answer["Datapoints"]] == [
        (5, 10, 2, 0, 4),
        (5, 35, 7, 5, 9),
    ]
    assert {point["Unit"] for point in answer["Datapoints"]} == {"Seconds"}


def test_periods_begin_at_the_whole_minute_of_the_start(cloudwatch: Any, start: datetime) -> None:
    answer = statistics(cloudwatch, start + timedelta(seconds=25), Statistics=["Sum"])
    assert [point["Timestamp"] for point in answer["Datapoints"]] == [start, start + timedelta(minutes=5)]


def test_extended_statistics_come_from_how_values_spread(cloudwatch: Any, start: datetime) -> None:
    answer = statistics(cloudwatch, start, Period=3600, ExtendedStatistics=["p50", "p90", "p100"])
    (point,) = answer["Datapoints"]
    assert point["ExtendedStatistics"] == {"p50": 4, "p90": 8, "p100": 9}
    assert "Sum" not in point


def test_percentiles_of_statistic_sets_are_not_made_up(cloudwatch: Any, start: datetime) -> None:
    values = {"SampleCount": 5.0, "Sum": 10.0, "Minimum": 0.0, "Maximum": 4.0}
    datum = {"MetricName": "set", "StatisticValues": values, "Timestamp": start}
    cloudwatch("PutMetricData", Namespace="N", MetricData=[datum])
    assert statistics(cloudwatch, start, MetricName="set", ExtendedStatistics=["p50"])["Datapoints"] == []
    (point,) = statistics(cloudwatch, start, MetricName="set", Statistics=["Average"])["Datapoints"]
    assert point["Average"] == 2


def test_a_unit_that_no_value_has_finds_nothing(cloudwatch: Any, start: datetime) -> None:
    assert statistics(cloudwatch, start, Statistics=["Sum"], Unit="Bytes")["Datapoints"] == []
    assert len(statistics(cloudwatch, start, Statistics=["Sum"], Unit="Seconds")["Datapoints"]) == 2


def test_what_was_never_put_has_no_datapoints(cloudwatch: Any, start: datetime) -> None:
    assert statistics(cloudwatch, start, Statistics=["Sum"], MetricName="none")["Datapoints"] == []
    dimensions = [{"Name": "a", "Value": "b"}]
    assert statistics(cloudwatch, start, Statistics=["Sum"], Dimensions=dimensions)["Datapoints"] == []


def test_too_many_datapoints_are_refused_in_awss_words(cloudwatch: Any, start: datetime) -> None:
    with pytest.raises(ServiceError, match=r"up to 2,880 datapoints, which exceeds the limit of 1,440\.") as caught:
        statistics(cloudwatch, start, Statistics=["Sum"], EndTime=start + 48 * HOUR, Period=60)
    assert caught.value.code == "InvalidParameterCombination"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "MissingParameter"),
        ({"Statistics": ["Sum"], "ExtendedStatistics": ["p50"]}, "InvalidParameterCombination"),
        ({"ExtendedStatistics": ["p101"]}, "InvalidParameterValue"),
        ({"ExtendedStatistics": ["Sum"]}, "InvalidParameterValue"),
        ({"Statistics": ["Sum"], "Period": 61}, "InvalidParameterValue"),
        ({"Statistics": ["Sum"], "EndTime": datetime(2020, 1, 1, tzinfo=UTC)}, "InvalidParameterValue"),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(
    cloudwatch: Any, start: datetime, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(ServiceError) as caught:
        statistics(cloudwatch, start, **params)
    assert caught.value.code == code
