"""GetPredictiveScalingForecast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.resources.scaling import SCALING_POLICY
from clary.store.records import Change

START = datetime(2026, 3, 11, 12, tzinfo=UTC)


def query(metric: str) -> dict[str, Any]:
    return {
        "MetricDataQueries": [
            {"Id": "m", "MetricStat": {"Metric": {"Namespace": "N", "MetricName": metric}, "Stat": "Sum"}}
        ]
    }


METRICS = {
    "TargetValue": 50.0,
    "CustomizedLoadMetricSpecification": query("load"),
    "CustomizedScalingMetricSpecification": query("each"),
}


def predict(scaling: Any, where: Any, **more: Any) -> None:
    scaling(
        "PutScalingPolicy", **where, PolicyName="p", PolicyType="PredictiveScaling",
        PredictiveScalingPolicyConfiguration={"MetricSpecifications": [METRICS], **more},
    )  # fmt: skip


def test_a_forecast_is_told_by_the_hour(registered: Any, aws: Any, where: Any, refused: Any) -> None:
    predict(registered, where)
    asked = {**where, "PolicyName": "p", "StartTime": START, "EndTime": START + timedelta(hours=2)}
    with refused("ValidationException", "no forecast yet"):
        registered("GetPredictiveScalingForecast", **asked)
    records = aws.store.records(aws.account, aws.region)
    (record,) = aws.store.world.all(SCALING_POLICY)
    began = int(START.timestamp())
    made = {"start": began, "loads": [10.0, 20.0, 30.0], "capacities": [1, 2, 3], "made": 5.0, "generation": 1}
    records.update(record, Change(status={"forecast": made}))
    told = registered("GetPredictiveScalingForecast", **asked)
    assert told["CapacityForecast"] == {"Timestamps": [began, began + 3600], "Values": [1.0, 2.0]}
    assert told["LoadForecast"] == [
        {"Timestamps": [began, began + 3600], "Values": [10.0, 20.0], "MetricSpecification": METRICS}
    ]
    assert told["UpdateTime"] == 5.0
    with refused("ValidationException", "30 days"):
        registered("GetPredictiveScalingForecast", **{**asked, "EndTime": START + timedelta(days=31)})
    with refused("ValidationException", "predictive scaling policy"):
        registered("GetPredictiveScalingForecast", **{**asked, "PolicyName": "none"})


@pytest.mark.parametrize(
    ("configuration", "text"),
    [
        ({"MetricSpecifications": []}, "Exactly one metric specification"),
        ({"MetricSpecifications": [{"TargetValue": 5.0}]}, "must be specified"),
        (
            {
                "MetricSpecifications": [
                    {
                        "TargetValue": 5.0,
                        "PredefinedMetricPairSpecification": {"PredefinedMetricType": "ECSServiceCPUUtilization"},
                    }
                ]
            },
            "no predefined metrics",
        ),
        ({"MaxCapacityBreachBehavior": "IncreaseMaxCapacity"}, "MaxCapacityBuffer is required"),
    ],
)
def test_what_cannot_be_forecast_is_refused(
    registered: Any, where: Any, refused: Any, configuration: Any, text: str
) -> None:
    with refused("ValidationException", text):
        predict(registered, where, **configuration)
