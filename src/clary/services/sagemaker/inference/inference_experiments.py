"""Inference experiments: a shadow variant beside a production variant, for some time; a controller carries them out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.core.errors import ResourceInUse, ResourceNotFound, ServiceError, ValidationError
from clary.resources.endpoint import ENDPOINT, ENDPOINT_CONFIG, Endpoint
from clary.resources.inference_experiment import INFERENCE_EXPERIMENT, ON_ENDPOINT, Experiment, Status
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.inference.experiment_requests import (
    check_variants,
    inherited,
    rescheduled,
    schedule,
    stop_of,
)
from clary.services.sagemaker.nouns import list_page, refuse_unbuilt, require_role, spec_of, tag_attributes
from clary.store.query import Query
from clary.store.records import Change, NameTaken, Record

UNBUILT = ("DataStorageConfig",)
UNDER_WAY = tuple(status for status in Status if not status.final)
MAY_UPDATE = (Status.CREATED, Status.RUNNING)
MAY_STOP = (Status.CREATED, Status.STARTING, Status.RUNNING)
MAY_DELETE = (Status.CREATED, Status.COMPLETED, Status.CANCELLED)
TOLD_OF_SPEC = ("Type", "Description", "RoleArn", "ShadowModeConfig", "KmsKey")
SUMMARISED = ("Name", "Type", "Schedule", "Status", "StatusReason", "Description", "RoleArn")
TIMES = ("CreationTime", "CompletionTime", "LastModifiedTime")


class InferenceExperiments(Operations):
    """CreateInferenceExperiment and its siblings."""

    @operation("CreateInferenceExperiment")
    def create(self, call: Call, request: Params) -> Result:
        """Ask for an experiment, or raise ValidationError or ResourceInUse."""
        refuse_unbuilt(request, UNBUILT)
        require_role(call, request["RoleArn"])
        check_variants(call, request)
        present = _present(call, request)
        name = request["Name"]
        start, end = schedule(request.get("Schedule", {}), call.now)
        kept = {name: value for name, value in spec_of(request).items() if name != "Schedule"}
        try:
            call.store.records.create(
                INFERENCE_EXPERIMENT,
                name,
                {**kept, "start": start, "end": end, "revision": 1, "inherited": present},
                state=Status.CREATING,
                attributes={ON_ENDPOINT: request["EndpointName"], **tag_attributes(request.get("Tags", ()))},
            )
        except NameTaken:
            raise ResourceInUse(f"An inference experiment named {name} already exists.") from None
        return _arn(call, name)

    @operation("DescribeInferenceExperiment")
    def describe(self, call: Call, request: Params) -> Result:
        """Return an experiment, and how its endpoint stands."""
        record = _find(call, request["Name"])
        found = call.store.records.find(ENDPOINT, record.spec["EndpointName"])
        return _view(call, record, None if found is None else Endpoint.read(found))

    @operation("ListInferenceExperiments")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of summaries, newest first; there is one type of experiment only."""
        summaries, token = list_page(call, request, INFERENCE_EXPERIMENT, lambda record: _summary(call, record))
        return {"InferenceExperiments": summaries, **token}

    @operation("UpdateInferenceExperiment")
    def update(self, call: Call, request: Params) -> Result:
        """Ask for another schedule, other instances or another share of the requests."""
        refuse_unbuilt(request, UNBUILT)
        record = _find_in(call, request["Name"], MAY_UPDATE)
        spec = {**record.spec, **_reworked(call, record, request)}
        if "Description" in request:
            spec["Description"] = request["Description"]
        if "Schedule" in request:
            spec["start"], spec["end"] = rescheduled(Experiment.read(record), request["Schedule"], call.now)
        call.store.records.update(record, Change(spec=spec, state=Status.UPDATING))
        return _arn(call, record.name)

    @operation("StartInferenceExperiment")
    def start(self, call: Call, request: Params) -> Result:
        """Start an experiment before its time."""
        record = _find_in(call, request["Name"], (Status.CREATED,))
        call.store.records.update(record, Change(spec={**record.spec, "start": call.now}, state=Status.STARTING))
        return _arn(call, record.name)

    @operation("StopInferenceExperiment")
    def stop(self, call: Call, request: Params) -> Result:
        """End an experiment before its time, and say what becomes of its variants."""
        record = _find_in(call, request["Name"], MAY_STOP)
        stop = stop_of(Experiment.read(record), request)
        spec = {**record.spec, "end": min(record.spec["end"], call.now), "stop": stop.to_json()}
        call.store.records.update(record, Change(spec=spec, state=Status.STOPPING))
        return _arn(call, record.name)

    @operation("DeleteInferenceExperiment")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget an experiment; its endpoint stays as it is."""
        call.store.records.remove(_find_in(call, request["Name"], MAY_DELETE))
        return _arn(call, request["Name"])


def _find(call: Call, name: str) -> Record:
    record = call.store.records.find(INFERENCE_EXPERIMENT, name)
    if record is None:
        raise ResourceNotFound(f"Could not find inference experiment {name}.")
    return record


def _find_in(call: Call, name: str, states: tuple[Status, ...]) -> Record:
    """Return an experiment that is in one of these states, or raise ConflictException."""
    record = _find(call, name)
    if record.state not in states:
        message = (
            f"{call.operation} is not possible while the inference experiment {name} is in status {record.state}; "
            f"it must be {' or '.join(states)}."
        )
        raise ServiceError(message, code="ConflictException", status=400)
    return record


def _present(call: Call, request: Params) -> dict[str, Any]:
    """Return what the endpoint's configuration says beside what the request does, {} for an endpoint to be made.

    Raises ResourceInUse or ValidationError unless the endpoint is free for the experiment, and has the source variant
    and no other.
    """
    name, source = request["EndpointName"], request["ShadowModeConfig"]["SourceModelVariantName"]
    others = Query(limit=1, states=UNDER_WAY, attributes={ON_ENDPOINT: name})
    for other in call.store.records.page(INFERENCE_EXPERIMENT, others).items:
        raise ResourceInUse(f"The endpoint {name} takes part in the inference experiment {other.name} already.")
    found = call.store.records.find(ENDPOINT, name)
    if found is None:
        return {}
    fleet = Endpoint.read(found).wanted
    variants = [each.name for each in fleet.every()]
    if found.deleting or variants != [source]:
        raise ValidationError(
            f"The endpoint {name} must have the production variant {source} and no other variant; "
            f"it has {', '.join(variants)}."
        )
    config = call.store.records.find(ENDPOINT_CONFIG, fleet.config)
    if config is None or [each["VariantName"] for each in config.spec["ProductionVariants"]] != variants:
        return {}  # it was deleted since; the name may be another's by now
    return inherited(config.spec, request)


def _reworked(call: Call, record: Record, request: Params) -> dict[str, Any]:
    """Return what an update changes of the endpoint's configuration, under another revision."""
    present: list[Mapping[str, Any]] = record.spec["ModelVariants"]
    variants = {each["VariantName"]: each for each in (*present, *request.get("ModelVariants", []))}
    roles = request.get("ShadowModeConfig", record.spec["ShadowModeConfig"])
    changed = {"ModelVariants": list(variants.values()), "ShadowModeConfig": roles}
    check_variants(call, changed, before=record.spec)
    if all(record.spec[name] == value for name, value in changed.items()):
        return {}
    return {**changed, "revision": record.spec["revision"] + 1}


