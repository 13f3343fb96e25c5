"""PutMetricData and ListMetrics."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.core.errors import ServiceError

DIMENSIONS = [{"Name": "TrainingJobName", "Value": "job"}, {"Name": "Host", "Value": "algo-1"}]


@pytest.fixture
def cloudwatch(aws: Any) -> Any:
    return aws("cloudwatch")


def put(cloudwatch: Any, *data: dict[str, Any], **params: Any) -> None:
    cloudwatch("PutMetricData", **{"Namespace": "N", "MetricData": list(data), **params})


def names(answer: Any) -> list[str]:
    return [metric["MetricName"] for metric in answer["Metrics"]]


def test_metrics_are_listed_with_their_dimensions(cloudwatch: Any) -> None:
    put(
        cloudwatch, {"MetricName": "m", "Dimensions": DIMENSIONS, "Value": 1.0}, Namespace="/aws/sagemaker/TrainingJobs"
    )
    (metric,) = cloudwatch("ListMetrics", Namespace="/aws/sagemaker/TrainingJobs")["Metrics"]
    assert metric["MetricName"] == "m"
    assert sorted(each["Name"] for each in metric["Dimensions"]) == ["Host", "TrainingJobName"]


def test_metrics_are_filtered_by_dimension_name_or_value(cloudwatch: Any) -> None:
    put(cloudwatch, {"MetricName": "a", "Dimensions": DIMENSIONS, "Value": 1.0}, {"MetricName": "b", "Value": 1.0})
    assert names(cloudwatch("ListMetrics", Dimensions=[{"Name": "Host"}])) == ["a"]
    assert names(cloudwatch("ListMetrics", Dimensions=[{"Name": "Host", "Value": "algo-2"}])) == []
    assert names(cloudwatch("ListMetrics", MetricName="b", RecentlyActive="PT3H")) == ["b"]


def test_more_than_500_metrics_come_in_pages(cloudwatch: Any) -> None:
    put(cloudwatch, *({"MetricName": f"m{number:04}", "Value": 1.0} for number in range(501)))
    first = cloudwatch("ListMetrics")
    second = cloudwatch("ListMetrics", NextToken=first["NextToken"])
    assert names(first) + names(second) == [f"m{number:04}" for number in range(501)]
    assert "NextToken" not in second
    with pytest.raises(ServiceError) as caught:
        cloudwatch("ListMetrics", Namespace="N", NextToken=first["NextToken"])
    assert caught.value.code == "InvalidNextToken"


def test_values_of_entities_are_stored_like_the_others(cloudwatch: Any) -> None:
    entity = {"Entity": {}, "MetricData": [{"MetricName": "e", "Value": 1.0}]}
    cloudwatch("PutMetricData", Namespace="N", EntityMetricData=[entity], StrictEntityValidation=False)
    assert names(cloudwatch("ListMetrics")) == ["e"]


@pytest.mark.parametrize(
    ("datum", "code", "message"),
    [
        (
            {"Value": math.nan},
            "InvalidParameterValue",
            "The value nan for parameter MetricData.member.1.Value is invalid",
        ),
        ({"Value": 2.0**361}, "InvalidParameterValue", "MetricData.member.1.Value is invalid"),
        ({}, "MissingParameter", "The parameter MetricData.member.1.Value is required"),
        (
            {"Value": 1.0, "Values": [1.0]},
            "InvalidParameterCombination",
            "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive",
        ),
        (
            {"Values": [1.0, 2.0], "Counts": [1.0]},
            "InvalidParameterValue",
            "MetricData.member.1.Values and MetricData.member.1.Counts must be of the same size",
        ),
        (
            {"Values": [float(each) for each in range(151)]},
            "InvalidParameterValue",
            "MetricData.member.1.Values must not have a size greater than 150",
        ),
        ({"Values": [1.0], "Counts": [0.0]}, "InvalidParameterValue", "Counts.member.1 is invalid"),
        ({"Value": 1.0, "StorageResolution": 5}, "InvalidParameterValue", "StorageResolution is invalid"),
        (
            {"Value": 1.0, "Timestamp": timedelta(days=-15)},
            "InvalidParameterValue",
            "MetricData.member.1.Timestamp must specify a time within the past two weeks",
        ),
        (
            {"Value": 1.0, "Timestamp": timedelta(hours=3)},
            "InvalidParameterValue",
            "MetricData.member.1.Timestamp must specify a time no more than two hours in the future",
        ),
        (
            {"StatisticValues": {"SampleCount": 1.0, "Sum": 1.0, "Minimum": 2.0, "Maximum": 1.0}},
            "InvalidParameterValue",
            "Maximum must be greater than or equal",
        ),
        ({"Value": 1.0, "Dimensions": DIMENSIONS[:1] * 2}, "InvalidParameterValue", "dimension name more than once"),
    ],
)
def test_data_that_breaks_a_limit_is_refused_whole(
    cloudwatch: Any, datum: dict[str, Any], code: str, message: str
) -> None:
    if "Timestamp" in datum:
        datum = {**datum, "Timestamp": datetime.now(UTC) + datum["Timestamp"]}
    with pytest.raises(ServiceError, match=message.replace(".", r"\.")) as caught:
        put(cloudwatch, {"MetricName": "m", **datum}, {"MetricName": "good", "Value": 1.0})
    assert caught.value.code == code
    assert names(cloudwatch("ListMetrics")) == []


def test_a_request_holds_one_to_a_thousand_values_of_the_users_own_namespaces(cloudwatch: Any) -> None:
    with pytest.raises(ServiceError, match="MetricData is required"):
        put(cloudwatch)
    with pytest.raises(ServiceError, match="must not have a size greater than 1000"):
        put(cloudwatch, *({"MetricName": "m", "Value": 1.0} for _ in range(1001)))
    with pytest.raises(ServiceError, match="The value AWS/ for parameter Namespace is invalid"):
        put(cloudwatch, {"MetricName": "m", "Value": 1.0}, Namespace="AWS/SageMaker")
