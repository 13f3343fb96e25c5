"""Endpoints: what should serve is written down here; a controller sees that it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from clary.core.errors import ValidationError
from clary.resources.endpoint import ENDPOINT, Endpoint, Status, Variant
from clary.resources.route import ROUTE, Route
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.inference.endpoint_configs import find_config
from clary.services.sagemaker.inference.models import find_model
from clary.services.sagemaker.nouns import list_page, refuse_unbuilt, tag_attributes
from clary.store.records import Change, NameTaken, Record

IN_PROGRESS = (Status.CREATING, Status.DELETING)


class Endpoints(Operations):
    """CreateEndpoint and its siblings."""

    @operation("CreateEndpoint")
    def create(self, call: Call, request: Params) -> Result:
        """Ask for an endpoint, or raise ValidationError."""
        refuse_unbuilt(request, ("DeploymentConfig",))
        name = request["EndpointName"]
        arn = call.arn(f"endpoint/{name}")
        config = find_config(call, request["EndpointConfigName"])
        variants = [asdict(_variant(call, config, each)) for each in config.spec["ProductionVariants"]]
        try:
            call.store.records.create(
                ENDPOINT,
                name,
                {"EndpointConfigName": config.name, "variants": variants},
                state=Status.CREATING,
                attributes=tag_attributes(request.get("Tags", ())),
            )
        except NameTaken:
            raise ValidationError(f'Cannot create already existing endpoint "{arn}".') from None
        return {"EndpointArn": arn}

    @operation("DescribeEndpoint")
    def describe(self, call: Call, request: Params) -> Result:
        """Return an endpoint and what of it is in service."""
        record = _find(call, request["EndpointName"])
        told: dict[str, Any] = {
            "EndpointName": record.name,
            "EndpointArn": call.arn(f"endpoint/{record.name}"),
            "EndpointConfigName": record.spec["EndpointConfigName"],
            "ProductionVariants": _variants(call, record),
            "EndpointStatus": record.state,
            "CreationTime": record.created,
            "LastModifiedTime": record.modified,
        }
        if record.status.get("FailureReason"):
            told["FailureReason"] = record.status["FailureReason"]
        return told

    @operation("ListEndpoints")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of summaries, newest first."""
        summaries, token = list_page(call, request, ENDPOINT, lambda record: _summary(call, record))
        return {"Endpoints": summaries, **token}

    @operation("DeleteEndpoint")
    def delete(self, call: Call, request: Params) -> Result:
        """Ask for an endpoint to be taken down: it drains first."""
        record = _find(call, request["EndpointName"])
        if Status(record.state) in IN_PROGRESS:
            raise ValidationError(f'Cannot update in-progress endpoint "{call.arn(f"endpoint/{record.name}")}".')
        call.store.records.update(record, Change(deleting=True, state=Status.DELETING))
        return None


def _find(call: Call, name: str) -> Record:
    record = call.store.records.find(ENDPOINT, name)
    if record is None:
        raise ValidationError(f'Could not find endpoint "{call.arn(f"endpoint/{name}")}".')
    return record


def _variant(call: Call, config: Record, variant: Mapping[str, Any]) -> Variant:
    """Return a variant with a copy of its model, which may be deleted while the endpoint lives."""
    model = find_model(call, variant["ModelName"]).spec
    isolated = model.get("EnableNetworkIsolation", False) or config.spec.get("EnableNetworkIsolation", False)
    return Variant(
        name=variant["VariantName"],
        weight=variant["InitialVariantWeight"],
        count=variant["InitialInstanceCount"],
        instance_type=variant["InstanceType"],
        model={"container": model["PrimaryContainer"], "role": model["ExecutionRoleArn"], "isolated": isolated},
        config={
            name: variant[name]
            for name in (
                "VolumeSizeInGB",
                "ContainerStartupHealthCheckTimeoutInSeconds",
                "ModelDataDownloadTimeoutInSeconds",
            )
            if name in variant
        },
    )


def _variants(call: Call, record: Record) -> list[dict[str, Any]]:
    found = call.store.records.find(ROUTE, record.name)
    route = Route.read(found) if found is not None and found.parent == record.uid else None
    serving = {} if route is None else {each.name: len(each.instances) for each in route.variants}
    return [
        {
            "VariantName": variant.name,
            "DeployedImages": [
                {
                    "SpecifiedImage": variant.model["container"]["Image"],
                    "ResolvedImage": variant.model["container"]["Image"],
                    "ResolutionTime": record.created,
                }
            ],
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.weight,
            "CurrentInstanceCount": serving.get(variant.name, 0),
            "DesiredInstanceCount": variant.count,
        }
        for variant in Endpoint.read(record).variants
    ]


def _summary(call: Call, record: Record) -> dict[str, Any]:
    return {
        "EndpointName": record.name,
        "EndpointArn": call.arn(f"endpoint/{record.name}"),
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        "EndpointStatus": record.state,
    }
