from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clary.controllers.training_jobs import Again, Drop, Forget, Start, Stop, Tell, plan
from clary.resources.instance import INSTANCE, Desired, Instance, InstanceStatus, Phase
from clary.resources.training_host import host_of
from clary.resources.training_job import TRAINING_JOB, Secondary, Status, TrainingJob, born, restarted, walked
from clary.store.records import Record

ARN = "arn:aws:sagemaker:us-east-1:111111111111:training-job/j"
SPEC = {
    "TrainingJobName": "j",
    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::111111111111:role/r",
    "OutputDataConfig": {"S3OutputPath": "s3://b/out/"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
NOW = 100.0


def record(kind: str, name: str, spec: Any, status: Any, state: str, *, deleting: bool = False) -> Record:
    return Record(
        account="111111111111", region="us-east-1", kind=kind, name=name, uid="a" * 16, parent="", spec=spec,
        status=status, state=state, deleting=deleting, generation=1, version=1, created=10.0, modified=10.0,
    )  # fmt: skip


def job(status: Status = Status.IN_PROGRESS, *, deleting: bool = False, **detail: Any) -> TrainingJob:
    told = {**born(ARN, 10.0), **detail}
    return TrainingJob.read(record(str(TRAINING_JOB), "j", SPEC, told, status, deleting=deleting))


def instance(phase: Phase, *, desired: Desired = Desired.RUN, deleting: bool = False, **status: Any) -> Instance:
    reached = {each: 20.0 + number for number, each in enumerate(Phase) if number <= list(Phase).index(phase)}
    spec = replace(host_of(job()), desired=desired)
    told = InstanceStatus(reached=reached, **status)
    return Instance.read(record(str(INSTANCE), "i", spec.to_json(), told.to_json(), phase, deleting=deleting))


def only(steps: list[Any]) -> Any:
    (step,) = steps
    return step


def test_a_new_job_asks_for_its_instance_once() -> None:
    step = only(plan(job(), [], NOW))
    assert isinstance(step, Start)
    assert step.name == f"{'a' * 16}-job-0-0"
    assert step.spec.training is not None
    assert step.spec.training.output_s3 == "s3://b/out/j"


def test_a_job_whose_instance_is_gone_fails_and_is_not_started_again() -> None:
    step = only(plan(job(Started=True), [], NOW))
    assert isinstance(step, Tell)
    assert step.status is Status.FAILED
    assert step.detail["FailureReason"].startswith("InternalServerError:")


def test_a_job_that_is_stopped_before_it_began_is_stopped() -> None:
    step = only(plan(job(Status.STOPPING), [], NOW))
    assert isinstance(step, Tell)
    assert step.status is Status.STOPPED


def test_the_walk_follows_the_phases_of_the_instance() -> None:
    step = only(plan(job(), [instance(Phase.RUNNING)], NOW))
    assert isinstance(step, Tell)
    walked = [(each["Status"], each["StartTime"]) for each in step.detail["SecondaryStatusTransitions"]]
    assert walked == [("Starting", 10.0), ("Pending", 20.0), ("Downloading", 21.0), ("Training", 23.0)]
    assert all("EndTime" in each for each in step.detail["SecondaryStatusTransitions"][:-1])
    assert step.detail["SecondaryStatus"] == "Training"


def test_nothing_is_written_when_nothing_changed() -> None:
    running = instance(Phase.RUNNING)
    told = only(plan(job(), [running], NOW))
    again = replace(job(), detail=told.detail)
    assert plan(again, [running], NOW) == []


def test_a_job_that_is_to_stop_asks_its_instance_once() -> None:
    steps = plan(job(Status.STOPPING), [instance(Phase.RUNNING)], NOW)
    assert any(isinstance(step, Stop) for step in steps)
    steps = plan(job(Status.STOPPING), [instance(Phase.RUNNING, desired=Desired.STOP)], NOW)
    assert not any(isinstance(step, Stop) for step in steps)


@pytest.mark.parametrize(
    ("before", "seen", "status", "reason"),
    [
        (Status.IN_PROGRESS, {"exit_code": 0, "artifact": "s3://b/m"}, Status.COMPLETED, None),
        (
            Status.IN_PROGRESS,
            {"exit_code": 1, "failure": "ValueError: no"},
            Status.FAILED,
            "AlgorithmError: ValueError: no, exit code: 1",
        ),
        (
            Status.IN_PROGRESS,
            {"exit_code": 1, "failure": "ClientError: bad csv"},
            Status.FAILED,
            "ClientError: bad csv, exit code: 1",
        ),
        (Status.IN_PROGRESS, {"exit_code": 3}, Status.FAILED, "AlgorithmError: , exit code: 3"),
        (
            Status.IN_PROGRESS,
            {"error": "No S3 objects found", "client_error": True},
            Status.FAILED,
            "ClientError: No S3 objects found",
        ),
        (Status.IN_PROGRESS, {"lost": True}, Status.FAILED, "InternalServerError: We encountered"),
        (Status.STOPPING, {"lost": True}, Status.FAILED, "InternalServerError: We encountered"),
        (Status.IN_PROGRESS, {"exit_code": 137, "out_of_memory": True}, Status.FAILED, "ClientError: Please use an"),
        (Status.STOPPING, {"exit_code": 143, "artifact": "s3://b/m"}, Status.STOPPED, None),
        (Status.IN_PROGRESS, {"exit_code": 143, "timed_out": True}, Status.STOPPED, None),
    ],
)
def test_the_end_of_the_instance_is_the_end_of_the_job(before, seen, status, reason) -> None:
    step = only(plan(job(before), [instance(Phase.ENDED, **seen)], NOW))
    assert isinstance(step, Tell)
    assert step.status is status
    assert (reason is None) == ("FailureReason" not in step.detail)
    assert step.detail.get("FailureReason", "").startswith(reason or "")
    assert step.detail["TrainingEndTime"] == NOW
    assert step.detail["SecondaryStatusTransitions"][-1]["EndTime"] == NOW
    if seen.get("timed_out"):
        assert step.detail["SecondaryStatus"] == "MaxRuntimeExceeded"
    if "artifact" in seen:
        assert step.detail["ModelArtifacts"] == {"S3ModelArtifacts": "s3://b/m"}


def test_a_long_failure_is_cut_but_keeps_its_exit_code() -> None:
    step = only(plan(job(), [instance(Phase.ENDED, exit_code=1, failure="x" * 5000)], NOW))
    assert len(step.detail["FailureReason"]) == 1024
    assert step.detail["FailureReason"].endswith(", exit code: 1")


def test_what_is_over_lets_its_instance_go() -> None:
    assert isinstance(only(plan(job(Status.COMPLETED), [instance(Phase.ENDED)], NOW)), Drop)
    assert plan(job(Status.COMPLETED), [instance(Phase.ENDED, deleting=True)], NOW) == []
    assert plan(job(Status.COMPLETED), [], NOW) == []


def test_a_deleted_job_is_forgotten_after_its_instance() -> None:
    gone = job(Status.FAILED, deleting=True)
    assert isinstance(only(plan(gone, [instance(Phase.RUNNING)], NOW)), Drop)
    assert isinstance(only(plan(gone, [], NOW)), Forget)


def test_a_lost_instance_is_replaced_as_often_as_the_job_asked_for() -> None:
    asked = {**SPEC, "RetryStrategy": {"MaximumRetryAttempts": 1}}

    def at(attempt: int) -> TrainingJob:
        told = {**born(ARN, 10.0), "Started": True, "Attempt": attempt}
        return TrainingJob.read(record(str(TRAINING_JOB), "j", asked, told, Status.IN_PROGRESS))

    lost = instance(Phase.ENDED, lost=True)
    again = only(plan(at(0), [lost], NOW))
    assert isinstance(again, Again)
    assert again.lost == lost
    assert again.name.endswith("-1")
    assert again.detail["SecondaryStatus"] == "Restarting"
    step = only(plan(at(1), [lost], NOW))
    assert isinstance(step, Tell)
    assert step.status is Status.FAILED
    failed = only(plan(at(0), [instance(Phase.ENDED, exit_code=1)], NOW))
    assert isinstance(failed, Tell)  # what the algorithm does wrong is not tried again


def test_a_job_that_was_restarted_walks_from_the_beginning() -> None:
    detail = restarted(only(plan(job(), [instance(Phase.RUNNING)], NOW)).detail, 50.0)
    walked_again = walked(detail, [(Secondary.DOWNLOADING, 51.0), (Secondary.TRAINING, 52.0)])
    statuses = [each["Status"] for each in walked_again["SecondaryStatusTransitions"]]
    assert statuses[-3:] == ["Restarting", "Downloading", "Training"]
