from __future__ import annotations

import pytest
from botocore.loaders import Loader

from clary.core.errors import ValidationError
from clary.wire.models import Models
from clary.wire.validation import validate
from clary.wire.wider_enums import WIDER, widened

TAKEN = {
    "ScalingPlanName": "p",
    "ScalingPlanVersion": 1,
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    "ForecastDataType": "LoadForecast",
    "StartTime": 0.0,
    "EndTime": 1.0,
}


def test_plans_take_sagemakers_variants_and_nothing_else_more() -> None:
    operation = Models().load("autoscaling-plans").operation_model("GetScalingPlanResourceForecastData")
    validate(operation, TAKEN)
    validate(operation, {**TAKEN, "ServiceNamespace": "ecs"})
    with pytest.raises(ValidationError, match="enum value set"):
        validate(operation, {**TAKEN, "ServiceNamespace": "kafka"})


def test_what_the_loader_keeps_is_left_as_it_is() -> None:
    loader = Loader()
    for service, shapes in WIDER.items():
        described = loader.load_service_model(service, "service-2")
        wider = widened(service, described)
        for name, values in shapes.items():
            assert not set(values) & set(described["shapes"][name]["enum"])
            assert wider["shapes"][name]["enum"] == [*described["shapes"][name]["enum"], *values]
    plain = loader.load_service_model("sqs", "service-2")
    assert widened("sqs", plain) is plain
