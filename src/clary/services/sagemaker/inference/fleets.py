"""Fleets as the API sees them: from a configuration, with its models, and back into what Describe shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.endpoint import Endpoint, Fleet, Variant
from clary.resources.route import ROUTE, Route
from clary.services.operation import Call
from clary.services.sagemaker.inference.models import find_model
from clary.store.records import Record

KEPT_OF_VARIANT = (
    "VolumeSizeInGB",
    "ContainerStartupHealthCheckTimeoutInSeconds",
    "ModelDataDownloadTimeoutInSeconds",
)


def fleet_of(call: Call, config: Record) -> Fleet:
    """Return the fleet of a configuration, with a copy of its models: they may be deleted while it lives."""
    return Fleet(config.name, tuple(_variant(call, config, each) for each in config.spec["ProductionVariants"]))


def _variant(call: Call, config: Record, variant: Mapping[str, Any]) -> Variant:
    model = find_model(call, variant["ModelName"]).spec
    isolated = model.get("EnableNetworkIsolation", False) or config.spec.get("EnableNetworkIsolation", False)
    return Variant(
        name=variant["VariantName"],
        weight=variant["InitialVariantWeight"],
        count=variant["InitialInstanceCount"],
        instance_type=variant["InstanceType"],
        model={"container": model["PrimaryContainer"], "role": model["ExecutionRoleArn"], "isolated": isolated},
        config={name: variant[name] for name in KEPT_OF_VARIANT if name in variant},
    )


def variants_view(call: Call, endpoint: Endpoint, fleet: Fleet) -> list[dict[str, Any]]:
    """Return the variants of a fleet as DescribeEndpoint shows them: what is desired, and what serves."""
    found = call.store.records.find(ROUTE, endpoint.name)
    mine = found is not None and found.parent == endpoint.uid
    routed = Route.read(found).instances() if found is not None and mine else frozenset()
    slots = endpoint.slots(fleet).values()
    return [
        {
            "VariantName": variant.name,
            "DeployedImages": [
                {
                    "SpecifiedImage": variant.model["container"]["Image"],
                    "ResolvedImage": variant.model["container"]["Image"],
                    "ResolutionTime": endpoint.record.created,
                }
            ],
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.weight,
            "CurrentInstanceCount": sum(slot.variant == variant and slot.name in routed for slot in slots),
            "DesiredInstanceCount": variant.count,
        }
        for variant in fleet.variants
    ]


def check_deployment(config: Mapping[str, Any] | None) -> None:
    """Raise ValidationError for a DeploymentConfig whose parts do not fit together."""
    if not config:
        return
    if "BlueGreenUpdatePolicy" in config and "RollingUpdatePolicy" in config:
        raise ValidationError("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    traffic = config.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration")
    if traffic is None:
        return
    needed = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(traffic["Type"])
    for name in ("CanarySize", "LinearStepSize"):
        if name == needed and name not in traffic:
            raise ValidationError(f"{name} is required for traffic routing of type {traffic['Type']}.")
        if name != needed and name in traffic:
            raise ValidationError(f"{name} cannot be specified for traffic routing of type {traffic['Type']}.")
