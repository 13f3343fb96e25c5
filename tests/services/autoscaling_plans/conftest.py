"""Scaling plans as a fresh account uses them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clary.core.errors import ServiceError

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


@pytest.fixture
def refused() -> Callable[..., Any]:
    """Give a context that wants a ServiceError of a code, whose message holds a text."""

    @contextmanager
    def wanted(code: str, text: str = "") -> Iterator[None]:
        with pytest.raises(ServiceError) as caught:
            yield
        assert caught.value.code == code
        assert text in caught.value.message

    return wanted
