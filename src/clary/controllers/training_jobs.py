"""Walks training jobs from `Starting` to their end.

`plan` looks and decides; `TrainingJobs` acts. A job's instance is started once:
if it is lost, the job fails, unless its RetryStrategy asks for another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from clary.core.clock import Clock
from clary.resources.instance import INSTANCE, Desired, Instance, InstanceSpec, Phase, name_of
from clary.resources.training_host import host_of
from clary.resources.training_job import (
    MESSAGES,
    TRAINING_JOB,
    Secondary,
    Status,
    TrainingJob,
    ended,
    reached,
    restarted,
    walked,
)
from clary.store.records import Change, Record, Records

FAILURE_REASON_MAX = 1024
INTERNAL_ERROR = "InternalServerError: We encountered an internal error. Please try again."
OUT_OF_MEMORY = (
    "ClientError: Please use an instance type with more memory, "
    "or reduce the size of training data processed on an instance., exit code: 137"
)
TOLD_KINDS = ("ClientError:", "AlgorithmError:", "InternalServerError:")


@dataclass(frozen=True, slots=True)
class Start:
    """Ask for the job's instance, once."""

    name: str
    spec: InstanceSpec


@dataclass(frozen=True, slots=True)
class Again:
    """Let a lost instance go and ask for the next, as the job's RetryStrategy allows."""

    lost: Instance
    name: str
    spec: InstanceSpec
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the instance to end in good order."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class Drop:
    """Let the instance go, whatever it is doing."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class Tell:
    """Write what became of the job."""

    status: Status
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Forget:
    """Remove the record."""


Step = Start | Again | Stop | Drop | Tell | Forget


def plan(job: TrainingJob, instances: Sequence[Instance], now: float) -> list[Step]:
    """Return every step that brings the job closer to its end and may be taken now."""
    if job.deleting:
        return [Drop(each) for each in instances if not each.deleting] if instances else [Forget()]
    if job.status.final:
        return [Drop(each) for each in instances if not each.deleting]
    if not instances:
        return [_first_step(job, now)]
    instance = next((each for each in instances if each.name == _name(job, job.attempt)), instances[-1])
    if instance.ended:
        return [_again(job, instance, now)] if _may_run_again(job, instance) else [Tell(*outcome(job, instance, now))]
    steps: list[Step] = []
    if job.status is Status.STOPPING and instance.spec.desired is Desired.RUN:
        steps.append(Stop(instance))
    told = _progress(job, instance)
    if told != job.detail:
        steps.append(Tell(job.status, told))
    return steps


def outcome(job: TrainingJob, instance: Instance, now: float) -> tuple[Status, dict[str, Any]]:
    """Return how a job whose instance has ended ends itself."""
    status, reason = _verdict(job, instance)
    detail = {**walked(job.detail, reached(instance)), **_results(job, instance, now)}
    if reason:
        detail["FailureReason"] = reason[:FAILURE_REASON_MAX]
    detail = ended(detail, status, now)
    if instance.status.timed_out:
        last = detail["SecondaryStatusTransitions"][-1]
        last |= {
            "Status": Secondary.MAX_RUNTIME_EXCEEDED,
            "StatusMessage": MESSAGES[Secondary.MAX_RUNTIME_EXCEEDED],
        }
        detail["SecondaryStatus"] = Secondary.MAX_RUNTIME_EXCEEDED
    return status, detail


def _first_step(job: TrainingJob, now: float) -> Step:
    if job.status is Status.STOPPING:
        return Tell(Status.STOPPED, ended(job.detail, Status.STOPPED, now))
    if job.detail.get("Started"):
        # It was asked for once and is gone: what it did is unknown, so it is not done again.
        detail = {**job.detail, "FailureReason": INTERNAL_ERROR}
        return Tell(Status.FAILED, ended(detail, Status.FAILED, now))
    return Start(_name(job, 0), host_of(job))


def _name(job: TrainingJob, attempt: int) -> str:
    return name_of(job.uid, "job", 0, attempt)


def _may_run_again(job: TrainingJob, instance: Instance) -> bool:
    """Say whether a lost instance is to be replaced: only who asked for it with a RetryStrategy gets that."""
    retries = job.spec.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0)
    return instance.status.lost and job.status is Status.IN_PROGRESS and job.attempt < retries


def _again(job: TrainingJob, lost: Instance, now: float) -> Again:
    detail = {**restarted(job.detail, now), "Attempt": job.attempt + 1}
    return Again(lost, _name(job, job.attempt + 1), host_of(job), detail)


def _progress(job: TrainingJob, instance: Instance) -> dict[str, Any]:
    detail = dict(job.detail)
    if job.status is not Status.STOPPING:
        detail = walked(detail, reached(instance))
    begun = instance.status.reached.get(Phase.DOWNLOADING)
    if begun is not None:
        detail.setdefault("TrainingStartTime", begun)
    return detail


def _verdict(job: TrainingJob, instance: Instance) -> tuple[Status, str]:
    status = instance.status
    if status.lost:
        return Status.FAILED, INTERNAL_ERROR
    if job.status is Status.STOPPING or status.timed_out:
        return Status.STOPPED, ""
    if status.error:
        return Status.FAILED, f"{'ClientError' if status.client_error else 'InternalServerError'}: {status.error}"
    if status.out_of_memory:
        return Status.FAILED, OUT_OF_MEMORY
    if status.exit_code == 0:
        return Status.COMPLETED, ""
    return Status.FAILED, _algorithm_error(status.failure, status.exit_code)


def _algorithm_error(failure: str, exit_code: int | None) -> str:
    kind = "" if failure.startswith(TOLD_KINDS) else "AlgorithmError: "
    end = f", exit code: {exit_code}"
    return f"{kind}{failure.strip()[: FAILURE_REASON_MAX - len(kind) - len(end)]}{end}"


def _results(job: TrainingJob, instance: Instance, now: float) -> dict[str, Any]:
    begun = job.detail.get("TrainingStartTime") or instance.status.reached.get(Phase.DOWNLOADING)
    results: dict[str, Any] = {"TrainingEndTime": now}
    if begun is not None:
        seconds = max(1, round(now - begun))
        results |= {"TrainingStartTime": begun, "TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    if instance.status.artifact:
        results["ModelArtifacts"] = {"S3ModelArtifacts": instance.status.artifact}
    if instance.status.final_metrics:
        results["FinalMetricDataList"] = list(instance.status.final_metrics)
    return results


class TrainingJobs:
    """Brings what runs in line with what each training job asks for."""

    kind = TRAINING_JOB

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def reconcile(self, record: Record, records: Records) -> float | None:
        """Take the steps that are allowed now; a change of the instance wakes this again."""
        job = TrainingJob.read(record)
        instances = [Instance.read(each) for each in records.children(job.uid)]
        for step in plan(job, instances, self._clock()):
            _act(step, job, records)
        return None


def _act(step: Step, job: TrainingJob, records: Records) -> None:
    match step:
        case Start(name=name, spec=spec):
            with records.together() as together:  # the mark and the instance: both or none
                together.update(job.record, Change(status={**job.detail, "Started": True}))
                together.create(INSTANCE, name, spec.to_json(), state=Phase.PENDING, parent=job.uid)
        case Again(lost=lost, name=name, spec=spec, detail=detail):
            with records.together() as together:
                together.update(job.record, Change(status=detail))
                together.update(lost.record, Change(deleting=True))
                together.create(INSTANCE, name, spec.to_json(), state=Phase.PENDING, parent=job.uid)
        case Stop(instance=instance):
            spec = replace(instance.spec, desired=Desired.STOP)
            records.update(instance.record, Change(spec=spec.to_json()))
        case Drop(instance=instance):
            records.update(instance.record, Change(deleting=True))
        case Tell(status=status, detail=detail):
            records.update(job.record, Change(status=detail, state=status))
        case Forget():
            records.remove(job.record)