def _arn(call: Call, name: str) -> dict[str, str]:
    return {"InferenceExperimentArn": call.arn(f"inference-experiment/{name}")}


def _view(call: Call, record: Record, endpoint: Endpoint | None) -> dict[str, Any]:
    experiment = Experiment.read(record)
    serving = [] if endpoint is None else [each.name for each in (endpoint.live or endpoint.wanted).every()]
    variants = [
        {**each, "Status": experiment.variant_status(each["VariantName"], serving)} for each in experiment.variants
    ]
    return {
        **{name: record.spec[name] for name in TOLD_OF_SPEC if name in record.spec},
        "Arn": call.arn(f"inference-experiment/{record.name}"),
        "Name": record.name,
        "Schedule": {"StartTime": experiment.start, "EndTime": experiment.end},
        "Status": record.state,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        **{name: record.status[name] for name in ("StatusReason", "CompletionTime") if name in record.status},
        "EndpointMetadata": _metadata(experiment, endpoint),
        "ModelVariants": variants,
    }


def _metadata(experiment: Experiment, endpoint: Endpoint | None) -> dict[str, Any]:
    if endpoint is None:
        return {"EndpointName": experiment.endpoint}
    failure = endpoint.detail.get("FailureReason")
    return {
        "EndpointName": endpoint.name,
        "EndpointConfigName": (endpoint.live or endpoint.wanted).config,
        "EndpointStatus": endpoint.status,
        **({"FailureReason": failure} if failure else {}),
    }


def _summary(call: Call, record: Record) -> dict[str, Any]:
    told = _view(call, record, None)
    return {name: told[name] for name in (*SUMMARISED, *TIMES) if name in told}
