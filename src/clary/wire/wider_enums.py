"""Values that Clary takes beside those of AWS's models: AWS Auto Scaling plans scale SageMaker's variants too.

At AWS only Application Auto Scaling does. docs/decisions/0006 says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

WIDER: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "autoscaling-plans": {
            "ServiceNamespace": ("sagemaker",),
            "ScalableDimension": ("sagemaker:variant:DesiredInstanceCount",),
            "ScalingMetricType": (
                "SageMakerVariantInvocationsPerInstance",
                "SageMakerVariantConcurrentRequestsPerModelHighResolution",
            ),
        }
    }
)
"""By service and shape."""


def widened(service: str, described: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the description of a service's model with the values that Clary takes more."""
    more = WIDER.get(service)
    if more is None:
        return described
    shapes = described["shapes"]
    wider = {name: {**shapes[name], "enum": [*shapes[name]["enum"], *values]} for name, values in more.items()}
    return {**described, "shapes": {**shapes, **wider}}
