"""Changes of endpoints: another configuration, other weights or counts; what serves goes on until they are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.endpoint import Endpoint, Fleet, Status, Variant
from clary.resources.rollout import Rollout
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.inference.endpoint_configs import find_config
from clary.services.sagemaker.inference.endpoints import find_endpoint, refuse_in_progress
from clary.services.sagemaker.inference.fleets import check_deployment, fleet_of
from clary.services.sagemaker.limits import check_endpoint
from clary.store.records import Change, Record


class Updates(Operations):
    """UpdateEndpoint and UpdateEndpointWeightsAndCapacities."""

    @operation("UpdateEndpoint")
    def update(self, call: Call, request: Params) -> Result:
        """Ask for another configuration, or raise ValidationError."""
        check_deployment(request.get("DeploymentConfig"))
        record = find_endpoint(call, request["EndpointName"])
        refuse_in_progress(call, record)
        fleet = fleet_of(call, find_config(call, request["EndpointConfigName"]))
        if request.get("RetainAllVariantProperties", False):
            excluded = [each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", ())]
            fleet = _retained(Endpoint.read(record).wanted, fleet, excluded)
        self._change(call, record, fleet, _deployment(record, request))
        return {"EndpointArn": call.arn(f"endpoint/{record.name}")}

    @operation("UpdateEndpointWeightsAndCapacities")
    def resize(self, call: Call, request: Params) -> Result:
        """Ask for other weights or instance counts of the variants that are named."""
        record = find_endpoint(call, request["EndpointName"])
        refuse_in_progress(call, record)
        fleet = Endpoint.read(record).wanted
        wanted = {each["VariantName"]: each for each in request["DesiredWeightsAndCapacities"]}
        unknown = sorted(set(wanted) - {variant.name for variant in fleet.every()})
        if unknown:
            raise ValidationError(f"The endpoint has no production variant named {', '.join(unknown)}.")
        self._change(call, record, fleet.altered(lambda each: _resized(each, wanted.get(each.name, {}))), {})
        return {"EndpointArn": call.arn(f"endpoint/{record.name}")}

    def _change(self, call: Call, record: Record, fleet: Fleet, deployment: Mapping[str, Any]) -> None:
        """Want another fleet from now on; the present one is kept as what serves, and as the way back."""
        live = Endpoint.read(record).wanted
        status = {name: value for name, value in record.status.items() if name != "FailureReason"}
        change = Change(
            spec={**fleet.to_json(), **deployment},
            status={**status, "live": live.to_json(), "rollout": Rollout(began=call.now).to_json()},
            state=Status.UPDATING,
        )
        with call.store.records.together() as records:
            check_endpoint(self.platform.settings, records, record.name, fleet)
            records.update(record, change)


def _deployment(record: Record, request: Params) -> dict[str, Any]:
    if request.get("RetainDeploymentConfig", False):
        if "DeploymentConfig" in request:
            raise ValidationError("DeploymentConfig cannot be specified when RetainDeploymentConfig is true.")
        last = record.spec.get("DeploymentConfig")
        return {} if last is None else {"DeploymentConfig": last}
    return {"DeploymentConfig": request["DeploymentConfig"]} if "DeploymentConfig" in request else {}


def _retained(live: Fleet, fleet: Fleet, excluded: Sequence[str]) -> Fleet:
    """Return the fleet with the weights and counts that the live one's variants of the same name have."""
    present = {variant.name: variant for variant in live.every()}
    return fleet.altered(lambda each: _keep(present.get(each.name), each, excluded))


def _keep(live: Variant | None, variant: Variant, excluded: Sequence[str]) -> Variant:
    if live is None:
        return variant
    weight = variant.weight if "DesiredWeight" in excluded else live.weight
    count = variant.count if "DesiredInstanceCount" in excluded else live.count
    return replace(variant, weight=weight, count=count)


def _resized(variant: Variant, wanted: Mapping[str, Any]) -> Variant:
    if "ServerlessUpdateConfig" in wanted:
        raise ValidationError("ServerlessUpdateConfig is not built in Clary yet.")
    weight = wanted.get("DesiredWeight", variant.weight)
    return replace(variant, weight=weight, count=wanted.get("DesiredInstanceCount", variant.count))
