"""Training jobs: what is asked for is written down here; a controller sees that it happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.core.errors import ResourceInUse, StaleRecord, ValidationError
from clary.resources.training_job import TRAINING_JOB, Secondary, Status, born, walked
from clary.services.operation import Call, Operations, Params, Result, operation
from clary.services.sagemaker.limits import check_training_job
from clary.services.sagemaker.nouns import list_page, refuse_unbuilt, require_role, spec_of, tag_attributes
from clary.store.records import Change, NameTaken, Record

UNBUILT = ("ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig", "SessionChainingConfig")
RUNTIME_S_DEFAULT = 24 * 3600
SWAPS_MAX = 10
OWN = ("Started", "Attempt")
"""What the controller keeps in a job's status for itself."""


class TrainingJobs(Operations):
    """CreateTrainingJob and its siblings."""

    @operation("CreateTrainingJob")
    def create(self, call: Call, request: Params) -> Result:
        """Ask for a job, or raise ResourceInUse or ValidationError."""
        spec = _completed(request)
        _check(spec)
        require_role(call, spec["RoleArn"])
        name = request["TrainingJobName"]
        arn = call.arn(f"training-job/{name}")
        try:
            with call.store.records.together() as records:
                check_training_job(self.platform.settings, records, spec)
                records.create(
                    TRAINING_JOB,
                    name,
                    spec,
                    status=born(arn, call.now),
                    state=Status.IN_PROGRESS,
                    attributes=tag_attributes(request.get("Tags", ())),
                )
        except NameTaken:
            raise ResourceInUse(
                "Training job names must be unique within an AWS account and region, "
                f"and a training job with this name already exists ({arn})"
            ) from None
        return {"TrainingJobArn": arn}

    @operation("DescribeTrainingJob")
    def describe(self, call: Call, request: Params) -> Result:
        """Return all that is known of a job."""
        return view(_find(call, request["TrainingJobName"]))

    @operation("ListTrainingJobs")
    def list_page(self, call: Call, request: Params) -> Result:
        """Return a page of summaries, newest first."""
        refuse_unbuilt(request, ("WarmPoolStatusEquals", "TrainingPlanArnEquals"))
        summaries, token = list_page(call, request, TRAINING_JOB, _summary)
        return {"TrainingJobSummaries": summaries, **token}

    @operation("StopTrainingJob")
    def stop(self, call: Call, request: Params) -> Result:
        """Ask a job to end; what it made by then is kept."""
        for _ in range(SWAPS_MAX):
            record = _find(call, request["TrainingJobName"])
            status = Status(record.state)
            if status is Status.STOPPING:
                return None
            if status.final:
                raise ValidationError(f"The request was rejected because the training job is in status {record.state}.")
            try:
                stopping = walked(record.status, [(Secondary.STOPPING, call.now)])
                call.store.records.update(record, Change(status=stopping, state=Status.STOPPING))
            except StaleRecord:
                continue
            return None
        raise StaleRecord(request["TrainingJobName"])

    @operation("DeleteTrainingJob")
    def delete(self, call: Call, request: Params) -> Result:
        """Forget a job that is over."""
        record = _find(call, request["TrainingJobName"])
        if not Status(record.state).final:
            raise ResourceInUse(f"The training job {record.name} is in status {record.state} and cannot be deleted.")
        call.store.records.update(record, Change(deleting=True))
        return None


def view(record: Record) -> dict[str, Any]:
    """Return a job as DescribeTrainingJob shows it; structures that are absent stay absent."""
    told = {name: value for name, value in record.status.items() if name not in OWN}
    return {
        **record.spec,
        **told,
        "TrainingJobStatus": record.state,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
    }


def _completed(request: Params) -> dict[str, Any]:
    """Return the request with AWS's defaults in place."""
    spec = spec_of(request)
    spec["OutputDataConfig"] = {"KmsKeyId": "", "CompressionType": "GZIP", **spec["OutputDataConfig"]}
    spec["StoppingCondition"] = {"MaxRuntimeInSeconds": RUNTIME_S_DEFAULT, **spec.get("StoppingCondition", {})}
    for name in (
        "EnableNetworkIsolation",
        "EnableInterContainerTrafficEncryption",
        "EnableManagedSpotTraining",
    ):
        spec.setdefault(name, False)
    return spec


def _check(spec: Mapping[str, Any]) -> None:
    """Raise ValidationError for what the model's rules cannot say, or what is not built."""
    refuse_unbuilt(spec, UNBUILT)
    algorithm = spec.get("AlgorithmSpecification", {})
    if ("TrainingImage" in algorithm) == ("AlgorithmName" in algorithm):
        raise ValidationError("You must specify either TrainingImage or AlgorithmName in AlgorithmSpecification.")
    refuse_unbuilt(algorithm, ("AlgorithmName",))
    resources = spec.get("ResourceConfig", {})
    refuse_unbuilt(resources, ("InstanceGroups", "KeepAlivePeriodInSeconds", "TrainingPlanArn"))
    if "InstanceType" not in resources or "InstanceCount" not in resources:
        raise ValidationError("ResourceConfig must have an InstanceType and an InstanceCount.")
    if resources["InstanceCount"] != 1:
        raise ValidationError("Training on more than one instance is not built in Clary yet.")
    names = [channel["ChannelName"] for channel in spec.get("InputDataConfig", ())]
    if len(set(names)) < len(names):
        raise ValidationError("Each channel in InputDataConfig must have a unique name.")
    for channel in spec.get("InputDataConfig", ()):
        _check_channel(channel, algorithm.get("TrainingInputMode", "File"))


def _check_channel(channel: Mapping[str, Any], mode: str) -> None:
    refuse_unbuilt(channel["DataSource"], ("FileSystemDataSource", "DatasetSource"))
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        raise ValidationError(f"The data source of channel {channel['ChannelName']} is missing.")
    if channel.get("InputMode", mode) == "Pipe" or source["S3DataType"] == "AugmentedManifestFile":
        raise ValidationError(f"Pipe mode of channel {channel['ChannelName']} is not built in Clary yet; use File.")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        raise ValidationError(f"S3DataType {source['S3DataType']} is not built in Clary yet.")


def _find(call: Call, name: str) -> Record:
    record = call.store.records.find(TRAINING_JOB, name)
    if record is None or record.deleting:
        raise ValidationError("Requested resource not found.")
    return record


def _summary(record: Record) -> dict[str, Any]:
    told = {
        "TrainingJobName": record.name,
        "TrainingJobArn": record.status["TrainingJobArn"],
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
        "TrainingJobStatus": record.state,
        "SecondaryStatus": record.status["SecondaryStatus"],
    }
    if "TrainingEndTime" in record.status:
        told["TrainingEndTime"] = record.status["TrainingEndTime"]
    return told
