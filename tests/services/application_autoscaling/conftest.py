"""Application Auto Scaling as an account uses it that has an endpoint."""

from __future__ import annotations

from typing import Any

import pytest

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
