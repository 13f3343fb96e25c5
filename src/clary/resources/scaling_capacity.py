"""How much there is of what scales, read from and written to the API of its service. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.resources.scaling import VARIANT, VARIANT_INSTANCES, Scalable

SETTLED = ("InService", "Failed")


@dataclass(frozen=True, slots=True)
class Capacity:
    """What was asked for, what serves, and whether anything is still on its way."""

    desired: int
    current: int
    settled: bool
    failure: str = ""


def endpoint_of(scalable: Scalable) -> str | None:
    """Return the name of the endpoint that a variant's instances serve, None if no such thing is named."""
    found = VARIANT.fullmatch(scalable.resource)
    return None if found is None or scalable.dimension != VARIANT_INSTANCES else found[1]


def capacity_of(scalable: Scalable, endpoint: Mapping[str, Any]) -> Capacity | None:
    """Return the capacity in what DescribeEndpoint tells, None if the endpoint has no such variant."""
    variant = scalable.resource.rpartition("/")[2]
    for each in endpoint.get("ProductionVariants", ()):
        if each["VariantName"] == variant and "DesiredInstanceCount" in each:
            return Capacity(
                desired=each["DesiredInstanceCount"],
                current=each["CurrentInstanceCount"],
                settled=endpoint["EndpointStatus"] in SETTLED,
                failure=endpoint.get("FailureReason", ""),
            )
    return None


def resized(scalable: Scalable, desired: int) -> dict[str, Any]:
    """Return the parameters of UpdateEndpointWeightsAndCapacities that ask for a capacity."""
    found = VARIANT.fullmatch(scalable.resource)
    assert found is not None, "the resource was looked at when the target was registered"
    wanted = {"VariantName": found[2], "DesiredInstanceCount": desired}
    return {"EndpointName": found[1], "DesiredWeightsAndCapacities": [wanted]}
