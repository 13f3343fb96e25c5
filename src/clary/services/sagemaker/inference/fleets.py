"""Fleets as the API sees them: from a configuration, with its models, and back into what Describe shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.endpoint import Endpoint, Fleet, Variant
from clary.resources.route import ROUTE, Route, Strategy
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
    variants, shadows = (
        tuple(_variant(call, config, each) for each in config.spec.get(part, ()))
        for part in ("ProductionVariants", "ShadowProductionVariants")
    )
    return Fleet(config.name, variants, shadows)


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
        routing=variant.get("RoutingConfig", {}).get("RoutingStrategy", Strategy.RANDOM),
    )


def fleet_view(call: Call, endpoint: Endpoint, fleet: Fleet) -> dict[str, Any]:
    """Return a fleet as DescribeEndpoint shows it: what is desired of each variant, and what serves."""
    found = call.store.records.find(ROUTE, endpoint.name)
    mine = found is not None and found.parent == endpoint.uid
    routed = Route.read(found).instances() if found is not None and mine else frozenset()
    slots = endpoint.slots(fleet) if routed else {}
    serving = Counter(slot.variant.name for slot in slots.values() if slot.name in routed)

    def views(variants: Sequence[Variant]) -> list[dict[str, Any]]:
        return [_variant_view(endpoint, each, serving[each.name]) for each in variants]

    shadows = {"ShadowProductionVariants": views(fleet.shadows)} if fleet.shadows else {}
    return {"EndpointConfigName": fleet.config, "ProductionVariants": views(fleet.variants), **shadows}


def _variant_view(endpoint: Endpoint, variant: Variant, serving: int) -> dict[str, Any]:
    image = variant.model["container"]["Image"]
    return {
        "VariantName": variant.name,
        "DeployedImages": [
            {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": endpoint.record.created}
        ],
        "CurrentWeight": variant.weight,
        "DesiredWeight": variant.weight,
        "CurrentInstanceCount": serving,
        "DesiredInstanceCount": variant.count,
    }


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
