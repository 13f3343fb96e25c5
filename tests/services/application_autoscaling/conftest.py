"""Application Auto Scaling as an account uses it that has an endpoint."""

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


@pytest.fixture
def where() -> dict[str, str]:
    return dict(WHERE)


@pytest.fixture
def scaling(aws: Any) -> Any:
    """Give a caller of the service, and an endpoint of two instances."""
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 2, "InstanceType": "ml.m5.large"}
    role = f"arn:aws:iam::{aws.account}:role/r"
    sagemaker = aws("sagemaker")
    sagemaker("CreateModel", ModelName="m", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=role)
    sagemaker("CreateEndpointConfig", EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    return aws("application_autoscaling")


@pytest.fixture
def registered(scaling: Any) -> Any:
    """Give the same, with the variant registered."""
    scaling("RegisterScalableTarget", **WHERE, MinCapacity=1, MaxCapacity=4)
    return scaling


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
