"""The training job as a noun: its statuses in AWS's order, and what each transition says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from clary.resources.instance import Instance, Phase
from clary.store.records import Kind, Record

TRAINING_JOB = Kind("sagemaker", "training-job")
STOP_GRACE_S = 120
"""Between SIGTERM and SIGKILL: SageMaker API reference, StopTrainingJob."""


class Status(StrEnum):
    """TrainingJobStatus."""

    IN_PROGRESS = "InProgress"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPING = "Stopping"
    STOPPED = "Stopped"

    @property
    def final(self) -> bool:
        """Say whether the job is over."""
        return self in (Status.COMPLETED, Status.FAILED, Status.STOPPED)


class Secondary(StrEnum):
    """SecondaryStatus."""

    STARTING = "Starting"
    PENDING = "Pending"
    DOWNLOADING = "Downloading"
    TRAINING = "Training"
    STOPPING = "Stopping"
    UPLOADING = "Uploading"
    RESTARTING = "Restarting"
    MAX_RUNTIME_EXCEEDED = "MaxRuntimeExceeded"
    COMPLETED = "Completed"
    FAILED = "Failed"
    STOPPED = "Stopped"


MESSAGES: Mapping[Secondary, str] = {
    Secondary.STARTING: "Preparing the instances for training",
    Secondary.PENDING: "Waiting for capacity",
    Secondary.DOWNLOADING: "Downloading the training image",
    Secondary.TRAINING: "Training image download completed. Training in progress.",
    Secondary.STOPPING: "Stopping the training job",
    Secondary.UPLOADING: "Uploading generated training model",
    Secondary.RESTARTING: "Restarting the training job after an internal error",
    Secondary.MAX_RUNTIME_EXCEEDED: "Training job runtime exceeded MaxRuntimeInSeconds provided",
    Secondary.COMPLETED: "Training job completed",
    Secondary.FAILED: "Training job failed",
    Secondary.STOPPED: "Training job stopped",
}
_OF_PHASE: Mapping[Phase, Secondary] = {
    Phase.PENDING: Secondary.PENDING,
    Phase.DOWNLOADING: Secondary.DOWNLOADING,
    Phase.STARTING: Secondary.DOWNLOADING,
    Phase.RUNNING: Secondary.TRAINING,
    Phase.UPLOADING: Secondary.UPLOADING,
}
FINAL: Mapping[Status, Secondary] = {
    Status.COMPLETED: Secondary.COMPLETED,
    Status.FAILED: Secondary.FAILED,
    Status.STOPPED: Secondary.STOPPED,
}


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """One training job, as its record stood when it was read."""

    name: str
    uid: str
    arn: str
    account: str
    region: str
    created: float
    status: Status
    deleting: bool
    spec: Mapping[str, Any]
    detail: Mapping[str, Any]
    record: Record = field(repr=False)

    @classmethod
    def read(cls, record: Record) -> TrainingJob:
        """Return the job that a record holds."""
        return cls(
            name=record.name,
            uid=record.uid,
            arn=record.status["TrainingJobArn"],
            account=record.account,
            region=record.region,
            created=record.created,
            status=Status(record.state),
            deleting=record.deleting,
            spec=record.spec,
            detail=record.status,
            record=record,
        )

    @property
    def attempt(self) -> int:
        """Return how often the job was started anew."""
        return int(self.detail.get("Attempt", 0))

    @property
    def secondary(self) -> Secondary:
        """Return the job's secondary status."""
        return Secondary(self.detail["SecondaryStatus"])


def born(arn: str, at: float) -> dict[str, Any]:
    """Return the status of a job that was just asked for."""
    first = {"Status": Secondary.STARTING, "StartTime": at, "StatusMessage": MESSAGES[Secondary.STARTING]}
    return {"TrainingJobArn": arn, "SecondaryStatus": Secondary.STARTING, "SecondaryStatusTransitions": [first]}


def walked(detail: Mapping[str, Any], reached: Sequence[tuple[Secondary, float]]) -> dict[str, Any]:
    """Return the status after further secondary statuses, each ending the one before it.

    What the walk has seen since its last (re)start, or has gone past, is passed over.
    """
    transitions = [dict(each) for each in detail["SecondaryStatusTransitions"]]
    for secondary, at in reached:
        if at < transitions[-1]["StartTime"] or secondary in _since_restart(transitions):
            continue
        transitions[-1]["EndTime"] = at
        transitions.append({"Status": secondary, "StartTime": at, "StatusMessage": MESSAGES[secondary]})
    return {**detail, "SecondaryStatus": transitions[-1]["Status"], "SecondaryStatusTransitions": transitions}


def restarted(detail: Mapping[str, Any], at: float) -> dict[str, Any]:
    """Return the status of a job whose instance was lost and is replaced: it walks from the beginning again."""
    transitions = [dict(each) for each in detail["SecondaryStatusTransitions"]]
    transitions[-1]["EndTime"] = at
    again = {"Status": Secondary.RESTARTING, "StartTime": at, "StatusMessage": MESSAGES[Secondary.RESTARTING]}
    return {
        **detail,
        "SecondaryStatus": Secondary.RESTARTING,
        "SecondaryStatusTransitions": [*transitions, again],
    }


def _since_restart(transitions: Sequence[Mapping[str, Any]]) -> set[str]:
    seen: set[str] = set()
    for each in transitions:
        seen = {each["Status"]} if each["Status"] == Secondary.RESTARTING else seen | {each["Status"]}
    return seen


def ended(detail: Mapping[str, Any], status: Status, at: float) -> dict[str, Any]:
    """Return the status of a job that is over: its last transition has an end too."""
    last = walked(detail, [(FINAL[status], at)])
    last["SecondaryStatusTransitions"][-1]["EndTime"] = at
    return last


def reached(instance: Instance) -> list[tuple[Secondary, float]]:
    """Return the secondary statuses that an instance has brought its job to, oldest first."""
    times = sorted(instance.status.reached.items(), key=lambda item: item[1])
    return [(_OF_PHASE[Phase(phase)], at) for phase, at in times if Phase(phase) in _OF_PHASE]
