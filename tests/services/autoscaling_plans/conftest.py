"""Scaling plans as a fresh account uses them."""

from __future__ import annotations

from typing import Any

import pytest

WHERE = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACK = {
    "TargetValue": 60.0,
    "PredefinedScalingMetricSpecification": {"PredefinedScalingMetricType": "SageMakerVariantInvocationsPerInstance"},
}
LOAD = {"MetricName": "Invocations", "Namespace": "AWS/SageMaker", "Statistic": "Sum"}


@pytest.fixture
def instruction() -> dict[str, Any]:
    return {**WHERE, "MinCapacity": 1, "MaxCapacity": 4, "TargetTrackingConfigurations": [TRACK]}


@pytest.fixture
def predictive(instruction: dict[str, Any]) -> dict[str, Any]:
    return {**instruction, "CustomizedLoadMetricSpecification": LOAD}


@pytest.fixture
def source() -> dict[str, Any]:
    return {"TagFilters": [{"Key": "team", "Values": ["a"]}]}


@pytest.fixture
def plans(aws: Any) -> Any:
    return aws("autoscaling_plans")
