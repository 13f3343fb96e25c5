"""Endpoints: what should serve is written down here; a controller sees that it does."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ValidationError
from clary.resources.endpoint import ENDPOINT, Endpoint, Status
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.inference.endpoint_configs import find_config
from clary.services.sagemaker.inference.fleets import check_deployment, fleet_of, fleet_view
from clary.services.sagemaker.limits import check_endpoint
from clary.services.sagemaker.nouns import list_page, tag_attributes
from clary.store.records import Change, NameTaken, Record

IN_PROGRESS = (Status.CREATING, Status.UPDATING, Status.ROLLING_BACK, Status.DELETING)


class Endpoints(Operations):
    """CreateEndpoint and its siblings."""

    @operation("CreateEndpoint")
    def create(self, call: Call, request: Params) -> Result:
        """Ask for an endpoint, or raise ValidationError."""
        check_deployment(request.get("DeploymentConfig"))
        name = request["EndpointName"]
        arn = call.arn(f"endpoint/{name}")
        config = find_config(call, request["EndpointConfigName"])
        deployment = {"DeploymentConfig": request["DeploymentConfig"]} if "DeploymentConfig" in request else {}
        fleet = fleet_of(call, config)
        try:
            with call.store.records.together() as records:
                check_endpoint(self.platform.settings, records, name, fleet)
                records.create(
                    ENDPOINT,
                    name,
                    {**fleet.to_json(), **deployment},
                    state=Status.CREATING,
                    attributes=tag_attributes(request.get("Tags", ())),
                )
        except NameTaken:
            raise ValidationError(f'Cannot create already existing endpoint "{arn}".') from None
        return {"EndpointArn": arn}

    @operation("DescribeEndpoint")
    def describe(self, call: Call, request: Params) -> Result:
        """Return an endpoint and what of it is in service."""
        record = find_endpoint(call, request["EndpointName"])
        endpoint = Endpoint.read(record)
        serving = endpoint.live or endpoint.wanted
        told: dict[str, Any] = {
            "EndpointName": record.name,
            "EndpointArn": call.arn(f"endpoint/{record.name}"),
            **fleet_view(call, endpoint, serving),
            "EndpointStatus": record.state,
            "CreationTime": record.created,
            "LastModifiedTime": record.modified,
        }
        if record.status.get("FailureReason"):
            told["FailureReason"] = record.status["FailureReason"]
        if "DeploymentConfig" in record.spec:
            told["LastDeploymentConfig"] = record.spec["DeploymentConfig"]
        if endpoint.status is Status.UPDATING and endpoint.rollout is not None:
            told["PendingDeploymentSummary"] = {
                **fleet_view(call, endpoint, endpoint.wanted),
                "StartTime": endpoint.rollout.began,
            }
        return told

    @operation("ListEndpoints")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of summaries, newest first."""
        summaries, token = list_page(call, request, ENDPOINT, lambda record: _summary(call, record))
        return {"Endpoints": summaries, **token}

    @operation("DeleteEndpoint")
    def delete(self, call: Call, request: Params) -> Result:
        """Ask for an endpoint to be taken down: it drains first."""
        record = find_endpoint(call, request["EndpointName"])
        refuse_in_progress(call, record)
        call.store.records.update(record, Change(deleting=True, state=Status.DELETING))
        return None


def find_endpoint(call: Call, name: str) -> Record:
    """Return an endpoint's record, or raise ValidationError in AWS's words."""
    record = call.store.records.find(ENDPOINT, name)
    if record is None:
        raise ValidationError(f'Could not find endpoint "{call.arn(f"endpoint/{name}")}".')
    return record


def refuse_in_progress(call: Call, record: Record) -> None:
    """Raise ValidationError while something is being done to an endpoint already."""
    if Status(record.state) in IN_PROGRESS:
        raise ValidationError(f'Cannot update in-progress endpoint "{call.arn(f"endpoint/{record.name}")}".')


def _summary(call: Call, record: Record) -> dict[str, Any]:
    return {
        "EndpointName": record.name,
        "EndpointArn": call.arn(f"endpoint/{record.name}"),
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        "EndpointStatus": record.state,
    }
