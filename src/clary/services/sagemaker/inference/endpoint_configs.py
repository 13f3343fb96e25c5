"""Endpoint configurations: what an endpoint is to run, written down once.

Nothing here starts a process. An endpoint copies its configuration when it is
created, so deleting a configuration never disturbs a running one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.endpoint import ENDPOINT_CONFIG
from clary.resources.route import Strategy
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.inference.models import find_model
from clary.services.sagemaker.nouns import list_page, refuse_unbuilt, spec_of, tag_attributes
from clary.store.records import NameTaken, Record

UNBUILT = ("AsyncInferenceConfig", "ExplainerConfig", "MetricsConfig")
UNBUILT_OF_VARIANT = ("ServerlessConfig", "ManagedInstanceScaling", "CapacityReservationConfig")
WEIGHT_DEFAULT = 1.0
ONE_SHADOW = (
    "If you use ShadowProductionVariants, you can only specify one variant for ProductionVariants "
    "and one variant for ShadowProductionVariants."
)
PARTS = ("ProductionVariants", "ShadowProductionVariants")


class EndpointConfigs(Operations):
    """CreateEndpointConfig and its siblings."""

    @operation("CreateEndpointConfig")
    def create(self, call: Call, request: Params) -> Result:
        """Write a configuration down, or raise ValidationError."""
        _check(call, request)
        name = request["EndpointConfigName"]
        arn = call.arn(f"endpoint-config/{name}")
        variants = {
            part: [{"InitialVariantWeight": WEIGHT_DEFAULT, **each} for each in request[part]]
            for part in PARTS
            if part in request
        }
        try:
            call.store.records.create(
                ENDPOINT_CONFIG,
                name,
                {**spec_of(request), **variants},
                attributes=tag_attributes(request.get("Tags", ())),
            )
        except NameTaken:
            raise ValidationError(f'Cannot create already existing endpoint configuration "{arn}".') from None
        return {"EndpointConfigArn": arn}

    @operation("DescribeEndpointConfig")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a configuration as it was written down."""
        record = find_config(call, request["EndpointConfigName"])
        return {
            "EnableNetworkIsolation": False,
            **record.spec,
            "EndpointConfigArn": call.arn(f"endpoint-config/{record.name}"),
            "CreationTime": record.created,
        }

    @operation("ListEndpointConfigs")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of summaries, newest first."""
        summaries, token = list_page(call, request, ENDPOINT_CONFIG, lambda record: _summary(call, record))
        return {"EndpointConfigs": summaries, **token}

    @operation("DeleteEndpointConfig")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a configuration."""
        call.store.records.remove(find_config(call, request["EndpointConfigName"]))
        return None


def find_config(call: Call, name: str) -> Record:
    """Return a configuration's record, or raise ValidationError in AWS's words."""
    record = call.store.records.find(ENDPOINT_CONFIG, name)
    if record is None:
        raise ValidationError(f'Could not find endpoint configuration "{call.arn(f"endpoint-config/{name}")}".')
    return record


def _check(call: Call, request: Params) -> None:
    refuse_unbuilt(request, UNBUILT)
    if request.get("DataCaptureConfig", {}).get("EnableCapture"):
        raise ValidationError("DataCaptureConfig is not built in Clary yet.")
    shadows = request.get("ShadowProductionVariants", ())
    if shadows and (len(shadows) > 1 or len(request["ProductionVariants"]) > 1):
        raise ValidationError(ONE_SHADOW)
    variants = [*request["ProductionVariants"], *shadows]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise ValidationError("Production variant names must be unique within an endpoint configuration.")
    for variant in variants:
        _check_variant(call, variant)


def _check_variant(call: Call, variant: Mapping[str, Any]) -> None:
    refuse_unbuilt(variant, UNBUILT_OF_VARIANT)
    for name in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if name not in variant:
            raise ValidationError(f"The production variant {variant['VariantName']} must have {name}.")
    strategy = variant.get("RoutingConfig", {}).get("RoutingStrategy", Strategy.RANDOM)
    if strategy not in list(Strategy):
        raise ValidationError(f"RoutingStrategy {strategy} is not built in Clary yet.")
    find_model(call, variant["ModelName"])


def _summary(call: Call, record: Record) -> dict[str, Any]:
    return {
        "EndpointConfigName": record.name,
        "EndpointConfigArn": call.arn(f"endpoint-config/{record.name}"),
        "CreationTime": record.created,
    }
