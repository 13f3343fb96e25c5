"""Models: an image, its data and the role that serves them; nothing runs until an endpoint asks."""

from __future__ import annotations

from typing import Any

from clary.core.errors import ValidationError
from clary.resources.endpoint import CREATED, MODEL
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.nouns import list_page, refuse_unbuilt, require_role, spec_of, tag_attributes
from clary.store.records import NameTaken, Record

UNBUILT_OF_CONTAINER = (
    "ModelPackageName",
    "InferenceSpecificationName",
    "MultiModelConfig",
    "AdditionalModelDataSources",
)


class Models(Operations):
    """CreateModel and its siblings."""

    @operation("CreateModel")
    def create(self, call: Call, request: Params) -> Result:
        """Write a model down, or raise ValidationError."""
        _check(request)
        require_role(call, request["ExecutionRoleArn"])
        name = request["ModelName"]
        arn = call.arn(f"model/{name}")
        try:
            tags = tag_attributes(request.get("Tags", ()))
            call.store.records.create(MODEL, name, spec_of(request), state=CREATED, attributes=tags)
        except NameTaken:
            raise ValidationError(f'Cannot create already existing model "{arn}".') from None
        return {"ModelArn": arn}

    @operation("DescribeModel")
    def describe(self, call: Call, request: Params) -> Result:
        """Return a model as it was written down."""
        record = find_model(call, request["ModelName"])
        return view(call, record)

    @operation("ListModels")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of summaries, newest first."""
        summaries, token = list_page(call, request, MODEL, lambda record: _summary(call, record))
        return {"Models": summaries, **token}

    @operation("DeleteModel")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a model; endpoints that serve it go on, since they hold a copy."""
        call.store.records.remove(find_model(call, request["ModelName"]))
        return None


def find_model(call: Call, name: str) -> Record:
    """Return a model's record, or raise ValidationError in AWS's words."""
    record = call.store.records.find(MODEL, name)
    if record is None:
        raise ValidationError(f'Could not find model "{call.arn(f"model/{name}")}".')
    return record


def view(call: Call, record: Record) -> dict[str, Any]:
    """Return a model as DescribeModel shows it."""
    container = record.spec["PrimaryContainer"]
    return {
        "EnableNetworkIsolation": False,
        **record.spec,
        "PrimaryContainer": {"Mode": "SingleModel", **container},
        "ModelArn": call.arn(f"model/{record.name}"),
        "CreationTime": record.created,
    }


def _check(request: Params) -> None:
    if "Containers" in request:
        raise ValidationError("Inference pipelines of several Containers are not built in Clary yet.")
    if "PrimaryContainer" not in request:
        raise ValidationError("You must provide a PrimaryContainer or Containers.")
    if "ExecutionRoleArn" not in request:
        raise ValidationError("ExecutionRoleArn is required.")
    container = request["PrimaryContainer"]
    refuse_unbuilt(container, UNBUILT_OF_CONTAINER)
    if "Image" not in container:
        raise ValidationError("You must provide an Image in the container definition.")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise ValidationError("Multi-model containers are not built in Clary yet.")
    if "ModelDataUrl" in container and "ModelDataSource" in container:
        raise ValidationError("You can only specify one of ModelDataUrl and ModelDataSource.")


def _summary(call: Call, record: Record) -> dict[str, Any]:
    return {
        "ModelName": record.name,
        "ModelArn": call.arn(f"model/{record.name}"),
        "CreationTime": record.created,
    }
